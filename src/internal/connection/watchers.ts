/**
 * Those who wait for a condition. Whoever changes what it depends on says so, and nothing is kept while nobody waits.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/** @internal */
export class Watchers {
  private watching: Set<() => void> | undefined

  /** Ends as soon as there is an exit, at once if there is one already. */
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

  /** Something may have changed. */
  look(): void {
    if (this.watching === undefined) return
    for (const watch of [...this.watching]) watch()
    if (this.watching?.size === 0) this.watching = undefined
  }
}
