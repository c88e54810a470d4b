/**
 * When to reconnect after a lost link, refused credentials, or a takeover by another instance.
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
 * The delay before each attempt, and how many attempts in a row may fail. The connection counts: a successful subscribe resets
 * the count, but the delays only start again after an acked ping, so that a service that accepts and drops connections is not
 * hammered.
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
   * One policy for each cause.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** After a link was lost or could not be made; `ReconnectExhausted` when its attempts are used up. */
    readonly lost: Policy
    /** After the credentials were refused; `AuthRejected` when its attempts are used up. */
    readonly refused: Policy
    /** After another instance subscribed; `Superseded` when its attempts are used up. */
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
 * Exponential from `base` up to `cap`: the mean of `base` and its doublings (1, 1.5, 2.5, 4.5, 8.5, 16.5 … seconds). The slow
 * start lets a bot recover within 5 s from a restart of the service that takes up to 3 s. With jitter each delay is between
 * half of that value and all of it.
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

/** The Schedules are made lazily: most bots never use them. */
const policy = (maxAttempts: number, make: () => Schedule.Schedule<unknown>): Policy => {
  let delays: Schedule.Schedule<unknown> | undefined
  return {
    get delays() {
      return delays ??= make()
    },
    maxAttempts
  }
}

/**
 * Two instances that both retake must not fight forever: each takes the bot back once, so the first to lose it twice gives way.
 */
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
 * `make` with the bot's options.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Reconnect, never, BotConfig.BotConfig> = Layer.effect(
  Reconnect,
  Effect.map(BotConfig.BotConfig, make)
)
