/**
 * Effects that wait for one message or event. A value that one of them takes is not dispatched to streams.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"

interface Awaiter<A> {
  readonly takes: (value: A) => boolean
  readonly taken: Deferred.Deferred<A>
  value: A | undefined
}

/** @internal */
export interface Awaiters<A> {
  /**
   * Waits for the first value of this key that the predicate takes, from when the effect runs until `limit` ends it. A value
   * that arrives at the same time as that end goes to `giveBack`.
   */
  readonly take: <E>(
    key: string,
    predicate: (value: A) => boolean,
    limit: (waiting: Effect.Effect<A>) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /**
   * `false`: no effect takes it. The effect that has waited longest is offered the value first. A predicate that throws does
   * not take it.
   */
  readonly unsafeOffer: (key: string, value: A) => boolean
  /** How many effects wait. */
  readonly size: () => number
}

const isTakenBy = <A>(awaiter: Awaiter<A>, value: A): boolean => {
  try {
    return awaiter.takes(value)
  } catch {
    return false
  }
}

/** @internal */
export const make = <A>(giveBack: (value: A) => void): Awaiters<A> => {
  const waiting = new Map<string, Set<Awaiter<A>>>()

  const enter = (key: string, predicate: (value: A) => boolean): Awaiter<A> => {
    const awaiter: Awaiter<A> = { takes: predicate, taken: Deferred.unsafeMake(FiberId.none), value: undefined }
    waiting.set(key, (waiting.get(key) ?? new Set()).add(awaiter))
    return awaiter
  }

  const leave = (key: string, awaiter: Awaiter<A>) => {
    const awaiters = waiting.get(key)
    if (awaiters?.delete(awaiter) === true && awaiters.size === 0) waiting.delete(key)
  }

  return {
    take: (key, predicate, limit) =>
      Effect.acquireUseRelease(
        // Registers without a yield, so that the answer to a question finds its waiter when both arrive in one packet.
        Effect.sync(() => enter(key, predicate)),
        (awaiter) => limit(Deferred.await(awaiter.taken)),
        (awaiter, exit) =>
          Effect.sync(() => {
            leave(key, awaiter)
            if (awaiter.value !== undefined && Exit.isFailure(exit)) giveBack(awaiter.value)
          })
      ),
    unsafeOffer: (key, value) => {
      for (const awaiter of waiting.get(key) ?? []) {
        if (!isTakenBy(awaiter, value)) continue
        leave(key, awaiter)
        awaiter.value = value
        Deferred.unsafeDone(awaiter.taken, Effect.succeed(value))
        return true
      }
      return false
    },
    size: () => {
      let size = 0
      for (const awaiters of waiting.values()) size += awaiters.size
      return size
    }
  }
}
