/**
 * The order of what comes within each conversation, while conversations run side by side up to a bound. A conversation exists
 * only while something of it waits or runs.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Permits from "./permits.js"
import type { Overlap } from "./runOptions.js"

type Fork = <R>(handler: Effect.Effect<void, never, R>) => Effect.Effect<Fiber.RuntimeFiber<void>, never, R>

/** @internal */
export type NonEmpty<A> = readonly [A, ...ReadonlyArray<A>]

/** @internal */
export interface Conversations<A, R> {
  /** `false`: too many wait already. Returns as soon as the item has its place. */
  readonly offer: (key: string, item: A) => Effect.Effect<boolean, never, R>
  /** How many have a place and are not being handled yet. */
  readonly waiting: () => number
  /** How many conversations something is known of. */
  readonly size: () => number
}

interface Queue<A> {
  items: Array<A>
  /** When the first of them came, in monotonic milliseconds. */
  openedAt: number
}

/** Under `"latest"`: the newest of its conversation. */
interface Running {
  fiber: Fiber.RuntimeFiber<void> | undefined
  isSuperseded: boolean
}

/** @internal */
export const make = <A, R>(options: {
  readonly overlap: Overlap
  readonly debounceWindow: Duration.Duration
  readonly concurrency: number
  readonly maxWaiting: number
  readonly clock: Clock.Clock
  readonly fork: Fork
  /** More than one item under `"debounce"` only. */
  readonly handle: (items: NonEmpty<A>) => Effect.Effect<void, never, R>
  /** What had its place and will not be handled: a newer one took it, or the bot closes. */
  readonly discard: (item: A, why: "superseded" | "closing") => void
  readonly onWaiting: (change: number) => void
}): Conversations<A, R> => {
  const permitted = Permits.make(options.concurrency)
  const windowMillis = Duration.toMillis(options.debounceWindow)
  const queues = new Map<string, Queue<A>>()
  const running = new Map<string, Running>()
  let waiting = 0

  const monotonic = () => Number(options.clock.unsafeCurrentTimeNanos() / 1_000_000n)

  const wait = (change: number) => {
    waiting += change
    options.onWaiting(change)
  }

  // A permit for one handler, not for a whole queue: a busy conversation must not keep others waiting.
  const bounded = (take: () => NonEmpty<A>) =>
    permitted(Effect.suspend(() => {
      const items = take()
      wait(-items.length)
      return options.handle(items)
    }))

  // The end of a fiber is watched from outside: one that is interrupted before its first step runs no finalizer of its own.
  const forkWatched = (work: Effect.Effect<void, never, R>, onEnd: () => void) =>
    Effect.map(options.fork(work), (fiber) => {
      fiber.addObserver(onEnd)
      return fiber
    })

  const alone = (item: A, why: () => "superseded" | "closing") => {
    let hasBegun = false
    return forkWatched(
      bounded(() => {
        hasBegun = true
        return [item]
      }),
      () => {
        if (hasBegun) return
        wait(-1)
        options.discard(item, why())
      }
    )
  }

  /** Leaves in the same step in which it finds nothing, so that nothing joins a queue that nobody serves. */
  const serve = (key: string, queue: Queue<A>, turn: () => Effect.Effect<void, never, R>) =>
    forkWatched(
      Effect.whileLoop({
        while: () => {
          if (queue.items.length > 0) return true
          queues.delete(key)
          return false
        },
        body: turn,
        step: () => {}
      }),
      () => {
        if (queues.get(key) === queue) queues.delete(key)
        if (queue.items.length === 0) return
        wait(-queue.items.length)
        for (const item of queue.items.splice(0)) options.discard(item, "closing")
      }
    )

  const oneByOne = (queue: Queue<A>) => () => bounded(() => [queue.items.shift()!])

  const inBatches = (queue: Queue<A>) => () =>
    Effect.zipRight(
      options.clock.sleep(Duration.millis(Math.max(0, queue.openedAt + windowMillis - monotonic()))),
      bounded(() => queue.items.splice(0) as unknown as NonEmpty<A>)
    )

  const enqueue = (
    key: string,
    item: A,
    turn: (queue: Queue<A>) => () => Effect.Effect<void, never, R>
  ): Effect.Effect<unknown, never, R> => {
    const queue = queues.get(key)
    if (queue === undefined) {
      const fresh = { items: [item], openedAt: monotonic() }
      queues.set(key, fresh)
      return serve(key, fresh, turn(fresh))
    }
    if (queue.items.length === 0) queue.openedAt = monotonic()
    queue.items.push(item)
    return Effect.void
  }

  const supersede = (key: string, item: A): Effect.Effect<unknown, never, R> => {
    const before = running.get(key)
    const mine: Running = { fiber: undefined, isSuperseded: false }
    running.set(key, mine)
    if (before !== undefined) before.isSuperseded = true
    const interrupted = before?.fiber === undefined
      ? Effect.void
      : Effect.fiberIdWith((id) => Fiber.interruptAsFork(before.fiber!, id))
    return Effect.zipRight(
      interrupted,
      Effect.map(alone(item, () => mine.isSuperseded ? "superseded" : "closing"), (fiber) => {
        mine.fiber = fiber
        fiber.addObserver(() => {
          if (running.get(key) === mine) running.delete(key)
        })
      })
    )
  }

  const place = (key: string, item: A): Effect.Effect<unknown, never, R> => {
    switch (options.overlap) {
      case "queue":
        return enqueue(key, item, oneByOne)
      case "debounce":
        return enqueue(key, item, inBatches)
      case "latest":
        return supersede(key, item)
      case "concurrent":
        return alone(item, () => "closing")
    }
  }

  return {
    offer: (key, item) =>
      Effect.suspend(() => {
        if (waiting >= options.maxWaiting) return Effect.succeed(false)
        wait(1)
        return Effect.as(place(key, item), true)
      }),
    waiting: () => waiting,
    size: () => queues.size + running.size
  }
}
