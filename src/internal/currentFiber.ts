import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/**
 * The fiber that runs this. For what an Effect calls while it runs: nowhere else is there always one.
 *
 * @internal
 */
export const currentFiber = (): Fiber.RuntimeFiber<any, any> => Option.getOrThrow(Fiber.getCurrentFiber())
