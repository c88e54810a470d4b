/**
 * Hot path. The order of what comes within each conversation, while conversations run side by side up to a bound. A
 * conversation exists only while something of it waits or runs, and what waits is an entry in a list: a fiber for each of a
 * thousand waiting conversations costs more than all their handlers.
 */
import * as Fifo from "./fifo.js"
import type { Overlap } from "./runOptions.js"

/** @internal */
export type NonEmpty<A> = readonly [A, ...ReadonlyArray<A>]

/** @internal */
export interface Conversations<A> {
  /** `false`: too many wait already. */
  readonly offer: (key: string, item: A) => boolean
  /** How many have a place and are not being handled yet. */
  readonly waiting: () => number
  /** How many conversations something is known of. */
  readonly size: () => number
}

interface Options<A> {
  readonly overlap: Overlap
  readonly debounceMillis: number
  readonly concurrency: number
  readonly maxWaiting: number
  /** Monotonic milliseconds. */
  readonly now: () => number
  /**
   * Starts a handler and calls back once it has ended, perhaps before it returns. Gives what interrupts the handler;
   * `undefined` when none is started any more, and then never calls back. More than one item under `"debounce"` only.
   */
  readonly start: (items: NonEmpty<A>, onEnd: () => void) => (() => void) | undefined
  /** Calls back after a while, with `false` when the bot closes before. */
  readonly after: (millis: number, onEnd: (hasPassed: boolean) => void) => void
  /** What had its place and will not be handled: a newer one took it, or the bot closes. */
  readonly discard: (item: A, why: Why) => void
  readonly onWaiting: (change: number) => void
}

type Why = "superseded" | "closing"

/** What waits until one more handler may run. */
interface Turn<A> {
  /** What is to be handled now; nothing when a newer one took the place. */
  readonly take: () => ReadonlyArray<A>
  readonly onStarted?: (interrupt: () => void) => void
  readonly onEnd: () => void
}

interface Line<A> {
  readonly enter: (turn: Turn<A>) => void
  /** These had a place and have none any more. */
  readonly discard: (items: ReadonlyArray<A>, why: Why) => void
}

interface Policy<A> {
  readonly place: (key: string, item: A) => void
  readonly size: () => number
}

interface Queue<A> extends Turn<A> {
  readonly items: Array<A>
  /** When the first of them came. */
  openedAt: number
}

/** Each after the one before; a permit is for one turn, so that a busy conversation keeps no other waiting. */
const oneAfterTheOther = <A>(
  line: Line<A>,
  now: () => number,
  take: (items: Array<A>) => ReadonlyArray<A>,
  serve: (queue: Queue<A>, onClosing: () => void) => void
): Policy<A> => {
  const queues = new Map<string, Queue<A>>()
  const open = (key: string, item: A) => {
    const items = [item]
    const onClosing = () => {
      queues.delete(key)
      line.discard(items.splice(0), "closing")
    }
    const queue: Queue<A> = {
      items,
      openedAt: now(),
      take: () => take(items),
      onEnd: () => {
        if (items.length > 0) serve(queue, onClosing)
        else queues.delete(key)
      }
    }
    queues.set(key, queue)
    serve(queue, onClosing)
  }
  return {
    place: (key, item) => {
      const queue = queues.get(key)
      if (queue === undefined) return open(key, item)
      if (queue.items.length === 0) queue.openedAt = now()
      queue.items.push(item)
    },
    size: () => queues.size
  }
}

interface Latest<A> {
  /** Absent once it is being handled. */
  item: A | undefined
  interrupt: (() => void) | undefined
}

const latest = <A>(line: Line<A>): Policy<A> => {
  const newest = new Map<string, Latest<A>>()
  const begin = (one: Latest<A>): ReadonlyArray<A> => {
    const items = one.item === undefined ? [] : [one.item]
    one.item = undefined
    return items
  }
  return {
    place: (key, item) => {
      const before = newest.get(key)
      const mine: Latest<A> = { item, interrupt: undefined }
      newest.set(key, mine)
      if (before !== undefined) {
        line.discard(begin(before), "superseded")
        before.interrupt?.()
      }
      line.enter({
        take: () => begin(mine),
        onStarted: (interrupt) => {
          mine.interrupt = interrupt
        },
        onEnd: () => {
          if (newest.get(key) === mine) newest.delete(key)
        }
      })
    },
    size: () => newest.size
  }
}

const concurrent = <A>(line: Line<A>): Policy<A> => ({
  place: (_, item) => line.enter({ take: () => [item], onEnd: () => {} }),
  size: () => 0
})

const policyOf = <A>(options: Options<A>, line: Line<A>): Policy<A> => {
  const { after, debounceMillis, now } = options
  switch (options.overlap) {
    case "queue":
      return oneAfterTheOther(line, () => 0, (items) => items.splice(0, 1), line.enter)
    case "debounce":
      return oneAfterTheOther(
        line,
        now,
        (items) => items.splice(0),
        (queue, onClosing) =>
          after(
            Math.max(0, queue.openedAt + debounceMillis - now()),
            (hasPassed) => hasPassed ? line.enter(queue) : onClosing()
          )
      )
    case "latest":
      return latest(line)
    case "concurrent":
      return concurrent(line)
  }
}

/** @internal */
export const make = <A>(options: Options<A>): Conversations<A> => {
  const turns = Fifo.make<Turn<A>>()
  let running = 0
  let waiting = 0
  let isStarting = false

  const wait = (change: number) => {
    waiting += change
    options.onWaiting(change)
  }

  const begin = (turn: Turn<A>) => {
    const items = turn.take()
    if (items.length === 0) return
    wait(-items.length)
    running++
    const onEnd = () => {
      running--
      turn.onEnd()
      startAll()
    }
    const interrupt = options.start(items as unknown as NonEmpty<A>, onEnd)
    if (interrupt !== undefined) return turn.onStarted?.(interrupt)
    for (const item of items) options.discard(item, "closing")
    onEnd()
  }

  /** A loop, because a handler may end before its start returns, and a recursion would grow the stack. */
  const startAll = () => {
    if (isStarting) return
    isStarting = true
    while (running < options.concurrency && turns.size() > 0) begin(turns.shift()!)
    isStarting = false
  }

  const policy = policyOf(options, {
    enter: (turn) => {
      turns.push(turn)
      startAll()
    },
    discard: (items, why) => {
      wait(-items.length)
      for (const item of items) options.discard(item, why)
    }
  })

  return {
    offer: (key, item) => {
      if (waiting >= options.maxWaiting) return false
      wait(1)
      policy.place(key, item)
      return true
    },
    waiting: () => waiting,
    size: () => policy.size()
  }
}
