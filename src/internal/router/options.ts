/**
 * The options of `BotRouter.run`.
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import type * as BotEvent from "../../BotEvent.js"
import type * as Message from "../../Message.js"
import type * as TemplateCard from "../../TemplateCard.js"

/**
 * How a message is handled while the handler of an earlier message of its conversation runs.
 *
 * - `"queue"`: it waits until that handler has ended.
 * - `"concurrent"`: it is handled at once, beside it.
 * - `"latest"`: it interrupts that handler, whose bubble is sealed, and is handled as soon as `concurrency` allows.
 * - `"debounce"`: the messages that come within `debounceWindow` are one batch, which is handled after the batch before.
 *   Routes by `onBatch` get it whole, others its messages one by one.
 *
 * @since 0.1.0
 * @category models
 */
export type Overlap = "queue" | "concurrent" | "latest" | "debounce"

/**
 * The options of `run`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions<in E = unknown> {
  /** How messages of one conversation overlap. Default `"queue"`. */
  readonly overlap?: Overlap | undefined
  /** Under `"debounce"`: how long a batch is open, counted from its first message. Default 2 seconds. */
  readonly debounceWindow?: Duration.DurationInput | undefined
  /** How many handlers of messages run at the same time. Default 64. Handlers of events are not counted and never wait. */
  readonly concurrency?: number | undefined
  /** How many messages may wait for their handlers. Further messages are dropped and counted. Default 10,000. */
  readonly maxWaiting?: number | undefined
  /** A handler that runs longer is interrupted and fails with a `TimeoutException`. Default no limit. */
  readonly handlerTimeout?: Duration.DurationInput | undefined
  /** Messages that were sent longer ago than this are not handled, and counted. Default no limit. */
  readonly ignoreOlderThan?: Duration.DurationInput | undefined
  /**
   * The name by which users mention the bot. `onCommand` and `onMatch` remove it from messages of groups. Default: the mention
   * that all group messages so far have in common, from the second on.
   */
  readonly botName?: string | undefined
  /** The reply to a message whose handler failed, as Markdown. Default none. */
  readonly errorReply?:
    | ((cause: Cause.Cause<E | Cause.TimeoutException>, message: Message.Message) => string | undefined)
    | undefined
  /**
   * Replaces a pressed card with this one at once, so that the user sees an answer before a slow handler ends. An update by
   * the handler comes after it.
   */
  readonly acknowledgeCard?:
    | ((event: BotEvent.TemplateCardEvent) => TemplateCard.TemplateCard | undefined)
    | undefined
  /** Whether each message and event is a trace, as `Telemetry` describes it, if a tracer is installed. Default false. */
  readonly tracing?: boolean | undefined
}
