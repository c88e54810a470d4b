/**
 * The options of `BotRouter.run`.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as BotEvent from "../../BotEvent.js"
import type * as Message from "../../Message.js"
import type * as TemplateCard from "../../TemplateCard.js"
import { SendInvalid } from "../../WecomError.js"

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
  /**
   * How many handlers of messages run at the same time, or `"unbounded"`. Default 64. Handlers of events are not counted and never
   * wait.
   */
  readonly concurrency?: number | "unbounded" | undefined
  /** How many messages may wait for their handlers. Further messages are dropped and counted. Default 10,000. */
  readonly maxWaiting?: number | undefined
  /** A handler that runs longer is interrupted and fails with a `TimeoutException`. Default no limit. */
  readonly handlerTimeout?: Duration.DurationInput | undefined
  /**
   * Messages that were sent longer ago than this are not handled, and counted. It compares the clock of the service with that of
   * this machine; once a minute a warning tells the largest difference. Default no limit.
   */
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

/**
 * The options with their defaults.
 *
 * @internal
 */
export interface Resolved {
  readonly overlap: Overlap
  readonly debounceMillis: number
  readonly concurrency: number
  readonly maxWaiting: number
  readonly handlerTimeout: Duration.Duration | undefined
  /** In milliseconds. */
  readonly oldest: number
}

const overlaps: ReadonlyArray<Overlap> = ["queue", "concurrent", "latest", "debounce"]

const defaultConcurrency = 64
const defaultMaxWaiting = 10_000
const defaultDebounceWindow = "2 seconds"

const refused = (field: string, problem: string, limit: string) => new SendInvalid({ field, problem, limit })

const durationOf = (field: string, value: Duration.DurationInput | undefined): Duration.Duration | undefined => {
  if (value === undefined) return undefined
  const duration = Option.getOrUndefined(Duration.decodeUnknown(value))
  if (duration === undefined || Number.isNaN(value)) {
    throw refused(field, "is not a duration", "a duration, such as \"10 seconds\"")
  }
  return duration
}

const countOf = (field: string, value: unknown, least: number, otherwise: number, words: string): number => {
  if (value === undefined) return otherwise
  const isCount = value === Infinity || Number.isSafeInteger(value) && (value as number) >= least
  if (!isCount) throw refused(field, `is ${typeof value === "number" ? value : typeof value}`, words)
  return value as number
}

const typeOf = (field: string, value: unknown, type: "string" | "function" | "boolean"): void => {
  if (value !== undefined && typeof value !== type) throw refused(field, `is ${typeof value}`, `a ${type}`)
}

/**
 * Throws a `SendInvalid` that names the option, its problem and its limit.
 *
 * @internal
 */
export const resolve = (options: RunOptions<any>): Resolved => {
  try {
    return checked(options)
  } catch (error) {
    throw error instanceof SendInvalid
      ? error
      : refused("options", "cannot be read", "an object with the options of run")
  }
}

const checked = (options: RunOptions<any>): Resolved => {
  const { concurrency, maxWaiting, overlap = "queue" } = options
  if (!overlaps.includes(overlap)) throw refused("overlap", "is unknown", overlaps.join(", "))
  typeOf("botName", options.botName, "string")
  typeOf("errorReply", options.errorReply, "function")
  typeOf("acknowledgeCard", options.acknowledgeCard, "function")
  typeOf("tracing", options.tracing, "boolean")
  const oldest = durationOf("ignoreOlderThan", options.ignoreOlderThan)
  return {
    overlap,
    debounceMillis: Duration.toMillis(
      durationOf("debounceWindow", options.debounceWindow) ?? Duration.decode(defaultDebounceWindow)
    ),
    concurrency: concurrency === "unbounded"
      ? Infinity
      : countOf("concurrency", concurrency, 1, defaultConcurrency, "an integer of at least 1, or \"unbounded\""),
    maxWaiting: countOf("maxWaiting", maxWaiting, 0, defaultMaxWaiting, "an integer of at least 0, or Infinity"),
    handlerTimeout: durationOf("handlerTimeout", options.handlerTimeout),
    oldest: oldest === undefined ? Infinity : Duration.toMillis(oldest)
  }
}
