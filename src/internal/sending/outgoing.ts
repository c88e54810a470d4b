/**
 * From a checked body to the lane of its `req_id`, within its window and the quota of its conversation.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import * as Chat from "../../Chat.js"
import * as Crypto from "../../Crypto.js"
import * as Frame from "../../Frame.js"
import type * as Governor from "../../Governor.js"
import type * as Reply from "../../Reply.js"
import type * as ReplyQueue from "../../ReplyQueue.js"
import * as ReplyTarget from "../../ReplyTarget.js"
import type { WecomBot } from "../../WecomBot.js"
import { type SendError, SendInvalid } from "../../WecomError.js"
import * as Current from "../handlers/current.js"
import * as spans from "../telemetry/spans.js"
import * as sending from "./late.js"

type Operation = keyof WecomBot.Service

type Options = Pick<ReplyQueue.Options, "onConnectionLost" | "stream">

/** @internal */
export interface Outgoing {
  /** Sends a reply to a callback. */
  readonly offer: (
    operation: Operation,
    target: ReplyTarget.ReplyTarget | SendInvalid,
    cmd: string,
    body: unknown,
    options?: Options
  ) => sending.Sending
  /** Sends a frame with a `req_id` of its own. */
  readonly push: (
    operation: Operation,
    cmd: string,
    reqId: Frame.ReqId,
    body: unknown,
    chat?: Chat.Chat
  ) => sending.Sending
  /** Pushes a message that was counted against the quota before. */
  readonly pushTo: (chat: Chat.Chat, body: Reply.PushBody) => sending.Sending
  readonly pushWithinQuota: (chat: Chat.Chat, body: Reply.PushBody) => sending.Sending
}

interface FrameOptions extends ReplyQueue.Options {
  isWritten: boolean
}

/** The options of a frame for its lane. The frame is wanted while the fiber of the caller lives. */
const frameOptions = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  options: Options | undefined,
  expiresAt: number | undefined,
  windowMillis: number | undefined
): FrameOptions => {
  const frame: FrameOptions = {
    onConnectionLost: options?.onConnectionLost,
    stream: options?.stream,
    expiresAt,
    windowMillis,
    passesDrain: fiber.getFiberRef(Current.passesDrain),
    isWanted: () => fiber.unsafePoll() === null,
    isWritten: false,
    onWritten: () => {
      frame.isWritten = true
    }
  }
  return frame
}

const noteAnswer = (event: Current.HandledEvent | undefined, reqId: Frame.ReqId): void => {
  if (event?.reqId === reqId) event.isAnswered = true
}

/** @internal */
export const make = ({ clock, crypto, governor, queue }: {
  readonly clock: Clock.Clock
  readonly crypto: Crypto.Crypto.Service
  readonly governor: Governor.Governor.Service
  readonly queue: ReplyQueue.ReplyQueue.Service
}): Outgoing => {
  const streams = sending.makeStreams()

  // A span is made only where there is a parent.
  const offer: Outgoing["offer"] = (operation, target, cmd, body, options) =>
    Effect.withFiberRuntime((fiber) => {
      if (target instanceof SendInvalid) return Effect.fail(target)
      if (target.kind !== "message") noteAnswer(fiber.getFiberRef(Current.handledEvent), target.reqId)
      const request = Frame.request(cmd, target.reqId, body)
      const windowMillis = ReplyTarget.windowMillis(target)
      const all = frameOptions(fiber, options, target.receivedAt + windowMillis, windowMillis)
      const quota = cmd === Frame.Command.respondUpdate ? undefined : takeQuota(target, options?.stream)
      const parent = spans.parentOf(fiber)
      const send = parent === undefined
        ? enqueued(request, all)
        : spans.send(parent, operation, target, (span) => enqueued(request, all, span))
      return quota === undefined ? send : Effect.zipRight(quota, send)
    })

  /** The wait for the quota; `undefined` when the frame can be sent now. */
  const takeQuota = (
    target: ReplyTarget.ReplyTarget,
    stream: ReplyQueue.Options["stream"]
  ): Effect.Effect<unknown> | undefined => {
    if (stream !== undefined && !streams.isOpening(target.reqId, stream)) return undefined
    // A late frame fails in its lane.
    if (clock.unsafeCurrentTimeMillis() > ReplyTarget.deadline(target)) return undefined
    const chatId = sending.conversation(target.chat, target.reqId)
    // A welcome counts against the quota but does not wait for it: its window is 5 s.
    if (governor.unsafeTryTake(chatId) || target.kind !== "message") return undefined
    return governor.take(chatId, stream?.finish === true ? "final" : "message")
  }

  // Hot path: a finalizer costs 8 µs, half as much as the frame. A frame that was written at once cannot be withdrawn, and has
  // none.
  const enqueued = (request: Frame.Request, options: FrameOptions, span?: Tracer.Span): sending.Sending =>
    Effect.async((resume) => {
      const onExit = span === undefined ? resume : (verdict: Exit.Exit<Frame.Ack, SendError>) => {
        spans.onVerdict(span, clock, verdict)
        resume(verdict)
      }
      const giveUp = queue.unsafeOffer(request, options, onExit)
      return options.isWritten ? undefined : Effect.sync(giveUp)
    })

  const push: Outgoing["push"] = (operation, cmd, reqId, body, chat) =>
    Effect.withFiberRuntime((fiber) => {
      const parent = spans.parentOf(fiber)
      const request = Frame.request(cmd, reqId, body)
      const options = frameOptions(fiber, undefined, undefined, undefined)
      return parent === undefined
        ? enqueued(request, options)
        : spans.send(parent, operation, { reqId, chat }, (span) => enqueued(request, options, span))
    })

  const pushTo: Outgoing["pushTo"] = (chat, body) =>
    push("sendMessage", Frame.Command.send, Crypto.unsafeReqId(crypto, Frame.Command.send), {
      chatid: Chat.id(chat),
      chat_type: Chat.type(chat),
      ...body
    }, chat)

  return {
    offer,
    push,
    pushTo,
    pushWithinQuota: (chat, body) =>
      Effect.suspend(() => sending.governed(governor, Chat.key(chat), "message", pushTo(chat, body)))
  }
}
