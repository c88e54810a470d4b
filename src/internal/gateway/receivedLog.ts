/**
 * The latest client frames, up to a limit.
 */
import type { Received } from "./frames.js"

/** @internal */
export interface ReceivedLog {
  readonly add: (frame: Received) => void
  readonly frames: () => ReadonlyArray<Received>
  /** A function that returns the frames since its last call, and first all that are kept. */
  readonly cursor: () => () => ReadonlyArray<Received>
}

/** @internal */
export const make = (limit: number): ReceivedLog => {
  let kept: Array<Received> = []
  let forgotten = 0
  return {
    add: (frame) => {
      kept.push(frame)
      // Dropped in bulk, because each drop copies the array.
      if (kept.length <= 2 * limit) return
      forgotten += kept.length - limit
      kept = kept.slice(kept.length - limit)
    },
    frames: () => kept.slice(Math.max(0, kept.length - limit)),
    cursor: () => {
      let next = 0
      return () => {
        const since = kept.slice(Math.max(0, next - forgotten))
        next = forgotten + kept.length
        return since
      }
    }
  }
}
