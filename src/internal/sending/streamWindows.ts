/**
 * When each stream was opened, and how many finals it was sent. The service counts ten minutes from the first frame
 * (WeCom doc 101031), and a refusal of a second final says something only while both are known.
 */
import * as Duration from "effect/Duration"
import * as Limits from "../../Limits.js"
import { OldestFirst } from "../collections/oldestFirst.js"

/** @internal */
export interface StreamWindows {
  /** `since`: no stream of this `req_id` was opened before. */
  readonly onWritten: (
    reqId: string,
    stream: { readonly id: string; readonly finish: boolean },
    since: number
  ) => void
  /** Certainly still open on the service's clock too, and no more than one final was ever written. */
  readonly isOpenForOneFinal: (reqId: string, id: string) => boolean
  /** The service takes no more frames of this stream. */
  readonly isOver: (reqId: string, id: string) => boolean
}

/** Clocks differ and frames travel: this close to the end of a window nothing is concluded. */
const marginMillis = Duration.toMillis("1 minute")

const capacity = 10_000

interface Window {
  readonly openedAt: number
  /** Of its last frame. */
  writtenAt: number
  /** `Infinity` when earlier ones may have been forgotten. */
  finals: number
}

/**
 * Of streams that were opened before `knownSince`, a wall time, nothing is known.
 *
 * @internal
 */
export const make = (wallTime: () => number, knownSince: number): StreamWindows => {
  const windows = new OldestFirst<Window>()
  let known = knownSince

  const keyOf = (reqId: string, id: string) => `${reqId.length} ${reqId}${id}`

  const open = (key: string, time: number, since: number): Window => {
    // A forgotten stream may come back.
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
