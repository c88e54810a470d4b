/**
 * One callback after a delay, by a fiber that sleeps on the Clock.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/**
 * Calls `ring` once after this many milliseconds, never synchronously. The result cancels it, and must not be called after
 * `ring`.
 *
 * @internal
 */
export type Alarm = (millis: number, ring: () => void) => () => unknown

/**
 * The fiber begins in a later turn.
 *
 * @internal
 */
export type Fork = (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

/** The longest `Clock.sleep`: a longer one never ends. A longer alarm rings early, and the deadlines set it again. */
const longestMillis = 2 ** 31 - 1

/** @internal */
export const of = (clock: Clock.Clock, fork: Fork): Alarm => (millis, ring) => {
  let isOff = false
  const since = clock.unsafeCurrentTimeNanos()
  // The fiber starts later than it is forked.
  const passed = () => Number(clock.unsafeCurrentTimeNanos() - since) / 1_000_000
  const rest = () => Math.min(longestMillis, Math.max(0, millis - passed()))
  const fiber = fork(Effect.suspend(() => clock.sleep(Duration.millis(rest()))))
  fiber.addObserver((exit) => {
    // An alarm whose fiber is interrupted rings early, and the deadlines set it again.
    if (!isOff && (Exit.isSuccess(exit) || Exit.isInterrupted(exit))) ring()
  })
  return () => {
    isOff = true
    fiber.unsafeInterruptAsFork(FiberId.none)
  }
}
