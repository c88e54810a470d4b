/**
 * The part of a callback that a reply needs: a plain value with a Schema, so that a job queue or a restarted process
 * can reply later.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as BotEvent from "./BotEvent.js"
import * as Chat from "./Chat.js"
import * as Frame from "./Frame.js"
import { required } from "./internal/checks/arguments.js"
import * as Limits from "./Limits.js"
import type * as Message from "./Message.js"

const anyTarget = "a ReplyTarget, from its constructors or its schema"

const fields = {
  reqId: Frame.ReqId,
  chat: Schema.optional(Chat.Chat),
  receivedAt: Schema.Number
}

/**
 * The target for replies to a message: `reply`, `replyStream`, `replyTemplateCard` and `replyMedia`, for 24 h.
 *
 * @since 0.1.0
 * @category models
 */
export const MessageTarget = Schema.Struct({ kind: Schema.Literal("message"), ...fields })

/**
 * The target for replies to a message: `reply`, `replyStream`, `replyTemplateCard` and `replyMedia`, for 24 h.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageTarget = typeof MessageTarget.Type

/**
 * The target for `replyWelcome`, for 5 s after `enter_chat`.
 *
 * @since 0.1.0
 * @category models
 */
export const EnterChatTarget = Schema.Struct({ kind: Schema.Literal("enter_chat"), ...fields })

/**
 * The target for `replyWelcome`, for 5 s after `enter_chat`.
 *
 * @since 0.1.0
 * @category models
 */
export type EnterChatTarget = typeof EnterChatTarget.Type

/**
 * The target for `updateTemplateCard`, for 5 s after `template_card_event`.
 *
 * @since 0.1.0
 * @category models
 */
export const CardTarget = Schema.Struct({
  kind: Schema.Literal("template_card_event"),
  ...fields,
  task_id: Schema.optional(Schema.String)
})

/**
 * The target for `updateTemplateCard`, for 5 s after `template_card_event`.
 *
 * @since 0.1.0
 * @category models
 */
export type CardTarget = typeof CardTarget.Type

/**
 * Any target. `receivedAt` is wall time in milliseconds, from which windows are counted.
 *
 * @since 0.1.0
 * @category models
 */
export const ReplyTarget = Schema.Union(MessageTarget, EnterChatTarget, CardTarget)

/**
 * Any target. `receivedAt` is wall time in milliseconds, from which windows are counted.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyTarget = typeof ReplyTarget.Type

/**
 * The target for replies to this message.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { type Message, ReplyTarget, WecomBot } from "effect-wecom"
 *
 * // Encoded into a queue, and decoded in another process.
 * const job = (message: Message.Message) => Schema.encodeSync(ReplyTarget.MessageTarget)(ReplyTarget.fromMessage(message))
 * const answer = (job: unknown) =>
 *   WecomBot.replyStream(Schema.decodeUnknownSync(ReplyTarget.MessageTarget)(job), "It is done.")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromMessage: (message: Message.Message) => MessageTarget = required(
  "message",
  "a message as the bot received it",
  (message: Message.Message) => ({
    kind: "message",
    reqId: message.reqId,
    chat: Chat.fromCallback(message),
    receivedAt: message.receivedAt
  })
)

/**
 * The target for a welcome.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEnterChat: (event: BotEvent.EnterChat) => EnterChatTarget = required(
  "event",
  "an enter_chat event as the bot received it",
  (event: BotEvent.EnterChat) => ({
    kind: "enter_chat",
    reqId: event.reqId,
    chat: Chat.fromCallback(event),
    receivedAt: event.receivedAt
  })
)

/**
 * The target for an update of this card.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTemplateCardEvent: (event: BotEvent.TemplateCardEvent) => CardTarget = required(
  "event",
  "a template_card_event as the bot received it",
  (event: BotEvent.TemplateCardEvent) => ({
    kind: "template_card_event",
    reqId: event.reqId,
    chat: Chat.fromCallback(event),
    receivedAt: event.receivedAt,
    task_id: event.event.template_card_event.task_id
  })
)

/**
 * How long the service accepts replies to this target, in milliseconds from `receivedAt`.
 *
 * @since 0.1.0
 * @category windows
 */
export const windowMillis: (target: ReplyTarget) => number = required("target", anyTarget, (target: ReplyTarget) => {
  switch (target.kind) {
    case "message":
      return Limits.replyWindowMillis
    case "enter_chat":
      return Limits.welcomeWindowMillis
    case "template_card_event":
      return Limits.cardUpdateWindowMillis
  }
})

/**
 * The wall time in milliseconds after which a reply is refused.
 *
 * @since 0.1.0
 * @category windows
 */
export const deadline: (target: ReplyTarget) => number = required(
  "target",
  anyTarget,
  (target: ReplyTarget) => target.receivedAt + windowMillis(target)
)
