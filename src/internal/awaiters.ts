/**
 * Those who wait for one message or event. What one of them takes reaches nobody else.
 */
import * as Effect from "effect/Effect"

interface Awaiter<A> {
  readonly takes: (value: A) => boolean
  readonly resume: (value: A) => void
}

/** @internal */
export interface Awaiters<A> {
  /** Waits for the first value under this key that the predicate takes. Interruption stops the waiting. */
  readonly take: (key: string, predicate: (value: A) => boolean) => Effect.Effect<A>
  /** `false`: nobody waited for it. The longest waiting is asked first. A predicate that throws does not take. */
  readonly unsafeOffer: (key: string, value: A) => boolean
}

const attempt = <A>(awaiter: Awaiter<A>, value: A): boolean => {
  try {
    return awaiter.takes(value)
  } catch {
    return false
  }
}

/** @internal */
export const make = <A>(): Awaiters<A> => {
  const waiting = new Map<string, Set<Awaiter<A>>>()

  const leave = (key: string, awaiter: Awaiter<A>) => {
    const awaiters = waiting.get(key)
    if (awaiters?.delete(awaiter) === true && awaiters.size === 0) waiting.delete(key)
  }

  return {
    take: (key, predicate) =>
      Effect.async((resume) => {
        const awaiter: Awaiter<A> = { takes: predicate, resume: (value) => resume(Effect.succeed(value)) }
        const awaiters = waiting.get(key) ?? new Set()
        waiting.set(key, awaiters.add(awaiter))
        return Effect.sync(() => leave(key, awaiter))
      }),
    unsafeOffer: (key, value) => {
      for (const awaiter of waiting.get(key) ?? []) {
        if (!attempt(awaiter, value)) continue
        leave(key, awaiter)
        awaiter.resume(value)
        return true
      }
      return false
    }
  }
}
