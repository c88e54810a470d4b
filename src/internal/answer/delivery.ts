/**
 * Which part of an answer is in the chat, and how it got there: in one bubble after the other of one `req_id`, and as pushes
 * once the service takes no more frames. Keeps the record for the receipt.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { DeliveredPart, Receipt, ReplyStreamOptions } from "../../Answer.js"
import * as Crypto from "../../Crypto.js"
import * as Frame from "../../Frame.js"
import type * as Governor from "../../Governor.js"
import * as Limits from "../../Limits.js"
import * as Markdown from "../../Markdown.js"
import * as Reply from "../../Reply.js"
import type * as ReplyTarget from "../../ReplyTarget.js"
import { DeliveryUnknown, type SendError } from "../../WecomError.js"
import { utf8Length } from "../checks/bytes.js"
import * as sending from "../sending/late.js"
import type * as Bubbles from "./bubbles.js"
import * as refusals from "./refusals.js"
import type { AnswerDependencies } from "./replyStream.js"
import type { Rendering } from "./text.js"

/** @internal */
export interface Delivery {
  readonly bubble: () => Bubbles.OpenBubble | undefined
  /** Whether the present bubble may be on screen. */
  readonly isShown: () => boolean
  /** Whether the present bubble must be sealed because of its age. */
  readonly isOld: () => boolean
  readonly isPushing: () => boolean
  readonly isEmpty: () => boolean
  /** The length of the rendered text that was offered for the present bubble. */
  readonly sent: () => number
  /** The length of the rendered text that the bubble shows, or may show after an unknown verdict. */
  readonly acked: () => number
  readonly open: (priority: Governor.Priority) => Effect.Effect<void>
  /**
   * Writes `content` as a snapshot, for the first `length` characters of the rendered text. After a temporary failure the
   * result is the time to wait.
   */
  readonly show: (content: string, length: number) => Effect.Effect<Duration.Duration | undefined, SendError>
  readonly seal: (content: string) => Effect.Effect<void, SendError>
  readonly push: (content: string, priority: Governor.Priority) => Effect.Effect<void, SendError>
  readonly receipt: Effect.Effect<Omit<Receipt, "conflated">, DeliveryUnknown>
}

/** @internal */
export interface Options {
  readonly target: ReplyTarget.MessageTarget
  readonly answer: ReplyStreamOptions<any>
  readonly rendering: Rendering
  readonly passesDrain: boolean
  readonly cutOffContent: () => string
  readonly notice: string
  /** Whether the window of the callback is over. */
  readonly isExpired: boolean
  readonly onCutOff: () => void
  /** Calls back when the present bubble must be sealed because of its age. */
  readonly onOld: () => void
}

/** The age at which a bubble is sealed: before the end of its window, because its frames may have to wait for a link. */
const maxAgeMillis = Limits.streamWindowMillis - Duration.toMillis("2 minutes")

/** @internal */
export const make = (env: AnswerDependencies, options: Options): Effect.Effect<Delivery, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { answer, rendering, target } = options
    const scope = yield* Effect.scope
    const conversation = sending.conversation(target.chat, target.reqId)
    const monotonic = () => Number(env.clock.unsafeCurrentTimeNanos() / 1_000_000n)
    const startedAt = monotonic()

    let bubble: Bubbles.OpenBubble | undefined
    let aging: Fiber.RuntimeFiber<void> | undefined
    let isOld = false
    let isShown = false
    let isPushing = options.isExpired
    let sent = 0
    let acked = 0
    let doubtful = 0

    const parts: Array<DeliveredPart> = []
    let frames = 0
    let waited = 0
    let firstAfter: number | undefined
    let unknown: DeliveryUnknown["reason"] | undefined

    const onAck = () => {
      firstAfter ??= monotonic() - startedAt
    }

    /** An interrupted wait counts as well. */
    const takeTurn = (priority: Governor.Priority) =>
      Effect.suspend(() => {
        const since = monotonic()
        return Effect.ensuring(
          env.governor.take(conversation, priority),
          Effect.sync(() => {
            waited += monotonic() - since
          })
        )
      })

    const open = (priority: Governor.Priority): Effect.Effect<void> =>
      Effect.gen(function*() {
        yield* takeTurn(priority)
        isOld = isShown = false
        sent = acked = doubtful = 0
        bubble = env.bubbles.open({
          target,
          id: Crypto.unsafeReqId(env.crypto, "stream"),
          feedback: parts.length === 0 ? answer.feedback : undefined,
          passesDrain: options.passesDrain,
          cutOffContent: options.cutOffContent,
          notice: options.notice,
          onCutOff: options.onCutOff
        })
        aging = yield* env.clock.sleep(Duration.millis(maxAgeMillis)).pipe(
          Effect.tap(() => {
            isOld = true
            options.onOld()
          }),
          Effect.interruptible,
          Effect.forkIn(scope)
        )
      })

    const leaveBubble = Effect.suspend(() => {
      if (bubble !== undefined) frames += bubble.frames()
      bubble = undefined
      sent = acked = doubtful = 0
      return aging === undefined ? Effect.void : Fiber.interruptFork(aging)
    })

    /** The service takes no more frames. The text that is not certainly on screen is left for pushes. */
    const switchToPush = (error: SendError) =>
      Effect.suspend(() => {
        bubble?.abandon()
        const mayPush = error._tag === "SendExpired" ? answer.onExpired === "push" : answer.onGone !== "fail"
        if (target.chat === undefined || !mayPush) return Effect.zipRight(leaveBubble, Effect.fail(error))
        const text = rendering.text()
        if (doubtful > acked) unknown ??= "AckTimeout"
        if (acked > 0) parts.push({ _tag: "Stream", bytes: utf8Length(text.slice(0, acked)), streamId: bubble!.id })
        rendering.replace(text.length, Markdown.resume(text, Math.max(acked, doubtful)))
        isPushing = true
        return leaveBubble
      })

    const endsStream = (error: SendError) => refusals.isGone(error) || error._tag === "SendExpired"

    const seal = (content: string): Effect.Effect<void, SendError> =>
      Effect.suspend(() => {
        const { id, seal } = bubble!
        return Effect.matchEffect(seal(content), {
          onSuccess: () => {
            onAck()
            parts.push({ _tag: "Stream", bytes: utf8Length(content), streamId: id })
            return leaveBubble
          },
          onFailure: (error) => {
            if (endsStream(error)) return switchToPush(error)
            if (error._tag !== "DeliveryUnknown") return Effect.fail(error)
            unknown ??= error.reason
            return leaveBubble
          }
        })
      })

    const onShowFailure = (
      error: SendError,
      length: number
    ): Effect.Effect<Duration.Duration | undefined, SendError> => {
      if (endsStream(error)) return Effect.as(switchToPush(error), undefined)
      if (error._tag === "DeliveryUnknown") {
        doubtful = length
        isShown = true
        return Effect.succeed(undefined)
      }
      if (!refusals.isPassing(error) && !refusals.isUnsent(error)) return Effect.fail(error)
      // The next snapshot contains this one, so it is the retry.
      sent = acked
      return Effect.succeed(refusals.delay(error, 1))
    }

    const show = (content: string, length: number) =>
      Effect.suspend(() => {
        sent = length
        return Effect.flatMap(bubble!.show(content), (verdict) => {
          if (Exit.isFailure(verdict)) {
            return Cause.isFailType(verdict.cause)
              ? onShowFailure(verdict.cause.error, length)
              : Effect.succeed(undefined)
          }
          onAck()
          acked = length
          isShown = true
          return Effect.succeed(undefined)
        })
      })

    /** Retries temporary refusals. The result is the last verdict. */
    const withRetries = (
      attempt: Effect.Effect<Frame.Ack, SendError>,
      tries: number
    ): Effect.Effect<Frame.Ack, SendError> =>
      Effect.catchAll(attempt, (error) =>
        refusals.isPassing(error) && tries < refusals.tries
          ? Effect.zipRight(env.clock.sleep(refusals.delay(error, tries)), withRetries(attempt, tries + 1))
          : Effect.fail(error))

    const push = (content: string, priority: Governor.Priority): Effect.Effect<void, SendError> =>
      Effect.gen(function*() {
        const piece = sending.withoutThinking(content)
        if (!Reply.hasVisible(piece)) return
        yield* takeTurn(priority)
        frames++
        yield* withRetries(env.push(target.chat!, piece), 1).pipe(
          Effect.tap(() => {
            onAck()
            parts.push({ _tag: "Push", bytes: utf8Length(piece) })
          }),
          // A retry could show this part twice, and the rest is readable without it.
          Effect.catchTag("DeliveryUnknown", (error) =>
            Effect.sync(() => {
              unknown ??= error.reason
            }))
        )
      })

    return {
      bubble: () => bubble,
      isShown: () => isShown,
      isOld: () => bubble !== undefined && isOld,
      isPushing: () => isPushing,
      isEmpty: () => parts.length === 0 && unknown === undefined,
      sent: () => sent,
      acked: () => Math.max(acked, doubtful),
      open,
      show,
      seal,
      push,
      receipt: Effect.suspend(() => {
        const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
        if (unknown !== undefined) {
          const command = Frame.Command.respond
          return Effect.fail(new DeliveryUnknown({ command, reason: unknown, bytesOnScreen: bytes }))
        }
        return Effect.succeed({
          parts,
          bytes,
          frames,
          waited: Duration.millis(waited),
          firstAfter: firstAfter ?? 0,
          lastAfter: monotonic() - startedAt
        })
      })
    }
  })
