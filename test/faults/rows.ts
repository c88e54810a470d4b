/** What one test tells the table. */
export interface Row {
  readonly fault: string
  /** How often it was injected. */
  times: number
  /** In words: `nothing`, or what was lost and reported as such. */
  lost: string
  /** In milliseconds, one for each time. */
  recoveries: Array<number>
  /** What none of them may exceed. */
  bound: number | undefined
}

/** The value that this part of them does not exceed. */
export const percentile = (values: ReadonlyArray<number>, part: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * part) - 1)]!
