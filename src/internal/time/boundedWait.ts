/**
 * Waiting within a bound while something closes.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Waits for the effect, but no longer than `duration`, in a fiber of its own: a finalizer runs where nothing can be
 * interrupted, so no timeout fires there, and when its fiber was interrupted itself (Ctrl-C), whatever is made interruptible
 * in it ends at once instead of waiting.
 *
 * @internal
 */
export const within = <A, E>(effect: Effect.Effect<A, E>, duration: Duration.Duration): Effect.Effect<void> =>
  Effect.timeoutOption(effect, duration).pipe(
    Effect.interruptible,
    Effect.forkDaemon,
    Effect.flatMap((fiber) => Effect.onInterrupt(Fiber.await(fiber), () => Fiber.interruptFork(fiber))),
    Effect.asVoid
  )
