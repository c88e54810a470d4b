/**
 * Being called back after a while, by whatever Clock there is.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/**
 * Calls `ring` once after so many milliseconds, never at once. What it gives calls that off, and must not be called after `ring`.
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

/** Effect's own Clock can call back without a fiber, which its type does not tell of. */
interface Own extends Clock.Clock {
  readonly scheduler?: () => Effect.Effect<Clock.ClockScheduler>
}

/** What is to last longer never ends. */
const longestMillis = 2 ** 31 - 1

/** Whoever rings early finds nothing due and sets it again, so fractions are rounded up. */
const byScheduler = (scheduler: Clock.ClockScheduler): Alarm => (millis, ring) =>
  scheduler.unsafeSchedule(ring, Duration.millis(Math.min(Math.ceil(millis), longestMillis)))

const bySleep = (clock: Clock.Clock, fork: Fork): Alarm => (millis, ring) => {
  let isOff = false
  const since = clock.unsafeCurrentTimeNanos()
  // Time may pass before the fiber runs.
  const rest = () => Math.max(0, millis - Number(clock.unsafeCurrentTimeNanos() - since) / 1_000_000)
  const fiber = fork(Effect.suspend(() => clock.sleep(Duration.millis(rest()))))
  fiber.addObserver((exit) => {
    // Somebody else may have interrupted it: early is better than never.
    if (!isOff && (Exit.isSuccess(exit) || Exit.isInterrupted(exit))) ring()
  })
  return () => {
    isOff = true
    fiber.unsafeInterruptAsFork(FiberId.none)
  }
}

/**
 * A fiber that sleeps costs ten times what waking costs in a process that is idle otherwise. Only the very Clock of Effect is
 * spared it: any other says for itself what sleep is.
 *
 * @internal
 */
export const of = (clock: Clock.Clock, fork: Fork): Alarm => {
  const own: Own = Context.get(DefaultServices.liveServices, Clock.Clock)
  return clock === own && own.scheduler !== undefined
    ? byScheduler(Effect.runSync(own.scheduler()))
    : bySleep(clock, fork)
}
