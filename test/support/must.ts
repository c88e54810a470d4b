import { expect } from "@effect/vitest"

/** An assertion for a million checks, for which `expect` is too slow. */
export const must = (isTrue: boolean, what: string): void => {
  if (!isTrue) expect.fail(what)
}
