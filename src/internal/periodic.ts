/**
 * A ping every so often. A session that finds this as its heartbeat keeps it going by itself: in a process with a thousand idle
 * bots a fiber for each would be most of what they hold.
 */
import * as Effect from "effect/Effect"
import type { Heartbeat } from "../Heartbeat.js"
import { pause } from "./pause.js"
import * as SharedDeadlines from "./sharedDeadlines.js"

/** @internal */
export class Periodic implements Heartbeat.Service {
  readonly millis: number

  constructor(millis: number) {
    this.millis = millis
  }

  /** The same for whoever has no session. */
  readonly run = <E>(ping: Effect.Effect<void, E>): Effect.Effect<void, E> =>
    Effect.scoped(
      Effect.flatMap(SharedDeadlines.shared, (deadlines) =>
        Effect.whileLoop({
          while: () => true,
          body: () => Effect.zipRight(pause(deadlines, this.millis), ping),
          step: () => {}
        }))
    )
}
