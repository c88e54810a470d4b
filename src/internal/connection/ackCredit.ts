/**
 * Which ack belongs to which frame, when more than one frame of a `req_id` may still be acked.
 *
 * Acks carry only the `req_id`. What can be assumed: a frame is acked at most once, after it was written and within its
 * horizon, or never; acks may be late, lost or reordered. So the received acks are a matching into the frames, and something
 * is known of a frame only when every such matching says it. Pure bookkeeping: no clock, no timers, no callbacks.
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

const nobody = -1

/** Kuhn's augmenting paths: can all acks (but `without`) be given to distinct frames (but `except`)? */
const matches = (group: Group<Written>, except: number, without: number): boolean => {
  const { acks, frames } = group
  const takenBy = new Int32Array(frames.length).fill(nobody)
  const place = (ack: number, seen: Uint8Array): boolean => {
    for (let frame = 0; frame < frames.length; frame++) {
      if (frame === except || seen[frame] === 1 || !mayCredit(frames[frame]!, acks[ack]!)) continue
      seen[frame] = 1
      if (takenBy[frame] === nobody || place(takenBy[frame]!, seen)) {
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

/** Takes the ack in, unless no frame is left that it could belong to: then it is surplus, and `false`. */
export const receive = <A extends Written>(group: Group<A>, ack: Frame.Ack, order: number, at: number): boolean => {
  group.acks.push({ order, at, ack })
  if (matches(group, nobody, nobody)) return true
  group.acks.pop()
  return false
}

/** The ack of this frame, if every matching gives it one, and with the same code. */
export const known = <A extends Written>(group: Group<A>, frame: A): Frame.Ack | undefined => {
  const index = group.frames.indexOf(frame)
  if (group.acks.length === 0 || matches(group, index, nobody)) return undefined
  let found: Frame.Ack | undefined
  for (let i = 0; i < group.acks.length; i++) {
    const received = group.acks[i]!
    if (!mayCredit(frame, received) || !matches(group, index, i)) continue
    if (found !== undefined && found.errcode !== received.ack.errcode) return undefined
    found ??= received.ack
  }
  return found
}

/** Every frame has its ack, so no later ack can belong to any of them. */
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
