/**
 * When to try again after a link was lost, the credentials were refused, or another instance took over.
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
 * How long to wait before each attempt, and how many attempts in a row are allowed to fail. The connection counts; a
 * successful subscribe starts the count again, and the delays only after a ping was acked, so that a service that accepts
 * and drops is not hammered.
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
   * A policy for each.
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
 * Exponential from `base` and never more than `cap`: half of `base` and half of its doublings (1, 1.5, 2.5, 4.5, 8.5, 16.5 …
 * seconds), which is gentle enough at first that a restart of the service of up to 3 s is over within 5 s. The jitter is
 * inside the cap: each delay lies between half of that value and all of it.
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

/** Most bots never lose their link in most of these ways. */
const policy = (maxAttempts: number, make: () => Schedule.Schedule<unknown>): Policy => {
  let delays: Schedule.Schedule<unknown> | undefined
  return {
    get delays() {
      return delays ??= make()
    },
    maxAttempts
  }
}

/** Two instances that both retake must settle: each takes the bot back once, so the first to lose it twice gives way. */
const retakes = 1

/**
 * The policies that these options ask for.
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
