/**
 * When each stream was opened, and how many finals it was sent. The service counts ten minutes from the first frame
 * (WeCom doc 101031), and a refusal of a second final says something only while both are known.
 */
import * as Duration from "effect/Duration"
import * as Limits from "../Limits.js"
import { Fifo } from "./fifo.js"

interface Window {
  readonly reqId: string
  readonly id: string
  readonly openedAt: number
  finals: number
}

/** Almost every `req_id` has one stream, which then needs no Map of its own and no key made of two. */
type Windows = Window | Map<string, Window>

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
  const windows = new Map<string, Windows>()
  const order = new Fifo<Window>()
  // A forgotten stream looks new when it comes back, so while one of them may be open nothing is concluded.
  let forgottenUntil = -Infinity

  const windowOf = (known: Windows | undefined, id: string): Window | undefined =>
    known instanceof Map ? known.get(id) : known?.id === id ? known : undefined

  const find = (reqId: string, id: string): Window | undefined => windowOf(windows.get(reqId), id)

  const remember = (window: Window, known: Windows | undefined) => {
    if (known === undefined) windows.set(window.reqId, window)
    else if (known instanceof Map) known.set(window.id, window)
    else windows.set(window.reqId, new Map([[known.id, known], [window.id, window]]))
    order.push(window)
    if (order.size() > capacity) forgetOldest()
  }

  const forgetOldest = () => {
    const { id, openedAt, reqId } = order.shift()!
    const known = windows.get(reqId)
    if (known instanceof Map) known.delete(id)
    if (!(known instanceof Map) || known.size === 0) windows.delete(reqId)
    forgottenUntil = Math.max(forgottenUntil, openedAt + Limits.streamWindowMillis)
  }

  return {
    onWritten: (reqId, { finish, id }) => {
      const known = windows.get(reqId)
      let window = windowOf(known, id)
      if (window === undefined) {
        window = { reqId, id, openedAt: wallTime(), finals: 0 }
        remember(window, known)
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
