/**
 * What many histories come to: counted where they are played, added up where they are reported.
 */
import type * as World from "./world.js"

export interface Failure {
  readonly seed: number
  readonly complaints: ReadonlyArray<string>
  readonly history: ReadonlyArray<string>
}

type Counts = { [key: string]: number }

export interface Tally {
  played: number
  callbacks: number
  frames: number
  /** Simulated milliseconds. */
  millis: number
  readonly faults: Counts
  readonly verdicts: Counts
  /** How long it took until a bot was subscribed again. */
  readonly recoveries: Array<number>
  readonly failures: Array<Failure>
}

export const make = (): Tally => ({
  played: 0,
  callbacks: 0,
  frames: 0,
  millis: 0,
  faults: {},
  verdicts: {},
  recoveries: [],
  failures: []
})

const count = (into: Counts, from: Iterable<readonly [string, number]>) => {
  for (const [key, many] of from) into[key] = (into[key] ?? 0) + many
}

/** One more history; what failed in it is the business of the caller. */
export const addHistory = (tally: Tally, { books, millis }: World.History): void => {
  tally.played++
  tally.callbacks += books.callbacks.size
  for (const copies of books.byToken.values()) tally.frames += copies.length
  tally.millis += millis
  count(tally.faults, books.faults)
  count(tally.verdicts, books.verdicts)
  for (const recovery of books.recoveries) tally.recoveries.push(recovery.millis)
}

export const add = (into: Tally, from: Tally): void => {
  into.played += from.played
  into.callbacks += from.callbacks
  into.frames += from.frames
  into.millis += from.millis
  count(into.faults, Object.entries(from.faults))
  count(into.verdicts, Object.entries(from.verdicts))
  for (const millis of from.recoveries) into.recoveries.push(millis)
  into.failures.push(...from.failures)
}

const table = (title: string, rows: Counts): string =>
  [
    `\n${title}`,
    ...Object.entries(rows)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([key, many]) => `  ${key.padEnd(48)}${String(many).padStart(9)}`)
  ].join("\n")

export const format = ({ callbacks, faults, frames, millis, recoveries, verdicts }: Tally): string => {
  const sorted = recoveries.toSorted((a, b) => a - b)
  const quantile = (share: number) => ((sorted[Math.floor(sorted.length * share)] ?? 0) / 1000).toFixed(1)
  return [
    table("faults injected", faults),
    table("verdicts", verdicts),
    `\nsubscribed again ${sorted.length} times: median ${quantile(0.5)} s, 95 % ${quantile(0.95)} s`,
    `${callbacks} callbacks, ${frames} frames with a verdict, ${(millis / 3_600_000).toFixed(1)} h of simulated time`
  ].join("\n")
}
