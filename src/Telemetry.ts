/**
 * The names under which a bot can be watched: its metrics, and its spans. No name, tag or value holds message text, media URLs
 * or keys. Ids of chats and messages stand on spans, never on metrics.
 *
 * Metrics are Effect's, so any exporter of Effect metrics shows them; two bots in one process add up.
 *
 * Spans are there by option (`tracing` of `BotRouter.run`) and only when a tracer is installed. A message is one tree:
 *
 * - `wecom.receive`, a root span, from the moment the router takes the message until its handler is done: the time it waits
 *   for its turn is the gap before
 *   - `wecom.handle`, the handler; under `"debounce"` it stands below the newest message of the batch and links to the others
 *     - `wecom.<method>`, one per whole answer or push: `wecom.replyStream`, `wecom.reply`, `wecom.sendMessage` …, whatever
 *       number of frames it takes. Each ack is an event of it, `wecom.ack`, with its `wecom.errcode`; a frame without a verdict
 *       is an event `wecom.no_ack` with the `wecom.error` tag. Answers and pushes outside a router have such a span wherever
 *       there is one to be the child of.
 *
 * Attributes: `messaging.system` (`wecom`), `messaging.operation.name`, `messaging.operation.type`, `messaging.message.id` (the
 * msgid), `messaging.message.conversation_id` (the userid or chatid), `messaging.destination.name` (the bot),
 * `messaging.batch.message_count`, `wecom.type` (the msgtype or eventtype), `wecom.chattype`, `wecom.req_id`.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import type * as MetricKeyType from "effect/MetricKeyType"

const counter = (name: string, description: string): Metric.Metric.Counter<number> =>
  Metric.counter(name, { description, incremental: true })

/** A level that several bots of a process move up and down. */
const level = (name: string, description: string): Metric.Metric.Counter<number> =>
  Metric.counter(name, { description })

// From 5 ms to 82 s.
const durations = MetricBoundaries.exponential({ start: 0.005, factor: 2, count: 15 })

/**
 * Received messages and events without duplicates, by `type`: the msgtype or the eventtype.
 *
 * @since 0.1.0
 * @category metrics
 */
export const received = counter("wecom_received_total", "Messages and events that came in")

/**
 * Duplicate callbacks.
 *
 * @since 0.1.0
 * @category metrics
 */
export const duplicates = counter("wecom_duplicate_callbacks_total", "Callbacks that had been seen before")

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
 * Callbacks that were dropped because `inboxSize` callbacks waited for dispatch.
 *
 * @since 0.1.0
 * @category metrics
 */
export const inboxDropped = counter("wecom_inbox_dropped_total", "Callbacks dropped because the inbox was full")

/**
 * Messages and events that a subscriber lost because it lagged behind, or that were dropped while they were held for the first
 * subscriber.
 *
 * @since 0.1.0
 * @category metrics
 */
export const subscriberDropped = counter(
  "wecom_subscriber_dropped_total",
  "Messages and events a slow subscriber lost"
)

/**
 * Messages that were not handled because they were sent too long ago (`ignoreOlderThan`).
 *
 * @since 0.1.0
 * @category metrics
 */
export const staleMessages = counter("wecom_stale_messages_total", "Messages that were sent too long ago")

/**
 * Messages that were dropped because too many waited (`maxWaiting`), or because the bot closed before their turn.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlerDropped = counter(
  "wecom_handler_dropped_total",
  "Messages dropped while too many waited for their handlers, or as the bot closed"
)

/**
 * Messages that wait for their handlers now.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlersWaiting = level("wecom_handlers_waiting", "Messages that wait for their handlers")

/**
 * How long handlers run, in seconds, by `type`: the msgtype or the eventtype.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlerDuration = Metric.histogram("wecom_handler_duration_seconds", durations, "How long handlers run")

/**
 * Frames of replies and pushes that were written, without copies after a lost connection, by `command`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const sent = counter("wecom_sent_total", "Frames of replies and pushes that left")

/**
 * Verdicts on frames of replies and pushes, by `verdict`: `Acked`, or the tag of the error.
 *
 * @since 0.1.0
 * @category metrics
 */
export const verdicts = counter("wecom_verdicts_total", "What became of frames of replies and pushes")

/**
 * Frames of replies and pushes that wait for their turn or their ack.
 *
 * @since 0.1.0
 * @category metrics
 */
export const queueDepth = level("wecom_reply_queue_depth", "Frames that wait for their turn or their ack")

/**
 * How long acks take, in seconds, those of pings and of the subscribe included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const ackLatency = Metric.histogram("wecom_ack_latency_seconds", durations, "How long acks take")

/**
 * Acks that belong to no waiting frame.
 *
 * @since 0.1.0
 * @category metrics
 */
export const surplusAcks = counter("wecom_surplus_acks_total", "Acks that belonged to no waiting frame")

/**
 * Reconnects, by `reason`: the tag of the `LinkFailure`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const reconnects = counter("wecom_reconnects_total", "Reconnects by reason")

type Counter = Metric.Metric<MetricKeyType.MetricKeyType.Counter<number>, number, unknown>

/**
 * Adds one without an Effect, for listeners of a socket.
 *
 * @since 0.1.0
 * @category utils
 */
export const unsafeIncrement = (metric: Counter): void => {
  try {
    metric.unsafeUpdate(1, [])
  } catch {
    // An exporter that throws does not fail the code that counts.
  }
}
