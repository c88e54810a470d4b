/**
 * The client frames that are remembered: the latest, up to a limit.
 */
import type { Received } from "./frames.js"

/** @internal */
export interface ReceivedLog {
  readonly add: (frame: Received) => void
  readonly frames: () => ReadonlyArray<Received>
  /** A function that returns, each time, what came since it was called last; at first what is remembered. */
  readonly cursor: () => () => ReadonlyArray<Received>
}

/** @internal */
export const make = (limit: number): ReceivedLog => {
  let kept: Array<Received> = []
  let forgotten = 0
  return {
    add: (frame) => {
      kept.push(frame)
      // Forgetting in bulk costs next to nothing per frame.
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
