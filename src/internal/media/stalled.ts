/**
 * Fails a pull that takes too long. One watcher for the whole stream, because a race with a timer per pull costs more than the
 * decryption.
 */
import type * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

/**
 * Only the time of a pull counts: the reader can be as slow as it likes.
 *
 * @internal
 */
export const failAfter = <A, E, E1>(
  pull: Effect.Effect<Chunk.Chunk<A>, Option.Option<E>>,
  timeout: Duration.Duration,
  onStalled: () => E1
): Effect.Effect<Effect.Effect<Chunk.Chunk<A>, Option.Option<E | E1>>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const now = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
    const limit = Duration.toMillis(timeout)

    type Result = Exit.Exit<Chunk.Chunk<A>, Option.Option<E | E1>>
    let waiting: { readonly since: number; readonly resume: (result: Result) => void } | undefined
    /** A result that arrived after its pull had ended; the next pull takes it. */
    let lateResult: Result | undefined
    let isPulling = false
    let startPull: (() => void) | undefined

    const settle = (result: Result) => {
      const { resume } = waiting!
      waiting = undefined
      resume(result)
    }
    const pullRequested = Effect.async<void>((resume) => {
      if (isPulling) return resume(Effect.void)
      startPull = () => {
        startPull = undefined
        resume(Effect.void)
      }
    })
    // One fiber for all pulls: with a fiber for each, the chunks they ended with stayed in memory.
    const produce = Effect.gen(function*() {
      while (true) {
        yield* pullRequested
        const result = yield* Effect.exit(pull)
        isPulling = false
        if (waiting === undefined) lateResult = result
        else settle(result)
      }
    })
    const watch = Effect.gen(function*() {
      while (true) {
        const waited = waiting === undefined ? 0 : now() - waiting.since
        if (waiting !== undefined && waited >= limit) return settle(Exit.fail(Option.some(onStalled())))
        yield* clock.sleep(Duration.millis(limit - waited))
      }
    })
    yield* Effect.forkScoped(Effect.interruptible(produce))
    yield* Effect.forkScoped(Effect.interruptible(watch))

    return Effect.async((resume) => {
      if (lateResult !== undefined) {
        resume(lateResult)
        lateResult = undefined
        return
      }
      waiting = { since: now(), resume }
      if (!isPulling) {
        isPulling = true
        startPull?.()
      }
      return Effect.sync(() => {
        waiting = undefined
      })
    })
  })
