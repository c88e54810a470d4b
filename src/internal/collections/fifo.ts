/**
 * Hot path. A queue with `push` and `shift` in constant time: `shift` of a long array moves all of it, and finding the first
 * entry of a Map gets slower with each entry deleted before it.
 */

const smallestCompaction = 64

/** @internal */
export class Fifo<A> {
  private readonly values: Array<A | undefined> = []
  private head = 0

  push(value: A): void {
    this.values.push(value)
  }

  peek(): A | undefined {
    return this.values[this.head]
  }

  /** The value at this index from the head. */
  at(index: number): A | undefined {
    return this.values[this.head + index]
  }

  shift(): A | undefined {
    const { values } = this
    if (this.head === values.length) return undefined
    const value = values[this.head]
    values[this.head++] = undefined
    if (this.head >= smallestCompaction && this.head * 2 >= values.length) {
      values.splice(0, this.head)
      this.head = 0
    }
    return value
  }

  size(): number {
    return this.values.length - this.head
  }
}
