/**
 * Runs whole programs on simulated time: an hour passes in milliseconds, and one seed gives one history.
 *
 * The Scheduler of every fiber, Clock and Random are replaced. When no fiber is runnable and no microtask is left, which is
 * how the gateway in memory delivers, the clock jumps to the next wake. TestClock does the same by hand and costs
 * milliseconds of real time per wake; this costs microseconds.
 */
import { Effect, Exit, Fiber, Logger, Option, Random, Scheduler } from "effect"
import * as Clocks from "./clock.js"

export interface Options {
  /** Gives up when simulated time gets here: the program waits for something that never comes. Default 30 days. */
  readonly maxMillis?: number | undefined
  /** The clock, for those who want to play with it. */
  readonly time?: Clocks.ManualClock | undefined
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
  /** Who starts the fiber, when this is its first task. */
  readonly parent: unknown
}

/** Fibers that must keep their order among each other lead to the same one. */
const leaders = (ready: ReadonlyArray<Ready>): (fiber: unknown) => unknown => {
  const leads = new Map<unknown, unknown>()
  const leader = (fiber: unknown): unknown => {
    const next = leads.get(fiber)
    return next === undefined ? fiber : leader(next)
  }
  for (const { fiber, parent } of ready) {
    if (parent !== undefined && leader(fiber) !== leader(parent)) leads.set(leader(fiber), leader(parent))
  }
  return leader
}

/**
 * Those of one fiber stay in order: Effect starts and interrupts a fiber by two tasks, and relies on it. So do the start of a fiber
 * and what its parent does next: one that is interrupted while it forks its children, as no order of Effect's own scheduler lets
 * it be, waits for them for ever.
 */
const shuffled = (ready: ReadonlyArray<Ready>, random: () => number): ReadonlyArray<Ready> => {
  if (ready.length < 2) return ready
  const order = [...ready]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const held = order[last]!
    order[last] = order[other]!
    order[other] = held
  }
  const leader = leaders(ready)
  const inOrder = new Map<unknown, Array<Ready>>()
  for (const one of ready) {
    const key = leader(one.fiber)
    const known = inOrder.get(key)
    if (known === undefined) inOrder.set(key, [one])
    else known.push(one)
  }
  return order.map(({ fiber }) => inOrder.get(leader(fiber))!.shift()!)
}

const makeQueue = (shuffle: (() => number) | undefined): Queue => {
  const tasks = new Scheduler.PriorityBuckets<Ready>()
  const started = new WeakSet<object>()
  const parentOf = (fiber: object | undefined): unknown => {
    if (shuffle === undefined || fiber === undefined || started.has(fiber)) return undefined
    started.add(fiber)
    return Option.getOrUndefined(Fiber.getCurrentFiber())
  }
  return {
    // Like Effect's own, but in one queue for all fibers: the order of events is ours alone.
    scheduler: {
      shouldYield: Scheduler.defaultScheduler.shouldYield,
      scheduleTask: (task, priority, fiber) => tasks.scheduleTask({ task, fiber, parent: parentOf(fiber) }, priority)
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
    const time = options.time ?? Clocks.make()
    const queue = makeQueue(options.shuffle)
    const maxMillis = options.maxMillis ?? 30 * 24 * 60 * 60 * 1000
    let isDone = false
    const finish = (exit: Exit.Exit<A, E>) => {
      isDone = true
      resolve(exit)
    }

    const fiber = Effect.runFork(
      program.pipe(
        Effect.withClock(time),
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
        if (!time.jump()) return finish(Exit.die(new Deadlock(time.now())))
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
