/** Beside the logs, spans and metrics are searched for secrets; and nothing that nobody caught passes unseen. */
import type { Context, Option } from "effect"
import { Cause, Exit, Layer, Metric, Tracer } from "effect"
import { inspect } from "node:util"
import { afterAll, expect } from "vitest"
import { watch } from "../setup/secretsInLogs.js"

class Span implements Tracer.Span {
  readonly _tag = "Span"
  readonly spanId = "0000000000000001"
  readonly traceId = "00000000000000000000000000000001"
  readonly sampled = true
  readonly attributes = new Map<string, unknown>()
  readonly links: Array<Tracer.SpanLink>
  readonly #events: Array<unknown> = []
  readonly name: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly context: Context.Context<never>
  readonly kind: Tracer.SpanKind
  status: Tracer.SpanStatus
  constructor(
    name: string,
    parent: Option.Option<Tracer.AnySpan>,
    context: Context.Context<never>,
    links: ReadonlyArray<Tracer.SpanLink>,
    startTime: bigint,
    kind: Tracer.SpanKind
  ) {
    this.name = name
    this.parent = parent
    this.context = context
    this.links = [...links]
    this.kind = kind
    this.status = { _tag: "Started", startTime }
  }
  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>) {
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    const cause = Exit.isFailure(exit) ? Cause.pretty(exit.cause, { renderErrorCause: true }) : ""
    watch("a span", inspect([this.name, this.attributes, this.#events], { depth: 8 }) + cause)
  }
  attribute(key: string, value: unknown) {
    this.attributes.set(key, value)
  }
  event(name: string, _: bigint, attributes?: Record<string, unknown>) {
    this.#events.push([name, attributes])
  }
  addLinks(links: ReadonlyArray<Tracer.SpanLink>) {
    this.links.push(...links)
  }
}

export const tracer = Layer.setTracer(Tracer.make({
  span: (name, parent, context, links, startTime, kind) => new Span(name, parent, context, links, startTime, kind),
  context: (run) => run()
}))

const uncaught: Array<unknown> = []
process.on("unhandledRejection", (error) => uncaught.push(error))
process.on("uncaughtExceptionMonitor", (error) => uncaught.push(error))

afterAll(() => {
  for (const pair of Metric.unsafeSnapshot()) watch("a metric", inspect(pair, { depth: 8 }))
  expect(uncaught).toEqual([])
})
