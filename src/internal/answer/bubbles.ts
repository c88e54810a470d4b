/**
 * Every open bubble of a bot. Whoever comes first seals one: the end of its answer, the interruption of its caller, or the
 * close of the bot. Owned by the bot's layer, so sealing does not depend on who owns the fiber that answers; and a bubble
 * whose final failed is pursued until it is sealed, or the service takes no more frames of it.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Tracer from "effect/Tracer"
import * as Frame from "../../Frame.js"
import * as Limits from "../../Limits.js"
import * as Reply from "../../Reply.js"
import type * as ReplyQueue from "../../ReplyQueue.js"
import * as ReplyTarget from "../../ReplyTarget.js"
import { SendUnavailable } from "../../WecomError.js"
import * as spans from "../telemetry/spans.js"
import type * as Deadlines from "../time/deadlines.js"
import * as StreamText from "../wire/streamText.js"
import * as refusals from "./refusals.js"

/** @internal */
export interface Environment {
  readonly queue: ReplyQueue.ReplyQueue.Service
  readonly deadlines: Pick<Deadlines.Deadlines, "after">
  readonly wallTime: () => number
  /** Until then an ack of a doubtful final may still come, and another copy of it would only add to the doubt. */
  readonly ackHorizon: Duration.Duration
}

/** @internal */
export type Verdict = Exit.Exit<Frame.Ack, ReplyQueue.QueueError>

/** @internal */
export interface OpenOptions {
  readonly target: ReplyTarget.MessageTarget
  readonly id: string
  readonly feedback: Reply.Feedback | undefined
  readonly passesDrain: boolean
  /** What its final says when the answer is cut off now. */
  readonly lastWords: () => string
  /** What it says when the service refuses the last words for what they contain. */
  readonly notice: string
  /** The bot closes and sealed it; the answer has nothing more to say here. */
  readonly onCutOff: () => void
}

/** @internal */
export interface Bubble {
  readonly id: string
  /** Shows this instead of what stands there now. Settles with the verdict, and never fails. */
  readonly show: (content: string) => Effect.Effect<Verdict>
  /**
   * Once it is on its way a final cannot be recalled: an interrupted caller stops waiting, the bubble is sealed all the same.
   * Refusals that pass are waited out. After any other failure but `DeliveryUnknown` the bubble is open again.
   */
  readonly seal: (content: string) => Effect.Effect<Frame.Ack, ReplyQueue.QueueError>
  /** Seals it with its last words, at once and without waiting, so that the seal keeps its place in the lane. */
  readonly cutOff: () => void
  /** The service takes no more frames of it. */
  readonly abandon: () => void
  /** How many frames it was offered. */
  readonly frames: () => number
}

/** @internal */
export interface Bubbles {
  readonly open: (options: OpenOptions) => Bubble
  /** The bot closes: seals all of them without waiting. */
  readonly cutOffAll: () => void
  /** Bubbles that are not known to be sealed. */
  readonly size: () => number
}

/** Whoever waits for a final; nobody does once its caller was interrupted. */
interface Waiter {
  resume: ((verdict: Verdict) => void) | undefined
}

const failure = (verdict: Verdict): ReplyQueue.QueueError | undefined =>
  Exit.isFailure(verdict) && Cause.isFailType(verdict.cause) ? verdict.cause.error : undefined

const draining: Verdict = Exit.fail(new SendUnavailable({ command: Frame.Command.respond, reason: "Draining" }))

/** @internal */
export const make = (env: Environment): Bubbles => {
  const bubbles = new Set<Bubble>()
  let isClosing = false

  const open = (options: OpenOptions): Bubble => {
    const { id, target } = options
    const window = { expiresAt: ReplyTarget.deadline(target), windowMillis: ReplyTarget.windowMillis(target) }
    let state: "Open" | "Sealing" | "Over" = isClosing ? "Over" : "Open"
    let frames = 0
    let isAcked = false
    /** When its ten minutes are over; unknown until its first frame was written. */
    let endsAt: number | undefined
    let retry: (() => void) | undefined

    const offer = (content: string, finish: boolean, onExit: (verdict: Verdict) => void) => {
      frames++
      const body = Reply.stream({ id, content, finish, feedback: isAcked ? undefined : options.feedback })
      env.queue.unsafeOffer(
        Frame.request(Frame.Command.respond, target.reqId, new StreamText.Body(body)),
        {
          ...window,
          onConnectionLost: "resend",
          stream: { id, finish },
          passesDrain: finish || options.passesDrain,
          onWritten: () => {
            endsAt ??= env.wallTime() + Limits.streamWindowMillis
          }
        },
        (verdict) => {
          if (Exit.isSuccess(verdict)) isAcked = true
          onExit(verdict)
        }
      )
    }

    const over = () => {
      state = "Over"
      bubbles.delete(bubble)
    }

    const answer = (waiter: Waiter, verdict: Verdict) => {
      waiter.resume?.(verdict)
      waiter.resume = undefined
    }

    /** What a close leaves open on screen stays in the count. */
    const giveUp = (waiter: Waiter, verdict: Verdict) => {
      const isClosed = isClosing || failure(verdict)?._tag === "SendUnavailable"
      if (isClosed && endsAt !== undefined && env.wallTime() <= endsAt) state = "Over"
      else over()
      answer(waiter, verdict)
    }

    /** The caller decides what the bubble says instead. Without one it is pursued. */
    const handBack = (waiter: Waiter, verdict: Verdict, pursue: () => void) => {
      if (waiter.resume === undefined) return pursue()
      state = "Open"
      answer(waiter, verdict)
    }

    const finish = (content: string, waiter: Waiter, attempt: number, isLastResort = false) => {
      state = "Sealing"
      offer(content, true, (verdict) => {
        const error = failure(verdict)
        const again = (delay: Duration.Duration) => {
          // Nothing was ever written, so nothing is on screen; or the service takes no more of it.
          const isPointless = endsAt === undefined ? waiter.resume === undefined : env.wallTime() > endsAt
          if (!isPointless && (!isClosing || attempt < refusals.tries)) {
            return later(delay, () => finish(content, waiter, attempt + 1, isLastResort))
          }
          giveUp(waiter, verdict)
        }
        if (error === undefined || refusals.isGone(error)) {
          over()
          answer(waiter, verdict)
        } else if (refusals.isPassing(error)) {
          if (attempt < refusals.tries) again(refusals.delay(error, attempt))
          else handBack(waiter, verdict, () => again(refusals.delay(error, attempt)))
        } else if (refusals.isUnsent(error)) {
          handBack(waiter, verdict, () => again(refusals.delay(error, 1)))
        } else if (error._tag === "DeliveryUnknown") {
          // A second copy shows the same thing, and seals the bubble if the first one never arrived.
          again(error.reason === "AckTimeout" ? env.ackHorizon : Duration.seconds(1))
          answer(waiter, verdict)
        } else if (error._tag === "SendRejected") {
          handBack(waiter, verdict, () => isLastResort ? over() : finish(options.notice, waiter, 1, true))
        } else {
          giveUp(waiter, verdict)
        }
      })
    }

    /** Nobody waits long for a bot that closes. */
    const later = (delay: Duration.Duration, task: () => void) => {
      if (isClosing) return task()
      const entry = env.deadlines.after(Duration.toMillis(delay), () => retry?.())
      retry = () => {
        retry = undefined
        entry.cancel()
        task()
      }
    }

    const bubble: Bubble = {
      id,
      show: (content) =>
        Effect.async((resume) => {
          if (state === "Open") offer(content, false, (verdict) => resume(Effect.succeed(verdict)))
          else resume(Effect.succeed(draining))
        }),
      seal: (content) =>
        Effect.async((resume) => {
          if (state !== "Open") return resume(draining)
          const waiter: Waiter = { resume }
          finish(content, waiter, 1)
          return Effect.sync(() => {
            waiter.resume = undefined
          })
        }),
      cutOff: () => {
        if (state === "Sealing") {
          if (isClosing) retry?.()
          return
        }
        if (state === "Over") return
        // Nothing on screen, nothing to seal.
        if (frames === 0) over()
        else finish(options.lastWords(), { resume: undefined }, 1)
        if (isClosing) options.onCutOff()
      },
      abandon: over,
      frames: () => frames
    }
    if (!isClosing) bubbles.add(bubble)
    return bubble
  }

  return {
    open,
    cutOffAll: () => {
      isClosing = true
      for (const bubble of [...bubbles]) bubble.cutOff()
    },
    size: () => bubbles.size
  }
}

/**
 * The same bubbles, with their acks as events of the span.
 *
 * @internal
 */
export const watched = (bubbles: Bubbles, span: Tracer.Span, clock: Clock.Clock): Bubbles => ({
  ...bubbles,
  open: (options) => {
    const bubble = bubbles.open(options)
    const onVerdict = (verdict: Verdict) => Effect.sync(() => spans.onVerdict(span, clock, verdict))
    return {
      ...bubble,
      show: (content) => Effect.tap(bubble.show(content), onVerdict),
      seal: (content) => Effect.onExit(bubble.seal(content), onVerdict)
    }
  }
})
