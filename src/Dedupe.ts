/**
 * Which callbacks were seen before: the service may push the same `msgid` twice (WeCom doc 100719).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Dedupe {
  /**
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** `true` the first time a msgid is seen, `false` after that. */
    readonly isNew: (msgid: string) => Effect.Effect<boolean>
  }
}

/**
 * @since 0.1.0
 * @category tags
 */
export class Dedupe extends Context.Tag("effect-wecom/Dedupe")<Dedupe, Dedupe.Service>() {}

/**
 * In memory: remembers each msgid for `timeToLive` (default 1 hour), at most `capacity` of them (default 10,000); the oldest
 * is forgotten first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options?: {
  readonly timeToLive?: Duration.DurationInput | undefined
  readonly capacity?: number | undefined
}): Effect.Effect<Dedupe.Service> =>
  Effect.map(Effect.clock, (clock) => {
    const timeToLive = Duration.toMillis(options?.timeToLive ?? "1 hour")
    const capacity = options?.capacity ?? 10_000
    const seenAt = new Map<string, number>()
    const monotonic = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
    return {
      isNew: (msgid) =>
        Effect.sync(() => {
          const now = monotonic()
          // A Map keeps insertion order and every entry lives equally long, so what has expired stands in front.
          for (const [oldest, at] of seenAt) {
            if (now - at <= timeToLive) break
            seenAt.delete(oldest)
          }
          if (seenAt.has(msgid)) return false
          if (seenAt.size >= capacity) seenAt.delete(seenAt.keys().next().value!)
          seenAt.set(msgid, now)
          return true
        })
    }
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Dedupe> = Layer.effect(Dedupe, make())
