/**
 * Puts the bot together: what each function of the bot checks and sends, and the order in which it closes.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as BotConfig from "../BotConfig.js"
import * as Connection from "../Connection.js"
import * as Crypto from "../Crypto.js"
import * as Dedupe from "../Dedupe.js"
import * as Frame from "../Frame.js"
import * as Governor from "../Governor.js"
import * as MediaDownload from "../MediaDownload.js"
import * as MediaUpload from "../MediaUpload.js"
import type * as Message from "../Message.js"
import * as Reply from "../Reply.js"
import * as ReplyQueue from "../ReplyQueue.js"
import type { WecomBot } from "../WecomBot.js"
import { type ConnectionError, type SendError, SendInvalid } from "../WecomError.js"
import * as Answer from "./answer.js"
import * as Bubbles from "./bubbles.js"
import * as Deadlines from "./deadlines.js"
import * as Handlers from "./handlers.js"
import * as Intake from "./intake.js"
import * as Outbox from "./outbox.js"
import * as sending from "./sending.js"
import * as spans from "./spans.js"
import * as StreamFrame from "./streamFrame.js"
import * as targets from "./targets.js"
import { within } from "./within.js"

const none: Exit.Exit<Option.Option<Frame.Ack>> = Exit.succeed(Option.none())

/** @internal */
export const make: Effect.Effect<
  WecomBot.Service,
  never,
  | BotConfig.BotConfig
  | Connection.Connection
  | Crypto.Crypto
  | Dedupe.Dedupe
  | Governor.Governor
  | MediaDownload.MediaDownload
  | MediaUpload.MediaUpload
  | ReplyQueue.ReplyQueue
  | Scope.Scope
> = Effect.gen(function*() {
  const config = yield* BotConfig.BotConfig
  const connection = yield* Connection.Connection
  const queue = yield* ReplyQueue.ReplyQueue
  const intake = Intake.make(config, connection, yield* Dedupe.Dedupe)
  const governor = yield* Governor.Governor
  const downloads = yield* MediaDownload.MediaDownload
  const uploads = yield* MediaUpload.MediaUpload
  const crypto = yield* Crypto.Crypto
  const clock = yield* Effect.clock

  const deadlines = yield* Deadlines.shared
  const later = new Set<Deadlines.Entry>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const entry of later) entry.cancelled = true
    })
  )
  const after = (millis: number, task: () => void) => {
    const entry = deadlines.after(millis, () => {
      later.delete(entry)
      task()
    })
    later.add(entry)
  }
  const bubbles = Bubbles.make({
    queue,
    after: (delay, task) => after(Duration.toMillis(delay), task),
    wallTime: () => clock.unsafeCurrentTimeMillis(),
    ackHorizon: config.ackHorizon
  })
  const handlers = Handlers.make(after)

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      // With the link down nothing is waited for.
      const whileUp = (waiting: Effect.Effect<void>, timeout: Duration.Duration) =>
        within(Effect.raceFirst(waiting, connection.down), timeout)

      yield* connection.drain
      yield* intake.end
      yield* whileUp(handlers.ended, config.drainTimeout)
      yield* handlers.stop
      // Interrupted handlers hand their bubbles over in their own turn.
      yield* Effect.yieldNow()
      bubbles.cutOffAll()
      const settled = Effect.zipRight(within(handlers.ended, config.drainTimeout), queue.flushed)
      yield* whileUp(settled, config.sealTimeout)
      const open = bubbles.size()
      const waiting = queue.unsafeSize()
      if (open > 0 || waiting > 0) {
        yield* Effect.logWarning(`closed with ${open} bubble(s) not sealed and ${waiting} frame(s) not acknowledged`)
      }
    }).pipe(Effect.annotateLogs("module", "effect-wecom/WecomBot"))
  )
  yield* intake.run.pipe(Effect.interruptible, Effect.forkScoped)

  const { offer, push, pushTo, pushWithinQuota, unsafeOffer } = Outbox.make({
    clock,
    connection,
    crypto,
    governor,
    queue
  })

  const answering: Answer.Environment = {
    bubbles,
    governor,
    crypto,
    clock,
    sealTimeout: config.sealTimeout,
    push: (chat, content) => pushTo(chat, Reply.markdown(content))
  }

  StreamFrame.keepSpecimens()

  const isTooEarly = (to: unknown, frame: Reply.StreamOptions): boolean =>
    frame?.finish !== true && typeof to === "object" && to !== null && "reqId" in to &&
    typeof to.reqId === "string" && !queue.unsafeIsIdle(to.reqId)

  const replyChecked = (
    operation: keyof WecomBot.Service,
    to: Parameters<WecomBot.Service["reply"]>[0],
    body: unknown,
    late?: sending.LateOptions
  ): Effect.Effect<Frame.Ack, SendError> =>
    carefully(() => {
      const checked = Reply.validateReply(body)
      if (Either.isLeft(checked)) return Effect.fail(checked.left)
      const valid = checked.right
      const stream = "stream" in valid ? valid.stream : undefined
      const target = targets.message(to)
      const send = offer(
        operation,
        target,
        Frame.Command.respond,
        valid,
        // A stream frame is a snapshot; the others would show a second message.
        valid.msgtype === "stream" ? { onConnectionLost: "resend", stream } : { stream }
      )
      return target instanceof SendInvalid ? send : sending.orPush(send, late, target.chat, valid, pushWithinQuota)
    })

  const reply: WecomBot.Service["reply"] = (to, body, options) =>
    carefully(() => {
      const pieces = options?.split === true ? sending.pieces(body) : undefined
      if (pieces === undefined) return replyChecked("reply", to, body, options)
      const [first, ...rest] = pieces
      // A message takes one answer that is not a stream, so what follows it is pushed.
      return sending.inOrder(replyChecked("reply", to, first, options), rest.map((piece) => sendMessage(to, piece)))
    })

  const replyStreamFrame: WecomBot.Service["replyStreamFrame"] = (to, frame) => {
    const stream = new StreamFrame.StreamFrame(unsafeOffer, to, frame)
    return Effect.async(stream.offer.bind(stream))
  }

  const sendMessage: WecomBot.Service["sendMessage"] = (to, body, options) =>
    carefully(() => {
      const chat = targets.chat(to)
      if (chat instanceof SendInvalid) return Effect.fail(chat)
      const pieces = options?.split === true ? sending.pieces(body) : undefined
      if (pieces !== undefined) {
        const [first, ...rest] = pieces.map((piece) => pushWithinQuota(chat, piece))
        return sending.inOrder(first!, rest)
      }
      const checked = Reply.validatePush(body)
      if (Either.isLeft(checked)) return Effect.fail(checked.left)
      return pushWithinQuota(chat, checked.right)
    })

  return {
    // Built when somebody asks for them: of a thousand bots few have a use for all three.
    get messages() {
      return intake.messages
    },
    get events() {
      return intake.events
    },
    get statusChanges() {
      return connection.statusChanges
    },
    status: connection.status,
    ready: connection.ready,
    closed: connection.closed,
    forkHandler: handlers.fork,
    handlerRuntime: handlers.runtime,
    command: (cmd, body, options) =>
      carefully(() => {
        const invalid = invalidCommand(cmd, options?.reqId)
        if (invalid !== undefined) return Effect.fail(invalid)
        return push("command", cmd, options?.reqId ?? Crypto.unsafeReqId(crypto, cmd), body)
      }),
    reply,
    replyStream: (to, content, options) =>
      carefully(() => {
        const target = targets.message(to)
        if (target instanceof SendInvalid) return Effect.fail(target)
        const isWhole = typeof content === "string"
        const source = isWhole ? Stream.make(content) : content
        if (!isStream(source)) return Effect.fail(notAStream)
        // What is there already needs no animation, and is on screen an ack earlier without it.
        const how = isWhole ? { openAtOnce: false, ...options } : options ?? {}
        return Effect.flatMap(spans.parent, (parent) =>
          parent === undefined
            ? Answer.replyStream(answering, target, source, how)
            : spans.send(parent, "replyStream", target, (span) => {
              const watched = { ...answering, bubbles: spans.watch(bubbles, span, clock) }
              return spans.below([span])(Answer.replyStream(watched, target, source, how))
            }))
      }),
    awaitReply: (from, predicate, options) =>
      carefully((): Effect.Effect<Message.Message, Cause.TimeoutException | ConnectionError | SendInvalid> => {
        const chat = targets.chat(from)
        if (chat instanceof SendInvalid) return Effect.fail(chat)
        return intake.awaitReply(chat, predicate ?? (() => true), options?.timeout)
      }),
    awaitCardAction: (taskId, options) => carefully(() => intake.awaitCardAction(taskId, options?.timeout)),
    replyStreamFrame,
    replyStreamFrameIfIdle: (to, frame) =>
      carefully(() => isTooEarly(to, frame) ? none : Effect.map(replyStreamFrame(to, frame), Option.some)),
    replyStreamWithCard: (to, frame) =>
      built(() => Reply.streamWithCard(frame), (body) => replyChecked("replyStreamWithCard", to, body)),
    replyTemplateCard: (to, card, options) =>
      built(() => Reply.templateCard(card, options), (body) => replyChecked("replyTemplateCard", to, body, options)),
    replyWelcome: (to, body, options) =>
      carefully(() => {
        const checked = Reply.validateWelcome(body)
        if (Either.isLeft(checked)) return Effect.fail(checked.left)
        const target = targets.enterChat(to)
        const send = offer("replyWelcome", target, Frame.Command.respondWelcome, checked.right)
        if (target instanceof SendInvalid) return send
        return sending.orPush(send, options, target.chat, checked.right, pushWithinQuota)
      }),
    updateTemplateCard: (to, card, options) =>
      carefully(() => {
        const target = targets.card(to)
        if (target instanceof SendInvalid) return Effect.fail(target)
        return built(() => Reply.updateCard(withTaskId(card, target.task_id), options), (body) => {
          const checked = Reply.validateUpdateCard(body)
          if (Either.isLeft(checked)) return Effect.fail(checked.left)
          const { task_id } = checked.right.template_card
          if (target.task_id !== undefined && task_id !== target.task_id) return Effect.fail(otherTask)
          const send = offer("updateTemplateCard", target, Frame.Command.respondUpdate, checked.right, {
            onConnectionLost: "resend"
          })
          return sending.orPush(send, options, target.chat, Reply.templateCard(card), pushWithinQuota)
        })
      }),
    sendMessage,
    downloadFile: downloads.download,
    uploadMedia: uploads.upload,
    replyMedia: (to, media, options) =>
      built(
        () => Reply.media(media.type as "video", media.media_id, options),
        (body) => replyChecked("replyMedia", to, body)
      ),
    sendMediaMessage: (to, media, options) =>
      built(() => Reply.media(media.type as "video", media.media_id, options), (body) => sendMessage(to, body))
  }
})

const notAStream = new SendInvalid({
  field: "content",
  problem: "is neither a string nor a Stream",
  limit: "a string, or a Stream of strings"
})

const otherTask = new SendInvalid({
  field: "template_card.task_id",
  problem: "is not the task_id of the event",
  limit: "the event's task_id, or none: it is filled in"
})

const unreadable = new SendInvalid({ field: "body", problem: "cannot be read", limit: "plain data" })

const isStream = (u: unknown): u is Stream.Stream<never> =>
  typeof u === "object" && u !== null && Stream.StreamTypeId in u

const unreadableArguments = new SendInvalid({ field: "arguments", problem: "cannot be read", limit: "plain data" })

/** Hostile arguments may throw whenever they are looked at. */
const carefully = <A, E, R>(use: () => Effect.Effect<A, E, R>): Effect.Effect<A, E | SendInvalid, R> =>
  Effect.suspend((): Effect.Effect<A, E | SendInvalid, R> => {
    try {
      return use()
    } catch {
      return Effect.fail(unreadableArguments)
    }
  })

/** Hostile arguments may throw while a body is put together from them. */
const built = <A>(build: () => A, use: (body: A) => Effect.Effect<Frame.Ack, SendError>) =>
  Effect.suspend(() => {
    let body: A
    try {
      body = build()
    } catch {
      return Effect.fail(unreadable)
    }
    return use(body)
  })

const withTaskId = <A extends { readonly task_id?: string | undefined }>(card: A, taskId: string | undefined): A =>
  taskId === undefined || card.task_id !== undefined ? card : { ...card, task_id: taskId }

const invalidCommand = (cmd: unknown, reqId: unknown): SendInvalid | undefined => {
  if (typeof cmd !== "string" || cmd === "") {
    return new SendInvalid({ field: "cmd", problem: "is empty", limit: "the name of a command" })
  }
  if (cmd === Frame.Command.subscribe) {
    return new SendInvalid({
      field: "cmd",
      problem: "is aibot_subscribe",
      limit: "any other: the bot subscribes itself"
    })
  }
  if (reqId !== undefined && (typeof reqId !== "string" || reqId === "")) {
    return new SendInvalid({ field: "reqId", problem: "is empty", limit: "a string, or none: one is made" })
  }
  return undefined
}
