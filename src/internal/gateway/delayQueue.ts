/**
 * The delayed tasks of the gateway: one list in due order and at most one sleeping fiber, so that tasks that are due at the
 * same time run in the order in which they were added.
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

/** Tolerance for rounding: a task closer than this is due. */
const roundingMillis = 0.001

interface DelayedTask {
  readonly due: number
  readonly task: () => void
}

/** @internal */
export const make: Effect.Effect<DelayQueue, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const runFork = Runtime.runFork(yield* Effect.runtime<never>())
  const entries: Array<DelayedTask> = []
  let sleeper: { readonly due: number; readonly fiber: Fiber.RuntimeFiber<void> } | undefined
  let isClosed = false

  // Delays use monotonic time, so that a jump of the wall clock does not change them.
  const monotonic = () => Number(clock.unsafeCurrentTimeNanos() / 1000n) / 1000

  const wake = () => {
    sleeper = undefined
    const time = monotonic()
    while (entries[0] !== undefined && entries[0].due < time + roundingMillis) {
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
    if (isClosed || next === undefined) return disarm()
    if (sleeper !== undefined && sleeper.due <= next.due) return
    disarm()
    const sleep = clock.sleep(Duration.millis(Math.max(0, next.due - monotonic())))
    sleeper = { due: next.due, fiber: runFork(Effect.andThen(sleep, Effect.sync(wake))) }
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      disarm()
    })
  )

  return {
    now: () => clock.unsafeCurrentTimeMillis(),
    after: (millis, task) => {
      const entry: DelayedTask = { due: monotonic() + millis, task }
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
