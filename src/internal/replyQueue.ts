/**
 * Hot path. A lane exists only while its `req_id` has frames; an idle one costs nothing.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as BotConfig from "../BotConfig.js"
import type * as Connection from "../Connection.js"
import * as ErrorCode from "../ErrorCode.js"
import type * as Frame from "../Frame.js"
import type { Options, QueueError, ReplyQueue } from "../ReplyQueue.js"
import { DeliveryUnknown, ReplyQueueFull } from "../WecomError.js"
import * as StreamWindows from "./streamWindows.js"

type OnExit = (exit: Exit.Exit<Frame.Ack, QueueError>) => void

interface Job {
  readonly request: Frame.Request
  readonly options: Options | undefined
  /** Absent once the caller has its answer or went away. */
  onExit: OnExit | undefined
  isWritten: boolean
  /** A copy was written whose ack will never come. */
  hasDoubtfulCopy: boolean
  giveUp: (() => void) | undefined
}

interface Lane {
  readonly reqId: string
  readonly queue: Array<Job>
}

/** @internal */
export const make = (
  connection: Connection.Connection.Service,
  config: BotConfig.Resolved,
  wallTime: () => number
): ReplyQueue.Service => {
  const lanes = new Map<string, Lane>()
  const windows = StreamWindows.make(wallTime)
  const onFlushed = new Set<() => void>()
  let size = 0

  const doubtful = (job: Job) => Exit.fail(new DeliveryUnknown({ command: job.request.cmd, reason: "ConnectionLost" }))

  /** What the verdict on the last copy says about the frame, given that an earlier copy may have arrived. */
  const judge = (lane: Lane, job: Job, exit: Exit.Exit<Frame.Ack, QueueError>): Exit.Exit<Frame.Ack, QueueError> => {
    if (!job.hasDoubtfulCopy || Exit.isSuccess(exit)) return exit
    const error = exit.cause._tag === "Fail" ? exit.cause.error : undefined
    const stream = job.options?.stream
    const wasSealedByFirstCopy = error?._tag === "SendRejected" && error.errcode === ErrorCode.streamExpired &&
      stream?.finish === true && windows.isOpenForOneFinal(lane.reqId, stream.id)
    return wasSealedByFirstCopy
      ? Exit.succeed({ headers: job.request.headers, errcode: ErrorCode.ok, errmsg: "acknowledged by its second copy" })
      : doubtful(job)
  }

  const isConnectionLost = (exit: Exit.Exit<Frame.Ack, QueueError>) =>
    Exit.isFailure(exit) && Cause.isFailType(exit.cause) && exit.cause.error._tag === "DeliveryUnknown" &&
    exit.cause.error.reason === "ConnectionLost"

  const mayResend = (lane: Lane, job: Job): boolean => {
    const { options } = job
    if (job.onExit === undefined || options?.onConnectionLost !== "resend") return false
    if (options.expiresAt !== undefined && wallTime() > options.expiresAt) return false
    return options.stream === undefined || !windows.isOver(lane.reqId, options.stream.id)
  }

  const start = (lane: Lane, job: Job) => {
    let hasExited = false
    const giveUp = connection.unsafeRequest(job.request, requestOptions(lane, job), (exit) => {
      hasExited = true
      onExit(lane, job, exit)
    })
    if (!hasExited) job.giveUp = giveUp
  }

  const requestOptions = (lane: Lane, job: Job): Connection.RequestOptions => ({
    ...job.options,
    onWritten: () => {
      const stream = job.options?.stream
      // A second copy is the same final, not another one.
      if (stream !== undefined && !job.isWritten) windows.onWritten(lane.reqId, stream)
      job.isWritten = true
      job.options?.onWritten?.()
    }
  })

  const onExit = (lane: Lane, job: Job, exit: Exit.Exit<Frame.Ack, QueueError>) => {
    if (isConnectionLost(exit) && mayResend(lane, job)) {
      job.hasDoubtfulCopy = true
      start(lane, job)
      return
    }
    const verdict = judge(lane, job, exit)
    const answer = job.onExit
    job.onExit = undefined
    advance(lane)
    if (answer !== undefined) answer(verdict)
  }

  const advance = (lane: Lane) => {
    lane.queue.shift()
    size--
    const next = lane.queue[0]
    if (next !== undefined) {
      start(lane, next)
      return
    }
    lanes.delete(lane.reqId)
    if (lanes.size === 0 && onFlushed.size > 0) {
      for (const resume of onFlushed) resume()
      onFlushed.clear()
    }
  }

  const giveUp = (lane: Lane, job: Job) => {
    if (job.onExit === undefined) return
    job.onExit = undefined
    if (job.isWritten) return
    if (lane.queue[0] === job) {
      job.giveUp?.()
      advance(lane)
      return
    }
    const at = lane.queue.indexOf(job)
    if (at > 0) {
      lane.queue.splice(at, 1)
      size--
    }
  }

  return {
    unsafeOffer: (request, options, onExit) => {
      const reqId = request.headers.req_id
      const job: Job = { request, options, onExit, isWritten: false, hasDoubtfulCopy: false, giveUp: undefined }
      let lane = lanes.get(reqId)
      if (lane !== undefined && lane.queue.length > config.maxReplyQueueSize) {
        onExit(Exit.fail(new ReplyQueueFull({ command: request.cmd, limit: config.maxReplyQueueSize })))
        return () => {}
      }
      size++
      if (lane === undefined) {
        lane = { reqId, queue: [job] }
        lanes.set(reqId, lane)
        start(lane, job)
      } else {
        lane.queue.push(job)
      }
      const ownLane = lane
      return () => giveUp(ownLane, job)
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
