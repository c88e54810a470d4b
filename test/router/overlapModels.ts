/**
 * What each policy of `overlap` does to the messages of one conversation, said a second time as plainly as possible.
 */
import type { BotRouter } from "effect-wecom"
import * as fc from "fast-check"

/** Even moments for arrivals and odd lengths for handlers, so that no two things happen at the same moment. */
export interface Said {
  readonly gap: number
  readonly user: number
  readonly takes: number
}

export const said: fc.Arbitrary<ReadonlyArray<Said>> = fc.array(
  fc.record({
    gap: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1500 }).map((n) => 2 * n)),
    user: fc.integer({ min: 0, max: 3 }),
    takes: fc.integer({ min: 0, max: 1500 }).map((n) => 2 * n + 1)
  }),
  { minLength: 1, maxLength: 30 }
)

export interface Run {
  readonly ids: ReadonlyArray<number>
  readonly user: number
  readonly begin: number
  readonly end: number
  readonly isWhole: boolean
}

/** The messages of one conversation with their arrivals, in order. */
export const conversation = (script: ReadonlyArray<Said>, arrivals: ReadonlyArray<number>, user: number) =>
  script.flatMap((one, id) => one.user === user ? [{ id, at: arrivals[id]!, takes: one.takes }] : [])

type Given = ReturnType<typeof conversation>

export const users = [0, 1, 2, 3]

export const debounceMillis = 1001

/** Without a bound of concurrency. */
export const models: {
  readonly [K in BotRouter.Overlap]: (given: Given) => ReadonlyArray<Omit<Run, "user">>
} = {
  /** One after the other in the order they came, conversations side by side. */
  queue: (given) => {
    let free = 0
    return given.map(({ at, id, takes }) => {
      const begin = Math.max(at, free)
      free = begin + takes
      return { ids: [id], begin, end: free, isWhole: true }
    })
  },
  /** Each at once. */
  concurrent: (given) => given.map(({ at, id, takes }) => ({ ids: [id], begin: at, end: at + takes, isWhole: true })),
  /** Each at once, and the one before is interrupted. Of several at one moment only the last is handled. */
  latest: (given) =>
    given.flatMap(({ at, id, takes }, place) => {
      const next = given[place + 1]?.at ?? Infinity
      if (next === at) return []
      return [{ ids: [id], begin: at, end: Math.min(at + takes, next), isWhole: at + takes < next }]
    }),
  /** Messages within the window, and those that come while the batch before is handled, are one batch. */
  debounce: (given) => {
    const batches: Array<Omit<Run, "user">> = []
    let free = 0
    for (let place = 0; place < given.length;) {
      const begin = Math.max(given[place]!.at + debounceMillis, free)
      const batch = given.slice(place).filter(({ at }) => at <= begin)
      free = begin + batch[batch.length - 1]!.takes
      batches.push({ ids: batch.map(({ id }) => id), begin, end: free, isWhole: true })
      place += batch.length
    }
    return batches
  }
}
