/**
 * Hot path. A lane exists only while its `req_id` has frames, so an idle bot has none.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as BotConfig from "../../BotConfig.js"
import * as Connection from "../../Connection.js"
import * as ErrorCode from "../../ErrorCode.js"
import type * as Frame from "../../Frame.js"
import type { Options, QueueError, ReplyQueue } from "../../ReplyQueue.js"
import { DeliveryUnknown, ReplyQueueFull } from "../../WecomError.js"
import { KeyTable } from "../collections/keyTable.js"
import * as meters from "../telemetry/meters.js"
import * as StreamWindows from "./streamWindows.js"

type OnFrameExit = (exit: Exit.Exit<Frame.Ack, QueueError>) => void

/** A frame in a lane. The request options are the object itself, so that a frame is one allocation. */
class QueuedFrame implements Connection.RequestOptions {
  readonly lane: Lane
  readonly request: Frame.Request
  readonly options: Options | undefined
  readonly expiresAt: number | undefined
  readonly windowMillis: number | undefined
  readonly passesDrain: boolean | undefined
  readonly onFirstWritten: (frame: QueuedFrame) => void
  /** Absent after the exit, and after the caller has given up. */
  onExit: OnFrameExit | undefined
  isStarted = false
  isWritten = false
  /** A copy was written, and its ack is lost. */
  hasDoubtfulCopy = false
  giveUp: (() => void) | undefined = undefined
  next: QueuedFrame | undefined = undefined

  constructor(
    lane: Lane,
    request: Frame.Request,
    options: Options | undefined,
    onFirstWritten: (frame: QueuedFrame) => void,
    onExit: OnFrameExit
  ) {
    this.lane = lane
    this.request = request
    this.options = options
    this.expiresAt = options?.expiresAt
    this.windowMillis = options?.windowMillis
    this.passesDrain = options?.passesDrain
    this.onFirstWritten = onFirstWritten
    this.onExit = onExit
  }

  onWritten() {
    if (!this.isWritten) this.onFirstWritten(this)
    this.isWritten = true
    this.options?.onWritten?.()
  }

  isWanted() {
    return this.onExit !== undefined && (this.options?.isWanted === undefined || this.options.isWanted())
  }
}

/** A linked list, because most lanes hold one frame and an array would cost more than the lane. */
class Lane {
  /** Its `req_id`. */
  readonly key: Frame.ReqId
  first: QueuedFrame | undefined = undefined
  last: QueuedFrame | undefined = undefined
  size = 0
  isDriven = false

  constructor(key: Frame.ReqId) {
    this.key = key
  }

  push(frame: QueuedFrame) {
    if (this.last === undefined) this.first = frame
    else this.last.next = frame
    this.last = frame
    this.size++
  }

  /** `false`: the frame is not in this lane. */
  remove(frame: QueuedFrame): boolean {
    let before: QueuedFrame | undefined
    let at = this.first
    while (at !== undefined && at !== frame) {
      before = at
      at = at.next
    }
    if (at === undefined) return false
    if (before === undefined) this.first = frame.next
    else before.next = frame.next
    if (frame.next === undefined) this.last = before
    this.size--
    return true
  }
}

/** When the callback was received that the frame answers. */
const receivedAt = ({ expiresAt, windowMillis }: Options): number =>
  expiresAt === undefined || windowMillis === undefined ? -Infinity : expiresAt - windowMillis

/** @internal */
export const ofContext: Effect.Effect<ReplyQueue.Service, never, BotConfig.BotConfig | Connection.Connection> = Effect
  .flatMap(
    Effect.all([Connection.Connection, BotConfig.BotConfig]),
    ([connection, config]) => make(connection, config)
  )

/** @internal */
export const make = (
  connection: Pick<Connection.Connection.Service, "unsafeRequest">,
  config: BotConfig.Resolved
): Effect.Effect<ReplyQueue.Service> =>
  Effect.map(Effect.clock, (clock) => {
    const wallTime = () => clock.unsafeCurrentTimeMillis()
    // Streams that were opened before this queue was made are not known to it.
    return over(connection, config, wallTime, wallTime())
  })

const over = (
  connection: Pick<Connection.Connection.Service, "unsafeRequest">,
  config: BotConfig.Resolved,
  wallTime: () => number,
  startedAt: number
): ReplyQueue.Service => {
  const lanes = new KeyTable<Lane>()
  const windows = StreamWindows.make(wallTime, startedAt)
  const onFlushed = new Set<() => void>()
  let size = 0

  const grow = (change: number) => {
    size += change
    meters.queueDepth(change)
  }

  const doubtful = (frame: QueuedFrame) =>
    Exit.fail(new DeliveryUnknown({ command: frame.request.cmd, reason: "ConnectionLost" }))

  /** The exit of a frame from the verdict on its last copy, when an earlier copy may have arrived. */
  const judge = (
    lane: Lane,
    frame: QueuedFrame,
    exit: Exit.Exit<Frame.Ack, QueueError>
  ): Exit.Exit<Frame.Ack, QueueError> => {
    if (!frame.hasDoubtfulCopy || Exit.isSuccess(exit)) return exit
    const error = exit.cause._tag === "Fail" ? exit.cause.error : undefined
    const stream = frame.options?.stream
    const wasSealedByFirstCopy = error?._tag === "SendRejected" && error.errcode === ErrorCode.streamExpired &&
      stream?.finish === true && windows.isOpenForOneFinal(lane.key, stream.id)
    return wasSealedByFirstCopy
      ? Exit.succeed({
        headers: frame.request.headers,
        errcode: ErrorCode.ok,
        errmsg: "acknowledged by its second copy"
      })
      : doubtful(frame)
  }

  const isConnectionLost = (exit: Exit.Exit<Frame.Ack, QueueError>) =>
    Exit.isFailure(exit) && Cause.isFailType(exit.cause) && exit.cause.error._tag === "DeliveryUnknown" &&
    exit.cause.error.reason === "ConnectionLost"

  const mayResend = (lane: Lane, frame: QueuedFrame): boolean => {
    const { options } = frame
    if (options?.onConnectionLost !== "resend" || !frame.isWanted()) return false
    if (options.expiresAt !== undefined && wallTime() > options.expiresAt) return false
    return options.stream === undefined || !windows.isOver(lane.key, options.stream.id)
  }

  const start = (lane: Lane, frame: QueuedFrame) => {
    let hasExited = false
    frame.isStarted = true
    const giveUp = connection.unsafeRequest(frame.request, frame, (exit) => {
      hasExited = true
      onExit(lane, frame, exit)
    })
    if (!hasExited) frame.giveUp = giveUp
  }

  const onFirstWritten = ({ lane, options, request }: QueuedFrame) => {
    if (options?.stream !== undefined) windows.onWritten(lane.key, options.stream, receivedAt(options))
    meters.sent(request.cmd)
  }

  const onExit = (lane: Lane, frame: QueuedFrame, exit: Exit.Exit<Frame.Ack, QueueError>) => {
    if (isConnectionLost(exit) && mayResend(lane, frame)) {
      frame.hasDoubtfulCopy = true
      start(lane, frame)
      return
    }
    const verdict = judge(lane, frame, exit)
    meters.verdict(verdict)
    const notify = frame.onExit
    frame.onExit = undefined
    remove(lane, frame)
    if (notify !== undefined) notify(verdict)
    drive(lane)
  }

  /** A loop and no recursion: a whole lane of frames can fail as they start. */
  const drive = (lane: Lane) => {
    if (lane.isDriven) return
    lane.isDriven = true
    for (let frame = lane.first; frame !== undefined && !frame.isStarted; frame = lane.first) start(lane, frame)
    lane.isDriven = false
  }

  const remove = (lane: Lane, frame: QueuedFrame) => {
    if (!lane.remove(frame)) return
    grow(-1)
    if (lane.size > 0) return
    lanes.delete(lane.key)
    if (lanes.size === 0 && onFlushed.size > 0) {
      for (const resume of onFlushed) resume()
      onFlushed.clear()
    }
  }

  const giveUp = (lane: Lane, frame: QueuedFrame) => {
    if (frame.onExit === undefined) return
    frame.onExit = undefined
    if (frame.isWritten) return
    if (lane.first === frame) frame.giveUp?.()
    remove(lane, frame)
    drive(lane)
  }

  return {
    unsafeOffer: (request, options, onExit) => {
      const reqId = request.headers.req_id
      const known = lanes.get(reqId)
      if (known !== undefined && known.size > config.maxReplyQueueSize) {
        const full = Exit.fail(new ReplyQueueFull({ command: request.cmd, limit: config.maxReplyQueueSize }))
        meters.verdict(full)
        onExit(full)
        return () => {}
      }
      grow(1)
      const lane = known ?? new Lane(reqId)
      const frame = new QueuedFrame(lane, request, options, onFirstWritten, onExit)
      lane.push(frame)
      if (known === undefined) {
        lanes.set(reqId, lane)
        drive(lane)
      }
      return () => giveUp(lane, frame)
    },
    unsafeIsIdle: (reqId) => !lanes.has(reqId),
    flushed: Effect.async<void>((resume) => {
      if (lanes.size === 0) return resume(Effect.void)
      const done = () => resume(Effect.void)
      onFlushed.add(done)
      return Effect.sync(() => onFlushed.delete(done))
    }),
    unsafeSize: () => size
  }
}
