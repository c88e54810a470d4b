/**
 * The order of messages within each conversation, while conversations run side by side up to a bound. A conversation exists
 * only while one of its messages waits or is handled. A waiting message is an entry in a list: a fiber for each of a thousand
 * waiting conversations costs more than all their handlers.
 */
import { Fifo } from "../collections/fifo.js"
import { KeyTable } from "../collections/keyTable.js"
import type { Overlap } from "./options.js"

/** @internal */
export type NonEmpty<A> = readonly [A, ...ReadonlyArray<A>]

interface Options {
  readonly overlap: Overlap
  readonly debounceMillis: number
  readonly concurrency: number
  readonly maxWaiting: number
}

/**
 * What the order is carried out by.
 *
 * @internal
 */
export interface Host<A> {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Starts a handler and calls back once it has ended. More than one item under `"debounce"` only. */
  readonly start: (items: NonEmpty<A>, onEnd: () => void) => Started
  /** Calls back after a while, with `false` when the bot closes before. */
  readonly after: (millis: number, onEnd: (hasPassed: boolean) => void) => void
  /** An item that waited and will not be handled. */
  readonly discard: (item: A, why: Why) => void
  readonly onWaiting: (change: number) => void
}

/**
 * A handler that runs, and can be interrupted.
 *
 * @internal
 */
export interface Started {
  readonly interrupt: () => void
}

/**
 * A newer item took its place, or the bot closes.
 *
 * @internal
 */
export type Why = "superseded" | "closing"

/** @internal */
export interface Conversations<A> {
  /** `false`: too many items wait already. */
  readonly offer: (key: string, item: A) => boolean
  /** How many items wait. */
  readonly waiting: () => number
  /** How many conversations exist. */
  readonly size: () => number
}

interface Conversation<A> {
  readonly key: string
  /** The items that wait, oldest first. */
  items: Array<A>
  /** When the oldest of them came, as far as a window depends on it. */
  openedAt: number
  handler: Started | undefined
}

/** @internal */
export const make = <A>(
  { concurrency, debounceMillis, maxWaiting, overlap }: Options,
  host: Host<A>
): Conversations<A> => {
  const conversations = new KeyTable<Conversation<A>>()
  /** Conversations whose turn comes when one more handler may run. */
  const turns = new Fifo<Conversation<A>>()
  let running = 0
  let waiting = 0
  let isStarting = false

  const wait = (change: number) => {
    waiting += change
    host.onWaiting(change)
  }

  const discard = (items: ReadonlyArray<A>, why: Why) => {
    wait(-items.length)
    for (const item of items) host.discard(item, why)
  }

  const forget = (conversation: Conversation<A>) => {
    // Under "latest" a newer one may have its key.
    if (conversations.get(conversation.key) === conversation) conversations.delete(conversation.key)
  }

  const openedAt = () => overlap === "debounce" ? host.now() : 0

  const mayStart = () => running < concurrency && turns.size() > 0

  /** A loop, because a handler may end before its start returns, and a recursion would grow the stack. */
  const startAll = () => {
    if (isStarting) return
    isStarting = true
    while (mayStart()) begin(turns.shift()!)
    isStarting = false
  }

  const begin = (conversation: Conversation<A>) => {
    const items = overlap === "debounce" ? conversation.items.splice(0) : conversation.items.splice(0, 1)
    wait(-items.length)
    running++
    conversation.handler = host.start(items as unknown as NonEmpty<A>, () => {
      running--
      if (conversation.items.length > 0) serve(conversation)
      else forget(conversation)
      startAll()
    })
  }

  const enter = (conversation: Conversation<A>) => {
    turns.push(conversation)
    startAll()
  }

  /** A permit is for one turn, so that a busy conversation keeps no other waiting. */
  const serve = (conversation: Conversation<A>) => {
    if (overlap !== "debounce") return enter(conversation)
    host.after(Math.max(0, conversation.openedAt + debounceMillis - host.now()), (hasPassed) => {
      if (hasPassed) return enter(conversation)
      forget(conversation)
      discard(conversation.items.splice(0), "closing")
    })
  }

  const open = (key: string, item: A): Conversation<A> => ({
    key,
    items: [item],
    openedAt: openedAt(),
    handler: undefined
  })

  const place = (key: string, item: A): void => {
    if (overlap === "concurrent") return serve(open(key, item))
    const known = conversations.get(key)
    if (known !== undefined && overlap !== "latest") {
      if (known.items.length === 0) known.openedAt = openedAt()
      known.items.push(item)
      return
    }
    if (known !== undefined && known.items.length > 0) {
      // It takes the place of the older one in the line, which would grow with every message otherwise.
      discard(known.items, "superseded")
      known.items = [item]
      return
    }
    const conversation = open(key, item)
    conversations.set(key, conversation)
    known?.handler?.interrupt()
    serve(conversation)
  }

  return {
    offer: (key, item) => {
      if (waiting >= maxWaiting) return false
      wait(1)
      place(key, item)
      return true
    },
    waiting: () => waiting,
    size: () => conversations.size
  }
}
