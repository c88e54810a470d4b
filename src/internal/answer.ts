/**
 * A whole answer: bubble after bubble on one req_id, shown as it grows with the latest snapshot first, and sealed however it
 * ends. One loop in the caller's fiber writes; the source runs beside it at its own speed. When the service takes no more
 * frames, what is known not to be on screen goes out as a push.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Stream from "effect/Stream"
import * as Chat from "../Chat.js"
import * as Crypto from "../Crypto.js"
import * as Frame from "../Frame.js"
import type * as Governor from "../Governor.js"
import * as Limits from "../Limits.js"
import * as Markdown from "../Markdown.js"
import * as Reply from "../Reply.js"
import * as ReplyTarget from "../ReplyTarget.js"
import type { AnswerPart, DeliveredPart, Receipt, ReplyStreamOptions } from "../WecomBot.js"
import { DeliveryUnknown, type SendError, SendExpired } from "../WecomError.js"
import type * as Bubbles from "./bubbles.js"
import { exceedsBytes, utf8Length } from "./bytes.js"
import { passesDrain } from "./handlers.js"
import * as refusals from "./refusals.js"
import * as Rendering from "./rendering.js"

/** @internal */
export interface Environment {
  readonly bubbles: Bubbles.Bubbles
  readonly governor: Governor.Governor.Service
  readonly crypto: Crypto.Crypto.Service
  readonly clock: Clock.Clock
  readonly sealTimeout: Duration.Duration
  readonly push: (chat: Chat.Chat, content: string) => Effect.Effect<Frame.Ack, SendError>
}

/** The service's own animation for an answer that has not begun. */
const thinking = "<think></think>"

/** Room for the mark that a sealed part without visible text needs. */
const partBytes = Limits.contentBytes - 64

/** A bubble is sealed this long before its window ends: its frames may still wait for a link. */
const rolloverMillis = Limits.streamWindowMillis - Duration.toMillis("1 minute")

const goesOn = "…"
const defaultMaxBuffered = 1024 * 1024
const defaultFailureText = "抱歉，回答未能完成。"
const defaultCutOffText = "（回答已中断）"
const defaultEmptyText = "（没有内容）"

const withNotice = (shown: string, notice: string): string => {
  const room = Limits.contentBytes - utf8Length(notice) - 2
  if (room <= 0) return Reply.hasVisible(shown) ? shown : goesOn
  const text = exceedsBytes(shown, room) ? Markdown.cut(shown, room).head : Markdown.close(shown)
  return Reply.hasVisible(text) ? `${text}\n\n${notice}` : notice
}

const visible = (content: string, otherwise: string): string =>
  Reply.hasVisible(content) ? content : content === "" ? otherwise : `${content}\n\n${otherwise}`

/** Reasoning folds in a stream only; a push shows what the user was meant to read. */
const withoutThinking = (text: string): string => text.replace(/<think>[\s\S]*?(<\/think>|$)/g, "")

/** @internal */
export const replyStream = <E, R>(
  env: Environment,
  target: ReplyTarget.MessageTarget,
  source: Stream.Stream<AnswerPart, E, R>,
  options: ReplyStreamOptions<E>
): Effect.Effect<Receipt, SendError | E, R> =>
  Effect.scoped(Effect.gen(function*() {
    const { clock, governor } = env
    const isHandler = yield* FiberRef.get(passesDrain)
    const answerScope = yield* Effect.scope
    const monotonic = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
    const startedAt = monotonic()
    const emptyText = options.emptyText ?? defaultEmptyText
    const maxBuffered = options.maxBuffered ?? defaultMaxBuffered
    const framePause = options.maxFramesPerSecond === undefined ? 0 : 1000 / options.maxFramesPerSecond
    const chatId = target.chat === undefined ? target.reqId : `${Chat.type(target.chat)}:${Chat.id(target.chat)}`

    const rendering = Rendering.make()
    const changed = Effect.unsafeMakeLatch(false)
    const drained = Effect.unsafeMakeLatch(true)
    const ended = Effect.unsafeMakeLatch(false)
    let sourceExit: Exit.Exit<void, E> | undefined
    let deltas = 0

    const parts: Array<DeliveredPart> = []
    let frames = 0
    let conflated = 0
    let waited = Duration.zero
    let firstAfter: number | undefined
    let unknown: DeliveryUnknown | undefined

    let bubble: Bubbles.Bubble | undefined
    let isRolloverDue = false
    // All three are beginnings of the text of this bubble.
    let sent = ""
    let acked = ""
    let doubtful = ""
    let isPushing = false

    const onAck = () => {
      firstAfter ??= monotonic() - startedAt
    }

    const takeTurn = (priority: Governor.Priority) =>
      Effect.map(governor.take(chatId, priority), (wait) => {
        waited = Duration.sum(waited, wait)
      })

    const open = (priority: Governor.Priority): Effect.Effect<Bubbles.Bubble> =>
      Effect.gen(function*() {
        yield* takeTurn(priority)
        isRolloverDue = false
        sent = acked = doubtful = ""
        const opened = bubble = env.bubbles.open({
          target,
          id: Crypto.unsafeReqId(env.crypto, "stream"),
          feedback: parts.length === 0 ? options.feedback : undefined,
          passesDrain: isHandler,
          lastWords: () => withNotice(rendering.text(), options.cutOffText ?? defaultCutOffText),
          onCutOff: () => changed.unsafeOpen()
        })
        yield* clock.sleep(Duration.millis(rolloverMillis)).pipe(
          Effect.tap(() => {
            if (bubble === opened) isRolloverDue = true
            changed.unsafeOpen()
          }),
          Effect.forkIn(answerScope)
        )
        return opened
      })

    /** Refusals that pass are waited out; what is left is the verdict. */
    const persist = <A>(attempt: Effect.Effect<A, SendError>, tries = 1): Effect.Effect<A, SendError> =>
      Effect.catchAll(attempt, (error) =>
        refusals.isPassing(error) && tries < refusals.tries
          ? Effect.zipRight(clock.sleep(refusals.delay(error, tries)), persist(attempt, tries + 1))
          : Effect.fail(error))

    /** The service takes no more frames: what is known not to be on screen is left to be pushed. */
    const turnToPush = (error: SendError) =>
      Effect.suspend(() => {
        bubble?.abandon()
        bubble = undefined
        if (target.chat === undefined || options.onGone === "fail") return Effect.fail(error)
        if (doubtful.length > acked.length) unknown ??= unknownDelivery()
        const onScreen = doubtful.length > acked.length ? doubtful : acked
        if (acked !== "") parts.push({ _tag: "Stream", bytes: utf8Length(acked) })
        rendering.replace(Markdown.resume(rendering.text(), onScreen.length))
        isPushing = true
        return Effect.void
      })

    const seal = (content: string): Effect.Effect<void, SendError> =>
      Effect.suspend(() => {
        const sealing = bubble!
        frames++
        return persist(sealing.seal(content)).pipe(
          Effect.matchEffect({
            onSuccess: () => {
              onAck()
              parts.push({ _tag: "Stream", bytes: utf8Length(content), streamId: sealing.id })
              bubble = undefined
              return Effect.void
            },
            onFailure: (error) => {
              if (refusals.isGone(error)) return turnToPush(error)
              if (error._tag !== "DeliveryUnknown") return Effect.fail(error)
              unknown ??= error
              bubble = undefined
              return Effect.void
            }
          })
        )
      })

    const show = (current: Bubbles.Bubble, content: string): Effect.Effect<void, SendError> =>
      Effect.suspend(() => {
        frames++
        conflated += Math.max(0, deltas - 1)
        deltas = 0
        sent = content
        return Effect.flatMap(current.show(content), (verdict): Effect.Effect<void, SendError> => {
          if (Exit.isSuccess(verdict)) {
            onAck()
            acked = content
            return Effect.void
          }
          const error = Cause.isFailType(verdict.cause) ? verdict.cause.error : undefined
          if (error === undefined || refusals.isGone(error)) {
            return error === undefined
              ? Effect.void
              : turnToPush(error)
          }
          if (error._tag === "DeliveryUnknown") {
            doubtful = content
            return Effect.void
          }
          if (!refusals.isPassing(error)) return Effect.fail(error)
          // The next snapshot says the same and more, so it is the next try.
          sent = acked
          return Effect.raceFirst(clock.sleep(refusals.delay(error, 1)), ended.await)
        })
      })

    /** Seals what fits, and goes on with the rest in the next bubble. */
    const sealPart = (head: string, rest: string): Effect.Effect<void, SendError> =>
      Effect.gen(function*() {
        if (bubble === undefined) yield* open("message")
        yield* seal(visible(head, goesOn))
        if (!isPushing) rendering.replace(rest)
      })

    const pushPiece = (content: string): Effect.Effect<void, SendError> =>
      Effect.gen(function*() {
        const piece = withoutThinking(content)
        if (!Reply.hasVisible(piece)) return
        yield* takeTurn("final")
        yield* persist(env.push(target.chat!, piece))
        onAck()
        parts.push({ _tag: "Push", bytes: utf8Length(piece) })
      })

    /** All that is there, to the end. */
    const finish: Effect.Effect<void, SendError> = Effect.gen(function*() {
      rendering.finish()
      while (!isPushing && exceedsBytes(rendering.text(), partBytes)) {
        const { head, rest } = Markdown.cut(rendering.text(), partBytes)
        yield* sealPart(head, rest)
      }
      const text = Markdown.close(rendering.text())
      if (!isPushing && (bubble !== undefined || Reply.hasVisible(text) || parts.length === 0)) {
        if (bubble === undefined) yield* open("final")
        yield* seal(visible(text, parts.length === 0 ? emptyText : goesOn))
      }
      if (isPushing) yield* Effect.forEach(Markdown.split(rendering.text()), pushPiece, { discard: true })
    })

    /** One turn of the writer while the source runs. */
    const turn = Effect.gen(function*() {
      changed.unsafeClose()
      const text = rendering.text()
      if (isPushing) {
        if (!exceedsBytes(text, partBytes)) return yield* changed.await
        const { head, rest } = Markdown.cut(text, partBytes)
        yield* pushPiece(head)
        rendering.replace(rest)
        drained.unsafeOpen()
        return
      }
      if (exceedsBytes(text, partBytes)) {
        const { head, rest } = Markdown.cut(text, partBytes)
        yield* sealPart(head, rest)
        drained.unsafeOpen()
        return
      }
      if (bubble !== undefined && isRolloverDue) {
        yield* sealPart(Markdown.close(text), Markdown.resume(text, text.length))
        return
      }
      const isSilent = text === "" || text === sent
      if (bubble === undefined) {
        const opens = parts.length === 0 ? options.openAtOnce ?? true : options.keepAlive ?? true
        if (isSilent && !opens) return yield* changed.await
        yield* open("message")
      }
      if (isSilent && (sent !== "" || text !== "" || bubble!.frames() > 0)) return yield* changed.await
      yield* show(bubble!, isSilent ? thinking : text)
      if (isSilent) sent = acked = doubtful = ""
      drained.unsafeOpen()
      if (framePause > 0) yield* Effect.raceFirst(clock.sleep(Duration.millis(framePause)), ended.await)
    })

    const runSource = Stream.runForEach(source, (part) =>
      Effect.suspend(() => {
        rendering.append(part)
        deltas++
        changed.unsafeOpen()
        if ((rendering.text().length - sent.length) * 3 <= maxBuffered) return Effect.void
        if (utf8Length(rendering.text()) - utf8Length(sent) <= maxBuffered) return Effect.void
        drained.unsafeClose()
        return drained.await
      })).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            sourceExit = exit
            ended.unsafeOpen()
            changed.unsafeOpen()
          })
        )
      )

    const write = Effect.gen(function*() {
      while (sourceExit === undefined) yield* turn
      if (Exit.isFailure(sourceExit)) return yield* Effect.failCause((sourceExit as Exit.Failure<never, E>).cause)
      yield* finish
    })

    const notice = (cause: Cause.Cause<E | SendError>): Effect.Effect<void> => {
      if (Cause.isInterruptedOnly(cause)) return Effect.sync(() => bubble?.cutOff())
      const failure = Cause.failureOption(cause)
      const said = options.failureText?.(cause) ?? defaultFailureText
      // What was refused is not shown again.
      const isRefused = failure._tag === "Some" && failure.value instanceof Object && "errcode" in failure.value
      if (bubble === undefined && isRefused) return Effect.void
      rendering.finish()
      rendering.replace(isRefused ? said : withGap(rendering.text(), said))
      return finish.pipe(
        Effect.timeoutOption(env.sealTimeout),
        Effect.interruptible,
        Effect.ignore,
        Effect.ensuring(Effect.sync(() => bubble?.cutOff()))
      )
    }

    const unknownDelivery = () => new DeliveryUnknown({ command: Frame.Command.respond, reason: "AckTimeout" })

    if (clock.unsafeCurrentTimeMillis() > ReplyTarget.deadline(target)) {
      if (options.onExpired !== "push" || target.chat === undefined) {
        const window = Duration.millis(ReplyTarget.windowMillis(target))
        return yield* Effect.fail(new SendExpired({ command: Frame.Command.respond, window }))
      }
      isPushing = true
    }
    yield* Effect.zipRight(Effect.forkScoped(runSource), write).pipe(
      Effect.onExit((exit) => Exit.isFailure(exit) ? notice(exit.cause) : Effect.void)
    )
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
    if (unknown !== undefined) {
      return yield* Effect.fail(new DeliveryUnknown({ ...unknown, bytesOnScreen: bytes }))
    }
    return { parts, bytes, frames, conflated, waited, firstAfter: firstAfter ?? 0, lastAfter: monotonic() - startedAt }
  }))

const withGap = (text: string, notice: string) => text === "" ? notice : `${Markdown.close(text)}\n\n${notice}`
