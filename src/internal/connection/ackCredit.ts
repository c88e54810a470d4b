/**
 * Which ack belongs to which frame, when several frames of a `req_id` can still be acked.
 *
 * An ack carries only the `req_id`. A frame is acked at most once, between its write and its horizon; acks can be late, lost or
 * reordered. The received acks are therefore a matching into the frames, and the ack of a frame is known only when all possible
 * matchings agree on it. Plain data: no clock, no timers, no callbacks.
 */
import type * as Frame from "../../Frame.js"

/** @internal */
export interface Written {
  readonly order: number
  readonly horizonAt: number
}

interface Received {
  readonly order: number
  readonly at: number
  readonly ack: Frame.Ack
}

/** @internal */
export interface Group<A extends Written> {
  frames: Array<A>
  acks: Array<Received>
}

/** @internal */
export const make = <A extends Written>(frames: ReadonlyArray<A>): Group<A> => ({ frames: [...frames], acks: [] })

const mayCredit = (frame: Written, received: Received): boolean =>
  frame.order < received.order && received.at <= frame.horizonAt

const none = -1

/** Whether all acks but `without` can be matched to distinct frames other than `except`, by Kuhn's augmenting paths. */
const matches = (group: Group<Written>, except: number, without: number): boolean => {
  const { acks, frames } = group
  const takenBy = new Int32Array(frames.length).fill(none)
  const place = (ack: number, seen: Uint8Array): boolean => {
    for (let frame = 0; frame < frames.length; frame++) {
      if (frame === except || seen[frame] === 1 || !mayCredit(frames[frame]!, acks[ack]!)) continue
      seen[frame] = 1
      if (takenBy[frame] === none || place(takenBy[frame]!, seen)) {
        takenBy[frame] = ack
        return true
      }
    }
    return false
  }
  for (let ack = 0; ack < acks.length; ack++) {
    if (ack !== without && !place(ack, new Uint8Array(frames.length))) return false
  }
  return true
}

/** Adds the ack to the group. `false`: it can belong to no frame, and is surplus. */
export const receive = <A extends Written>(group: Group<A>, ack: Frame.Ack, order: number, at: number): boolean => {
  group.acks.push({ order, at, ack })
  if (matches(group, none, none)) return true
  group.acks.pop()
  return false
}

/** The ack of this frame, if every matching gives it one with the same code. */
export const known = <A extends Written>(group: Group<A>, frame: A): Frame.Ack | undefined => {
  const index = group.frames.indexOf(frame)
  if (group.acks.length === 0 || matches(group, index, none)) return undefined
  let found: Frame.Ack | undefined
  for (let i = 0; i < group.acks.length; i++) {
    const received = group.acks[i]!
    if (!mayCredit(frame, received) || !matches(group, index, i)) continue
    if (found !== undefined && found.errcode !== received.ack.errcode) return undefined
    found ??= received.ack
  }
  return found
}

/** Whether every frame has its ack, so that a later ack can belong to none of them. */
export const isComplete = (group: Group<Written>): boolean => group.acks.length === group.frames.length

/**
 * Forgets the oldest frames that no ack, past or future, can tie to the frames after them: all acked, or all past their
 * horizon, and no received ack that could also belong to a later frame.
 */
export const prune = <A extends Written>(group: Group<A>, now: number, isSettled: (frame: A) => boolean): void => {
  const { acks, frames } = group
  for (let cut = frames.length; cut > 0; cut--) {
    const first = frames.slice(0, cut)
    if (!first.every(isSettled)) continue
    const theirs = acks.filter((received) => first.some((frame) => mayCredit(frame, received)))
    const tied = theirs.some((received) => frames.slice(cut).some((frame) => mayCredit(frame, received)))
    if (tied || (theirs.length < cut && first.some((frame) => frame.horizonAt >= now))) continue
    group.frames = frames.slice(cut)
    group.acks = acks.filter((received) => !theirs.includes(received))
    return
  }
}
