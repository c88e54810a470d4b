/**
 * Runs whole programs on simulated time: an hour passes in milliseconds, and one seed gives one history.
 *
 * The Scheduler of every fiber, Clock and Random are replaced. When no fiber is runnable and no microtask is left, which is
 * how the gateway in memory delivers, the clock jumps to the next wake. TestClock does the same by hand and costs
 * milliseconds of real time per wake; this costs microseconds.
 */
import { Effect, Exit, Logger, Random, Scheduler } from "effect"
import * as SimClock from "./clock.js"

export interface Options {
  /** Gives up when simulated time gets here: the program waits for something that never comes. Default 30 days. */
  readonly maxMillis?: number | undefined
  /** The clock, for those who want to play with it. */
  readonly time?: SimClock.SimClock | undefined
  /** Fibers that are ready at the same time run in an order of chance, by this; else in the order they became ready. */
  readonly shuffle?: (() => number) | undefined
}

/** The program sleeps for ever: no fiber is runnable, and no wake is due. */
export class Deadlock extends Error {
  constructor(now: number) {
    super(`nothing is runnable and nobody sleeps, ${now / 1000} s into the simulation`)
  }
}

export class TooLate extends Error {
  constructor(now: number) {
    super(`still running ${now / 1000} s into the simulation`)
  }
}

interface Queue {
  readonly scheduler: Scheduler.Scheduler
  /** Runs what is ready, and what becomes ready by it. */
  readonly drain: () => void
  readonly isEmpty: () => boolean
}

interface Ready {
  readonly task: () => void
  readonly fiber: unknown
}

/** Those of one fiber stay in order: Effect starts and interrupts a fiber by two tasks, and relies on it. */
const shuffled = (ready: ReadonlyArray<Ready>, random: () => number): ReadonlyArray<Ready> => {
  if (ready.length < 2) return ready
  const order = [...ready]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const held = order[last]!
    order[last] = order[other]!
    order[other] = held
  }
  const ofFiber = new Map<unknown, Array<Ready>>()
  for (const one of ready) ofFiber.set(one.fiber, [...ofFiber.get(one.fiber) ?? [], one])
  return order.map(({ fiber }) => ofFiber.get(fiber)!.shift()!)
}

const makeQueue = (shuffle: (() => number) | undefined): Queue => {
  const tasks = new Scheduler.PriorityBuckets<Ready>()
  return {
    // Like Effect's own, but in one queue for all fibers: the order of events is ours alone.
    scheduler: {
      shouldYield: Scheduler.defaultScheduler.shouldYield,
      scheduleTask: (task, priority, fiber) => tasks.scheduleTask({ task, fiber }, priority)
    },
    drain: () => {
      while (tasks.buckets.length > 0) {
        const buckets = tasks.buckets
        tasks.buckets = []
        for (const [, ready] of buckets) {
          for (const { task } of shuffle === undefined ? ready : shuffled(ready, shuffle)) task()
        }
      }
    },
    isEmpty: () => tasks.buckets.length === 0
  }
}

/** Resumes when the microtask queue is empty: ticks wait until microtasks, and those they beget, are through. */
const afterMicrotasks = (resume: () => void): void => queueMicrotask(() => process.nextTick(resume))

/** So often the real event loop gets a turn, or a test runner could not even time out. */
const turnsPerBreath = 200

/**
 * The exit of the program; dies as `Deadlock` when it waits for ever. What still runs when it ends is left behind.
 */
export const run = <A, E>(
  seed: number | string,
  program: Effect.Effect<A, E>,
  options: Options = {}
): Promise<Exit.Exit<A, E>> =>
  new Promise((resolve) => {
    const time = options.time ?? SimClock.make()
    const queue = makeQueue(options.shuffle)
    const maxMillis = options.maxMillis ?? 30 * 24 * 60 * 60 * 1000
    let isDone = false
    const finish = (exit: Exit.Exit<A, E>) => {
      isDone = true
      resolve(exit)
    }

    const fiber = Effect.runFork(
      program.pipe(
        Effect.withClock(time.clock),
        Effect.withRandom(Random.make(seed)),
        Effect.provide(Logger.remove(Logger.defaultLogger))
      ),
      { scheduler: queue.scheduler }
    )
    fiber.addObserver(finish)

    let turns = 0
    const turn = () => {
      queue.drain()
      if (isDone) return
      if (++turns % turnsPerBreath === 0) setImmediate(step)
      else afterMicrotasks(step)
    }
    const step = () => {
      if (isDone) return
      if (queue.isEmpty()) {
        if (time.now() > maxMillis) return finish(Exit.die(new TooLate(time.now())))
        if (!time.advance()) return finish(Exit.die(new Deadlock(time.now())))
      }
      turn()
    }
    turn()
  })

/** Fails the promise when the program fails. */
export const runPromise = <A, E>(
  seed: number | string,
  program: Effect.Effect<A, E>,
  options?: Options
): Promise<A> =>
  run(seed, program, options).then((exit) => {
    if (Exit.isSuccess(exit)) return exit.value
    return Effect.runPromise(Effect.failCause(exit.cause))
  })
