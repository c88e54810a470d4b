/**
 * How tests wait for a condition.
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
  let changing = false

  const notify = () => {
    if (changing) return
    for (const observer of observers) observer()
  }

  return {
    notify,
    together: (change) => {
      changing = true
      try {
        change()
      } finally {
        changing = false
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
