/**
 * What an answer needs to know of the callback it answers. A plain value with a Schema, so that a job queue or a restarted
 * process can answer later.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as BotEvent from "./BotEvent.js"
import * as Chat from "./Chat.js"
import { required } from "./internal/checks/arguments.js"
import * as Limits from "./Limits.js"
import type * as Message from "./Message.js"

const anyTarget = "a ReplyTarget, as its functions and its schema make it"

const fields = {
  reqId: Schema.String,
  chat: Schema.optional(Chat.Chat),
  receivedAt: Schema.Number
}

/**
 * Answers a message, with `reply`, `replyStream`, `replyTemplateCard` and `replyMedia`, for 24 h.
 *
 * @since 0.1.0
 * @category models
 */
export const MessageTarget = Schema.Struct({ kind: Schema.Literal("message"), ...fields })

/**
 * Answers a message, with `reply`, `replyStream`, `replyTemplateCard` and `replyMedia`, for 24 h.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageTarget = typeof MessageTarget.Type

/**
 * Answers `enter_chat`, with `replyWelcome`, for 5 s.
 *
 * @since 0.1.0
 * @category models
 */
export const EnterChatTarget = Schema.Struct({ kind: Schema.Literal("enter_chat"), ...fields })

/**
 * Answers `enter_chat`, with `replyWelcome`, for 5 s.
 *
 * @since 0.1.0
 * @category models
 */
export type EnterChatTarget = typeof EnterChatTarget.Type

/**
 * Answers `template_card_event`, with `updateTemplateCard`, for 5 s.
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
 * Answers `template_card_event`, with `updateTemplateCard`, for 5 s.
 *
 * @since 0.1.0
 * @category models
 */
export type CardTarget = typeof CardTarget.Type

/**
 * `receivedAt` is milliseconds of wall time; windows count from it.
 *
 * @since 0.1.0
 * @category models
 */
export const ReplyTarget = Schema.Union(MessageTarget, EnterChatTarget, CardTarget)

/**
 * `receivedAt` is milliseconds of wall time; windows count from it.
 *
 * @since 0.1.0
 * @category models
 */
export type ReplyTarget = typeof ReplyTarget.Type

/**
 * What an answer to this message needs.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { type Message, ReplyTarget, WecomBot } from "effect-wecom"
 *
 * // Goes into a queue, and comes out of it in another process.
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
  "a message as it came",
  (message: Message.Message) => ({
    kind: "message",
    reqId: message.reqId,
    chat: Chat.fromCallback(message),
    receivedAt: message.receivedAt
  })
)

/**
 * What a welcome needs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromEnterChat: (event: BotEvent.EnterChat) => EnterChatTarget = required(
  "event",
  "an enter_chat event as it came",
  (event: BotEvent.EnterChat) => ({
    kind: "enter_chat",
    reqId: event.reqId,
    chat: Chat.fromCallback(event),
    receivedAt: event.receivedAt
  })
)

/**
 * What an update of this card needs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTemplateCardEvent: (event: BotEvent.TemplateCardEvent) => CardTarget = required(
  "event",
  "a template_card_event as it came",
  (event: BotEvent.TemplateCardEvent) => ({
    kind: "template_card_event",
    reqId: event.reqId,
    chat: Chat.fromCallback(event),
    receivedAt: event.receivedAt,
    task_id: event.event.template_card_event.task_id
  })
)

/**
 * How long the service takes answers of this kind, in milliseconds from `receivedAt`.
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
 * The wall time, in milliseconds, after which an answer is refused.
 *
 * @since 0.1.0
 * @category windows
 */
export const deadline: (target: ReplyTarget) => number = required(
  "target",
  anyTarget,
  (target: ReplyTarget) => target.receivedAt + windowMillis(target)
)
