/**
 * The order of messages within each conversation, while conversations run side by side up to a bound, as a function over plain
 * data: what an event means, and what has to be done about it. `scheduler.ts` carries it out.
 *
 * A conversation exists only while one of its messages waits or is handled. A waiting message is an entry in a list: a fiber
 * for each of a thousand waiting conversations costs more than all their handlers.
 */
import { Fifo } from "../collections/fifo.js"
import { KeyTable } from "../collections/keyTable.js"
import type { Overlap } from "./options.js"

/** @internal */
export type NonEmpty<A> = readonly [A, ...ReadonlyArray<A>]

/** @internal */
export interface Options {
  readonly overlap: Overlap
  readonly debounceMillis: number
  readonly concurrency: number
  readonly maxWaiting: number
}

/** @internal */
export interface Conversation<A> {
  readonly key: string
  /** The items that wait, oldest first. */
  items: Array<A>
  /** When the oldest of them was offered. */
  openedAt: number
}

/**
 * Changed in place: a copy of its tables for each message would cost more than the message.
 *
 * @internal
 */
export interface State<A> {
  readonly options: Options
  /** By key. Under `"latest"` the newest of each key, under `"concurrent"` none. */
  readonly conversations: KeyTable<Conversation<A>>
  /** Conversations that wait until one more handler may run. */
  readonly turns: Fifo<Conversation<A>>
  running: number
  waiting: number
}

/** @internal */
export type Event<A> =
  | { readonly _tag: "Offered"; readonly key: string; readonly item: A; readonly at: number }
  /** The handler of a `Start` ended. */
  | { readonly _tag: "Ended"; readonly conversation: Conversation<A>; readonly at: number }
  /** The time of a `Delay` has passed. */
  | { readonly _tag: "DelayPassed"; readonly conversation: Conversation<A> }
  /** The bot closes before the time of a `Delay` has passed. */
  | { readonly _tag: "DelayCut"; readonly conversation: Conversation<A> }

/** @internal */
export type Action<A> =
  /** Start a handler. More than one item under `"debounce"` only. */
  | { readonly _tag: "Start"; readonly conversation: Conversation<A>; readonly items: NonEmpty<A> }
  | { readonly _tag: "Interrupt"; readonly conversation: Conversation<A> }
  | { readonly _tag: "Delay"; readonly conversation: Conversation<A>; readonly millis: number }
  /** A newer item took the place of these. */
  | { readonly _tag: "Supersede"; readonly items: ReadonlyArray<A> }
  /** Too many items wait, or the bot closes. */
  | { readonly _tag: "Drop"; readonly items: ReadonlyArray<A> }

type Actions<A> = ReadonlyArray<Action<A>>

/** @internal */
export const make = <A>(options: Options): State<A> => ({
  options,
  conversations: new KeyTable(),
  turns: new Fifo(),
  running: 0,
  waiting: 0
})

const forget = <A>({ conversations }: State<A>, conversation: Conversation<A>): void => {
  if (conversations.get(conversation.key) === conversation) conversations.delete(conversation.key)
}

const takeAll = <A>(state: State<A>, conversation: Conversation<A>): ReadonlyArray<A> => {
  const { items } = conversation
  conversation.items = []
  state.waiting -= items.length
  return items
}

const takeNext = <A>(state: State<A>, conversation: Conversation<A>): ReadonlyArray<A> => {
  state.waiting--
  return [conversation.items.shift()!]
}

const startAll = <A>(state: State<A>): Actions<A> => {
  const actions: Array<Action<A>> = []
  const take = state.options.overlap === "debounce" ? takeAll : takeNext
  while (state.running < state.options.concurrency && state.turns.size() > 0) {
    const conversation = state.turns.shift()!
    state.running++
    actions.push({ _tag: "Start", conversation, items: take(state, conversation) as NonEmpty<A> })
  }
  return actions
}

const enter = <A>(state: State<A>, conversation: Conversation<A>): Actions<A> => {
  state.turns.push(conversation)
  return startAll(state)
}

const serve = <A>(state: State<A>, conversation: Conversation<A>, at: number): Actions<A> => {
  const { debounceMillis, overlap } = state.options
  if (overlap !== "debounce") return enter(state, conversation)
  return [{ _tag: "Delay", conversation, millis: Math.max(0, conversation.openedAt + debounceMillis - at) }]
}

const offered = <A>(state: State<A>, key: string, item: A, at: number): Actions<A> => {
  const { conversations, options: { concurrency, maxWaiting, overlap } } = state
  const known = conversations.get(key)
  if (known !== undefined && overlap === "latest" && known.items.length > 0) {
    // The place in the line stays, or the line would grow with every message.
    const items = takeAll(state, known)
    state.waiting++
    known.items = [item]
    return [{ _tag: "Supersede", items }]
  }
  const startsAtOnce = overlap !== "debounce" && (known === undefined || overlap === "latest") &&
    state.running < concurrency
  if (!startsAtOnce && state.waiting >= maxWaiting) return [{ _tag: "Drop", items: [item] }]
  state.waiting++
  if (known !== undefined && overlap !== "latest") {
    if (known.items.length === 0) known.openedAt = at
    known.items.push(item)
    return []
  }
  const conversation: Conversation<A> = { key, items: [item], openedAt: at }
  if (overlap !== "concurrent") conversations.set(key, conversation)
  const served = serve(state, conversation, at)
  return known === undefined ? served : [{ _tag: "Interrupt", conversation: known }, ...served]
}

/** A turn is for one `Start`, so that a busy conversation keeps no other waiting. */
const ended = <A>(state: State<A>, conversation: Conversation<A>, at: number): Actions<A> => {
  state.running--
  if (conversation.items.length > 0) return [...serve(state, conversation, at), ...startAll(state)]
  forget(state, conversation)
  return startAll(state)
}

const cut = <A>(state: State<A>, conversation: Conversation<A>): Actions<A> => {
  forget(state, conversation)
  return [{ _tag: "Drop", items: takeAll(state, conversation) }]
}

/**
 * Changes the state, and returns the actions in order. An action never depends on the outcome of another.
 *
 * @internal
 */
export const overlap = <A>(state: State<A>, event: Event<A>): Actions<A> => {
  switch (event._tag) {
    case "Offered":
      return offered(state, event.key, event.item, event.at)
    case "Ended":
      return ended(state, event.conversation, event.at)
    case "DelayPassed":
      return enter(state, event.conversation)
    case "DelayCut":
      return cut(state, event.conversation)
  }
}
