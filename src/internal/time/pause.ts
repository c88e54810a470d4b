/**
 * The pause between two pings, in the shared deadlines instead of a timer.
 */
import * as Effect from "effect/Effect"
import type * as Deadlines from "./deadlines.js"

/**
 * Ends after this many milliseconds, or at once after the machine was suspended.
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
      // The interruption can come after the end of the pause and before its fiber runs.
      if (!isOver) timeouts.stop(timeout)
    })
  })
