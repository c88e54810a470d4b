/**
 * Hot path. The order of what comes within each conversation, while conversations run side by side up to a bound. A
 * conversation exists only while something of it waits or runs, and what waits is an entry in a list: a fiber for each of a
 * thousand waiting conversations costs more than all their handlers.
 */
import * as Fifo from "./fifo.js"
import type { Overlap } from "./runOptions.js"
import * as Specimens from "./specimens.js"

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
  readonly onStarted?: ((interrupt: () => void) => void) | undefined
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

/** What all queues of one policy share. */
interface Counter<A> {
  readonly line: Line<A>
  readonly queues: Map<string, Queue<A>>
  readonly now: () => number
  readonly take: (queue: Queue<A>) => ReadonlyArray<A>
  readonly serve: (queue: Queue<A>) => void
}

/** Thousands may wait, most of them with one message. */
class Queue<A> implements Turn<A> {
  readonly counter: Counter<A>
  readonly key: string
  items: Array<A>
  /** When the first of them came. */
  openedAt: number

  constructor(counter: Counter<A>, key: string, item: A) {
    this.counter = counter
    this.key = key
    this.items = [item]
    this.openedAt = counter.now()
  }

  push(item: A) {
    if (this.items.length === 0) this.openedAt = this.counter.now()
    this.items.push(item)
  }

  take() {
    return this.counter.take(this)
  }

  takeAll() {
    const { items } = this
    this.items = []
    return items
  }

  takeOne() {
    return this.items.length === 1 ? this.takeAll() : this.items.splice(0, 1)
  }

  onEnd() {
    if (this.items.length > 0) this.counter.serve(this)
    else this.counter.queues.delete(this.key)
  }

  onClosing() {
    this.counter.queues.delete(this.key)
    this.counter.line.discard(this.takeAll(), "closing")
  }
}

const idleCounter: Counter<unknown> = {
  line: { enter: () => {}, discard: () => {} },
  queues: new Map(),
  now: () => 0.5,
  take: () => [],
  serve: () => {}
}
Specimens.keep(new Queue(idleCounter, "", {}))

/** Each after the one before; a permit is for one turn, so that a busy conversation keeps no other waiting. */
const oneAfterTheOther = <A>(counter: Counter<A>): Policy<A> => {
  const { queues, serve } = counter
  return {
    place: (key, item) => {
      const known = queues.get(key)
      if (known !== undefined) return known.push(item)
      const queue = new Queue(counter, key, item)
      queues.set(key, queue)
      serve(queue)
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
      if (before?.item !== undefined) {
        // It takes the other's place in the line, which would grow with every message otherwise.
        line.discard([before.item], "superseded")
        before.item = item
        return
      }
      const mine: Latest<A> = { item, interrupt: undefined }
      newest.set(key, mine)
      before?.interrupt?.()
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
      return oneAfterTheOther({
        line,
        queues: new Map(),
        now: () => 0,
        take: (queue) => queue.takeOne(),
        serve: line.enter
      })
    case "debounce":
      return oneAfterTheOther({
        line,
        queues: new Map(),
        now,
        take: (queue) => queue.takeAll(),
        serve: (queue) =>
          after(
            Math.max(0, queue.openedAt + debounceMillis - now()),
            (hasPassed) => hasPassed ? line.enter(queue) : queue.onClosing()
          )
      })
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
