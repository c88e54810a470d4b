/**
 * A ping every so often. A session that finds this as its heartbeat keeps it going by itself: in a process with a thousand idle
 * bots a fiber for each would be most of what they hold.
 */
import * as Effect from "effect/Effect"
import type { Heartbeat } from "../Heartbeat.js"
import { pause } from "./pause.js"
import * as SharedDeadlines from "./sharedDeadlines.js"

type Run = Heartbeat.Service["run"]

// By function and not by service, so that whoever puts another function in its place is asked himself.
const intervals = new WeakMap<Run, number>()

/**
 * The interval in milliseconds, of a heartbeat that is nothing but that.
 *
 * @internal
 */
export const intervalOf = (run: Run): number | undefined => intervals.get(run)

/** @internal */
export const make = (millis: number): Heartbeat.Service => {
  /** For whoever has no session. */
  const run: Run = (ping) =>
    Effect.scoped(
      Effect.flatMap(SharedDeadlines.shared, (deadlines) =>
        Effect.whileLoop({
          while: () => true,
          body: () => Effect.zipRight(pause(deadlines, millis), ping),
          step: () => {}
        }))
    )
  intervals.set(run, millis)
  return { run }
}
