/**
 * When each stream was opened, and how many finals it was sent. The service counts ten minutes from the first frame
 * (WeCom doc 101031), and a refusal of a second final says something only while both are known.
 */
import * as Duration from "effect/Duration"
import * as Limits from "../Limits.js"

/** Almost every `req_id` has one stream, so that a list costs less than a key made of two. */
interface Window {
  readonly id: string
  readonly openedAt: number
  finals: number
  readonly older: Window | undefined
}

/** @internal */
export interface StreamWindows {
  readonly onWritten: (reqId: string, stream: { readonly id: string; readonly finish: boolean }) => void
  /** Certainly still open on the service's clock too, and no more than one final was ever written. */
  readonly isOpenForOneFinal: (reqId: string, id: string) => boolean
  /** The service takes no more frames of this stream. */
  readonly isOver: (reqId: string, id: string) => boolean
}

/** Clocks differ and frames travel: this close to the end of a window nothing is concluded. */
const marginMillis = Duration.toMillis("1 minute")

const capacity = 10_000

/** @internal */
export const make = (wallTime: () => number): StreamWindows => {
  const windows = new Map<string, Window>()
  let size = 0
  // A forgotten stream looks new when it comes back, so while one of them may be open nothing is concluded.
  let forgottenUntil = -Infinity

  const find = (reqId: string, id: string): Window | undefined => {
    let window = windows.get(reqId)
    while (window !== undefined && window.id !== id) window = window.older
    return window
  }

  const forgetOldest = () => {
    const [reqId, newest] = windows.entries().next().value!
    windows.delete(reqId)
    forgottenUntil = Math.max(forgottenUntil, newest.openedAt + Limits.streamWindowMillis)
    for (let window: Window | undefined = newest; window !== undefined; window = window.older) size--
  }

  return {
    onWritten: (reqId, { finish, id }) => {
      let window = find(reqId, id)
      if (window === undefined) {
        while (size >= capacity) forgetOldest()
        window = { id, openedAt: wallTime(), finals: 0, older: windows.get(reqId) }
        windows.set(reqId, window)
        size++
      }
      if (finish) window.finals++
    },
    isOpenForOneFinal: (reqId, id) => {
      const window = find(reqId, id)
      return window !== undefined && window.finals === 1 && wallTime() >= forgottenUntil &&
        wallTime() < window.openedAt + Limits.streamWindowMillis - marginMillis
    },
    isOver: (reqId, id) => {
      const window = find(reqId, id)
      return window !== undefined && wallTime() >= window.openedAt + Limits.streamWindowMillis
    }
  }
}
