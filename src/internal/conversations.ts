/**
 * Hot path. The order of what comes within each conversation, while conversations run side by side up to a bound. A
 * conversation exists only while something of it waits or runs, and what waits is an entry in a list: a fiber for each of a
 * thousand waiting conversations costs more than all their handlers.
 */
import { Fifo } from "./fifo.js"
import * as Fnv from "./fnv.js"
import { Keyed, type Member } from "./keyed.js"
import type { Overlap } from "./runOptions.js"
import * as Specimens from "./specimens.js"

/** @internal */
export type NonEmpty<A> = readonly [A, ...ReadonlyArray<A>]

interface Options {
  readonly overlap: Overlap
  readonly debounceMillis: number
  readonly concurrency: number
  readonly maxWaiting: number
}

/**
 * Whoever handles what has its turn.
 *
 * @internal
 */
export interface Host<A> {
  /** Monotonic milliseconds. */
  now(): number
  /**
   * Starts a handler and calls back once it has ended, perhaps before it returns. Gives the handler; `undefined` when none is
   * started any more, and then never calls back. More than one item under `"debounce"` only.
   */
  start(items: NonEmpty<A>, onEnd: () => void): Started | undefined
  /** Calls back after a while, with `false` when the bot closes before. */
  after(millis: number, onEnd: (hasPassed: boolean) => void): void
  /** What had its place and will not be handled. */
  discard(item: A, why: Why): void
  onWaiting(change: number): void
}

/** A handler, which may be told to end. */
interface Started {
  interrupt(): void
}

/**
 * A newer one took its place, or the bot closes.
 *
 * @internal
 */
export type Why = "superseded" | "closing"

/** What waits until one more handler may run. */
interface Turn<A> {
  /** What is to be handled now; nothing when a newer one took the place. */
  readonly take: () => ReadonlyArray<A>
  readonly onStarted?: ((started: Started) => void) | undefined
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

/** Thousands may wait, most of them with one message. */
class Queue<A> implements Turn<A>, Member {
  private readonly policy: OneAfterTheOther<A>
  readonly key: string
  readonly hash: number
  private first: A | undefined
  private others: Array<A> | undefined = undefined
  /** When the first of them came. */
  openedAt: number

  constructor(policy: OneAfterTheOther<A>, key: string, hash: number, item: A) {
    this.policy = policy
    this.key = key
    this.hash = hash
    this.first = item
    this.openedAt = policy.now()
  }

  push(item: A): void {
    if (this.first !== undefined) {
      this.others ??= []
      this.others.push(item)
      return
    }
    this.openedAt = this.policy.now()
    this.first = item
  }

  take(): ReadonlyArray<A> {
    return this.policy.take(this)
  }

  takeAll(): ReadonlyArray<A> {
    const { first, others } = this
    this.first = this.others = undefined
    return first === undefined ? [] : others === undefined ? [first] : [first, ...others]
  }

  takeOne(): ReadonlyArray<A> {
    const { first, others } = this
    this.first = others?.shift()
    return first === undefined ? [] : [first]
  }

  onEnd(): void {
    if (this.first !== undefined) this.policy.serve(this)
    else this.policy.queues.delete(this)
  }

  onClosing(): void {
    this.policy.queues.delete(this)
    this.policy.line.discard(this.takeAll(), "closing")
  }
}

/** Each after the one before; a permit is for one turn, so that a busy conversation keeps no other waiting. */
class OneAfterTheOther<A> implements Policy<A> {
  readonly queues = new Keyed<Queue<A>>()
  readonly line: Line<A>

  constructor(line: Line<A>) {
    this.line = line
  }

  place(key: string, item: A): void {
    const hash = Fnv.hash(key)
    const known = this.queues.get(key, hash)
    if (known !== undefined) return known.push(item)
    const queue = new Queue(this, key, hash, item)
    this.queues.add(queue)
    this.serve(queue)
  }

  size(): number {
    return this.queues.size
  }

  now(): number {
    return 0
  }

  take(queue: Queue<A>): ReadonlyArray<A> {
    return queue.takeOne()
  }

  serve(queue: Queue<A>): void {
    this.line.enter(queue)
  }
}

/** The same, with all that came within a while taken together. */
class Debounced<A> extends OneAfterTheOther<A> {
  private readonly host: Host<A>
  private readonly millis: number

  constructor(line: Line<A>, host: Host<A>, millis: number) {
    super(line)
    this.host = host
    this.millis = millis
  }

  override now(): number {
    return this.host.now()
  }

  override take(queue: Queue<A>): ReadonlyArray<A> {
    return queue.takeAll()
  }

  override serve(queue: Queue<A>): void {
    this.host.after(
      Math.max(0, queue.openedAt + this.millis - this.host.now()),
      (hasPassed) => hasPassed ? this.line.enter(queue) : queue.onClosing()
    )
  }
}

interface Latest<A> {
  /** Absent once it is being handled. */
  item: A | undefined
  handler: Started | undefined
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
      const mine: Latest<A> = { item, handler: undefined }
      newest.set(key, mine)
      before?.handler?.interrupt()
      line.enter({
        take: () => begin(mine),
        onStarted: (handler) => {
          mine.handler = handler
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

const policyOf = <A>({ debounceMillis, overlap }: Options, host: Host<A>, line: Line<A>): Policy<A> => {
  switch (overlap) {
    case "queue":
      return new OneAfterTheOther(line)
    case "debounce":
      return new Debounced(line, host, debounceMillis)
    case "latest":
      return latest(line)
    case "concurrent":
      return concurrent(line)
  }
}

const nobody: Host<object> = {
  now: () => 0,
  start: () => undefined,
  after: () => {},
  discard: () => {},
  onWaiting: () => {}
}

const specimen = (): Conversations<object> => {
  const all = new Conversations({ overlap: "queue", debounceMillis: 0, concurrency: 0, maxWaiting: 1 }, nobody)
  all.offer("", {})
  return all
}

/** @internal */
export class Conversations<A> implements Line<A> {
  private readonly host: Host<A>
  private readonly concurrency: number
  private readonly maxWaiting: number
  private readonly policy: Policy<A>
  private readonly turns = new Fifo<Turn<A>>()
  private running = 0
  private waiters = 0
  private isStarting = false

  constructor(options: Options, host: Host<A>) {
    this.host = host
    this.concurrency = options.concurrency
    this.maxWaiting = options.maxWaiting
    this.policy = policyOf(options, host, this)
    Specimens.keep(Conversations, specimen)
  }

  /** `false`: too many wait already. */
  offer(key: string, item: A): boolean {
    if (this.waiters >= this.maxWaiting) return false
    this.wait(1)
    this.policy.place(key, item)
    return true
  }

  /** How many have a place and are not being handled yet. */
  waiting(): number {
    return this.waiters
  }

  /** How many conversations something is known of. */
  size(): number {
    return this.policy.size()
  }

  enter(turn: Turn<A>): void {
    this.turns.push(turn)
    this.startAll()
  }

  discard(items: ReadonlyArray<A>, why: Why): void {
    this.wait(-items.length)
    for (const item of items) this.host.discard(item, why)
  }

  private wait(change: number): void {
    this.waiters += change
    this.host.onWaiting(change)
  }

  /** A loop, because a handler may end before its start returns, and a recursion would grow the stack. */
  private startAll(): void {
    if (this.isStarting) return
    this.isStarting = true
    while (this.running < this.concurrency && this.turns.size() > 0) this.begin(this.turns.shift()!)
    this.isStarting = false
  }

  private begin(turn: Turn<A>): void {
    const items = turn.take()
    if (items.length === 0) return
    this.wait(-items.length)
    this.running++
    const started = this.host.start(items as unknown as NonEmpty<A>, () => this.onEnd(turn))
    if (started !== undefined) return turn.onStarted?.(started)
    for (const item of items) this.host.discard(item, "closing")
    this.onEnd(turn)
  }

  private onEnd(turn: Turn<A>): void {
    this.running--
    turn.onEnd()
    this.startAll()
  }
}
