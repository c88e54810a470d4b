/**
 * When to connect again after a link was lost, the credentials were refused, or another instance took over.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as BotConfig from "./BotConfig.js"
import { required } from "./internal/checks/arguments.js"

/**
 * The delay before each attempt, and how many attempts in a row may fail. The connection counts the attempts. A
 * successful subscribe resets the count. The delays are reset only by the first ack of a ping, so that a service that
 * accepts connections and drops them is not flooded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Policy {
  readonly delays: Schedule.Schedule<unknown>
  readonly maxAttempts: number
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Reconnect {
  /**
   * One policy for each way to lose the service.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * After a link was lost or could not be opened. When the attempts are used up, the bot fails as
     * `ReconnectExhausted`.
     */
    readonly lost: Policy
    /** After the credentials were refused. When the attempts are used up, the bot fails as `AuthRejected`. */
    readonly refused: Policy
    /** After another instance subscribed. When the attempts are used up, the bot fails as `Superseded`. */
    readonly superseded: Policy
  }
}

/**
 * The policies for the three ways to lose the service.
 *
 * @since 0.1.0
 * @category tags
 */
export class Reconnect extends Context.Tag("effect-wecom/Reconnect")<Reconnect, Reconnect.Service>() {}

/**
 * Exponential backoff from `base` up to `cap`, default 30 seconds. Without jitter the delays are the means of `base`
 * and its doublings: 1, 1.5, 2.5, 4.5, 8.5, 16.5 … seconds. The first delays are short, so that a bot reconnects
 * within 5 s after a restart of the service that takes up to 3 s. With jitter each delay lies between half of that
 * value and the value, so it never exceeds the cap.
 *
 * @since 0.1.0
 * @category schedules
 */
export const backoff: (
  base: Duration.DurationInput,
  cap?: Duration.DurationInput
) => Schedule.Schedule<Duration.Duration> = required(
  "base",
  "durations such as \"1 second\", for the base and for the cap",
  (base: Duration.DurationInput, cap: Duration.DurationInput = "30 seconds") => {
    const first = Duration.decode(base)
    const longest = Duration.decode(cap)
    return Schedule.exponential(first).pipe(
      Schedule.modifyDelay((_, doubled) => Duration.min(Duration.times(Duration.sum(first, doubled), 0.5), longest)),
      Schedule.jitteredWith({ min: 0.5, max: 1 })
    )
  }
)

/** Builds the schedule at its first use: most bots use none of the three. */
const policy = (maxAttempts: number, make: () => Schedule.Schedule<unknown>): Policy => {
  let delays: Schedule.Schedule<unknown> | undefined
  return {
    get delays() {
      return delays ??= make()
    },
    maxAttempts
  }
}

/** Each of two instances with `"retake"` takes the bot back once; the first one to be superseded twice fails. */
const retakes = 1

/**
 * The policies for these options.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (config: BotConfig.Resolved) => Reconnect.Service = required(
  "config",
  "the options of a bot, resolved by BotConfig.resolve",
  (config: BotConfig.Resolved): Reconnect.Service => {
    const base = Duration.decode(config.reconnectInterval)
    return {
      lost: policy(config.maxReconnectAttempts, () => backoff(base)),
      refused: policy(config.maxAuthFailureAttempts, () => backoff(base)),
      superseded: policy(config.onSuperseded === "retake" ? retakes : 0, () => backoff("10 seconds", "5 minutes"))
    }
  }
)

/**
 * `make` with the options of the bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Reconnect, never, BotConfig.BotConfig> = Layer.effect(
  Reconnect,
  Effect.map(BotConfig.BotConfig, make)
)
