/**
 * The names under which a bot can be watched. No name, tag or value holds message text, ids of people or chats, media URLs
 * or keys.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as MetricKeyType from "effect/MetricKeyType"
import * as Chat from "./Chat.js"

const counter = (name: string, description: string): Metric.Metric.Counter<number> =>
  Metric.counter(name, { description, incremental: true })

/**
 * Frames of the service that could not be read, by `reason`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const undecodable = counter("wecom_undecodable_frames_total", "Frames of the service that could not be read")

/**
 * Frames of the service with a command this version does not know.
 *
 * @since 0.1.0
 * @category metrics
 */
export const unknownCommands = counter("wecom_unknown_commands_total", "Frames with an unknown command")

/**
 * Acks that belonged to no frame that was waiting for one.
 *
 * @since 0.1.0
 * @category metrics
 */
export const surplusAcks = counter("wecom_surplus_acks_total", "Acks that belonged to no waiting frame")

/**
 * Callbacks that were dropped because the inbox was full.
 *
 * @since 0.1.0
 * @category metrics
 */
export const inboxDropped = counter("wecom_inbox_dropped_total", "Callbacks dropped because the inbox was full")

/**
 * Messages and events that a subscriber lost because it lagged behind, or that were held for nobody for too long.
 *
 * @since 0.1.0
 * @category metrics
 */
export const subscriberDropped = counter(
  "wecom_subscriber_dropped_total",
  "Messages and events a slow subscriber lost"
)

/**
 * Callbacks that had been seen before.
 *
 * @since 0.1.0
 * @category metrics
 */
export const duplicates = counter("wecom_duplicate_callbacks_total", "Callbacks that had been seen before")

/**
 * Reconnects, by `reason`: the tag of the `LinkFailure`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const reconnects = counter("wecom_reconnects_total", "Reconnects by reason")

/**
 * Adds one without an Effect, for code that runs in a socket's callback.
 *
 * @since 0.1.0
 * @category utils
 */
export const unsafeIncrement = (
  metric: Metric.Metric<MetricKeyType.MetricKeyType.Counter<number>, number, unknown>
): void => metric.unsafeUpdate(1, [])

/**
 * Messages that were passed over because they were sent too long ago (`ignoreOlderThan`).
 *
 * @since 0.1.0
 * @category metrics
 */
export const staleMessages = counter("wecom_stale_messages_total", "Messages that were sent too long ago")

/**
 * Messages that were dropped because too many waited for their handlers (`maxWaiting`).
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlerDropped = counter("wecom_handler_dropped_total", "Messages dropped while too many waited")

/**
 * A root span for a message or event, with the OpenTelemetry attributes of messaging. Ids of chats stand on spans, never on
 * metrics; the text stands nowhere.
 *
 * @since 0.1.0
 * @category tracing
 */
export const withMessageSpan = (incoming: {
  readonly msgid?: string | undefined
  readonly msgtype?: string | undefined
  readonly eventtype?: string | undefined
  readonly chattype?: string | undefined
  readonly chatid?: string | undefined
  readonly from?: { readonly userid: string } | undefined
}): <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> => {
  const chat = Chat.fromCallback(incoming)
  return Effect.withSpan("wecom.process", {
    root: true,
    kind: "consumer",
    attributes: {
      "messaging.system": "wecom",
      "messaging.operation.type": "process",
      "messaging.message.id": incoming.msgid,
      "messaging.destination.name": chat === undefined ? undefined : Chat.id(chat),
      "wecom.msgtype": incoming.eventtype ?? incoming.msgtype,
      "wecom.chattype": incoming.chattype
    }
  }) as <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}
