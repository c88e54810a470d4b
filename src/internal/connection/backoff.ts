/**
 * A Schedule asked for its next delay without sleeping it, so that the delay can be shown in the status first.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import * as Decision from "effect/ScheduleDecision"
import * as Intervals from "effect/ScheduleIntervals"

/**
 * The state of the Schedule after its next delay, and that delay: `undefined` when the Schedule is done. Without a state it
 * begins.
 *
 * @internal
 */
export const next = (
  schedule: Schedule.Schedule<unknown>,
  state: Option.Option<unknown>
): Effect.Effect<readonly [state: unknown, delay: Duration.Duration | undefined]> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const [next, , decision] = yield* schedule.step(now, undefined, Option.getOrElse(state, () => schedule.initial))
    return [
      next,
      Decision.isDone(decision)
        ? undefined
        : Duration.millis(Math.ceil(Math.max(0, Intervals.start(decision.intervals) - now)))
    ]
  })
