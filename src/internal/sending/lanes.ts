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

type OnExit = (exit: Exit.Exit<Frame.Ack, QueueError>) => void

/** A frame in a lane. The request options are the object itself, so that a frame is one allocation. */
class Job implements Connection.RequestOptions {
  readonly lane: Lane
  readonly request: Frame.Request
  readonly options: Options | undefined
  readonly expiresAt: number | undefined
  readonly windowMillis: number | undefined
  readonly passesDrain: boolean | undefined
  readonly onFirstWritten: (job: Job) => void
  /** Absent after the exit, and after the caller has given up. */
  onExit: OnExit | undefined
  isStarted = false
  isWritten = false
  /** A copy was written, and its ack is lost. */
  hasDoubtfulCopy = false
  giveUp: (() => void) | undefined = undefined
  next: Job | undefined = undefined

  constructor(
    lane: Lane,
    request: Frame.Request,
    options: Options | undefined,
    onFirstWritten: (job: Job) => void,
    onExit: OnExit
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
  readonly key: string
  first: Job | undefined = undefined
  last: Job | undefined = undefined
  size = 0
  isDriven = false

  constructor(key: string) {
    this.key = key
  }

  push(job: Job) {
    if (this.last === undefined) this.first = job
    else this.last.next = job
    this.last = job
    this.size++
  }

  /** `false`: the frame is not in this lane. */
  remove(job: Job): boolean {
    let before: Job | undefined
    let at = this.first
    while (at !== undefined && at !== job) {
      before = at
      at = at.next
    }
    if (at === undefined) return false
    if (before === undefined) this.first = job.next
    else before.next = job.next
    if (job.next === undefined) this.last = before
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

  const doubtful = (job: Job) => Exit.fail(new DeliveryUnknown({ command: job.request.cmd, reason: "ConnectionLost" }))

  /** The exit of a frame from the verdict on its last copy, when an earlier copy may have arrived. */
  const judge = (lane: Lane, job: Job, exit: Exit.Exit<Frame.Ack, QueueError>): Exit.Exit<Frame.Ack, QueueError> => {
    if (!job.hasDoubtfulCopy || Exit.isSuccess(exit)) return exit
    const error = exit.cause._tag === "Fail" ? exit.cause.error : undefined
    const stream = job.options?.stream
    const wasSealedByFirstCopy = error?._tag === "SendRejected" && error.errcode === ErrorCode.streamExpired &&
      stream?.finish === true && windows.isOpenForOneFinal(lane.key, stream.id)
    return wasSealedByFirstCopy
      ? Exit.succeed({ headers: job.request.headers, errcode: ErrorCode.ok, errmsg: "acknowledged by its second copy" })
      : doubtful(job)
  }

  const isConnectionLost = (exit: Exit.Exit<Frame.Ack, QueueError>) =>
    Exit.isFailure(exit) && Cause.isFailType(exit.cause) && exit.cause.error._tag === "DeliveryUnknown" &&
    exit.cause.error.reason === "ConnectionLost"

  const mayResend = (lane: Lane, job: Job): boolean => {
    const { options } = job
    if (options?.onConnectionLost !== "resend" || !job.isWanted()) return false
    if (options.expiresAt !== undefined && wallTime() > options.expiresAt) return false
    return options.stream === undefined || !windows.isOver(lane.key, options.stream.id)
  }

  const start = (lane: Lane, job: Job) => {
    let hasExited = false
    job.isStarted = true
    const giveUp = connection.unsafeRequest(job.request, job, (exit) => {
      hasExited = true
      onExit(lane, job, exit)
    })
    if (!hasExited) job.giveUp = giveUp
  }

  const onFirstWritten = ({ lane, options, request }: Job) => {
    if (options?.stream !== undefined) windows.onWritten(lane.key, options.stream, receivedAt(options))
    meters.sent(request.cmd)
  }

  const onExit = (lane: Lane, job: Job, exit: Exit.Exit<Frame.Ack, QueueError>) => {
    if (isConnectionLost(exit) && mayResend(lane, job)) {
      job.hasDoubtfulCopy = true
      start(lane, job)
      return
    }
    const verdict = judge(lane, job, exit)
    meters.verdict(verdict)
    const answer = job.onExit
    job.onExit = undefined
    remove(lane, job)
    if (answer !== undefined) answer(verdict)
    drive(lane)
  }

  /** A loop and no recursion: a whole lane of frames can fail as they start. */
  const drive = (lane: Lane) => {
    if (lane.isDriven) return
    lane.isDriven = true
    for (let job = lane.first; job !== undefined && !job.isStarted; job = lane.first) start(lane, job)
    lane.isDriven = false
  }

  const remove = (lane: Lane, job: Job) => {
    if (!lane.remove(job)) return
    grow(-1)
    if (lane.size > 0) return
    lanes.delete(lane.key)
    if (lanes.size === 0 && onFlushed.size > 0) {
      for (const resume of onFlushed) resume()
      onFlushed.clear()
    }
  }

  const giveUp = (lane: Lane, job: Job) => {
    if (job.onExit === undefined) return
    job.onExit = undefined
    if (job.isWritten) return
    if (lane.first === job) job.giveUp?.()
    remove(lane, job)
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
      const job = new Job(lane, request, options, onFirstWritten, onExit)
      lane.push(job)
      if (known === undefined) {
        lanes.set(reqId, lane)
        drive(lane)
      }
      return () => giveUp(lane, job)
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
