/**
 * Chance from a seed, as plain functions: what the plan of a history and its network draw from. One seed gives one sequence.
 */
export interface Rng {
  /** In [0, 1). */
  readonly next: () => number
  /** A whole number from `min` to `max`, both included. */
  readonly int: (min: number, max: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(items: ReadonlyArray<A>) => A
  /** One of the keys, as often as its weight says. */
  readonly weighted: <K extends string>(weights: { readonly [key in K]: number }) => K
  /** As many short ones as long ones on a logarithmic scale. */
  readonly logarithmic: (min: number, max: number) => number
}

/** Mulberry32; streams of one seed that are told apart by `stream` share nothing. */
export const make = (seed: number, stream = 0): Rng => {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000
  }
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1))
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => items[int(0, items.length - 1)]!,
    weighted: (weights) => {
      const entries = Object.entries<number>(weights)
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [key, weight] of entries) {
        left -= weight
        if (left < 0) return key as keyof typeof weights
      }
      return entries.at(-1)![0] as keyof typeof weights
    },
    logarithmic: (min, max) => Math.round(min * Math.exp(next() * Math.log(max / min)))
  }
}
