/**
 * Hot path. Requests on their way to an ack: written at once when a session is there, else waiting for one, in order.
 */
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type * as BotConfig from "../BotConfig.js"
import type { RequestError, RequestOptions } from "../Connection.js"
import * as ErrorCode from "../ErrorCode.js"
import * as Frame from "../Frame.js"
import { DeliveryUnknown, SendExpired, SendInvalid, SendRejected, SendUnavailable } from "../WecomError.js"
import * as codec from "./codec.js"
import type * as Deadlines from "./deadlines.js"
import type * as PendingAcks from "./pendingAcks.js"
import type { Session } from "./session.js"
import * as Specimens from "./specimens.js"

type OnExit = (exit: Exit.Exit<Frame.Ack, RequestError>) => void

/** @internal */
export interface Requests {
  readonly submit: (request: Frame.Request, options: RequestOptions | undefined, onExit: OnExit) => () => void
  /** A session is subscribed: what waited is written, in order. */
  readonly begin: (session: Session) => void
  /** The session is over: what comes now waits for the next. */
  readonly suspend: () => void
  readonly drain: () => void
  readonly close: () => void
  readonly isOpen: () => boolean
}

/** A frame longer than this is encoded again rather than kept until its ack. */
const largeText = 64 * 1024

/** What a job needs of its queue; the methods stand on a class so that a frame costs no closures. */
interface Owner {
  readonly onVerdict: (job: Job, verdict: PendingAcks.Verdict) => void
}

class Job implements PendingAcks.Writer {
  readonly owner: Owner
  readonly request: Frame.Request
  readonly options: RequestOptions | undefined
  onExit: OnExit | undefined
  text: codec.Text | undefined = undefined
  isAnnounced = false
  giveUpAt: number | undefined = undefined
  giveUp: Deadlines.Entry | undefined = undefined

  constructor(owner: Owner, request: Frame.Request, options: RequestOptions | undefined, onExit: OnExit) {
    this.owner = owner
    this.request = request
    this.options = options
    this.onExit = onExit
  }

  onVerdict(verdict: PendingAcks.Verdict) {
    this.owner.onVerdict(this, verdict)
  }
}

/** @internal */
export const make = (
  config: BotConfig.Resolved,
  deadlines: Deadlines.Deadlines,
  wallTime: () => number
): Requests => {
  Specimens.keep(Job, () => new Job({ onVerdict: () => {} }, Frame.request("", ""), {}, () => {}))
  const ackTimeout = Duration.toMillis(config.ackTimeout)
  const unavailableTimeout = Duration.toMillis(config.unavailableTimeout)
  // A Set keeps the order and gives up a place in constant time.
  const waiting = new Set<Job>()
  let session: Session | undefined
  let state: "Open" | "Draining" | "Closed" = "Open"

  const settle = (job: Job, exit: Exit.Exit<Frame.Ack, RequestError>) => {
    const { onExit } = job
    job.onExit = undefined
    job.text = undefined
    if (onExit !== undefined) onExit(exit)
  }

  const fail = (job: Job, error: RequestError) => settle(job, Exit.fail(error))

  const unavailable = (job: Job, reason: SendUnavailable["reason"]) =>
    fail(job, new SendUnavailable({ command: job.request.cmd, reason }))

  const isWanted = (job: Job) => job.options?.isWanted === undefined || job.options.isWanted()

  const park = (job: Job) => {
    if (state !== "Open") return unavailable(job, state)
    // A frame that is refused for want of a subscription again and again must not wait for ever.
    const now = deadlines.now()
    job.giveUpAt ??= now + unavailableTimeout
    job.giveUp = deadlines.after(Math.max(0, job.giveUpAt - now), () => {
      waiting.delete(job)
      unavailable(job, "NotSubscribed")
    })
    waiting.add(job)
  }

  const onVerdict = (job: Job, verdict: PendingAcks.Verdict) => {
    if (job.onExit === undefined) return
    if (verdict._tag === "Unknown") {
      return fail(job, new DeliveryUnknown({ command: job.request.cmd, reason: verdict.reason }))
    }
    const { ack } = verdict
    switch (ack.errcode) {
      case ErrorCode.ok:
        return settle(job, Exit.succeed(ack))
      // Nothing was delivered; the session ends by itself, and the frame goes out again on the next.
      case ErrorCode.notSubscribed:
        return isWanted(job) ? park(job) : unavailable(job, "NotSubscribed")
      default:
        return fail(
          job,
          new SendRejected({ command: job.request.cmd, errcode: ack.errcode, errmsg: ack.errmsg })
        )
    }
  }

  const encode = (job: Job): codec.Text | undefined => {
    try {
      return codec.textOf(job.request)
    } catch {
      fail(
        job,
        new SendInvalid({ field: "body", problem: "cannot be written as JSON", limit: "plain data without cycles" })
      )
      return undefined
    }
  }

  const write = (job: Job) => {
    const { options } = job
    // The first write of a frame that never waited needs no asking.
    if ((job.isAnnounced || job.giveUpAt !== undefined) && !isWanted(job)) return unavailable(job, "NotSubscribed")
    if (options?.expiresAt !== undefined && wallTime() > options.expiresAt) {
      const window = Duration.millis(options.windowMillis ?? 0)
      return fail(job, new SendExpired({ command: job.request.cmd, window }))
    }
    job.text ??= encode(job)
    if (job.text === undefined) return
    const isWritten = session !== undefined &&
      session.send(job.request.headers.req_id, job.text, options?.ackTimeoutMillis ?? ackTimeout, job)
    if (!isWritten) return park(job)
    // Chunks of uploads are large, and few go out twice.
    if (job.text.length > largeText) job.text = undefined
    if (!job.isAnnounced) {
      job.isAnnounced = true
      options?.onWritten?.()
    }
  }

  const failWaiting = (reason: SendUnavailable["reason"]) => {
    for (const job of waiting) {
      waiting.delete(job)
      job.giveUp!.cancelled = true
      unavailable(job, reason)
    }
  }

  const owner: Owner = { onVerdict }

  return {
    submit: (request, options, onExit) => {
      const job = new Job(owner, request, options, onExit)
      if (state === "Closed" || state === "Draining" && options?.passesDrain !== true) unavailable(job, state)
      else if (session === undefined) park(job)
      else write(job)
      return () => {
        job.onExit = undefined
        if (waiting.delete(job)) job.giveUp!.cancelled = true
      }
    },
    begin: (next) => {
      session = next
      for (const job of [...waiting]) {
        // Settling one may make the caller of another give up.
        if (!waiting.delete(job)) continue
        job.giveUp!.cancelled = true
        write(job)
      }
    },
    suspend: () => {
      session = undefined
      if (state !== "Open") failWaiting(state)
    },
    drain: () => {
      state = "Draining"
      if (session === undefined) failWaiting(state)
    },
    close: () => {
      state = "Closed"
      session = undefined
      failWaiting(state)
    },
    isOpen: () => session !== undefined
  }
}
