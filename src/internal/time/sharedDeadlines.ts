/**
 * The deadlines that all bots of one Clock share.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Alarm from "./alarm.js"
import * as Deadlines from "./deadlines.js"

/**
 * The deadlines of one Clock, and the number of Scopes that use them.
 *
 * @internal
 */
export interface CountedDeadlines {
  readonly deadlines: Deadlines.StoppableDeadlines
  users: number
}

const byClock = new WeakMap<Clock.Clock, CountedDeadlines>()

/** @internal */
export const enter = (clock: Clock.Clock): Effect.Effect<CountedDeadlines> =>
  Effect.withFiberRuntime((fiber) => {
    const known = byClock.get(clock)
    if (known !== undefined) {
      known.users++
      return Effect.succeed(known)
    }
    // Forked as a daemon: the deadlines outlive the bot that made them.
    const options = { scheduler: fiber.currentScheduler, immediate: false }
    const fork: Alarm.Fork = (effect) => Effect.runFork(effect, options)
    const kept: CountedDeadlines = { deadlines: Deadlines.make(clock, Alarm.of(clock, fork), fork), users: 1 }
    byClock.set(clock, kept)
    return Effect.succeed(kept)
  })

/** @internal */
export const leave = (clock: Clock.Clock, kept: CountedDeadlines): Effect.Effect<void> =>
  Effect.sync(() => {
    if (--kept.users > 0) return
    byClock.delete(clock)
    kept.deadlines.stop()
  })

/**
 * The deadlines of the Clock of this fiber, for as long as the Scope is open.
 *
 * @internal
 */
export const shared: Effect.Effect<Deadlines.Deadlines, never, Scope.Scope> = Effect.clockWith((clock) =>
  Effect.map(Effect.acquireRelease(enter(clock), (kept) => leave(clock, kept)), ({ deadlines }) => deadlines)
)
