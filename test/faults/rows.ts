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
