/**
 * V8 knows what the objects of a class look like for as long as there is one. A full garbage collection that finds none forgets it
 * and throws away all optimized code that relied on it, and the next frames run, and compile, as if the bot had just started.
 * Of each class of the hot path, whose objects live for a moment only, one is kept for ever.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { globalValue } from "effect/GlobalValue"

/** A bundler would drop what nobody reads; what the program shares it has to keep. */
const specimens = globalValue("effect-wecom/specimens", () => new Set<object>())

/**
 * Its fields should hold values of the kinds they hold later: a whole number is of another kind than a fraction.
 *
 * @internal
 */
export const keep = (specimen: object): void => void specimens.add(specimen)

/**
 * The same for what belongs to a fiber.
 *
 * @internal
 */
export const keepOfFiber = (make: (fiber: Fiber.RuntimeFiber<any, any>) => object): void =>
  keep(Effect.runSync(Effect.withFiberRuntime((fiber) => Effect.succeed(make(fiber)))))
