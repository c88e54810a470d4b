/**
 * When each stream was opened, and how many finals it was sent. The service counts ten minutes from the first frame
 * (WeCom doc 101031), and a refusal of a second final says something only while both are known.
 */
import * as Duration from "effect/Duration"
import * as Limits from "../Limits.js"

interface Window {
  readonly openedAt: number
  finals: number
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
  const key = (reqId: string, id: string) => `${reqId}\n${id}`
  // A forgotten stream looks new when it comes back, so while one of them may be open nothing is concluded.
  let forgottenUntil = -Infinity

  const forgetOldest = () => {
    const [name, { openedAt }] = windows.entries().next().value!
    windows.delete(name)
    forgottenUntil = Math.max(forgottenUntil, openedAt + Limits.streamWindowMillis)
  }

  return {
    onWritten: (reqId, stream) => {
      const name = key(reqId, stream.id)
      let window = windows.get(name)
      if (window === undefined) {
        window = { openedAt: wallTime(), finals: 0 }
        if (windows.size >= capacity) forgetOldest()
        windows.set(name, window)
      }
      if (stream.finish) window.finals++
    },
    isOpenForOneFinal: (reqId, id) => {
      const window = windows.get(key(reqId, id))
      return window !== undefined && window.finals === 1 && wallTime() >= forgottenUntil &&
        wallTime() < window.openedAt + Limits.streamWindowMillis - marginMillis
    },
    isOver: (reqId, id) => {
      const window = windows.get(key(reqId, id))
      return window !== undefined && wallTime() >= window.openedAt + Limits.streamWindowMillis
    }
  }
}
