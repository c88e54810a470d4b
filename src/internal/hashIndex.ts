/**
 * Hot path. Finds rows by a hash where many come and as many go. A Map or Set is built anew every few thousand of those, and looks
 * through the holes of the deleted until then; this is one array of numbers that is used again, and nothing in it for the
 * collector to look at. Open addressing with linear probing.
 */

/** Room that is kept when no row is there. */
const smallest = 512

/** @internal */
export abstract class HashIndex<K> {
  /** One more than the row, as 0 is nobody's; never more than half full. */
  private places = new Int32Array(0)
  protected count = 0

  protected abstract hashAt(row: number): number
  /** Asked for a row with the right hash. */
  protected abstract isAt(row: number, key: K): boolean

  /** -1 when there is none. */
  find(hash: number, key: K): number {
    const { places } = this
    if (this.count === 0) return -1
    const mask = places.length - 1
    for (let at = hash & mask;; at = (at + 1) & mask) {
      const row = places[at]! - 1
      if (row === -1 || this.hashAt(row) === hash && this.isAt(row, key)) return row
    }
  }

  /** Its key must be absent. */
  enter(row: number): void {
    if (++this.count * 2 > this.places.length) this.resize(Math.max(smallest, this.places.length * 2))
    this.put(row)
  }

  /** Does nothing when it is not there. What lies behind the gap moves up into it. */
  leave(row: number): void {
    const { places } = this
    if (this.count === 0) return
    const mask = places.length - 1
    let gap = this.hashAt(row) & mask
    for (; places[gap] !== row + 1; gap = (gap + 1) & mask) if (places[gap] === 0) return
    for (let at = (gap + 1) & mask; places[at] !== 0; at = (at + 1) & mask) {
      // It may move unless the place it belongs to lies behind the gap.
      if (((at - this.hashAt(places[at]! - 1)) & mask) < ((at - gap) & mask)) continue
      places[gap] = places[at]!
      gap = at
    }
    places[gap] = 0
    if (--this.count * 8 < places.length && places.length > smallest) this.resize(places.length / 2)
  }

  clear(): void {
    this.places = new Int32Array(0)
    this.count = 0
  }

  private put(row: number): void {
    const { places } = this
    const mask = places.length - 1
    let at = this.hashAt(row) & mask
    while (places[at] !== 0) at = (at + 1) & mask
    places[at] = row + 1
  }

  private resize(length: number): void {
    const before = this.places
    this.places = new Int32Array(length)
    for (const place of before) if (place !== 0) this.put(place - 1)
  }
}
