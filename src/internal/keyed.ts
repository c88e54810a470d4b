/**
 * Hot path. A hash table for what comes and goes. What a plain Map costs there is its tables: a key that was deleted leaves a
 * hole until the Map is built anew, every few thousand frames, and each table that was outgrown keeps what it held from the
 * collector of the young generation, which then promotes whatever hangs on it. This one is a single array that is used again:
 * open addressing with linear probing, where what lies behind a gap moves up into it.
 */

/** @internal */
export interface Member {
  readonly key: string
  /** The same for the same key. */
  readonly hash: number
}

/** So much room is kept when nobody is there: few enough bytes, and more than a busy bot fills. */
const smallest = 256

/** @internal */
export class Keyed<A extends Member> {
  /** None before the first member; never more than half full. */
  private places: Array<A | undefined> = []
  private members = 0

  get size(): number {
    return this.members
  }

  get(key: string, hash: number): A | undefined {
    const { places } = this
    if (this.members === 0) return undefined
    const mask = places.length - 1
    for (let at = hash & mask;; at = (at + 1) & mask) {
      const member = places[at]
      if (member === undefined || member.hash === hash && member.key === key) return member
    }
  }

  /** Its key must be absent. */
  add(member: A): void {
    if (++this.members * 2 > this.places.length) this.resize(Math.max(smallest, this.places.length * 2))
    this.place(member)
  }

  /** Does nothing when it is not there. */
  delete(member: A): void {
    const { places } = this
    if (this.members === 0) return
    const mask = places.length - 1
    let gap = member.hash & mask
    for (; places[gap] !== member; gap = (gap + 1) & mask) if (places[gap] === undefined) return
    for (let at = (gap + 1) & mask;; at = (at + 1) & mask) {
      const other = places[at]
      if (other === undefined) break
      // It may move up unless the place it belongs to lies behind the gap.
      if (((at - other.hash) & mask) < ((at - gap) & mask)) continue
      places[gap] = other
      gap = at
    }
    places[gap] = undefined
    if (--this.members * 8 < places.length && places.length > smallest) this.resize(places.length / 2)
  }

  clear(): void {
    this.places = []
    this.members = 0
  }

  values(): ReadonlyArray<A> {
    return this.places.filter((member) => member !== undefined)
  }

  private place(member: A): void {
    const { places } = this
    const mask = places.length - 1
    let at = member.hash & mask
    while (places[at] !== undefined) at = (at + 1) & mask
    places[at] = member
  }

  private resize(size: number): void {
    const members = this.values()
    this.places = Array.from<A | undefined>({ length: size })
    for (const member of members) this.place(member)
  }
}
