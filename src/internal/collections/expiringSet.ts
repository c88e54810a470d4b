/**
 * A set of keys that expire. All of them live equally long, so the oldest expires first.
 */
import { OldestFirst } from "./oldestFirst.js"

/** @internal */
export class ExpiringSet {
  private readonly capacity: number
  private readonly timeToLive: number
  private readonly addedAt = new OldestFirst<number>()

  constructor(capacity: number, timeToLive: number) {
    this.capacity = capacity
    this.timeToLive = timeToLive
  }

  get size(): number {
    return this.addedAt.size
  }

  /** `false`: the set has the key already. */
  add(key: string, now: number): boolean {
    for (let oldest = this.addedAt.oldestKey(); oldest !== undefined; oldest = this.addedAt.oldestKey()) {
      if (now - this.addedAt.get(oldest)! <= this.timeToLive) break
      this.addedAt.deleteOldest()
    }
    if (this.addedAt.has(key)) return false
    this.addedAt.set(key, now)
    if (this.addedAt.size > this.capacity) this.addedAt.deleteOldest()
    return true
  }
}
