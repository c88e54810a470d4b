/**
 * How a router is run.
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import type * as BotEvent from "../../BotEvent.js"
import type * as Message from "../../Message.js"
import type * as TemplateCard from "../../TemplateCard.js"

/**
 * What happens to a message of a conversation whose last message is still being handled.
 *
 * - `"queue"`: it waits its turn.
 * - `"concurrent"`: it is handled beside it.
 * - `"latest"`: it interrupts the running handler, whose bubble is sealed.
 * - `"debounce"`: what comes within `debounceWindow` is handled as one batch, after the one before; routes that are not
 *   `onBatch` get its messages one by one.
 *
 * @since 0.1.0
 * @category models
 */
export type Overlap = "queue" | "concurrent" | "latest" | "debounce"

/**
 * How a router is run.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions<in E = unknown> {
  /** How messages of one conversation overlap. Default `"queue"`. */
  readonly overlap?: Overlap | undefined
  /** Under `"debounce"`: how long after its first message a batch is open. Default 2 seconds. */
  readonly debounceWindow?: Duration.DurationInput | undefined
  /** How many handlers of messages run side by side, those that wait for a reply included. Default 64. Events do not wait. */
  readonly concurrency?: number | undefined
  /** How many messages may wait for their handlers; what comes on top is dropped and counted. Default 10,000. */
  readonly maxWaiting?: number | undefined
  /** Handlers that run longer are interrupted, and have failed with a `TimeoutException`. Default no limit. */
  readonly handlerTimeout?: Duration.DurationInput | undefined
  /** Messages that were sent longer ago than this are passed over and counted. Default none. */
  readonly ignoreOlderThan?: Duration.DurationInput | undefined
  /** The name users mention the bot by; `onCommand` and `onMatch` take it out of group messages. */
  readonly botName?: string | undefined
  /** What a user reads whose message's handler failed, as Markdown. Default nothing. */
  readonly errorReply?:
    | ((cause: Cause.Cause<E | Cause.TimeoutException>, message: Message.Message) => string | undefined)
    | undefined
  /**
   * Puts this card in place of one that was pressed, at once, so that a slow handler keeps nobody waiting. An update by the
   * handler comes after it.
   */
  readonly acknowledgeCard?:
    | ((event: BotEvent.TemplateCardEvent) => TemplateCard.TemplateCard | undefined)
    | undefined
  /** One trace per message or event, as `Telemetry` describes it, if a tracer is installed. Default false. */
  readonly tracing?: boolean | undefined
}
