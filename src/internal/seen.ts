/**
 * Hot path. The msgids that were seen, for as long as they are remembered.
 */
import { Fifo } from "./fifo.js"
import * as Fnv from "./fnv.js"
import { HashIndex } from "./hashIndex.js"

/** Rows are numbered round and round, in numbers that are no objects. */
const wrap = 0x3fffffff

/** @internal */
export class Seen extends HashIndex<string> {
  private readonly capacity: number
  private readonly timeToLive: number
  // All live equally long, so the oldest is the next to go.
  private readonly msgids = new Fifo<string>()
  private readonly hashes = new Fifo<number>()
  private readonly times = new Fifo<number>()
  /** The row of the oldest. */
  private first = 0

  constructor(capacity: number, timeToLive: number) {
    super()
    this.capacity = capacity
    this.timeToLive = timeToLive
  }

  protected hashAt(row: number): number {
    return this.hashes.at((row - this.first) & wrap)!
  }

  protected isAt(row: number, msgid: string): boolean {
    return this.msgids.at((row - this.first) & wrap) === msgid
  }

  /** `now` in whole milliseconds since the memory began: small ones lie in an array themselves, others are objects. */
  isNew(msgid: string, now: number): boolean {
    while (this.msgids.size() > 0 && now - this.times.peek()! > this.timeToLive) this.forgetOldest()
    const hash = Fnv.hash(msgid)
    if (this.find(hash, msgid) !== -1) return false
    const row = (this.first + this.msgids.size()) & wrap
    this.msgids.push(msgid)
    this.hashes.push(hash)
    this.times.push(now)
    this.enter(row)
    if (this.msgids.size() > this.capacity) this.forgetOldest()
    return true
  }

  private forgetOldest(): void {
    this.leave(this.first)
    this.msgids.shift()
    this.hashes.shift()
    this.times.shift()
    this.first = (this.first + 1) & wrap
  }
}
