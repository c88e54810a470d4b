/**
 * When a link counts as dead.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BotConfig from "./BotConfig.js"
import { required } from "./internal/checks/arguments.js"
import { pause } from "./internal/time/pause.js"
import * as SharedDeadlines from "./internal/time/sharedDeadlines.js"

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Heartbeat {
  /**
   * The interface of a heartbeat policy.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Runs while a session is subscribed. `ping` writes one ping and succeeds when it is acked, with any code, or fails
     * when no ack arrives within `pingTimeout`. When `run` returns or fails, the link counts as dead and is terminated.
     * A defect of `run` closes the bot.
     */
    readonly run: <E>(ping: Effect.Effect<void, E>) => Effect.Effect<void, E>
    /**
     * Set by a policy that only sends one ping per interval: the session then pings with its own timers, without a
     * fiber, and does not call `run`. Leave it out of a policy with a custom `run`, which it would replace.
     */
    readonly interval?: Duration.Duration | undefined
  }
}

/**
 * The policy that detects a dead link.
 *
 * @since 0.1.0
 * @category tags
 */
export class Heartbeat extends Context.Tag("effect-wecom/Heartbeat")<Heartbeat, Heartbeat.Service>() {}

const millisOf = required(
  "interval",
  "a duration such as \"30 seconds\"",
  (interval: Duration.DurationInput) => Duration.toMillis(interval)
)

/**
 * Sends a ping every `interval`. After the machine has slept for more than 10 s, as its wall clock shows, a ping is
 * sent within a second. One missing ack is enough: with the defaults a dead link is detected at most 40 s after its
 * last ack.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (interval: Duration.DurationInput): Heartbeat.Service => {
  const millis = millisOf(interval)
  return {
    interval: Duration.millis(millis),
    run: (ping) =>
      Effect.scoped(
        Effect.flatMap(SharedDeadlines.shared, (deadlines) =>
          Effect.forever(Effect.zipRight(pause(deadlines, millis), ping)))
      )
  }
}

/**
 * `make` with the `heartbeatInterval` of the bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Heartbeat, never, BotConfig.BotConfig> = Layer.effect(
  Heartbeat,
  Effect.map(BotConfig.BotConfig, (config) => make(config.heartbeatInterval))
)
