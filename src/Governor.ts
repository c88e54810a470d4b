/**
 * When a conversation's quota lets a message go: the service takes 30 a minute and 1000 an hour in each, replies and pushes
 * together; refreshes of a stream do not count (WeCom doc 101463).
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
 * `final` passes before `message`: what completes an answer goes before what starts another.
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
   * What keeps quotas does.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Takes a place in the quota of this conversation if there is one now and no message waits for one. */
    readonly unsafeTryTake: (chatId: string) => boolean
    /** Waits for a place, and succeeds with how long it waited. Never drops, never fails; interruption gives up the place. */
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
 * How many messages may go in how long.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quota {
  readonly count: number
  readonly window: Duration.DurationInput
}

/** What we count as sent within a minute may arrive within less. */
const margin = Duration.seconds(1)

const limitsOf = required(
  "quotas",
  "a list of { count, window }",
  (quotas: ReadonlyArray<Quota>) => quotas.map(internal.limitOf)
)

/** The same for all bots. */
const serviceLimits = limitsOf([
  { count: Limits.messagesPerMinute, window: Duration.sum(Duration.minutes(1), margin) },
  { count: Limits.messagesPerHour, window: Duration.sum(Duration.hours(1), margin) }
])

/**
 * Keeps every conversation within all of the quotas; by default those of the service, with a second to spare.
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
 * Lets everything go at once; the service then answers 846607 to what is too much.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUnlimited: Layer.Layer<Governor> = Layer.succeed(Governor, {
  unsafeTryTake: () => true,
  take: () => Effect.succeed(Duration.zero)
})
