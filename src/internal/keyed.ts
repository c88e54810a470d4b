/**
 * Hot path. What comes and goes, by its key. A plain Map is built anew every few thousand of those, and each table that was
 * outgrown keeps what it held from the collector of the young generation, which then promotes whatever hangs on it.
 */
import { HashIndex } from "./hashIndex.js"

/** @internal */
export interface Member {
  readonly key: string
  /** Of its key, and the same for the same key. */
  readonly hash: number
}

/** So many rows are kept when nobody is there: few bytes, and more than a busy bot fills. */
const fewRows = 256

/** @internal */
export class Keyed<A extends Member> extends HashIndex<string> {
  private rows: Array<A | undefined> = []
  private freeRows: Array<number> = []

  get size(): number {
    return this.count
  }

  protected hashAt(row: number): number {
    return this.rows[row]!.hash
  }

  protected isAt(row: number, key: string): boolean {
    return this.rows[row]!.key === key
  }

  get(key: string, hash: number): A | undefined {
    const row = this.find(hash, key)
    return row === -1 ? undefined : this.rows[row]
  }

  /** Its key must be absent. */
  add(member: A): void {
    const row = this.freeRows.pop() ?? this.rows.length
    this.rows[row] = member
    this.enter(row)
  }

  /** Does nothing when it is not there. */
  delete(member: A): void {
    const row = this.find(member.hash, member.key)
    if (row === -1 || this.rows[row] !== member) return
    this.leave(row)
    this.rows[row] = undefined
    this.freeRows.push(row)
    if (this.count === 0 && this.rows.length > fewRows) this.clear()
  }

  override clear(): void {
    super.clear()
    this.rows = []
    this.freeRows = []
  }

  /** In no order. */
  values(): ReadonlyArray<A> {
    return this.rows.filter((member) => member !== undefined)
  }
}
