/**
 * Hot path. The Scope of a handler, which most handlers never use: it becomes a real one when the first finalizer is added.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import type * as Exit from "effect/Exit"
import { pipeArguments } from "effect/Pipeable"
import * as Scope from "effect/Scope"

/** @internal */
export class LazyScope implements Scope.Scope {
  readonly [Scope.ScopeTypeId]: typeof Scope.ScopeTypeId = Scope.ScopeTypeId
  readonly strategy = ExecutionStrategy.sequential
  private opened: Scope.CloseableScope | undefined = undefined
  private closedWith: Exit.Exit<unknown, unknown> | undefined = undefined

  private open(): Scope.CloseableScope {
    if (this.opened === undefined) {
      this.opened = Effect.runSync(Scope.make(this.strategy))
      // Somebody who outlived the handler: in a closed Scope a finalizer runs at once.
      if (this.closedWith !== undefined) Effect.runSync(Scope.close(this.opened, this.closedWith))
    }
    return this.opened
  }

  // These three are how Effect's own functions on a Scope reach it; `forkScoped` looks at its state.
  get state(): unknown {
    return (this.open() as unknown as { readonly state: unknown }).state
  }

  fork(strategy: ExecutionStrategy.ExecutionStrategy): Effect.Effect<Scope.CloseableScope> {
    return Effect.suspend(() => Scope.fork(this.open(), strategy))
  }

  addFinalizer(finalizer: Scope.Scope.Finalizer): Effect.Effect<void> {
    return Effect.suspend(() => Scope.addFinalizerExit(this.open(), finalizer))
  }

  /** `undefined` when there is nothing to close. Closing it again does nothing. */
  unsafeClose(exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> | undefined {
    this.closedWith ??= exit
    return this.opened && Scope.close(this.opened, exit)
  }

  pipe() {
    return pipeArguments(this, arguments)
  }
}
