/**
 * Hot path. A Map whose keys come and go again. Two things make a plain Map dear there: a key that was deleted leaves a hole
 * that every later look at it has to pass, until the Map is built anew; and a table that was outgrown keeps what it held from
 * the collector of the young generation, which then promotes whatever hangs on it. So a key that goes only empties its slot,
 * a key that comes back finds it, and empty slots are swept out together.
 */

/** @internal */
export interface Slot<A> {
  /** Absent while the key is. */
  value: A | undefined
}

/** So many empty slots are worth no sweep: their keys may come back. */
const most = 256

/** @internal */
export class Keyed<A> {
  private readonly slots = new Map<string, Slot<A>>()
  private vacant = 0

  get size(): number {
    return this.slots.size - this.vacant
  }

  get(key: string): A | undefined {
    return this.slots.get(key)?.value
  }

  /** Whoever keeps it looks for the key once. One that is empty holds until another is emptied. */
  slot(key: string): Slot<A> {
    let slot = this.slots.get(key)
    if (slot === undefined) {
      slot = { value: undefined }
      this.slots.set(key, slot)
      this.vacant++
    }
    return slot
  }

  /** The key must be absent. */
  fill(slot: Slot<A>, value: A): void {
    slot.value = value
    this.vacant--
  }

  /** The key must be there. */
  empty(slot: Slot<A>): void {
    slot.value = undefined
    this.vacant++
    if (this.vacant > most && this.vacant * 2 > this.slots.size) this.sweep()
  }

  clear(): void {
    for (const slot of this.slots.values()) slot.value = undefined
    this.slots.clear()
    this.vacant = 0
  }

  values(): ReadonlyArray<A> {
    return [...this.slots.values()].flatMap(({ value }) => value === undefined ? [] : [value])
  }

  private sweep(): void {
    for (const [key, slot] of this.slots) if (slot.value === undefined) this.slots.delete(key)
    this.vacant = 0
  }
}
