/**
 * A whole answer as one bubble after the other of one `req_id`, shown by the latest snapshot as it grows, and sealed however it
 * ends. The fiber of the caller writes in one loop; the source runs beside it at its own pace.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Stream from "effect/Stream"
import type { AnswerPart, Receipt, ReplyStreamOptions } from "../../Answer.js"
import type * as Chat from "../../Chat.js"
import type * as Crypto from "../../Crypto.js"
import * as Frame from "../../Frame.js"
import type * as Governor from "../../Governor.js"
import * as Limits from "../../Limits.js"
import * as Markdown from "../../Markdown.js"
import * as Reply from "../../Reply.js"
import * as ReplyTarget from "../../ReplyTarget.js"
import { type SendError, SendExpired, SendInvalid, SendUnavailable } from "../../WecomError.js"
import { exceedsBytes, utf8Length } from "../checks/bytes.js"
import { passesDrain } from "../handlers/current.js"
import type * as Bubbles from "./bubbles.js"
import * as Delivery from "./delivery.js"
import * as refusals from "./refusals.js"
import * as Rendering from "./text.js"

/** @internal */
export interface AnswerDependencies {
  readonly bubbles: Bubbles.Bubbles
  readonly governor: Governor.Governor.Service
  readonly crypto: Crypto.Crypto.Service
  readonly clock: Clock.Clock
  readonly sealTimeout: Duration.Duration
  readonly push: (chat: Chat.Chat, content: string) => Effect.Effect<Frame.Ack, SendError>
}

/** Shows the service's own animation until the answer begins. */
const thinking = "<think></think>"

/** Room for the line that closes an open fence, and for the mark that a part without visible text needs. */
const partBytes = Limits.contentBytes - 256

const continuationMark = "…"
const defaultMaxBuffered = 1024 * 1024
const defaultFailureText = "抱歉，回答未能完成。"
const defaultCutOffText = "（回答已中断）"
const defaultEmptyText = "（没有内容）"

/** The text as far as it fits above the notice, as valid Markdown. */
const withNotice = (text: string, notice: string): string => {
  const room = Limits.contentBytes - utf8Length(notice) - 2
  if (room <= 0) return Reply.hasVisible(notice) ? Markdown.cut(notice, partBytes).head : continuationMark
  const closed = Markdown.close(text)
  const shown = exceedsBytes(closed, room) ? Markdown.cut(text, Math.min(room, partBytes)).head : closed
  if (!Reply.hasVisible(notice)) return visible(shown, continuationMark)
  return shown === "" ? notice : `${shown}\n\n${notice}`
}

const visible = (content: string, otherwise: string): string =>
  Reply.hasVisible(content) ? content : withNotice(content, Reply.hasVisible(otherwise) ? otherwise : continuationMark)

/** @internal */
export const replyStream = <E, R>(
  env: AnswerDependencies,
  target: ReplyTarget.MessageTarget,
  source: Stream.Stream<AnswerPart, E, R>,
  options: ReplyStreamOptions<E>
): Effect.Effect<Receipt, SendError | E, R> =>
  Effect.scoped(Effect.gen(function*() {
    const isExpired = env.clock.unsafeCurrentTimeMillis() > ReplyTarget.deadline(target)
    if (isExpired && (options.onExpired !== "push" || target.chat === undefined)) {
      const window = Duration.millis(ReplyTarget.windowMillis(target))
      return yield* Effect.fail(new SendExpired({ command: Frame.Command.respond, window }))
    }
    const emptyText = options.emptyText ?? defaultEmptyText
    const cutOffText = options.cutOffText ?? defaultCutOffText
    const maxBuffered = options.maxBuffered ?? defaultMaxBuffered
    const framePause = Duration.millis(options.maxFramesPerSecond === undefined ? 0 : 1000 / options.maxFramesPerSecond)

    const rendering = Rendering.make(options.foldStrayThinking ?? true)
    const changed = Effect.unsafeMakeLatch(false)
    const drained = Effect.unsafeMakeLatch(true)
    const ended = Effect.unsafeMakeLatch(false)
    let sourceExit: Exit.Exit<void, E | SendInvalid> | undefined
    const getSourceExit = () => sourceExit
    let isCutOff = false
    let cutOffContent = () => withNotice(rendering.text(), cutOffText)
    /** The bytes from the source since the last frame. */
    let buffered = 0
    let deltas = 0
    let conflated = 0

    const delivery = yield* Delivery.make(env, {
      target,
      answer: options,
      rendering,
      isExpired,
      passesDrain: yield* FiberRef.get(passesDrain),
      cutOffContent: () => cutOffContent(),
      notice: visible("", cutOffText),
      onCutOff: () => {
        isCutOff = true
        changed.unsafeOpen()
      },
      onOld: () => changed.unsafeOpen()
    })

    const conflate = () => {
      conflated += Math.max(0, deltas - 1)
      deltas = 0
    }

    /** A push waits until it has the size of a message, so the source is read until then. */
    const isBufferFull = () => buffered > (delivery.isPushing() ? Math.max(maxBuffered, partBytes) : maxBuffered)

    const settleBuffer = () => {
      buffered = utf8Length(rendering.text().slice(delivery.sent()))
      if (!isBufferFull()) drained.unsafeOpen()
    }

    // Interruptible, so that the race can end its loser even where the caller is uninterruptible.
    const untilEnded = (waiting: Effect.Effect<void>) =>
      Effect.raceFirst(Effect.interruptible(waiting), Effect.interruptible(ended.await))

    const runSource = Stream.runForEach(source, (given) =>
      Effect.suspend(() => {
        const part = Rendering.readPart(given)
        if (part instanceof SendInvalid) return Effect.fail(part)
        rendering.append(part)
        buffered += utf8Length(typeof part === "string" ? part : part.text)
        deltas++
        changed.unsafeOpen()
        if (!isBufferFull()) return Effect.void
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

    /** Seals the bubble with all of the text or the part that fits, and goes on with the rest in the next bubble. */
    const sealPart = (priority: Governor.Priority): Effect.Effect<void, SendError> =>
      Effect.gen(function*() {
        if (delivery.bubble() === undefined) yield* delivery.open(priority)
        const text = rendering.text()
        const { head, rest } = exceedsBytes(text, partBytes)
          ? Markdown.cut(text, partBytes)
          : { head: Markdown.close(text), rest: Markdown.resume(text, text.length) }
        conflate()
        yield* delivery.seal(visible(head, continuationMark))
        if (!delivery.isPushing()) rendering.replace(text.length, rest)
      })

    /** Delivers the whole rest. */
    const finish: Effect.Effect<void, SendError> = Effect.gen(function*() {
      rendering.finish()
      while (!delivery.isPushing() && exceedsBytes(rendering.text(), partBytes)) yield* sealPart("final")
      conflate()
      const text = Markdown.close(rendering.text())
      if (!delivery.isPushing() && (delivery.bubble() !== undefined || Reply.hasVisible(text) || delivery.isEmpty())) {
        if (delivery.bubble() === undefined) yield* delivery.open("final")
        yield* delivery.seal(visible(text, delivery.isEmpty() ? emptyText : continuationMark))
      }
      if (!delivery.isPushing()) return
      yield* Effect.forEach(Markdown.split(rendering.text()), (piece) => delivery.push(piece, "final"), {
        discard: true
      })
      if (delivery.isEmpty()) yield* delivery.push(visible("", emptyText), "final")
    })

    const pause = (delay: Duration.Duration) => untilEnded(env.clock.sleep(delay))

    const showSnapshot = (content: string, length: number) =>
      Effect.gen(function*() {
        conflate()
        const retryAfter = yield* delivery.show(content, length)
        settleBuffer()
        if (retryAfter !== undefined) yield* pause(retryAfter)
        else if (Duration.greaterThan(framePause, Duration.zero)) yield* pause(framePause)
      })

    /** The link can come back while the source still runs. */
    const whileUnsent = (sealing: Effect.Effect<void, SendError>) =>
      Effect.catchAll(
        sealing,
        (error) => refusals.isUnsent(error) ? pause(refusals.delay(error, 1)) : Effect.fail(error)
      )

    /** One round of the loop while the source runs. */
    const writeStep: Effect.Effect<void, SendError> = Effect.gen(function*() {
      changed.unsafeClose()
      if (isCutOff) {
        return yield* Effect.fail(new SendUnavailable({ command: Frame.Command.respond, reason: "Draining" }))
      }
      const text = rendering.text()
      const isTooLong = exceedsBytes(text, partBytes)
      if (delivery.isPushing()) {
        if (!isTooLong) return yield* changed.await
        const { head, rest } = Markdown.cut(text, partBytes)
        yield* delivery.push(head, "message")
        rendering.replace(text.length, rest)
        return settleBuffer()
      }
      if (isTooLong || delivery.isOld()) {
        yield* whileUnsent(sealPart("message"))
        return settleBuffer()
      }
      const isSilent = text.length === delivery.sent()
      if (delivery.bubble() === undefined) {
        const opens = delivery.isEmpty() ? options.openAtOnce ?? true : options.keepAlive ?? true
        if (isSilent && !opens) return yield* changed.await
        // The end of the source ends this wait for the quota: its final waits with priority.
        return yield* untilEnded(delivery.open("message"))
      }
      if (!isSilent) return yield* showSnapshot(text, text.length)
      if (text === "" && !delivery.isShown()) return yield* showSnapshot(thinking, 0)
      return yield* changed.await
    })

    const write = Effect.gen(function*() {
      let exit = getSourceExit()
      for (; exit === undefined; exit = getSourceExit()) yield* writeStep
      if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
      yield* finish
    })

    const failureText = (cause: Cause.Cause<E | SendError>): string => {
      try {
        const text: unknown = options.failureText?.(cause)
        return typeof text === "string" ? text : defaultFailureText
      } catch {
        return defaultFailureText
      }
    }

    /** Seals the bubble with the notice. `bubbles` goes on with a final that takes longer than `sealTimeout`. */
    const sealAfterFailure = (cause: Cause.Cause<E | SendError>): Effect.Effect<void> => {
      const cutOff = Effect.sync(() => delivery.bubble()?.cutOff())
      if (Cause.isInterruptedOnly(cause)) return cutOff
      const notice = failureText(cause)
      let last: Effect.Effect<void, SendError>
      if (sourceExit !== undefined && Exit.isFailure(sourceExit)) {
        rendering.finish()
        const text = rendering.text()
        rendering.replace(text.length, withGap(Markdown.close(text), notice))
        cutOffContent = () => withNotice(rendering.text(), "")
        last = finish
      } else {
        // Only text that may be on screen is sent again: the rest was refused or could not be sent.
        const shown = rendering.text().slice(0, delivery.acked())
        cutOffContent = () => withNotice(shown, notice)
        last = Effect.suspend(() => delivery.bubble() === undefined ? Effect.void : delivery.seal(cutOffContent()))
      }
      return last.pipe(
        Effect.timeoutOption(env.sealTimeout),
        Effect.interruptible,
        Effect.ignore,
        Effect.ensuring(cutOff)
      )
    }

    const running = yield* Effect.forkScoped(Effect.interruptible(runSource))
    yield* Effect.onExit(
      write,
      (exit) =>
        Exit.isSuccess(exit) ? Effect.void : Effect.zipRight(Fiber.interruptFork(running), sealAfterFailure(exit.cause))
    )
    return { ...yield* delivery.receipt, conflated }
  }))

const withGap = (text: string, notice: string) => text === "" ? notice : `${text}\n\n${notice}`
