/**
 * Waits of tests for conditions.
 */
import * as Effect from "effect/Effect"

/** @internal */
export interface Watch {
  /** Checks all waiting conditions again. */
  readonly notify: () => void
  /** Runs several changes, and checks the conditions once. */
  readonly together: (change: () => void) => void
  /** The first value that `poll` returns, called now and after every change. */
  readonly awaitSome: <A>(poll: () => A | undefined) => Effect.Effect<A>
}

/** @internal */
export const make = (): Watch => {
  const observers = new Set<() => void>()
  let isChanging = false

  const notify = () => {
    if (isChanging) return
    for (const observer of observers) observer()
  }

  return {
    notify,
    together: (change) => {
      isChanging = true
      try {
        change()
      } finally {
        isChanging = false
        notify()
      }
    },
    awaitSome: (poll) =>
      Effect.async((resume) => {
        const observer = () => {
          try {
            const found = poll()
            if (found === undefined) return
            resume(Effect.succeed(found))
          } catch (defect) {
            resume(Effect.die(defect))
          }
          observers.delete(observer)
        }
        observers.add(observer)
        observer()
        return Effect.sync(() => observers.delete(observer))
      })
  }
}
