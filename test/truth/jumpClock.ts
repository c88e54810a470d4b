/**
 * A clock that jumps to the next sleeper when nothing else can run: minutes pass in microseconds, and the same program takes
 * the same time each time. `TestClock` costs milliseconds per wake-up, which hundreds of simulations cannot afford.
 */
import { Clock, Duration, Effect, Logger } from "effect"

interface Sleeper {
  readonly at: number
  readonly turn: number
  readonly wake: () => void
}

const idle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Runs the effect on a clock of its own, and jumps for it until it is done. */
export const run = async <A, E>(effect: Effect.Effect<A, E>): Promise<A> => {
  const sleepers = new Set<Sleeper>()
  let time = Date.UTC(2026, 0, 1)
  let turn = 0
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => time,
    unsafeCurrentTimeNanos: () => BigInt(Math.round(time * 1000)) * 1000n,
    currentTimeMillis: Effect.sync(() => time),
    currentTimeNanos: Effect.sync(() => clock.unsafeCurrentTimeNanos()),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const sleeper = { at: time + Duration.toMillis(duration), turn: turn++, wake: () => resume(Effect.void) }
        sleepers.add(sleeper)
        return Effect.sync(() => sleepers.delete(sleeper))
      })
  }
  const state = { isDone: false }
  const result = Effect.runPromise(
    effect.pipe(Effect.withClock(clock), Effect.provide(Logger.remove(Logger.defaultLogger)))
  ).finally(() => {
    state.isDone = true
  })
  result.catch(() => {})
  while (true) {
    await idle()
    await idle()
    if (state.isDone) return result
    let next: Sleeper | undefined
    for (const sleeper of sleepers) {
      if (next === undefined || sleeper.at < next.at || sleeper.at === next.at && sleeper.turn < next.turn) {
        next = sleeper
      }
    }
    if (next === undefined) continue
    sleepers.delete(next)
    time = Math.max(time, next.at)
    next.wake()
  }
}
