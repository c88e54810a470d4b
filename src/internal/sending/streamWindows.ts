/**
 * When each stream was opened, and how many finals were written for it. The service counts ten minutes from the first frame
 * (WeCom doc 101031). A refused second final is only conclusive while both are known.
 */
import * as Duration from "effect/Duration"
import type * as Frame from "../../Frame.js"
import * as Limits from "../../Limits.js"
import { OldestFirst } from "../collections/oldestFirst.js"

/** @internal */
export interface StreamWindows {
  /** `since`: when the callback was received; no stream of its `req_id` is older. */
  readonly onWritten: (
    reqId: Frame.ReqId,
    stream: { readonly id: string; readonly finish: boolean },
    since: number
  ) => void
  /** Whether the stream is certainly still open on the service's clock, and at most one final was written. */
  readonly isOpenForOneFinal: (reqId: Frame.ReqId, id: string) => boolean
  /** Whether the service takes no more frames of this stream. */
  readonly isOver: (reqId: Frame.ReqId, id: string) => boolean
}

/** Tolerance for clocks and transit: this close to the end of a window nothing is concluded. */
const marginMillis = Duration.toMillis("1 minute")

const capacity = 10_000

interface Window {
  readonly openedAt: number
  /** When its last frame was written. */
  writtenAt: number
  /** The finals written; `Infinity` when earlier ones may have been forgotten. */
  finals: number
}

/**
 * Nothing is known of streams that were opened before `knownSince`, a wall time.
 *
 * @internal
 */
export const make = (wallTime: () => number, knownSince: number): StreamWindows => {
  const windows = new OldestFirst<Window>()
  let known = knownSince

  const keyOf = (reqId: Frame.ReqId, id: string) => JSON.stringify([reqId, id])

  const open = (key: string, time: number, since: number): Window => {
    // The stream may be one that was forgotten.
    const window = { openedAt: time, writtenAt: time, finals: since < known ? Infinity : 0 }
    windows.set(key, window)
    if (windows.size > capacity) known = Math.max(known, windows.deleteOldest()!.writtenAt + 1)
    return window
  }

  return {
    onWritten: (reqId, { finish, id }, since) => {
      const key = keyOf(reqId, id)
      const time = wallTime()
      const window = windows.get(key) ?? open(key, time, since)
      window.writtenAt = Math.max(window.writtenAt, time)
      if (finish) window.finals++
    },
    isOpenForOneFinal: (reqId, id) => {
      const window = windows.get(keyOf(reqId, id))
      return window !== undefined && window.finals === 1 &&
        wallTime() < window.openedAt + Limits.streamWindowMillis - marginMillis
    },
    isOver: (reqId, id) => {
      const window = windows.get(keyOf(reqId, id))
      return window !== undefined && wallTime() >= window.openedAt + Limits.streamWindowMillis
    }
  }
}
