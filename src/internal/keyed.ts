/**
 * Hot path. A Map whose keys come and go again: a key that was deleted leaves a hole that every later look at it has to pass,
 * until the Map is built anew, which a large one is seldom. Here a key that goes only loses its value, and all that have none
 * are swept out together.
 */

/** @internal */
export class Keyed<A> {
  private readonly entries = new Map<string, A | undefined>()
  private vacant = 0

  get size(): number {
    return this.entries.size - this.vacant
  }

  get(key: string): A | undefined {
    return this.entries.get(key)
  }

  /** The key must be absent. */
  add(key: string, value: A): void {
    const before = this.entries.size
    this.entries.set(key, value)
    if (this.entries.size === before) this.vacant--
  }

  /** The key must be there. */
  remove(key: string): void {
    this.entries.set(key, undefined)
    this.vacant++
    if (this.vacant > 64 && this.vacant * 2 > this.entries.size) this.sweep()
  }

  clear(): void {
    this.entries.clear()
    this.vacant = 0
  }

  values(): ReadonlyArray<A> {
    return [...this.entries.values()].filter((value) => value !== undefined)
  }

  private sweep(): void {
    for (const [key, value] of this.entries) if (value === undefined) this.entries.delete(key)
    this.vacant = 0
  }
}
