/**
 * V8 knows what the objects of a class look like for as long as there is one. A full garbage collection that finds none forgets
 * it and throws away all optimized code that relied on it, and the next frames run, and compile, as if the bot had just started.
 * Of each class of the hot path whose objects come and go, one stays.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

const specimens = new Map<object, object>()

/**
 * Keeps one object of a class, made the first time this is called for it; never while a module loads, which would be an effect
 * that no bundler may drop. Its fields should hold values of the kinds they hold later: a whole number is of another kind than
 * a fraction.
 *
 * @internal
 */
export const keep = (type: object, make: () => object): void => {
  if (specimens.has(type)) return
  // Making one may lead here again.
  specimens.set(type, type)
  specimens.set(type, make())
}

/**
 * What belongs to a fiber.
 *
 * @internal
 */
export const ofFiber = (make: (fiber: Fiber.RuntimeFiber<any, any>) => object): object =>
  Effect.runSync(Effect.withFiberRuntime((fiber) => Effect.succeed(make(fiber))))
