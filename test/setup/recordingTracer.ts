/** A tracer whose spans keep everything they are told. */
import type { Context, Option } from "effect"
import { Exit, Tracer } from "effect"

export class Span implements Tracer.Span {
  readonly _tag = "Span"
  readonly spanId = "0000000000000001"
  readonly traceId = "00000000000000000000000000000001"
  readonly sampled = true
  readonly attributes = new Map<string, unknown>()
  readonly events: Array<readonly [string, unknown]> = []
  readonly links: Array<Tracer.SpanLink>
  readonly name: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly context: Context.Context<never>
  readonly kind: Tracer.SpanKind
  readonly #onEnd: (span: Span) => void
  status: Tracer.SpanStatus
  constructor(
    name: string,
    parent: Option.Option<Tracer.AnySpan>,
    context: Context.Context<never>,
    links: ReadonlyArray<Tracer.SpanLink>,
    startTime: bigint,
    kind: Tracer.SpanKind,
    onEnd: (span: Span) => void
  ) {
    this.name = name
    this.parent = parent
    this.context = context
    this.links = [...links]
    this.kind = kind
    this.status = { _tag: "Started", startTime }
    this.#onEnd = onEnd
  }
  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>) {
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    this.#onEnd(this)
  }
  /** Why it failed; undefined while it runs and when it succeeded. */
  get failure() {
    return this.status._tag === "Ended" && Exit.isFailure(this.status.exit) ? this.status.exit.cause : undefined
  }
  attribute(key: string, value: unknown) {
    this.attributes.set(key, value)
  }
  event(name: string, _: bigint, attributes?: Record<string, unknown>) {
    this.events.push([name, attributes])
  }
  addLinks(links: ReadonlyArray<Tracer.SpanLink>) {
    this.links.push(...links)
  }
}

export const make = (on: {
  readonly start?: (span: Span) => void
  readonly end?: (span: Span) => void
}): Tracer.Tracer =>
  Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const span = new Span(name, parent, context, links, startTime, kind, on.end ?? (() => {}))
      on.start?.(span)
      return span
    },
    context: (run) => run()
  })
