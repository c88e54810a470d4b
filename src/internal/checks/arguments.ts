/**
 * What pure functions do with arguments that their types forbid, as JavaScript and casts bring them: a TypeError from inside
 * would name nothing that the caller knows.
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
 * Returns `fallback` for an argument that is no object. For functions with a sensible result for anything: `false` of a
 * predicate, an empty list.
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
 * Throws a `SendInvalid` that names the first argument.
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
