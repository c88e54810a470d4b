/**
 * Hot path. What a Map holds, to make Maps of: made from another Map, each costs an object for each of its entries.
 */

/** @internal */
export class Entries<K, V> {
  private readonly keys: ReadonlyArray<K>
  private readonly values: ReadonlyArray<V>

  constructor(map: ReadonlyMap<K, V>) {
    this.keys = [...map.keys()]
    this.values = [...map.values()]
  }

  toMap(): Map<K, V> {
    const map = new Map<K, V>()
    for (let n = 0; n < this.keys.length; n++) map.set(this.keys[n]!, this.values[n]!)
    return map
  }
}
