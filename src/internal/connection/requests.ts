/**
 * Hot path. Requests on their way to an ack: written at once when a session is there, else waiting for one, in order.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import type * as BotConfig from "../../BotConfig.js"
import type { RequestError, RequestOptions } from "../../Connection.js"
import * as ErrorCode from "../../ErrorCode.js"
import type * as Frame from "../../Frame.js"
import { DeliveryUnknown, SendExpired, SendInvalid, SendRejected, SendUnavailable } from "../../WecomError.js"
import type * as Deadlines from "../time/deadlines.js"
import * as codec from "../wire/codec.js"
import type * as PendingAcks from "./acks.js"
import type { Session } from "./session.js"

/**
 * What is asked of a session.
 *
 * @internal
 */
export type Writing = Pick<Session, "send">

type OnExit = (exit: Exit.Exit<Frame.Ack, RequestError>) => void

/** A frame longer than this is encoded again rather than kept until its ack. */
const largeText = 64 * 1024

/** What a job needs of its queue; the methods stand on a class so that a frame costs no closures. */
interface Owner {
  onVerdict(job: Job, verdict: PendingAcks.Verdict): void
}

class Job implements PendingAcks.Writer {
  readonly owner: Owner
  readonly request: Frame.Request
  readonly options: RequestOptions | undefined
  onExit: OnExit | undefined
  text: string | undefined = undefined
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

const settle = (job: Job, exit: Exit.Exit<Frame.Ack, RequestError>): void => {
  const { onExit } = job
  job.onExit = undefined
  job.text = undefined
  if (onExit !== undefined) onExit(exit)
}

const fail = (job: Job, error: RequestError): void => settle(job, Exit.fail(error))

const unavailable = (job: Job, reason: SendUnavailable["reason"]): void =>
  fail(job, new SendUnavailable({ command: job.request.cmd, reason }))

const isWanted = (job: Job): boolean => job.options?.isWanted === undefined || job.options.isWanted()

const encode = (job: Job): string | undefined => {
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

/** @internal */
export class Requests implements Owner {
  private readonly deadlines: Deadlines.Deadlines
  private readonly clock: Clock.Clock
  private readonly ackTimeout: number
  private readonly unavailableTimeout: number
  /** A Set keeps the order and gives up a place in constant time. Absent until somebody has to wait. */
  private waiting: Set<Job> | undefined = undefined
  private session: Writing | undefined = undefined
  private state: "Open" | "Draining" | "Closed" = "Open"

  constructor(config: BotConfig.Resolved, deadlines: Deadlines.Deadlines, clock: Clock.Clock) {
    this.deadlines = deadlines
    this.clock = clock
    this.ackTimeout = Duration.toMillis(config.ackTimeout)
    this.unavailableTimeout = Duration.toMillis(config.unavailableTimeout)
  }

  submit(request: Frame.Request, options: RequestOptions | undefined, onExit: OnExit): () => void {
    const { state } = this
    const job = new Job(this, request, options, onExit)
    if (state === "Closed" || state === "Draining" && options?.passesDrain !== true) unavailable(job, state)
    else if (this.session === undefined) this.park(job)
    else this.write(job)
    return () => {
      job.onExit = undefined
      if (this.waiting?.delete(job) === true) job.giveUp!.cancel()
    }
  }

  /** A session is subscribed: what waited is written, in order. */
  begin(session: Writing): void {
    this.session = session
    for (const job of [...this.waiting ?? []]) {
      // Settling one may make the caller of another give up.
      if (!this.waiting!.delete(job)) continue
      job.giveUp!.cancel()
      this.write(job)
    }
  }

  /** The session is over: what comes now waits for the next. */
  suspend(): void {
    this.session = undefined
    if (this.state !== "Open") this.failWaiting(this.state)
  }

  drain(): void {
    this.state = "Draining"
    if (this.session === undefined) this.failWaiting(this.state)
  }

  close(): void {
    this.state = "Closed"
    this.session = undefined
    this.failWaiting(this.state)
  }

  isOpen(): boolean {
    return this.session !== undefined
  }

  onVerdict(job: Job, verdict: PendingAcks.Verdict): void {
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
        return isWanted(job) ? this.park(job) : unavailable(job, "NotSubscribed")
      default:
        return fail(
          job,
          new SendRejected({ command: job.request.cmd, errcode: ack.errcode, errmsg: ack.errmsg })
        )
    }
  }

  private park(job: Job): void {
    if (this.state !== "Open") return unavailable(job, this.state)
    const waiting = this.waiting ??= new Set()
    // A frame that is refused for want of a subscription again and again must not wait for ever.
    const now = this.deadlines.now()
    job.giveUpAt ??= now + this.unavailableTimeout
    job.giveUp = this.deadlines.after(Math.max(0, job.giveUpAt - now), () => {
      waiting.delete(job)
      unavailable(job, "NotSubscribed")
    })
    waiting.add(job)
  }

  private write(job: Job): void {
    const { options } = job
    // The first write of a frame that never waited needs no asking.
    if ((job.isAnnounced || job.giveUpAt !== undefined) && !isWanted(job)) return unavailable(job, "NotSubscribed")
    if (options?.expiresAt !== undefined && this.clock.unsafeCurrentTimeMillis() > options.expiresAt) {
      const window = Duration.millis(options.windowMillis ?? 0)
      return fail(job, new SendExpired({ command: job.request.cmd, window }))
    }
    const text = job.text ??= encode(job)
    if (text === undefined) return
    const isWritten = this.session !== undefined &&
      this.session.send(job.request.headers.req_id, text, options?.ackTimeoutMillis ?? this.ackTimeout, job)
    if (!isWritten) return this.park(job)
    // Chunks of uploads are large, and few go out twice.
    if (text.length > largeText) job.text = undefined
    if (!job.isAnnounced) {
      job.isAnnounced = true
      options?.onWritten?.()
    }
  }

  private failWaiting(reason: SendUnavailable["reason"]): void {
    for (const job of this.waiting ?? []) {
      this.waiting!.delete(job)
      job.giveUp!.cancel()
      unavailable(job, reason)
    }
  }
}
