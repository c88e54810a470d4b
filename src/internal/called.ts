/**
 * Hot path. `Effect.suspend(() => f(a))` as an object of a class: what V8 compiled for a closure is gone with the last one that
 * lives, and of those made for one message each none outlives a full garbage collection.
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Specimens from "./specimens.js"

class Called<A, B, E, R> extends Effectable.Class<B, E, R> {
  private readonly f: (a: A) => Effect.Effect<B, E, R>
  private readonly a: A

  constructor(f: (a: A) => Effect.Effect<B, E, R>, a: A) {
    super()
    this.f = f
    this.a = a
  }

  commit(): Effect.Effect<B, E, R> {
    return this.f(this.a)
  }
}

/** @internal */
export const by = <A, B, E, R>(f: (a: A) => Effect.Effect<B, E, R>): (a: A) => Effect.Effect<B, E, R> => {
  Specimens.keep(Called, () => new Called(() => Effect.void, undefined))
  return (a) => new Called(f, a)
}
