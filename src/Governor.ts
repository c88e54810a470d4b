/**
 * The quotas of conversations. The service accepts 30 messages a minute and 1000 an hour in each conversation,
 * replies and pushes together; snapshots of a stream do not count (WeCom doc 101463).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { required } from "./internal/checks/arguments.js"
import * as internal from "./internal/sending/quota.js"
import * as Limits from "./Limits.js"

/**
 * `final` goes before `message`: a message that completes an answer goes before one that starts an answer.
 *
 * @since 0.1.0
 * @category models
 */
export type Priority = "final" | "message"

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Governor {
  /**
   * The interface of a quota policy.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Takes a place in the quota of this conversation if one is free and no other message waits for one. */
    readonly unsafeTryTake: (chatId: string) => boolean
    /**
     * Waits for a place, and succeeds with the time it waited. It never fails and never drops a message. Interruption
     * releases the place.
     */
    readonly take: (chatId: string, priority: Priority) => Effect.Effect<Duration.Duration>
  }
}

/**
 * The quotas of the conversations of a bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Governor extends Context.Tag("effect-wecom/Governor")<Governor, Governor.Service>() {}

/**
 * The maximum number of messages in a window.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quota {
  readonly count: number
  readonly window: Duration.DurationInput
}

/** Messages sent over a minute may arrive at the service within less than a minute. */
const margin = Duration.seconds(1)

const limitsOf = required(
  "quotas",
  "a list of { count, window }",
  (quotas: ReadonlyArray<Quota>) => quotas.map(internal.limitOf)
)

/** Shared by all bots. */
const serviceLimits = limitsOf([
  { count: Limits.messagesPerMinute, window: Duration.sum(Duration.minutes(1), margin) },
  { count: Limits.messagesPerHour, window: Duration.sum(Duration.hours(1), margin) }
])

/**
 * Keeps every conversation within all of the quotas. Default: the quotas of the service, with windows one second
 * longer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (quotas?: ReadonlyArray<Quota>): Effect.Effect<Governor.Service> =>
  Effect.map(
    Effect.clock,
    (clock) => new internal.Quotas(clock, quotas === undefined ? serviceLimits : limitsOf(quotas))
  )

/**
 * `make` with the quotas of the service.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Governor> = Layer.effect(Governor, make())

/**
 * Never waits. The service then answers 846607 to messages above its quota.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUnlimited: Layer.Layer<Governor> = Layer.succeed(Governor, {
  unsafeTryTake: () => true,
  take: () => Effect.succeed(Duration.zero)
})
