/**
 * Hot path. First in, first out in constant time: `shift` of a long array moves all of it, and the first entry of a Map is
 * found the slower the more were deleted before it.
 */

/** @internal */
export interface Fifo<A> {
  readonly push: (value: A) => void
  readonly peek: () => A | undefined
  readonly shift: () => A | undefined
  readonly size: () => number
}

const smallestCompaction = 64

/** @internal */
export const make = <A>(): Fifo<A> => {
  const values: Array<A | undefined> = []
  let head = 0
  return {
    push: (value) => void values.push(value),
    peek: () => values[head],
    shift: () => {
      if (head === values.length) return undefined
      const value = values[head]
      values[head++] = undefined
      if (head >= smallestCompaction && head * 2 >= values.length) {
        values.splice(0, head)
        head = 0
      }
      return value
    },
    size: () => values.length - head
  }
}
