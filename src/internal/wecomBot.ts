/**
 * Puts the bot together: the way in from the connection to the streams, the way out from a body to its lane, and the close.
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
import type * as BotEvent from "../BotEvent.js"
import * as Chat from "../Chat.js"
import * as Connection from "../Connection.js"
import * as Crypto from "../Crypto.js"
import * as Dedupe from "../Dedupe.js"
import * as Frame from "../Frame.js"
import * as Governor from "../Governor.js"
import type * as Message from "../Message.js"
import * as Reply from "../Reply.js"
import * as ReplyQueue from "../ReplyQueue.js"
import * as ReplyTarget from "../ReplyTarget.js"
import * as Telemetry from "../Telemetry.js"
import type { WecomBot } from "../WecomBot.js"
import { type ConnectionError, type SendError, SendInvalid } from "../WecomError.js"
import * as Answer from "./answer.js"
import * as Awaiters from "./awaiters.js"
import * as Broadcast from "./broadcast.js"
import * as Bubbles from "./bubbles.js"
import * as Handlers from "./handlers.js"
import * as targets from "./targets.js"

const awaitTimeout = Duration.minutes(5)

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
  | ReplyQueue.ReplyQueue
  | Scope.Scope
> = Effect.gen(function*() {
  const config = yield* BotConfig.BotConfig
  const connection = yield* Connection.Connection
  const queue = yield* ReplyQueue.ReplyQueue
  const dedupe = yield* Dedupe.Dedupe
  const governor = yield* Governor.Governor
  const crypto = yield* Crypto.Crypto
  const clock = yield* Effect.clock

  const onDrop = () => Telemetry.unsafeIncrement(Telemetry.subscriberDropped)
  const messages = Broadcast.make<Message.Message, ConnectionError>(config.inboxSize, onDrop)
  const events = Broadcast.make<BotEvent.BotEvent, ConnectionError>(config.inboxSize, onDrop)
  const bubbles = Bubbles.make(queue)
  const handlers = Handlers.make()

  const replies = Awaiters.make<Message.Message>()
  const cardActions = Awaiters.make<BotEvent.TemplateCardEvent>()

  const publish = (callback: Connection.Callback) => {
    if (callback._tag === "Message") {
      const chat = Chat.fromCallback(callback.message)
      if (chat !== undefined && replies.unsafeOffer(Chat.key(chat), callback.message)) return
      messages.unsafePublish(callback.message)
      return
    }
    const { event } = callback
    if (event.eventtype === "template_card_event") {
      const { task_id } = event.event.template_card_event
      if (task_id !== undefined && cardActions.unsafeOffer(task_id, event)) return
    }
    events.unsafePublish(event)
  }

  const within = <A>(waiting: Effect.Effect<A>, timeout: Duration.DurationInput | undefined) =>
    Effect.raceFirst(waiting, connection.closed).pipe(Effect.timeout(timeout ?? awaitTimeout))

  const dispatch = (callback: Connection.Callback): Effect.Effect<void> => {
    const msgid = callback._tag === "Message" ? callback.message.msgid : callback.event.msgid
    if (msgid === undefined) return Effect.sync(() => publish(callback))
    return Effect.map(dedupe.isNew(msgid), (isNew) => {
      if (isNew) publish(callback)
      else Telemetry.unsafeIncrement(Telemetry.duplicates)
    })
  }

  const endStreams = (how: Option.Option<ConnectionError>) => Effect.zipRight(messages.end(how), events.end(how))

  const intake = Effect.gen(function*() {
    while (true) {
      const [callbacks, isDone] = yield* connection.callbacks.takeAll
      for (const callback of callbacks) yield* dispatch(callback)
      if (isDone) return yield* endStreams(Option.none())
    }
  }).pipe(Effect.catchAll((error) => endStreams(Option.some(error))))

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      const isUp = yield* connection.drain
      yield* endStreams(Option.none())
      yield* handlers.drain(isUp ? config.drainTimeout : Duration.zero)
      bubbles.cutOffAll()
      yield* queue.flushed.pipe(
        Effect.timeoutOption(isUp ? config.sealTimeout : Duration.zero),
        // Inside a finalizer a timeout fires only where interruption is possible.
        Effect.interruptible
      )
      const open = bubbles.size()
      const waiting = queue.unsafeSize()
      if (open > 0 || waiting > 0) {
        yield* Effect.logWarning(`closed with ${open} bubble(s) not sealed and ${waiting} frame(s) not acknowledged`)
      }
    }).pipe(Effect.annotateLogs("module", "effect-wecom/WecomBot"))
  )
  yield* intake.pipe(Effect.interruptible, Effect.forkScoped)

  // Hot path: no generator, no fiber, no span; a frame costs its checks, its lane and one resumed callback.
  const offer = <A extends ReplyTarget.ReplyTarget>(
    target: A | SendInvalid,
    cmd: string,
    body: unknown,
    options?: ReplyQueue.Options
  ): Effect.Effect<Frame.Ack, SendError> =>
    Effect.withFiberRuntime((fiber) =>
      target instanceof SendInvalid
        ? Effect.fail(target)
        : enqueue(Frame.request(cmd, target.reqId, body), {
          ...options,
          expiresAt: ReplyTarget.deadline(target),
          windowMillis: ReplyTarget.windowMillis(target),
          passesDrain: fiber.getFiberRef(Handlers.passesDrain)
        })
    )

  const enqueue = (request: Frame.Request, options: ReplyQueue.Options): Effect.Effect<Frame.Ack, SendError> =>
    Effect.async((resume) => {
      const giveUp = queue.unsafeOffer(request, options, resume)
      return Effect.sync(giveUp)
    })

  const push = (cmd: string, reqId: string, body: unknown): Effect.Effect<Frame.Ack, SendError> =>
    Effect.withFiberRuntime((fiber) =>
      enqueue(Frame.request(cmd, reqId, body), { passesDrain: fiber.getFiberRef(Handlers.passesDrain) })
    )

  const pushTo = (chat: Chat.Chat, body: Reply.PushBody): Effect.Effect<Frame.Ack, SendError> =>
    push(Frame.Command.send, Crypto.unsafeReqId(crypto, Frame.Command.send), {
      chatid: Chat.id(chat),
      chat_type: Chat.type(chat),
      ...body
    })

  const answering: Answer.Environment = {
    bubbles,
    governor,
    crypto,
    clock,
    sealTimeout: config.sealTimeout,
    push: (chat, content) => pushTo(chat, Reply.markdown(content))
  }

  const isTooEarly = (to: unknown, frame: Reply.StreamOptions): boolean =>
    frame?.finish !== true && typeof to === "object" && to !== null && "reqId" in to &&
    typeof to.reqId === "string" && !queue.unsafeIsIdle(to.reqId)

  const replyChecked = (
    to: Parameters<WecomBot.Service["reply"]>[0],
    body: unknown
  ): Effect.Effect<Frame.Ack, SendError> =>
    Effect.suspend(() => {
      const checked = Reply.validateReply(body)
      if (Either.isLeft(checked)) return Effect.fail(checked.left)
      const valid = checked.right
      const stream = "stream" in valid ? valid.stream : undefined
      return offer(
        targets.message(to),
        Frame.Command.respond,
        valid,
        // A stream frame is a snapshot; the others would show a second message.
        valid.msgtype === "stream" ? { onConnectionLost: "resend", stream } : { stream }
      )
    })

  const replyStreamFrame: WecomBot.Service["replyStreamFrame"] = (to, frame) =>
    Effect.suspend(() => {
      const body = streamBody(frame)
      if (body instanceof SendInvalid) return Effect.fail(body)
      return offer(targets.message(to), Frame.Command.respond, body, {
        onConnectionLost: "resend",
        stream: body.stream
      })
    })

  return {
    messages: messages.stream,
    events: events.stream,
    status: connection.status,
    statusChanges: connection.statusChanges,
    ready: connection.ready,
    closed: connection.closed,
    forkHandler: handlers.fork,
    command: (cmd, body, options) =>
      Effect.suspend(() => {
        const invalid = invalidCommand(cmd, options?.reqId)
        if (invalid !== undefined) return Effect.fail(invalid)
        return push(cmd, options?.reqId ?? Crypto.unsafeReqId(crypto, cmd), body)
      }),
    reply: replyChecked,
    replyStream: (to, content, options) =>
      Effect.suspend(() => {
        const target = targets.message(to)
        if (target instanceof SendInvalid) return Effect.fail(target)
        const source = typeof content === "string" ? Stream.make(content) : content
        if (!isStream(source)) return Effect.fail(notAStream)
        return Answer.replyStream(answering, target, source, options ?? {})
      }),
    awaitReply: (from, predicate, options) =>
      Effect.suspend((): Effect.Effect<Message.Message, Cause.TimeoutException | ConnectionError | SendInvalid> => {
        const chat = targets.chat(from)
        if (chat instanceof SendInvalid) return Effect.fail(chat)
        return within(replies.take(Chat.key(chat), predicate ?? (() => true)), options?.timeout)
      }),
    awaitCardAction: (taskId, options) => within(cardActions.take(taskId, () => true), options?.timeout),
    replyStreamFrame,
    replyStreamFrameIfIdle: (to, frame) =>
      Effect.suspend(() => isTooEarly(to, frame) ? none : Effect.map(replyStreamFrame(to, frame), Option.some)),
    replyStreamWithCard: (to, frame) => built(() => Reply.streamWithCard(frame), (body) => replyChecked(to, body)),
    replyTemplateCard: (to, card, options) =>
      built(() => Reply.templateCard(card, options), (body) => replyChecked(to, body)),
    replyWelcome: (to, body) =>
      Effect.suspend(() => {
        const checked = Reply.validateWelcome(body)
        if (Either.isLeft(checked)) return Effect.fail(checked.left)
        return offer(targets.enterChat(to), Frame.Command.respondWelcome, checked.right)
      }),
    updateTemplateCard: (to, card, options) =>
      Effect.suspend(() => {
        const target = targets.card(to)
        if (target instanceof SendInvalid) return Effect.fail(target)
        return built(() => Reply.updateCard(withTaskId(card, target.task_id), options), (body) => {
          const checked = Reply.validateUpdateCard(body)
          if (Either.isLeft(checked)) return Effect.fail(checked.left)
          const { task_id } = checked.right.template_card
          if (target.task_id !== undefined && task_id !== target.task_id) return Effect.fail(otherTask)
          return offer(target, Frame.Command.respondUpdate, checked.right, { onConnectionLost: "resend" })
        })
      }),
    sendMessage: (to, body) =>
      Effect.suspend(() => {
        const chat = targets.chat(to)
        if (chat instanceof SendInvalid) return Effect.fail(chat)
        const checked = Reply.validatePush(body)
        if (Either.isLeft(checked)) return Effect.fail(checked.left)
        return pushTo(chat, checked.right)
      })
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

const streamBody = (frame: Reply.StreamOptions): Reply.StreamBody | SendInvalid => {
  try {
    const body = Reply.stream(frame)
    return Reply.checkStreamFrame(body) ?? body
  } catch {
    return unreadable
  }
}

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
