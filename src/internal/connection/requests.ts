/**
 * Hot path. Requests until their ack: written at once while a session is up, otherwise in order when the next is ready.
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

type OnExit = (exit: Exit.Exit<Frame.Ack, RequestError>) => void

/** A frame longer than this is encoded again rather than kept until its ack. */
const largeText = 64 * 1024

/** An object with a method, so that a frame costs no closures. */
class Submitted implements PendingAcks.Writer {
  readonly requests: Requests
  readonly request: Frame.Request
  readonly options: RequestOptions | undefined
  onExit: OnExit | undefined
  text: string | undefined = undefined
  isAnnounced = false
  giveUpAt: number | undefined = undefined
  giveUp: Deadlines.Deadline | undefined = undefined

  constructor(requests: Requests, request: Frame.Request, options: RequestOptions | undefined, onExit: OnExit) {
    this.requests = requests
    this.request = request
    this.options = options
    this.onExit = onExit
  }

  onVerdict(verdict: PendingAcks.Verdict) {
    this.requests.onVerdict(this, verdict)
  }
}

const settle = (submitted: Submitted, exit: Exit.Exit<Frame.Ack, RequestError>): void => {
  const { onExit } = submitted
  submitted.onExit = undefined
  submitted.text = undefined
  if (onExit !== undefined) onExit(exit)
}

const fail = (submitted: Submitted, error: RequestError): void => settle(submitted, Exit.fail(error))

const unavailable = (submitted: Submitted, reason: SendUnavailable["reason"]): void =>
  fail(submitted, new SendUnavailable({ command: submitted.request.cmd, reason }))

const isWanted = (submitted: Submitted): boolean =>
  submitted.options?.isWanted === undefined || submitted.options.isWanted()

const encode = (submitted: Submitted): string | undefined => {
  try {
    return codec.textOf(submitted.request)
  } catch {
    fail(
      submitted,
      new SendInvalid({ field: "body", problem: "cannot be written as JSON", limit: "plain data without cycles" })
    )
    return undefined
  }
}

/** @internal */
export class Requests {
  private readonly deadlines: Deadlines.Deadlines
  private readonly clock: Clock.Clock
  private readonly ackTimeout: number
  private readonly unavailableTimeout: number
  /** A Set keeps the order and deletes in constant time. Absent until a request waits. */
  private waiting: Set<Submitted> | undefined = undefined
  private session: Pick<Session, "send"> | undefined = undefined
  private state: "Open" | "Draining" | "Closed" = "Open"

  constructor(config: BotConfig.Resolved, deadlines: Deadlines.Deadlines, clock: Clock.Clock) {
    this.deadlines = deadlines
    this.clock = clock
    this.ackTimeout = Duration.toMillis(config.ackTimeout)
    this.unavailableTimeout = Duration.toMillis(config.unavailableTimeout)
  }

  submit(request: Frame.Request, options: RequestOptions | undefined, onExit: OnExit): () => void {
    const { state } = this
    const submitted = new Submitted(this, request, options, onExit)
    if (state === "Closed" || state === "Draining" && options?.passesDrain !== true) unavailable(submitted, state)
    else if (this.session === undefined) this.park(submitted)
    else this.write(submitted)
    return () => {
      submitted.onExit = undefined
      if (this.waiting?.delete(submitted) === true) submitted.giveUp!.cancel()
    }
  }

  /** A session is ready: writes the requests that wait, in order. */
  begin(session: Pick<Session, "send">): void {
    this.session = session
    for (const submitted of [...this.waiting ?? []]) {
      // The exit of one request can cancel another.
      if (!this.waiting!.delete(submitted)) continue
      submitted.giveUp!.cancel()
      this.write(submitted)
    }
  }

  /** The session is lost: requests wait for the next. */
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

  onVerdict(submitted: Submitted, verdict: PendingAcks.Verdict): void {
    if (submitted.onExit === undefined) return
    if (verdict._tag === "Unknown") {
      return fail(submitted, new DeliveryUnknown({ command: submitted.request.cmd, reason: verdict.reason }))
    }
    const { ack } = verdict
    switch (ack.errcode) {
      case ErrorCode.ok:
        return settle(submitted, Exit.succeed(ack))
      // Nothing was delivered. The session is lost now, and the next one writes the frame again.
      case ErrorCode.notSubscribed:
        return isWanted(submitted) ? this.park(submitted) : unavailable(submitted, "NotSubscribed")
      default:
        return fail(
          submitted,
          new SendRejected({ command: submitted.request.cmd, errcode: ack.errcode, errmsg: ack.errmsg })
        )
    }
  }

  private park(submitted: Submitted): void {
    if (this.state !== "Open") return unavailable(submitted, this.state)
    const waiting = this.waiting ??= new Set()
    // One limit for all waits of a request, so that a frame that every session refuses as not subscribed ends as well.
    const now = this.deadlines.now()
    submitted.giveUpAt ??= now + this.unavailableTimeout
    submitted.giveUp = this.deadlines.after(Math.max(0, submitted.giveUpAt - now), () => {
      waiting.delete(submitted)
      unavailable(submitted, "NotSubscribed")
    })
    waiting.add(submitted)
  }

  private write(submitted: Submitted): void {
    const { options } = submitted
    // `isWanted` is not called for the first write of a request that has not waited.
    if ((submitted.isAnnounced || submitted.giveUpAt !== undefined) && !isWanted(submitted)) {
      return unavailable(submitted, "NotSubscribed")
    }
    if (options?.expiresAt !== undefined && this.clock.unsafeCurrentTimeMillis() > options.expiresAt) {
      const window = Duration.millis(options.windowMillis ?? 0)
      return fail(submitted, new SendExpired({ command: submitted.request.cmd, window }))
    }
    const text = submitted.text ??= encode(submitted)
    if (text === undefined) return
    const isWritten = this.session !== undefined &&
      this.session.send(submitted.request.headers.req_id, text, options?.ackTimeoutMillis ?? this.ackTimeout, submitted)
    if (!isWritten) return this.park(submitted)
    // Chunks of uploads are large, and few are written twice.
    if (text.length > largeText) submitted.text = undefined
    if (!submitted.isAnnounced) {
      submitted.isAnnounced = true
      options?.onWritten?.()
    }
  }

  private failWaiting(reason: SendUnavailable["reason"]): void {
    for (const submitted of this.waiting ?? []) {
      this.waiting!.delete(submitted)
      submitted.giveUp!.cancel()
      unavailable(submitted, reason)
    }
  }
}
