/**
 * Hot path. The frames of one session that wait for their acks, and their verdicts: one callback per frame, and no fiber or
 * timer for it. Most frames are the only one of their `req_id` and cost one entry in a table. When several frames of a `req_id`
 * can still be acked, `ackCredit` decides which of them an ack belongs to.
 */
import type * as Frame from "../../Frame.js"
import { KeyTable } from "../collections/keyTable.js"
import * as meters from "../telemetry/meters.js"
import type * as Deadlines from "../time/deadlines.js"
import * as AckCredit from "./ackCredit.js"

/**
 * The outcome of a written frame: its own ack, or unknown.
 *
 * @internal
 */
export type Verdict =
  | { readonly _tag: "Acked"; readonly ack: Frame.Ack }
  | { readonly _tag: "Unknown"; readonly reason: "AckTimeout" | "ConnectionLost" }

/**
 * The sender of a frame.
 *
 * @internal
 */
export interface Writer {
  /** The service checks no fields of a ping, so a refusal that names no frame is not its own. */
  readonly isPing?: true
  readonly onVerdict: (verdict: Verdict) => void
}

/** @internal */
export interface PendingAcks {
  /** Call right before the frame is written. */
  readonly register: (reqId: Frame.ReqId, timeoutMillis: number, writer: Writer) => void
  /** `false` when the ack belongs to no frame (a surplus ack). */
  readonly receive: (ack: Frame.Ack) => boolean
  /**
   * A refusal that names no frame belongs to the only frame that can still be acked. With several nothing is concluded.
   */
  readonly receiveUnnamed: (refusal: Pick<Frame.Ack, "errcode" | "errmsg">) => void
  /** Settles all frames as `ConnectionLost`. */
  readonly end: () => void
  readonly size: () => number
}

/** A frame and its timeout in one object. */
class Pending implements AckCredit.Written, Deadlines.Timeout {
  /** Its `req_id`. */
  readonly key: Frame.ReqId
  readonly order: number
  readonly timeouts: Deadlines.Timeouts
  readonly onTimeout: (frame: Pending) => void
  /** Absent once the frame is settled. */
  writer: Writer | undefined
  writtenAt = 0
  horizonAt = 0
  dueAt = 0
  previous: Deadlines.Timeout | undefined = undefined
  next: Deadlines.Timeout | undefined = undefined

  constructor(
    key: Frame.ReqId,
    order: number,
    timeouts: Deadlines.Timeouts,
    writer: Writer,
    onTimeout: (frame: Pending) => void
  ) {
    this.key = key
    this.order = order
    this.timeouts = timeouts
    this.writer = writer
    this.onTimeout = onTimeout
  }

  onDue() {
    this.onTimeout(this)
  }
}

/**
 * When the acks of a `req_id` always come later than the timeout, its group never ends. Beyond this many frames all verdicts are
 * unknown until no frame was written for a horizon: the cost of `ackCredit` grows with the square of the group.
 */
const largestGroup = 256

const timedOut: Verdict = { _tag: "Unknown", reason: "AckTimeout" }
const lost: Verdict = { _tag: "Unknown", reason: "ConnectionLost" }

/** @internal */
export const make = (deadlines: Deadlines.Deadlines, horizonMillis: number): PendingAcks => {
  const single = new KeyTable<Pending>()
  const groups = new Map<Frame.ReqId, AckCredit.Group<Pending>>()
  const overflowed = new WeakSet<AckCredit.Group<Pending>>()
  const horizons = new Set<Deadlines.Deadline>()
  let order = 0
  let size = 0

  const isSettled = (frame: Pending) => frame.writer === undefined

  const conclude = (frame: Pending, verdict: Verdict) => {
    const writer = frame.writer!
    frame.writer = undefined
    size--
    if (verdict._tag === "Acked") meters.ackLatency(deadlines.now() - frame.writtenAt)
    writer.onVerdict(verdict)
  }

  const settle = (frame: Pending, verdict: Verdict) => {
    frame.timeouts.stop(frame)
    conclude(frame, verdict)
  }

  const review = (reqId: Frame.ReqId, group: AckCredit.Group<Pending>) => {
    const complete = AckCredit.isComplete(group)
    const verdicts: Array<readonly [Pending, Verdict]> = []
    for (const frame of group.frames) {
      if (isSettled(frame)) continue
      const ack = AckCredit.known(group, frame)
      if (ack !== undefined) verdicts.push([frame, { _tag: "Acked", ack }])
      else if (complete) verdicts.push([frame, timedOut])
    }
    if (complete) groups.delete(reqId)
    // A verdict can make its writer write the next frame of this req_id, so all verdicts are collected first.
    for (const [frame, verdict] of verdicts) settle(frame, verdict)
  }

  const forget = (reqId: Frame.ReqId) => {
    const group = groups.get(reqId)
    if (group === undefined) return
    AckCredit.prune(group, deadlines.now(), isSettled)
    if (group.frames.length === 0) groups.delete(reqId)
  }

  const onTimeout = (frame: Pending) => {
    const { key: reqId } = frame
    if (single.get(reqId) === frame) {
      single.delete(reqId)
      groups.set(reqId, AckCredit.make([frame]))
    }
    const horizon = deadlines.after(frame.horizonAt - deadlines.now() + 1, () => {
      horizons.delete(horizon)
      forget(reqId)
    })
    horizons.add(horizon)
    conclude(frame, timedOut)
  }

  const register = (reqId: Frame.ReqId, timeoutMillis: number, writer: Writer) => {
    const timeouts = deadlines.timeouts(timeoutMillis)
    const frame = new Pending(reqId, ++order, timeouts, writer, onTimeout)
    timeouts.start(frame)
    frame.writtenAt = frame.dueAt - timeoutMillis
    frame.horizonAt = frame.writtenAt + horizonMillis
    size++
    let group = groups.size === 0 ? undefined : groups.get(reqId)
    if (group === undefined) {
      const other = single.get(reqId)
      if (other === undefined) {
        single.set(reqId, frame)
        return
      }
      single.delete(reqId)
      group = AckCredit.make([other])
      groups.set(reqId, group)
    }
    AckCredit.prune(group, frame.writtenAt, isSettled)
    if (group.frames.length >= largestGroup) {
      overflowed.add(group)
      group.acks = []
      group.frames = group.frames.filter((other) => !isSettled(other))
    }
    group.frames.push(frame)
  }

  const receive = (ack: Frame.Ack): boolean => {
    const reqId = ack.headers.req_id
    const frame = single.get(reqId)
    if (frame !== undefined) {
      single.delete(reqId)
      settle(frame, { _tag: "Acked", ack })
      return true
    }
    const group = groups.size === 0 ? undefined : groups.get(reqId)
    if (group === undefined || overflowed.has(group)) return false
    if (!AckCredit.receive(group, ack, ++order, deadlines.now())) return false
    review(reqId, group)
    return true
  }

  /** The `req_id` of each frame that can still be acked and is no ping; a frame in doubt is one, too. */
  const outstanding = (): ReadonlyArray<Frame.ReqId> => [
    ...single.values().flatMap(({ key, writer }) => writer?.isPing === true ? [] : [key]),
    ...[...groups].flatMap(([key, { acks, frames }]) =>
      frames.filter(({ writer }) => writer?.isPing !== true).slice(acks.length).map(() => key)
    )
  ]

  const receiveUnnamed: PendingAcks["receiveUnnamed"] = ({ errcode, errmsg }) => {
    const [reqId, ...others] = outstanding()
    if (reqId !== undefined && others.length === 0) receive({ headers: { req_id: reqId }, errcode, errmsg })
  }

  const end = () => {
    const open = [...single.values(), ...[...groups.values()].flatMap((group) => group.frames)]
      .toSorted((one, other) => one.order - other.order)
    single.clear()
    groups.clear()
    for (const horizon of horizons) horizon.cancel()
    horizons.clear()
    for (const frame of open) if (!isSettled(frame)) settle(frame, lost)
  }

  return { register, receive, receiveUnnamed, end, size: () => size }
}
