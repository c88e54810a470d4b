/**
 * Which callbacks were received before: the service may deliver the same `msgid` twice (WeCom doc 100719).
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ExpiringSet } from "./internal/collections/expiringSet.js"

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Dedupe {
  /**
   * The interface of a dedupe policy.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** `true` the first time it is called with a msgid, `false` after that. */
    readonly isNew: (msgid: string) => Effect.Effect<boolean>
    /**
     * The synchronous form of `isNew`, for a policy that never waits. If present, it is used instead of `isNew`.
     * Leave it out of a policy with a custom `isNew`.
     */
    readonly unsafeIsNew?: ((msgid: string) => boolean) | undefined
  }
}

/**
 * The policy that recognises callbacks delivered twice.
 *
 * @since 0.1.0
 * @category tags
 */
export class Dedupe extends Context.Tag("effect-wecom/Dedupe")<Dedupe, Dedupe.Service>() {}

/**
 * In memory. Keeps each msgid for `timeToLive` (default 1 hour), and at most `capacity` of them (default 10,000); the
 * oldest is removed first.
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
    const capacity = Math.max(1, options?.capacity ?? 10_000)
    const seen = new ExpiringSet(capacity, timeToLive)
    const origin = clock.unsafeCurrentTimeNanos()
    const unsafeIsNew = (msgid: string): boolean =>
      seen.add(msgid, Number((clock.unsafeCurrentTimeNanos() - origin) / 1_000_000n))

    return { isNew: (msgid) => Effect.sync(() => unsafeIsNew(msgid)), unsafeIsNew }
  })

/**
 * `make` with its defaults.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Dedupe> = Layer.effect(Dedupe, make())

/** The number of keys: few for any store, and enough to keep each value small. */
const slots = 256

const Slot = Schema.parseJson(Schema.Array(Schema.Tuple(Schema.String, Schema.Number)))
const decodeSlot = Schema.decodeUnknownOption(Slot)

/**
 * Over a `KeyValueStore`, so that msgids survive a restart: a message delivered again to the next process is not
 * handled again. Keeps each msgid for `timeToLive` (default 1 hour of wall time). The store holds at most 256 keys,
 * under `prefix` (default `wecom-msgid/`), and `capacity` msgids (default 10,000) in all of them together; each key
 * drops its oldest msgids first.
 *
 * A msgid counts as received as soon as `isNew` is called. When the store fails, or takes longer than `timeout`
 * (default 1 second), the message counts as new and a warning is logged: handling a message twice is better than
 * losing it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (options?: {
  readonly timeToLive?: Duration.DurationInput | undefined
  readonly capacity?: number | undefined
  readonly prefix?: string | undefined
  readonly timeout?: Duration.DurationInput | undefined
}): Layer.Layer<Dedupe, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(
    Dedupe,
    Effect.gen(function*() {
      const store = yield* KeyValueStore.KeyValueStore
      const clock = yield* Effect.clock
      const timeToLive = Duration.toMillis(options?.timeToLive ?? "1 hour")
      const perSlot = Math.max(1, Math.ceil((options?.capacity ?? 10_000) / slots))
      const prefix = options?.prefix ?? "wecom-msgid/"
      const timeout = options?.timeout ?? "1 second"
      // Two that ask at once about one msgid are not both told that it is new.
      const lock = yield* Effect.makeSemaphore(1)

      const remember = (msgid: string) =>
        Effect.gen(function*() {
          const now = clock.unsafeCurrentTimeMillis()
          const key = `${prefix}${(Hash.string(msgid) >>> 0) % slots}`
          const known = Option.getOrElse(Option.flatMap(yield* store.get(key), decodeSlot), () => [])
          const alive = known.filter(([, seenAt]) => now - seenAt <= timeToLive)
          if (alive.some(([other]) => other === msgid)) return false
          yield* store.set(key, JSON.stringify([...alive.slice(Math.max(0, alive.length + 1 - perSlot)), [msgid, now]]))
          return true
        })

      return {
        isNew: (msgid) =>
          remember(msgid).pipe(
            Effect.timeout(timeout),
            lock.withPermits(1),
            // The cause is not logged, because a store may put content into it.
            Effect.catchAllCause(() =>
              Effect.as(Effect.logWarning("the store of received msgids failed; the message counts as new"), true)
            )
          )
      }
    })
  )
