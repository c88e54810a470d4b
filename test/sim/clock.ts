/**
 * A Clock whose time stands still until somebody moves it: a heap of wakes, by due time and then in the order they were asked
 * for.
 */
import { Clock, Duration, Effect } from "effect"

interface Wake {
  readonly at: number
  readonly order: number
  task: (() => void) | undefined
  readonly sleeper: Sleeper | undefined
}

/**
 * A fiber, and what would interrupt its present sleep: another one when it no longer sleeps this sleep. Asking costs nothing, while
 * a canceller for each sleep is what a simulation would do most of the time. `an interrupted sleep moves no time` holds it.
 */
interface Sleeper {
  readonly fiber: { readonly _asyncInterruptor?: unknown }
  readonly interruptor: unknown
}

const isGone = ({ sleeper, task }: Wake): boolean =>
  task === undefined || sleeper !== undefined && sleeper.fiber._asyncInterruptor !== sleeper.interruptor

/** `Effect.async`, but `register` is called once the fiber stands still, when what would interrupt it is known. */
const suspended = (register: (resume: (effect: Effect.Effect<void>) => void) => void): Effect.Effect<void> => {
  const primitive = (Effect.async<void>((_resume) => {}) as any).commit()
  primitive.effect_instruction_i0 = register
  return primitive
}

export interface SimClock {
  readonly clock: Clock.Clock
  /** Milliseconds since the beginning of the simulation. */
  readonly now: () => number
  /** Jumps to the earliest wake and runs it; `false` when nobody sleeps. */
  readonly advance: () => boolean
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
    pop: (): Wake | undefined => {
      while (wakes.length > 0) {
        const first = wakes[0]!
        const last = wakes.pop()!
        if (wakes.length > 0) {
          wakes[0] = last
          down(0)
        }
        if (!isGone(first)) return first
        if (first.task === undefined) cancelled--
      }
      return undefined
    }
  }
}

export const make = (): SimClock => {
  const heap = makeHeap()
  let now = 0
  let slept = 0
  let order = 0

  const after = (millis: number, task: () => void, sleeper?: Sleeper): () => void => {
    if (!Number.isFinite(millis)) return () => {}
    // Timers know whole milliseconds. Fractions would add up to moments that are never quite reached.
    const wake: Wake = { at: now + Math.ceil(Math.max(0, millis)), order: order++, task, sleeper }
    heap.push(wake)
    return () => heap.cancel(wake)
  }

  const unsafeCurrentTimeMillis = () => epochMillis + now + slept
  const unsafeCurrentTimeNanos = () => BigInt(epochMillis + now) * 1_000_000n

  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration) =>
      Effect.withFiberRuntime<void>((runtime) => {
        const fiber = runtime as Sleeper["fiber"]
        return suspended((resume) => {
          after(Duration.toMillis(duration), () => resume(Effect.void), { fiber, interruptor: fiber._asyncInterruptor })
        })
      })
  }

  return {
    clock,
    now: () => now,
    advance: () => {
      const wake = heap.pop()
      if (wake === undefined) return false
      // A wake that was due while the loop stood still is late.
      now = Math.max(now, wake.at)
      const task = wake.task!
      wake.task = undefined
      task()
      return true
    },
    after: (millis, task) => after(millis, task),
    stall: (millis) => {
      now += millis
    },
    jumpWall: (millis) => {
      slept += millis
    }
  }
}
