/**
 * A bounded wait inside finalizers.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/**
 * Waits for the effect for at most `duration`, in a fiber of its own. A finalizer is uninterruptible, so `Effect.timeout` does
 * not fire there; and in a fiber that was interrupted (Ctrl-C) an interruptible region ends at once.
 *
 * @internal
 */
export const boundedWait = <A, E>(effect: Effect.Effect<A, E>, duration: Duration.Duration): Effect.Effect<void> =>
  Effect.timeoutOption(effect, duration).pipe(
    Effect.interruptible,
    Effect.forkDaemon,
    Effect.flatMap((fiber) => Effect.onInterrupt(Fiber.await(fiber), () => Fiber.interruptFork(fiber))),
    Effect.asVoid
  )
