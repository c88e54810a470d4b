/**
 * The msgids of the last while. All are kept equally long, so the oldest expires first.
 */
import { OldestFirst } from "../collections/oldestFirst.js"

/** @internal */
export class Seen {
  private readonly capacity: number
  private readonly timeToLive: number
  private readonly seenAt = new OldestFirst<number>()

  constructor(capacity: number, timeToLive: number) {
    this.capacity = capacity
    this.timeToLive = timeToLive
  }

  get size(): number {
    return this.seenAt.size
  }

  isNew(msgid: string, now: number): boolean {
    for (let oldest = this.seenAt.oldestKey(); oldest !== undefined; oldest = this.seenAt.oldestKey()) {
      if (now - this.seenAt.get(oldest)! <= this.timeToLive) break
      this.seenAt.deleteOldest()
    }
    if (this.seenAt.has(msgid)) return false
    this.seenAt.set(msgid, now)
    if (this.seenAt.size > this.capacity) this.seenAt.deleteOldest()
    return true
  }
}
