/**
 * The checks and sends of each function of a bot.
 */
import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { LateOptions } from "../../Answer.js"
import * as Crypto from "../../Crypto.js"
import * as Frame from "../../Frame.js"
import type * as Message from "../../Message.js"
import * as Reply from "../../Reply.js"
import type { WecomBot } from "../../WecomBot.js"
import { type ConnectionError, type SendError, SendInvalid } from "../../WecomError.js"
import * as Bubbles from "../answer/bubbles.js"
import * as AnswerOptions from "../answer/options.js"
import * as Answer from "../answer/replyStream.js"
import type * as Handlers from "../handlers/handlers.js"
import type * as Dispatch from "../receiving/dispatch.js"
import * as sending from "../sending/late.js"
import * as Outgoing from "../sending/outgoing.js"
import * as targets from "../sending/targets.js"
import * as spans from "../telemetry/spans.js"
import * as StreamText from "../wire/streamText.js"
import type { Services } from "./compose.js"

const none: Exit.Exit<Option.Option<Frame.Ack>> = Exit.succeed(Option.none())

/** @internal */
export type Operations = Omit<WecomBot.Service, "closed" | "ready" | "status" | "statusChanges">

/** @internal */
export interface OperationsDependencies extends Services {
  readonly bubbles: Bubbles.Bubbles
  readonly clock: Clock.Clock
  readonly handlers: Handlers.Handlers
  readonly dispatch: Dispatch.Dispatch
}

/** @internal */
export const make = (dependencies: OperationsDependencies): Operations => {
  const { bubbles, clock, config, crypto, downloads, governor, handlers, dispatch, queue, uploads } = dependencies
  const { offer, push, pushTo, pushWithinQuota } = Outgoing.make({ clock, crypto, governor, queue })

  const answerDependencies: Answer.AnswerDependencies = {
    bubbles,
    governor,
    crypto,
    clock,
    sealTimeout: config.sealTimeout,
    push: (chat, content) => pushTo(chat, Reply.markdown(content))
  }

  /** Whether `replyStreamFrameIfIdle` sends nothing: the frame is not final, and its lane has frames. */
  const isSkipped = (to: unknown, frame: Reply.StreamOptions): boolean =>
    frame?.finish !== true && typeof to === "object" && to !== null && "reqId" in to &&
    (typeof to.reqId === "string" || typeof to.reqId === "number") && !queue.unsafeIsIdle(to.reqId)

  const replyChecked = (
    operation: keyof WecomBot.Service,
    to: Parameters<WecomBot.Service["reply"]>[0],
    body: unknown,
    late?: LateOptions
  ): Effect.Effect<Frame.Ack, SendError> =>
    catchingThrows(() => {
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
        // A stream frame is a snapshot and can be sent again; another reply would be shown twice.
        valid.msgtype === "stream" ? { onConnectionLost: "resend", stream } : { stream }
      )
      return target instanceof SendInvalid ? send : sending.orPush(send, late, target.chat, valid, pushWithinQuota)
    })

  const reply: WecomBot.Service["reply"] = (to, body, options) =>
    catchingThrows(() => {
      const pieces = options?.split === true ? sending.pieces(body) : undefined
      if (pieces === undefined) return replyChecked("reply", to, body, options)
      const [first, ...rest] = pieces
      // A message takes one reply that is no stream, so the other pieces are pushed.
      return sending.inOrder(replyChecked("reply", to, first, options), rest.map((piece) => sendMessage(to, piece)))
    })

  // Hot path: checked by hand, without a Schema.
  const replyStreamFrame: WecomBot.Service["replyStreamFrame"] = (to, frame) =>
    withBody(() => Reply.stream(frame), (body) => {
      const invalid = Reply.checkStreamFrame(body)
      if (invalid !== undefined) return Effect.fail(invalid)
      return offer(
        "replyStreamFrame",
        targets.message(to),
        Frame.Command.respond,
        new StreamText.StreamFrameBody(body),
        {
          onConnectionLost: "resend",
          stream: body.stream
        }
      )
    })

  const sendMessage: WecomBot.Service["sendMessage"] = (to, body, options) =>
    catchingThrows(() => {
      const chat = targets.chat(to)
      if (chat instanceof SendInvalid) return Effect.fail(chat)
      const pieces = options?.split === true ? sending.pieces(body) : undefined
      if (pieces !== undefined) {
        const [first, ...rest] = pieces.map((piece) => sendMessage(chat, piece))
        return sending.inOrder(first!, rest)
      }
      const checked = Reply.validatePush(body)
      if (Either.isLeft(checked)) return Effect.fail(checked.left)
      return pushWithinQuota(chat, checked.right)
    })

  return {
    messages: dispatch.messages,
    events: dispatch.events,
    forkHandler: handlers.fork,
    command: (cmd, body, options) =>
      catchingThrows(() => {
        const reqId = options?.reqId
        const invalid = invalidCommand(cmd, reqId)
        if (invalid !== undefined) return Effect.fail(invalid)
        return push("command", cmd, reqId ?? Crypto.unsafeReqId(crypto, cmd), body)
      }),
    reply,
    replyStream: (to, content, options) =>
      catchingThrows(() => {
        const target = targets.message(to)
        if (target instanceof SendInvalid) return Effect.fail(target)
        const isWhole = typeof content === "string"
        const source = isWhole ? Stream.make(content) : content
        if (!isStream(source)) return Effect.fail(notAStream)
        // A complete text needs no animation, and is on screen one ack earlier without it.
        const streamOptions = AnswerOptions.read(options, { openAtOnce: !isWhole })
        if (streamOptions instanceof SendInvalid) return Effect.fail(streamOptions)
        return Effect.flatMap(spans.parent, (parent) =>
          parent === undefined
            ? Answer.replyStream(answerDependencies, target, source, streamOptions)
            : spans.send(parent, "replyStream", target, (span) => {
              const watched = { ...answerDependencies, bubbles: Bubbles.watched(bubbles, span, clock) }
              return spans.below([span])(Answer.replyStream(watched, target, source, streamOptions))
            }))
      }),
    awaitReply: (from, predicate, options) =>
      catchingThrows((): Effect.Effect<Message.Message, Cause.TimeoutException | ConnectionError | SendInvalid> => {
        const chat = targets.chat(from)
        if (chat instanceof SendInvalid) return Effect.fail(chat)
        return dispatch.awaitReply(chat, predicate ?? (() => true), options?.timeout)
      }),
    awaitCardAction: (taskId, options) => catchingThrows(() => dispatch.awaitCardAction(taskId, options?.timeout)),
    replyStreamFrame,
    replyStreamFrameIfIdle: (to, frame) =>
      catchingThrows(() => isSkipped(to, frame) ? none : Effect.map(replyStreamFrame(to, frame), Option.some)),
    replyStreamWithCard: (to, frame) =>
      withBody(() => Reply.streamWithCard(frame), (body) => replyChecked("replyStreamWithCard", to, body)),
    replyTemplateCard: (to, card, options) =>
      withBody(() => Reply.templateCard(card, options), (body) => replyChecked("replyTemplateCard", to, body, options)),
    replyWelcome: (to, body, options) =>
      catchingThrows(() => {
        const checked = Reply.validateWelcome(body)
        if (Either.isLeft(checked)) return Effect.fail(checked.left)
        const target = targets.enterChat(to)
        const send = offer("replyWelcome", target, Frame.Command.respondWelcome, checked.right)
        if (target instanceof SendInvalid) return send
        return sending.orPush(send, options, target.chat, checked.right, pushWithinQuota)
      }),
    updateTemplateCard: (to, card, options) =>
      catchingThrows(() => {
        const target = targets.card(to)
        if (target instanceof SendInvalid) return Effect.fail(target)
        return withBody(() => Reply.updateCard(withTaskId(card, target.task_id), options), (body) => {
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
    downloadFile: (from, options) => downloads.download(from, options),
    uploadMedia: (from, options) => uploads.upload(from, options),
    replyMedia: (to, media, options) =>
      withBody(
        () => Reply.media(media.type as "video", media.media_id, options),
        (body) => replyChecked("replyMedia", to, body)
      ),
    sendMediaMessage: (to, media, options) =>
      withBody(() => Reply.media(media.type as "video", media.media_id, options), (body) => sendMessage(to, body))
  }
}

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

/** Fails with `SendInvalid` where `use` throws, because reading an argument can throw. */
const catchingThrows = <A, E, R>(use: () => Effect.Effect<A, E, R>): Effect.Effect<A, E | SendInvalid, R> =>
  Effect.suspend((): Effect.Effect<A, E | SendInvalid, R> => {
    try {
      return use()
    } catch {
      return Effect.fail(unreadableArguments)
    }
  })

/** The same for a body, whose `build` reads the arguments. */
const withBody = <A>(build: () => A, use: (body: A) => Effect.Effect<Frame.Ack, SendError>) =>
  catchingThrows(() => {
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
  if (reqId !== undefined && typeof reqId !== "number" && (typeof reqId !== "string" || reqId === "")) {
    return new SendInvalid({ field: "reqId", problem: "is empty", limit: "a string, or none: one is made" })
  }
  return undefined
}
