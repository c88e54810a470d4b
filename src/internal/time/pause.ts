/**
 * The time between two pings, without a timer of its own.
 */
import * as Effect from "effect/Effect"
import type * as Deadlines from "./deadlines.js"

/**
 * Over after so many milliseconds, or at once when the machine seems to have slept.
 *
 * @internal
 */
export const pause = (deadlines: Deadlines.Deadlines, millis: number): Effect.Effect<void> =>
  Effect.async((resume) => {
    const timeouts = deadlines.pauses(millis)
    let isOver = false
    const timeout: Deadlines.Timeout = {
      dueAt: 0,
      previous: undefined,
      next: undefined,
      onDue: () => {
        isOver = true
        resume(Effect.void)
      }
    }
    timeouts.start(timeout)
    return Effect.sync(() => {
      // An interruption may come when it is over and its fiber has not run yet.
      if (!isOver) timeouts.stop(timeout)
    })
  })
