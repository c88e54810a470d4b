/**
 * The Clock of the tests: its time stands still until the test moves it. `simulation.ts` moves it whenever nothing can run;
 * `advance` moves it by hand, with no fiber of a TestClock and none of its real milliseconds for each wake.
 */
import { Clock, Duration, Effect } from "effect"

interface Wake {
  readonly at: number
  readonly order: number
  readonly task: () => void
}

export interface ManualClock extends Clock.Clock {
  /** Milliseconds since the clock was made. */
  readonly now: () => number
  /** Jumps to the earliest wake, at most so many milliseconds away, and runs it; `false` when there is none. */
  readonly jump: (within?: number) => boolean
  /** Moves time by so many milliseconds and runs in order what comes due, with all that follows from it. */
  readonly advance: (millis: number) => Effect.Effect<void>
  /** Runs the task after so long, outside of any fiber; the function it gives cancels it. */
  readonly after: (millis: number, task: () => void) => () => void
  /** The event loop stands still for so long: what is due meanwhile happens after it. */
  readonly stall: (millis: number) => void
  /** Moves wall time and leaves monotonic time as it is: as after a suspension of the machine or a correction of its clock. */
  readonly jumpWall: (millis: number) => void
  /** How many sleeps and tasks have not come due. */
  readonly sleepers: () => number
  /** Called at each `sleep(0)`, by which a fiber lets I/O go first. */
  onYield: () => void
}

/** A round moment, so that wall times in a history are easy to read: 2026-01-01T00:00:00Z. */
export const epochMillis = Date.UTC(2026, 0, 1)

/** Lets fibers run that are ready. */
export const settle = Effect.repeatN(Effect.yieldNow(), 20)

/** `epoch` is the wall time at which it begins. */
export const make = (epoch = epochMillis): ManualClock => {
  /** By due time, the earliest last; of one moment, the one that was asked for first. */
  const wakes: Array<Wake> = []
  let now = 0
  let ahead = 0
  let order = 0

  const placeOf = ({ at, order }: Wake): number => {
    let from = 0
    let to = wakes.length
    while (from < to) {
      const middle = (from + to) >> 1
      const other = wakes[middle]!
      if (other.at > at || other.at === at && other.order > order) from = middle + 1
      else to = middle
    }
    return from
  }

  const schedule = (at: number, task: () => void): () => void => {
    if (!Number.isFinite(at)) return () => {}
    const wake = { at, order: order++, task }
    wakes.splice(placeOf(wake), 0, wake)
    return () => {
      const place = placeOf(wake)
      if (wakes[place] === wake) wakes.splice(place, 1)
    }
  }

  const after = (millis: number, task: () => void) => schedule(now + Math.max(0, millis), task)

  const clock: ManualClock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => epoch + now + ahead,
    unsafeCurrentTimeNanos: () => BigInt(epoch) * 1_000_000n + BigInt(Math.floor(now * 1_000_000)),
    currentTimeMillis: Effect.sync(() => clock.unsafeCurrentTimeMillis()),
    currentTimeNanos: Effect.sync(() => clock.unsafeCurrentTimeNanos()),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const millis = Duration.toMillis(duration)
        if (millis === 0) clock.onYield()
        // Timers know whole milliseconds. Fractions would add up to moments that are never quite reached.
        return Effect.sync(after(Math.ceil(millis), () => resume(Effect.void)))
      }),
    now: () => now,
    jump: (within = Infinity) => {
      const next = wakes.at(-1)
      if (next === undefined || next.at > now + within) return false
      wakes.pop()
      // A wake that was due while the loop stood still is late.
      now = Math.max(now, next.at)
      next.task()
      return true
    },
    advance: (millis) =>
      Effect.gen(function*() {
        const end = now + millis
        yield* settle
        while (clock.jump(end - now)) yield* settle
        now = Math.max(now, end)
      }),
    after,
    stall: (millis) => {
      now += millis
    },
    jumpWall: (millis) => {
      ahead += millis
    },
    sleepers: () => wakes.length,
    onYield: () => {}
  }
  return clock
}

/** Another Clock with some of its functions replaced. */
export const altered = (clock: Clock.Clock, changes: Partial<Clock.Clock>): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
  unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
  currentTimeMillis: clock.currentTimeMillis,
  currentTimeNanos: clock.currentTimeNanos,
  sleep: (duration) => clock.sleep(duration),
  ...changes
})

/** A wall clock beside a Clock: `jump` moves it and leaves monotonic time as it is. */
export const withWall = (clock: Clock.Clock) => {
  let ahead = 0
  return {
    clock: altered(clock, { unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + ahead }),
    jump: (millis: number) => {
      ahead += millis
    }
  }
}
