/**
 * When each stream was opened, and how many finals it was sent. The service counts ten minutes from the first frame
 * (WeCom doc 101031), and a refusal of a second final says something only while both are known.
 *
 * Hot path. Thousands of streams are remembered, and what the collector has to move and to look through for that costs more
 * than their frames: so they are rows of numbers, found by a hash. Two streams with one hash pass for one stream that is as
 * old as the older and got the finals of both, of which less can be concluded and nothing that is wrong.
 */
import * as Duration from "effect/Duration"
import * as Limits from "../Limits.js"

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

const addText = (hash: number, text: string): number => {
  let sum = hash
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193)
  return sum
}

const beyondText = 0x10000

/** FNV-1a, in thirty bits: larger numbers are objects. */
const hashOf = (reqId: string, id: string): number => {
  const sum = addText(addText(0x811c9dc5, reqId) ^ beyondText, id)
  return (sum ^ (sum >>> 15)) & 0x3fffffff
}

/** @internal */
export const make = (wallTime: () => number): StreamWindows => {
  const rows = new Map<number, number>()
  // By row; once all are taken the oldest is used again.
  const hashes: Array<number> = []
  const openedAt: Array<number> = []
  const writtenAt: Array<number> = []
  const finals: Array<number> = []
  let next = 0
  // A forgotten stream looks new when it comes back, so while one of them may be open nothing is concluded: none of a row was
  // opened after its last frame.
  let forgottenUntil = -Infinity

  const forget = (row: number) => {
    rows.delete(hashes[row]!)
    forgottenUntil = Math.max(forgottenUntil, writtenAt[row]! + Limits.streamWindowMillis)
  }

  const add = (hash: number, time: number): number => {
    const row = next
    next = (next + 1) % capacity
    if (row < hashes.length) forget(row)
    hashes[row] = hash
    openedAt[row] = time
    finals[row] = 0
    rows.set(hash, row)
    return row
  }

  return {
    onWritten: (reqId, { finish, id }) => {
      const hash = hashOf(reqId, id)
      const time = wallTime()
      const row = rows.get(hash) ?? add(hash, time)
      writtenAt[row] = time
      if (finish) finals[row]!++
    },
    isOpenForOneFinal: (reqId, id) => {
      const row = rows.get(hashOf(reqId, id))
      return row !== undefined && finals[row] === 1 && wallTime() >= forgottenUntil &&
        wallTime() < openedAt[row]! + Limits.streamWindowMillis - marginMillis
    },
    isOver: (reqId, id) => {
      const row = rows.get(hashOf(reqId, id))
      return row !== undefined && wallTime() >= openedAt[row]! + Limits.streamWindowMillis
    }
  }
}
