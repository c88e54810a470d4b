/**
 * A Schedule asked for its next delay without sleeping it, so that the delay can be shown in the status first.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Intervals from "effect/ScheduleIntervals"

/**
 * The next delay each time it is run; `undefined` when the schedule is done.
 *
 * @internal
 */
export type Backoff = Effect.Effect<Duration.Duration | undefined>

/** @internal */
export const make = (schedule: Schedule.Schedule<unknown>): Backoff => {
  let state = schedule.initial
  return Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const [next, , decision] = yield* schedule.step(now, undefined, state)
    state = next
    return Decision.isDone(decision)
      ? undefined
      : Duration.millis(Math.ceil(Math.max(0, Intervals.start(decision.intervals) - now)))
  })
}
