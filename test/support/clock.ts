/**
 * The Clock of the tests that do not use Effect's TestClock: its time advances only by calls, to the earliest wake in a heap, in
 * microseconds where TestClock takes milliseconds.
 */
import { Clock, Duration, Effect } from "effect"

interface Wake {
  readonly at: number
  readonly order: number
  task: (() => void) | undefined
}

export interface SimClock {
  readonly clock: Clock.Clock
  /** Milliseconds since the beginning of the simulation. */
  readonly now: () => number
  /** Advances to the earliest wake, unless it is after `until`, and runs it. `false` when there is none. */
  readonly advance: (until?: number) => boolean
  /** The number of wakes to come. */
  readonly sleepers: () => number
  /** Runs the task after so long, outside of any fiber; the function it gives cancels it. */
  readonly after: (millis: number, task: () => void) => () => void
  /** The event loop stands still for so long: what is due meanwhile happens after it. */
  readonly stall: (millis: number) => void
  /** The machine slept for so long: wall time went on, monotonic time did not. */
  readonly jumpWall: (millis: number) => void
}

/** A round moment, so that wall times in a history are easy to read: 2026-01-01T00:00:00Z. */
export const epochMillis = Date.UTC(2026, 0, 1)

const isBefore = (a: Wake, b: Wake): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

const makeHeap = () => {
  let wakes: Array<Wake> = []
  let cancelled = 0

  const up = (from: number) => {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!isBefore(wakes[at]!, wakes[parent]!)) return
      swap(at, parent)
      at = parent
    }
  }

  const down = (from: number) => {
    for (let at = from;;) {
      const left = 2 * at + 1
      const right = left + 1
      let first = at
      if (left < wakes.length && isBefore(wakes[left]!, wakes[first]!)) first = left
      if (right < wakes.length && isBefore(wakes[right]!, wakes[first]!)) first = right
      if (first === at) return
      swap(at, first)
      at = first
    }
  }

  const swap = (a: number, b: number) => {
    const held = wakes[a]!
    wakes[a] = wakes[b]!
    wakes[b] = held
  }

  /** Long sleeps that were interrupted would otherwise stay until their time comes. */
  const compact = () => {
    wakes = wakes.filter((wake) => wake.task !== undefined)
    cancelled = 0
    for (let at = (wakes.length >> 1) - 1; at >= 0; at--) down(at)
  }

  return {
    push: (wake: Wake) => {
      wakes.push(wake)
      up(wakes.length - 1)
    },
    cancel: (wake: Wake) => {
      if (wake.task === undefined) return
      wake.task = undefined
      if (++cancelled > 64 && cancelled * 2 > wakes.length) compact()
    },
    size: () => wakes.length - cancelled,
    pop: (until: number): Wake | undefined => {
      while (wakes.length > 0) {
        const first = wakes[0]!
        if (first.task !== undefined && first.at > until) return undefined
        const last = wakes.pop()!
        if (wakes.length > 0) {
          wakes[0] = last
          down(0)
        }
        if (first.task !== undefined) return first
        cancelled--
      }
      return undefined
    }
  }
}

export const make = (epoch = epochMillis): SimClock => {
  const heap = makeHeap()
  let now = 0
  let slept = 0
  let order = 0

  const after = (millis: number, task: () => void): () => void => {
    if (!Number.isFinite(millis)) return () => {}
    // Timers know whole milliseconds. Fractions would add up to moments that are never quite reached.
    const wake: Wake = { at: now + Math.ceil(Math.max(0, millis)), order: order++, task }
    heap.push(wake)
    return () => heap.cancel(wake)
  }

  const unsafeCurrentTimeMillis = () => epoch + now + slept
  const unsafeCurrentTimeNanos = () => BigInt(epoch) * 1_000_000n + BigInt(Math.floor(now * 1_000_000))

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const cancel = after(Duration.toMillis(duration), () => resume(Effect.void))
        return Effect.sync(cancel)
      })
  }

  return {
    clock,
    now: () => now,
    sleepers: heap.size,
    advance: (until = Infinity) => {
      const wake = heap.pop(until)
      if (wake === undefined) return false
      // A wake that was due while the loop stood still is late.
      now = Math.max(now, wake.at)
      const task = wake.task!
      wake.task = undefined
      task()
      return true
    },
    after,
    stall: (millis) => {
      now += millis
    },
    jumpWall: (millis) => {
      slept += millis
    }
  }
}

interface Alterations {
  /** How far its wall time is ahead, as after a suspension of the machine. */
  readonly ahead?: () => number
  readonly sleep?: Clock.Clock["sleep"]
}

/** Another clock with the time of this one, except for the alterations. */
export const altered = (clock: Clock.Clock, { ahead = () => 0, sleep }: Alterations = {}): Clock.Clock => {
  const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() + ahead()
  const unsafeCurrentTimeNanos = () => clock.unsafeCurrentTimeNanos()
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: sleep ?? ((duration) => clock.sleep(duration))
  }
}
