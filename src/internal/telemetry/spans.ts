/**
 * The spans that `Telemetry` describes, made only when a tracer is installed.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import * as Chat from "../../Chat.js"
import type * as Frame from "../../Frame.js"
import type { Incoming } from "../../Incoming.js"
import { typeOf } from "./meters.js"

/** The default tracer, whose spans go nowhere. */
const silentTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/** @internal */
export const isTraced: Effect.Effect<boolean> = Effect.map(Effect.tracer, (tracer) => tracer !== silentTracer)

const attributes = (known: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined))

const attributesOf = (incoming: Incoming, more: Record<string, unknown>): Record<string, unknown> => {
  const chat = Chat.fromCallback(incoming)
  return attributes({
    "messaging.system": "wecom",
    "messaging.message.id": incoming.msgid,
    "messaging.message.conversation_id": chat === undefined ? undefined : Chat.id(chat),
    "messaging.destination.name": "aibotid" in incoming ? incoming.aibotid : undefined,
    "wecom.type": typeOf(incoming),
    "wecom.chattype": incoming.chattype,
    "wecom.req_id": incoming.reqId,
    ...more
  })
}

/**
 * The root span of one message. The caller ends it.
 *
 * @internal
 */
export const receive = (incoming: Incoming): Effect.Effect<Tracer.Span> =>
  Effect.makeSpan("wecom.receive", {
    root: true,
    kind: "consumer",
    captureStackTrace: false,
    attributes: attributesOf(incoming, {
      "messaging.operation.name": "receive",
      "messaging.operation.type": "receive"
    })
  })

/** @internal */
export const end = (span: Tracer.Span | undefined, clock: Clock.Clock, exit: Exit.Exit<unknown, unknown>): void =>
  span?.end(clock.unsafeCurrentTimeNanos(), exit)

/**
 * Runs the effect below the root span of its message. For a batch that is the root of its newest message.
 *
 * @internal
 */
export const below = (spans: ReadonlyArray<Tracer.Span>) => <A, E, R>(self: Effect.Effect<A, E, R>) => {
  const parent = spans[spans.length - 1]
  return parent === undefined ? self : Effect.withParentSpan(self, parent) as Effect.Effect<A, E, R>
}

/**
 * The span of a handler. For a batch it has links to the roots of the older messages.
 *
 * @internal
 */
export const handle = <A, E, R>(
  handler: Effect.Effect<A, E, R>,
  incoming: Incoming,
  spans: ReadonlyArray<Tracer.Span>
): Effect.Effect<A, E, R> => {
  if (spans.length === 0) return handler
  return Effect.withSpan(handler, "wecom.handle", {
    kind: "internal",
    captureStackTrace: false,
    links: spans.slice(0, -1).map((span) => ({ _tag: "SpanLink", span, attributes: {} })),
    attributes: attributesOf(incoming, {
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.batch.message_count": spans.length > 1 ? spans.length : undefined
    })
  }) as Effect.Effect<A, E, R>
}

/**
 * The parent for the span of a reply or push; `undefined` without a tracer or a span.
 *
 * @internal
 */
export const parentOf = (fiber: Fiber.RuntimeFiber<any, any>): Tracer.AnySpan | undefined =>
  fiber.currentTracer === silentTracer ? undefined : fiber.currentSpan

/** @internal */
export const parent: Effect.Effect<Tracer.AnySpan | undefined> = Effect.withFiberRuntime((fiber) =>
  Effect.succeed(parentOf(fiber))
)

/**
 * The span of one whole answer or push.
 *
 * @internal
 */
export const send = <A, E, R>(
  parent: Tracer.AnySpan,
  operation: string,
  target: { readonly reqId: Frame.ReqId; readonly chat?: Chat.Chat | undefined },
  use: (span: Tracer.Span) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.useSpan(`wecom.${operation}`, {
    parent,
    kind: "producer",
    captureStackTrace: false,
    attributes: attributes({
      "messaging.system": "wecom",
      "messaging.operation.name": operation,
      "messaging.operation.type": "send",
      "messaging.message.conversation_id": target.chat === undefined ? undefined : Chat.id(target.chat),
      "wecom.req_id": target.reqId
    })
  }, use)

/** @internal */
export const onVerdict = (
  span: Tracer.Span,
  clock: Clock.Clock,
  verdict: Exit.Exit<Frame.Ack, { readonly _tag: string; readonly errcode?: number | undefined }>
): void => {
  const now = clock.unsafeCurrentTimeNanos()
  if (Exit.isSuccess(verdict)) return span.event("wecom.ack", now, { "wecom.errcode": verdict.value.errcode })
  if (verdict.cause._tag !== "Fail") return
  const { _tag, errcode } = verdict.cause.error
  if (errcode === undefined) span.event("wecom.no_ack", now, { "wecom.error": _tag })
  else span.event("wecom.ack", now, { "wecom.errcode": errcode })
}
