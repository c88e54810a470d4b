/**
 * A Map that finds its oldest entry in constant time. Finding the first key of a plain Map gets slower with each key deleted
 * before it, so one iterator follows the deletions.
 */

/** @internal */
export class OldestFirst<V> {
  private readonly values = new Map<string, V>()
  private walk = this.values.keys()
  private first: string | undefined = undefined

  get size(): number {
    return this.values.size
  }

  get(key: string): V | undefined {
    return this.values.get(key)
  }

  has(key: string): boolean {
    return this.values.has(key)
  }

  /** An existing key keeps its place. */
  set(key: string, value: V): void {
    this.values.set(key, value)
  }

  oldestKey(): string | undefined {
    if (this.first !== undefined || this.values.size === 0) return this.first
    let next = this.walk.next()
    if (next.done === true) {
      // An iterator that has ended does not see later keys.
      this.walk = this.values.keys()
      next = this.walk.next()
    }
    return this.first = next.value
  }

  deleteOldest(): V | undefined {
    const key = this.oldestKey()
    if (key === undefined) return undefined
    const value = this.values.get(key)
    this.values.delete(key)
    this.first = undefined
    return value
  }
}
