/** Time that stands still until it is told to go on, for what takes `Deadlines` as a value. */
import { Effect } from "effect"
import type * as Deadlines from "../../src/internal/deadlines.js"

interface Item extends Deadlines.Entry {
  readonly rank: number
  readonly turn: number
}

export interface Agenda extends Deadlines.Deadlines {
  /** Something that happens at that time; of what happens at one time, the lower rank goes first. */
  readonly at: (time: number, rank: number, act: () => void) => void
  readonly runToEnd: () => void
}

export const make = (deadlineRank: number): Agenda => {
  const items: Array<Item> = []
  let time = 0
  let turn = 0
  const add = (dueAt: number, rank: number, onDue: () => void): Item => {
    const item = { dueAt, onDue, cancelled: false, rank, turn: turn++ }
    items.push(item)
    return item
  }
  const isBefore = (a: Item, b: Item) =>
    a.dueAt !== b.dueAt ? a.dueAt < b.dueAt : a.rank !== b.rank ? a.rank < b.rank : a.turn < b.turn
  return {
    now: () => time,
    after: (ticks, onDue) => add(time + ticks, deadlineRank, onDue),
    run: Effect.never,
    at: (when, rank, act) => void add(when, rank, act),
    runToEnd: () => {
      while (items.length > 0) {
        let first = 0
        for (let i = 1; i < items.length; i++) if (isBefore(items[i]!, items[first]!)) first = i
        const [item] = items.splice(first, 1)
        if (item!.cancelled) continue
        time = Math.max(time, item!.dueAt)
        item!.onDue()
      }
    }
  }
}
