/**
 * Every open bubble of a bot. Whoever comes first seals one: the end of its answer, the interruption of its caller, or the
 * close of the bot. Owned by the bot's layer, so sealing does not depend on who owns the fiber that answers.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Frame from "../Frame.js"
import * as Reply from "../Reply.js"
import type * as ReplyQueue from "../ReplyQueue.js"
import * as ReplyTarget from "../ReplyTarget.js"
import { SendUnavailable } from "../WecomError.js"
import * as refusals from "./refusals.js"

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
  /** Somebody else sealed it; the answer has nothing more to say here. */
  readonly onCutOff: () => void
}

/** @internal */
export interface Bubble {
  readonly id: string
  /** Shows this instead of what stands there now. Settles with the verdict, and never fails. */
  readonly show: (content: string) => Effect.Effect<Verdict>
  /** Once it is on its way a final cannot be recalled: an interrupted caller stops waiting, the bubble is sealed all the same. */
  readonly seal: (content: string) => Effect.Effect<Frame.Ack, ReplyQueue.QueueError>
  /** Seals it with its last words, at once and without waiting, so that the seal keeps its place in the lane. */
  readonly cutOff: () => void
  /** The service takes no more frames of it. */
  readonly abandon: () => void
  readonly frames: () => number
}

/** @internal */
export interface Bubbles {
  readonly open: (options: OpenOptions) => Bubble
  readonly cutOffAll: () => void
  /** Bubbles on screen that are not sealed yet. */
  readonly size: () => number
}

/** Nobody waits for the seal of an answer that was cut off, so a refusal that may pass is met at once. */
const cutOffTries = 3

/** @internal */
export const make = (queue: ReplyQueue.ReplyQueue.Service): Bubbles => {
  const bubbles = new Set<Bubble>()

  const open = (options: OpenOptions): Bubble => {
    const { id, target } = options
    const window = { expiresAt: ReplyTarget.deadline(target), windowMillis: ReplyTarget.windowMillis(target) }
    let isOpen = true
    let frames = 0

    const offer = (content: string, finish: boolean, onExit: (verdict: Verdict) => void) => {
      const body = Reply.stream({ id, content, finish, feedback: frames++ === 0 ? options.feedback : undefined })
      queue.unsafeOffer(
        Frame.request(Frame.Command.respond, target.reqId, body),
        { ...window, onConnectionLost: "resend", stream: { id, finish }, passesDrain: finish || options.passesDrain },
        onExit
      )
    }

    const offerFinal = (content: string, onExit: (verdict: Verdict) => void) => {
      isOpen = false
      offer(content, true, (verdict) => {
        // A bubble whose final may be tried again is still open, and may be cut off meanwhile.
        if (refusals.mayPass(verdict)) isOpen = true
        else bubbles.delete(bubble)
        onExit(verdict)
      })
    }

    const cutOff = (content: string, triesLeft: number) =>
      offerFinal(content, () => {
        if (!isOpen) return
        if (triesLeft > 0) cutOff(content, triesLeft - 1)
        else bubble.abandon()
      })

    const gone = Effect.suspend(() =>
      Effect.fail(new SendUnavailable({ command: Frame.Command.respond, reason: "Draining" }))
    )

    const bubble: Bubble = {
      id,
      show: (content) =>
        Effect.async((resume) => {
          if (isOpen) offer(content, false, (verdict) => resume(Effect.succeed(verdict)))
          else resume(Effect.exit(gone))
        }),
      seal: (content) =>
        Effect.async((resume) => {
          if (isOpen) offerFinal(content, resume)
          else resume(gone)
        }),
      cutOff: () => {
        if (!isOpen) return
        // Nothing on screen, nothing to seal.
        if (frames === 0) bubble.abandon()
        else cutOff(options.lastWords(), cutOffTries)
        options.onCutOff()
      },
      abandon: () => {
        isOpen = false
        bubbles.delete(bubble)
      },
      frames: () => frames
    }
    bubbles.add(bubble)
    return bubble
  }

  return {
    open,
    cutOffAll: () => {
      for (const bubble of [...bubbles]) bubble.cutOff()
    },
    size: () => bubbles.size
  }
}
