/**
 * The metrics and spans of a bot. No name, tag or value holds message text, media URLs or keys. Ids of chats and
 * messages appear on spans, never on metrics.
 *
 * Metrics are Effect metrics, so any exporter of Effect metrics exports them. Bots in one process share them.
 *
 * Spans require the option `tracing` of `BotRouter.run` and a tracer. A message is one trace:
 *
 * - `wecom.receive`: the root span, from the time the router takes the message until its handler ends. The time
 *   before its child starts is the time in the queue.
 *   - `wecom.handle`: the handler. Under `"debounce"` it is a child of the newest message of the batch and has links
 *     to the others.
 *     - `wecom.<method>`: one span per answer or push, whatever its number of frames: `wecom.replyStream`,
 *       `wecom.reply`, `wecom.sendMessage` …. Each ack is an event `wecom.ack` with its `wecom.errcode`; a frame
 *       that fails without an ack is an event `wecom.no_ack` with the tag of its error as `wecom.error`. Outside of a
 *       router, answers and pushes have such a span if they have a parent span.
 *
 * Attributes: `messaging.system` (`wecom`), `messaging.operation.name`, `messaging.operation.type`,
 * `messaging.message.id` (the msgid), `messaging.message.conversation_id` (the userid or chatid),
 * `messaging.destination.name` (the bot), `messaging.batch.message_count`, `wecom.type` (the msgtype or eventtype),
 * `wecom.chattype`, `wecom.req_id`.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import type * as MetricKeyType from "effect/MetricKeyType"

const counter = (name: string, description: string): Metric.Metric.Counter<number> =>
  Metric.counter(name, { description, incremental: true })

/** A counter that goes up and down, so that the values of several bots in one process add up. */
const level = (name: string, description: string): Metric.Metric.Counter<number> =>
  Metric.counter(name, { description })

// Boundaries from 5 ms to 82 s.
const durations = MetricBoundaries.exponential({ start: 0.005, factor: 2, count: 15 })

/**
 * Received messages and events without duplicates, by `type`: the msgtype or the eventtype.
 *
 * @since 0.1.0
 * @category metrics
 */
export const received = counter("wecom_received_total", "Received messages and events")

/**
 * Callbacks that the service delivered again.
 *
 * @since 0.1.0
 * @category metrics
 */
export const duplicates = counter("wecom_duplicate_callbacks_total", "Callbacks delivered again")

/**
 * Frames of the service that could not be decoded, by `reason`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const undecodable = counter("wecom_undecodable_frames_total", "Frames of the service that could not be decoded")

/**
 * Messages and events of which a part was changed or left out, because it did not have its documented form. The label `field` is
 * the path of that part; the body as received is in `raw`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const incomingRepaired = counter(
  "wecom_incoming_repaired_total",
  "Messages and events of which a part did not have its documented form"
)

/**
 * Refusals that do not name the frame they refuse, which therefore may look like a lost ack.
 *
 * @since 0.1.0
 * @category metrics
 */
export const unnamedRefusals = counter("wecom_unnamed_refusals_total", "Refusals that named no frame")

/**
 * Frames of the service with a command that this version does not know.
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
 * Messages and events that a subscriber lost because it lagged behind, or that were dropped while there was no
 * subscriber.
 *
 * @since 0.1.0
 * @category metrics
 */
export const subscriberDropped = counter(
  "wecom_subscriber_dropped_total",
  "Messages and events that a slow or missing subscriber lost"
)

/**
 * Messages that were not handled because they were sent too long ago (`ignoreOlderThan`).
 *
 * @since 0.1.0
 * @category metrics
 */
export const staleMessages = counter(
  "wecom_stale_messages_total",
  "Messages not handled because they were sent too long ago"
)

/**
 * Messages that were not handled because too many were waiting (`maxWaiting`), or because the bot closed first.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlerDropped = counter(
  "wecom_handler_dropped_total",
  "Messages not handled because too many were waiting, or because the bot closed"
)

/**
 * Messages that currently wait for their handlers.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlersWaiting = level("wecom_handlers_waiting", "Messages that wait for their handlers")

/**
 * The duration of handlers in seconds, by `type`: the msgtype or the eventtype.
 *
 * @since 0.1.0
 * @category metrics
 */
export const handlerDuration = Metric.histogram("wecom_handler_duration_seconds", durations, "Duration of handlers")

/**
 * Frames of replies and pushes that were written, by `command`. Copies after a lost connection are not counted.
 *
 * @since 0.1.0
 * @category metrics
 */
export const sent = counter("wecom_sent_total", "Frames of replies and pushes that were written")

/**
 * The outcomes of frames of replies and pushes, by `verdict`: `Acked`, or the tag of the error.
 *
 * @since 0.1.0
 * @category metrics
 */
export const verdicts = counter("wecom_verdicts_total", "Outcomes of frames of replies and pushes")

/**
 * Frames of replies and pushes that currently wait for their turn or for their ack.
 *
 * @since 0.1.0
 * @category metrics
 */
export const queueDepth = level("wecom_reply_queue_depth", "Frames that wait for their turn or their ack")

/**
 * The time from a frame to its ack in seconds, including pings and the subscribe.
 *
 * @since 0.1.0
 * @category metrics
 */
export const ackLatency = Metric.histogram("wecom_ack_latency_seconds", durations, "Time from a frame to its ack")

/**
 * Acks that matched no frame waiting for one.
 *
 * @since 0.1.0
 * @category metrics
 */
export const surplusAcks = counter("wecom_surplus_acks_total", "Acks that matched no waiting frame")

/**
 * Reconnects, by `reason`: the tag of the `LinkFailure`.
 *
 * @since 0.1.0
 * @category metrics
 */
export const reconnects = counter("wecom_reconnects_total", "Reconnects by reason")

type Counter = Metric.Metric<MetricKeyType.MetricKeyType.Counter<number>, number, unknown>

/**
 * Increments a counter without an Effect, for callbacks of a socket.
 *
 * @since 0.1.0
 * @category utils
 */
export const unsafeIncrement = (metric: Counter): void => {
  try {
    metric.unsafeUpdate(1, [])
  } catch {
    // A failing metric must not fail the operation that it counts.
  }
}
