/**
 * Effects that wait for a condition. The code that changes the condition calls `recheck`. Nothing is allocated while none waits.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/** @internal */
export class Watchers {
  private watching: Set<() => void> | undefined

  /** Ends with the first exit that `poll` returns, at once if it returns one now. */
  until<A, E>(poll: () => Exit.Exit<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.async((resume) => {
      const known = poll()
      if (known !== undefined) return resume(known)
      const watching = this.watching ??= new Set()
      const watch = () => {
        const exit = poll()
        if (exit === undefined) return
        watching.delete(watch)
        resume(exit)
      }
      watching.add(watch)
      return Effect.sync(() => watching.delete(watch))
    })
  }

  /** Polls again for every Effect that waits. */
  recheck(): void {
    if (this.watching === undefined) return
    for (const watch of [...this.watching]) watch()
    if (this.watching?.size === 0) this.watching = undefined
  }
}
