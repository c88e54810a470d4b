/**
 * What pure functions make of arguments that their types forbid. Programs in JavaScript and values that were cast get here; a bare
 * TypeError from inside would name nothing that its reader knows.
 */
import { SendInvalid } from "../../WecomError.js"

type Function = (a: any, b?: any, c?: any) => unknown

/** Looks at nothing but the type, so that no getter and no trap can answer. */
const problemOf = (value: unknown): string => {
  if (value === null) return "is null"
  if (value === undefined) return "is missing"
  return typeof value === "object" || typeof value === "function" ? "cannot be read as one" : `is a ${typeof value}`
}

/** @internal */
export const invalid = (field: string, value: unknown, limit: string): SendInvalid =>
  new SendInvalid({ field, problem: problemOf(value), limit })

/**
 * Answers `fallback` where there is a sensible answer to anything: a predicate says no, a list is empty.
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
 * Throws `SendInvalid`, which names its first argument, instead of whatever a wrong one brings about.
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
