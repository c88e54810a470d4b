/** Time that stands still until it is told to go on, for what takes `Deadlines` as a value. */
import type * as Deadlines from "../../src/internal/time/deadlines.js"

interface Entry extends Deadlines.Deadline {
  readonly onDue: () => void
  isCancelled: boolean
}

const entryAt = (dueAt: number, onDue: () => void): Entry => ({
  dueAt,
  onDue,
  isCancelled: false,
  cancel() {
    this.isCancelled = true
  }
})

interface Item {
  readonly entry: Entry
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
  const add = (entry: Entry, rank: number): Entry => {
    items.push({ entry, rank, turn: turn++ })
    return entry
  }
  const isBefore = (a: Item, b: Item) =>
    a.entry.dueAt !== b.entry.dueAt
      ? a.entry.dueAt < b.entry.dueAt
      : a.rank !== b.rank
      ? a.rank < b.rank
      : a.turn < b.turn
  const timeouts = (ticks: number): Deadlines.Timeouts => {
    const entries = new Map<Deadlines.Timeout, Deadlines.Deadline>()
    return {
      start: (timeout) => {
        timeout.dueAt = time + ticks
        entries.set(
          timeout,
          add(entryAt(timeout.dueAt, () => timeout.onDue()), deadlineRank)
        )
      },
      stop: (timeout) => {
        entries.get(timeout)!.cancel()
      }
    }
  }
  return {
    now: () => time,
    after: (ticks, onDue) => add(entryAt(time + ticks, onDue), deadlineRank),
    timeouts,
    pauses: timeouts,
    at: (when, rank, act) => void add(entryAt(when, act), rank),
    runToEnd: () => {
      while (items.length > 0) {
        let first = 0
        for (let i = 1; i < items.length; i++) if (isBefore(items[i]!, items[first]!)) first = i
        const { entry } = items.splice(first, 1)[0]!
        if (entry.isCancelled) continue
        time = Math.max(time, entry.dueAt)
        entry.onDue()
      }
    }
  }
}
