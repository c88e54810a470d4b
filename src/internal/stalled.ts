/**
 * Fails the pull of a stream that is waited for too long. One watcher for the whole stream, because a race with a timer for each piece costs
 * more than decrypting it.
 */
import type * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"

/**
 * Only the time in which somebody waits for the next piece counts: a reader may be as slow as it likes.
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
    const runFork = Runtime.runFork(yield* Effect.runtime())
    const now = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
    const limit = Duration.toMillis(timeout)

    let waiting: { readonly since: number; readonly giveUp: () => void } | undefined

    const watch = Effect.gen(function*() {
      while (true) {
        const waited = waiting === undefined ? 0 : now() - waiting.since
        if (waiting !== undefined && waited >= limit) return waiting.giveUp()
        yield* clock.sleep(Duration.millis(limit - waited))
      }
    })
    yield* Effect.forkScoped(watch)

    return Effect.async((resume) => {
      const fiber = runFork(pull)
      waiting = {
        since: now(),
        giveUp: () => {
          fiber.unsafeInterruptAsFork(fiber.id())
          resume(Effect.fail(Option.some(onStalled())))
        }
      }
      fiber.addObserver((exit: Exit.Exit<Chunk.Chunk<A>, Option.Option<E>>) => {
        waiting = undefined
        resume(exit)
      })
      return Fiber.interrupt(fiber)
    })
  })
