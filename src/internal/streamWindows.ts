/**
 * When each stream was opened, and how many finals it was sent. The service counts ten minutes from the first frame
 * (WeCom doc 101031), and a refusal of a second final says something only while both are known.
 *
 * Hot path. Thousands of streams are remembered, and what the collector has to move and to look through for that costs more
 * than their frames: so they are rows of numbers, found by a hash. Two streams with one hash pass for one that is as old as
 * the older and got the finals of both: a final of theirs may be left without a verdict, and is never given a wrong one.
 */
import * as Duration from "effect/Duration"
import * as Limits from "../Limits.js"
import * as Fnv from "./fnv.js"
import { HashIndex } from "./hashIndex.js"

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
  /** The service takes no more frames of this stream; may be told too early of one of two with one hash. */
  readonly isOver: (reqId: string, id: string) => boolean
}

/** Clocks differ and frames travel: this close to the end of a window nothing is concluded. */
const marginMillis = Duration.toMillis("1 minute")

const capacity = 10_000

/** In the place of a number of finals. */
const unknown = 2

class Rows extends HashIndex<void> {
  readonly hashes: Array<number> = []

  protected hashAt(row: number): number {
    return this.hashes[row]!
  }

  protected isAt(): boolean {
    return true
  }
}

/**
 * Of streams that were opened before `knownSince`, a wall time, nothing is known.
 *
 * @internal
 */
export const make = (wallTime: () => number, knownSince: number): StreamWindows => {
  const rows = new Rows()
  // By row; once all are taken the oldest is used again.
  const { hashes } = rows
  const openedAt: Array<number> = []
  const writtenAt: Array<number> = []
  const finals: Array<number> = []
  let next = 0
  let known = knownSince

  /** Of two with one hash the younger is forgotten with the older, and it was opened before its last frame. */
  const forget = (row: number) => {
    rows.leave(row)
    known = Math.max(known, writtenAt[row]! + 1)
  }

  const add = (hash: number, time: number, since: number): number => {
    const row = next
    next = (next + 1) % capacity
    if (row < hashes.length) forget(row)
    hashes[row] = hash
    openedAt[row] = writtenAt[row] = time
    // One that was forgotten may have come back.
    finals[row] = since < known ? unknown : 0
    rows.enter(row)
    return row
  }

  return {
    onWritten: (reqId, { finish, id }, since) => {
      const hash = Fnv.hashOfTwo(reqId, id)
      const time = wallTime()
      const found = rows.find(hash)
      const row = found === -1 ? add(hash, time, since) : found
      writtenAt[row] = Math.max(writtenAt[row]!, time)
      if (finish) finals[row]!++
    },
    isOpenForOneFinal: (reqId, id) => {
      const row = rows.find(Fnv.hashOfTwo(reqId, id))
      return row !== -1 && finals[row] === 1 &&
        wallTime() < openedAt[row]! + Limits.streamWindowMillis - marginMillis
    },
    isOver: (reqId, id) => {
      const row = rows.find(Fnv.hashOfTwo(reqId, id))
      return row !== -1 && wallTime() >= openedAt[row]! + Limits.streamWindowMillis
    }
  }
}
