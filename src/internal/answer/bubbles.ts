/**
 * Every open bubble of a bot, owned by the bot's Scope so that a bubble is sealed even after the fiber of its answer has ended.
 * It is sealed at its end (of the answer, of its size or of its age), at a failure or interruption of the answer, or at the close
 * of the bot, whichever is first. A final that fails is retried until the bubble is sealed or the service takes no more frames.
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
export interface BubblesDependencies {
  readonly queue: ReplyQueue.ReplyQueue.Service
  readonly deadlines: Pick<Deadlines.Deadlines, "after">
  readonly wallTime: () => number
  /** Until then the ack of a final in doubt can still arrive, and another copy would only add to the doubt. */
  readonly ackHorizon: Duration.Duration
}

/** @internal */
export type FrameExit = Exit.Exit<Frame.Ack, ReplyQueue.QueueError>

/** @internal */
export interface OpenOptions {
  readonly target: ReplyTarget.MessageTarget
  readonly id: string
  readonly feedback: Reply.Feedback | undefined
  readonly passesDrain: boolean
  /** The content of its final if the answer is cut off now. */
  readonly cutOffContent: () => string
  /** The content of its final after the service has refused that of `cutOffContent`. */
  readonly notice: string
  /** Calls back when the close of the bot has sealed it: the answer ends then. */
  readonly onCutOff: () => void
}

/** @internal */
export interface OpenBubble {
  readonly id: string
  /** Writes a snapshot. Succeeds with its verdict and never fails. */
  readonly show: (content: string) => Effect.Effect<FrameExit>
  /**
   * Writes the final. An interrupted caller stops waiting, but the final is written all the same. Temporary refusals are
   * retried. After any other failure but `DeliveryUnknown` the bubble is open again.
   */
  readonly seal: (content: string) => Effect.Effect<Frame.Ack, ReplyQueue.QueueError>
  /** Offers the final at once, without waiting for its verdict, so that it keeps its place in the lane. */
  readonly cutOff: () => void
  /** Removes it from the registry, because the service takes no more frames of it. */
  readonly abandon: () => void
  /** The number of frames that were offered for it. */
  readonly frames: () => number
}

/** @internal */
export interface Bubbles {
  readonly open: (options: OpenOptions) => OpenBubble
  /** Offers the finals of all open bubbles, because the bot closes. */
  readonly cutOffAll: () => void
  /** The number of bubbles that are not known to be sealed. */
  readonly size: () => number
}

/** The caller that waits for a final; absent after its interruption. */
interface SealWaiter {
  resume: ((verdict: FrameExit) => void) | undefined
}

const failure = (verdict: FrameExit): ReplyQueue.QueueError | undefined =>
  Exit.isFailure(verdict) && Cause.isFailType(verdict.cause) ? verdict.cause.error : undefined

const draining: FrameExit = Exit.fail(new SendUnavailable({ command: Frame.Command.respond, reason: "Draining" }))

/** @internal */
export const make = (env: BubblesDependencies): Bubbles => {
  const bubbles = new Set<OpenBubble>()
  let isClosing = false

  const open = (options: OpenOptions): OpenBubble => {
    const { id, target } = options
    const window = { expiresAt: ReplyTarget.deadline(target), windowMillis: ReplyTarget.windowMillis(target) }
    let state: "Open" | "Sealing" | "Over" = isClosing ? "Over" : "Open"
    let frames = 0
    let isAcked = false
    /** When its ten minutes end; unknown until its first frame is written. */
    let endsAt: number | undefined
    let retry: (() => void) | undefined

    const offer = (content: string, finish: boolean, onExit: (verdict: FrameExit) => void) => {
      frames++
      const body = Reply.stream({ id, content, finish, feedback: isAcked ? undefined : options.feedback })
      env.queue.unsafeOffer(
        Frame.request(Frame.Command.respond, target.reqId, new StreamText.StreamFrameBody(body)),
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

    const notify = (waiter: SealWaiter, verdict: FrameExit) => {
      waiter.resume?.(verdict)
      waiter.resume = undefined
    }

    /** Bubbles that the close of the bot leaves open stay counted. */
    const giveUp = (waiter: SealWaiter, verdict: FrameExit) => {
      const isClosed = isClosing || failure(verdict)?._tag === "SendUnavailable"
      if (isClosed && endsAt !== undefined && env.wallTime() <= endsAt) state = "Over"
      else over()
      notify(waiter, verdict)
    }

    /** Reopens the bubble for the caller, which decides on the next content. Without a caller the registry goes on. */
    const handBack = (waiter: SealWaiter, verdict: FrameExit, withoutCaller: () => void) => {
      if (waiter.resume === undefined) return withoutCaller()
      state = "Open"
      notify(waiter, verdict)
    }

    const finish = (content: string, waiter: SealWaiter, attempt: number, isLastResort = false) => {
      state = "Sealing"
      offer(content, true, (verdict) => {
        const error = failure(verdict)
        const again = (delay: Duration.Duration) => {
          // No frame was written, so nothing is on screen; or the service takes no more frames of it.
          const isPointless = endsAt === undefined ? waiter.resume === undefined : env.wallTime() > endsAt
          if (!isPointless && (!isClosing || attempt < refusals.tries)) {
            return later(delay, () => finish(content, waiter, attempt + 1, isLastResort))
          }
          giveUp(waiter, verdict)
        }
        if (error === undefined || refusals.isGone(error)) {
          over()
          notify(waiter, verdict)
        } else if (refusals.isPassing(error)) {
          if (attempt < refusals.tries) again(refusals.delay(error, attempt))
          else handBack(waiter, verdict, () => again(refusals.delay(error, attempt)))
        } else if (refusals.isUnsent(error)) {
          handBack(waiter, verdict, () => again(refusals.delay(error, 1)))
        } else if (error._tag === "DeliveryUnknown") {
          // A second copy shows the same content, and seals the bubble if the first one never arrived.
          again(error.reason === "AckTimeout" ? env.ackHorizon : Duration.seconds(1))
          notify(waiter, verdict)
        } else if (error._tag === "SendRejected") {
          handBack(waiter, verdict, () => isLastResort ? over() : finish(options.notice, waiter, 1, true))
        } else {
          giveUp(waiter, verdict)
        }
      })
    }

    /** Runs `task` after the delay, or at once when the bot closes. */
    const later = (delay: Duration.Duration, task: () => void) => {
      if (isClosing) return task()
      const entry = env.deadlines.after(Duration.toMillis(delay), () => retry?.())
      retry = () => {
        retry = undefined
        entry.cancel()
        task()
      }
    }

    const bubble: OpenBubble = {
      id,
      show: (content) =>
        Effect.async((resume) => {
          if (state === "Open") offer(content, false, (verdict) => resume(Effect.succeed(verdict)))
          else resume(Effect.succeed(draining))
        }),
      seal: (content) =>
        Effect.async((resume) => {
          if (state !== "Open") return resume(draining)
          const waiter: SealWaiter = { resume }
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
        // Without a frame nothing is on screen.
        if (frames === 0) over()
        else finish(options.cutOffContent(), { resume: undefined }, 1)
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
 * The same registry, with acks as events of the span.
 *
 * @internal
 */
export const watched = (bubbles: Bubbles, span: Tracer.Span, clock: Clock.Clock): Bubbles => ({
  ...bubbles,
  open: (options) => {
    const bubble = bubbles.open(options)
    const onVerdict = (verdict: FrameExit) => Effect.sync(() => spans.onVerdict(span, clock, verdict))
    return {
      ...bubble,
      show: (content) => Effect.tap(bubble.show(content), onVerdict),
      seal: (content) => Effect.onExit(bubble.seal(content), onVerdict)
    }
  }
})
