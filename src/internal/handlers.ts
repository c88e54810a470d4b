/**
 * The handlers a bot waits for when it closes. Their frames, and those of the fibers they fork, still leave while it drains.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"

/** @internal */
export const passesDrain: FiberRef.FiberRef<boolean> = globalValue(
  "effect-wecom/passesDrain",
  () => FiberRef.unsafeMake(false)
)

/** @internal */
export interface Handlers {
  readonly fork: <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R>
  /** Gives all of them this long, side by side, then interrupts the rest, and waits for none of them longer than that again. */
  readonly drain: (timeout: Duration.Duration) => Effect.Effect<void>
}

/**
 * Waits for fibers within a bound, then interrupts what is left. In a finalizer a timeout fires only where interruption is
 * possible.
 *
 * @internal
 */
export const settle = (
  fibers: Iterable<Fiber.RuntimeFiber<unknown, unknown>>,
  timeout: Duration.Duration
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const all = [...fibers]
    if (all.length === 0) return
    const done = Fiber.awaitAll(all).pipe(Effect.timeoutOption(timeout), Effect.interruptible, Effect.asVoid)
    yield* done
    yield* Effect.forEach(all, Fiber.interruptFork, { discard: true })
    // Interrupting hands the bubbles over; a handler that cannot be interrupted must not hold up the close.
    yield* Effect.yieldNow()
    yield* done
  })

/** @internal */
export const make = (): Handlers => {
  const fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  return {
    fork: (handler) =>
      Effect.map(
        Effect.forkDaemon(Effect.locally(Effect.interruptible(handler), passesDrain, true)),
        (fiber) => {
          fibers.add(fiber)
          fiber.addObserver(() => fibers.delete(fiber))
          return fiber
        }
      ),
    drain: (timeout) => Effect.suspend(() => settle(fibers, timeout))
  }
}
