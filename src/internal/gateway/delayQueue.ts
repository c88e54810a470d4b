/**
 * Everything the gateway does later: one list in due order and at most one sleeping fiber, so that what is due at the
 * same moment happens in the order it was asked for.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

/** @internal */
export interface DelayQueue {
  /** Wall time of Effect's Clock, in milliseconds. */
  readonly now: () => number
  /** Runs `task` after `millis`; the function it returns cancels it. */
  readonly after: (millis: number, task: () => void) => () => void
}

/** Sums of fractions are rounded, and a sleep shorter than a nanosecond is none: what is closer than this is due. */
const grainMillis = 0.001

interface Entry {
  readonly due: number
  readonly task: () => void
}

/** @internal */
export const make: Effect.Effect<DelayQueue, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const runFork = Runtime.runFork(yield* Effect.runtime<never>())
  const entries: Array<Entry> = []
  let sleeper: { readonly due: number; readonly fiber: Fiber.RuntimeFiber<void> } | undefined
  let closed = false

  // Delays run on monotonic time: a wall clock that jumps neither hurries nor holds up what was promised before.
  const monotonic = () => Number(clock.unsafeCurrentTimeNanos() / 1000n) / 1000

  const wake = () => {
    sleeper = undefined
    const time = monotonic()
    while (entries[0] !== undefined && entries[0].due < time + grainMillis) {
      entries.shift()!.task()
    }
    arm()
  }

  const disarm = () => {
    sleeper?.fiber.unsafeInterruptAsFork(FiberId.none)
    sleeper = undefined
  }

  const arm = () => {
    const next = entries[0]
    if (closed || next === undefined) return disarm()
    if (sleeper !== undefined && sleeper.due <= next.due) return
    disarm()
    const sleep = clock.sleep(Duration.millis(Math.max(0, next.due - monotonic())))
    sleeper = { due: next.due, fiber: runFork(Effect.andThen(sleep, Effect.sync(wake))) }
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      disarm()
    })
  )

  return {
    now: () => clock.unsafeCurrentTimeMillis(),
    after: (millis, task) => {
      const entry: Entry = { due: monotonic() + millis, task }
      let at = entries.length
      while (at > 0 && entries[at - 1]!.due > entry.due) at--
      entries.splice(at, 0, entry)
      arm()
      return () => {
        const index = entries.indexOf(entry)
        if (index >= 0) entries.splice(index, 1)
      }
    }
  }
})
