/**
 * Guards of pure functions against arguments that their types forbid, which JavaScript and casts let through. Without them the
 * caller would see a TypeError from inside the library.
 */
import { SendInvalid } from "../../WecomError.js"

type Function = (a: any, b?: any, c?: any) => unknown

/** Reads nothing but the type, so that no getter or proxy trap runs. */
const problemOf = (value: unknown): string => {
  if (value === null) return "is null"
  if (value === undefined) return "is missing"
  return typeof value === "object" || typeof value === "function" ? "cannot be read as one" : `is a ${typeof value}`
}

/** @internal */
export const invalid = (field: string, value: unknown, limit: string): SendInvalid =>
  new SendInvalid({ field, problem: problemOf(value), limit })

/**
 * Returns `fallback` where `f` throws. For functions with a sensible result for any argument: a predicate returns `false`, a
 * list is empty.
 *
 * @internal
 */
export const total = <F extends Function>(f: F, fallback: ReturnType<F>): F =>
  ((a: unknown, b: unknown, c: unknown) => {
    try {
      return f(a, b, c)
    } catch {
      return fallback
    }
  }) as F

/**
 * Throws a `SendInvalid` that names the first argument where `f` throws.
 *
 * @internal
 */
export const required = <F extends Function>(field: string, limit: string, f: F): F =>
  ((a: unknown, b: unknown, c: unknown) => {
    try {
      return f(a, b, c)
    } catch {
      throw invalid(field, a, limit)
    }
  }) as F
