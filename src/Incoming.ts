/**
 * Incoming messages and events: guards, predicates, and the view of a message with the parts that most handlers need.
 *
 * @since 0.1.0
 */
import type * as BotEvent from "./BotEvent.js"
import * as Chat from "./Chat.js"
import { required, total } from "./internal/checks/arguments.js"
import * as Message from "./Message.js"
import * as ReplyTarget from "./ReplyTarget.js"

/**
 * A message or an event, distinguished by `isMessage` and `isEvent`.
 *
 * @since 0.1.0
 * @category models
 */
export type Incoming = Message.Message | BotEvent.BotEvent

/**
 * Narrows to messages.
 *
 * @since 0.1.0
 * @category guards
 */
export const isMessage: (incoming: Incoming) => incoming is Message.Message = total(
  (incoming: Incoming): incoming is Message.Message => !("eventtype" in incoming),
  false
)

/**
 * Narrows to events.
 *
 * @since 0.1.0
 * @category guards
 */
export const isEvent: (incoming: Incoming) => incoming is BotEvent.BotEvent = total(
  (incoming: Incoming): incoming is BotEvent.BotEvent => "eventtype" in incoming,
  false
)

/**
 * Narrows to messages and events from a group.
 *
 * @since 0.1.0
 * @category guards
 */
export const isGroup = <A extends Incoming>(
  incoming: A
): incoming is A & { readonly chattype: "group"; readonly chatid: string } =>
  Chat.fromCallback(incoming)?._tag === "Group"

/**
 * Narrows to messages and events from a single chat.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSingle: <A extends Incoming>(
  incoming: A
) => incoming is A & { readonly chattype: "single"; readonly from: typeof Message.From.Type } = total(
  <A extends Incoming>(
    incoming: A
  ): incoming is A & { readonly chattype: "single"; readonly from: typeof Message.From.Type } =>
    Chat.fromCallback(incoming) !== undefined && incoming.chattype === "single",
  false
)

/**
 * Messages and events of one of these users. Never those that name no sender.
 *
 * @since 0.1.0
 * @category predicates
 */
export const fromUsers: (userids: Iterable<string>) => (incoming: Incoming) => boolean = required(
  "userids",
  "a list of userids",
  (userids: Iterable<string>) => {
    const allowed = new Set(userids)
    return total(
      (incoming: Incoming) =>
        "from" in incoming && incoming.from !== undefined && incoming.from.userid !== "" &&
        allowed.has(incoming.from.userid),
      false
    )
  }
)

/**
 * Messages and events of one of these groups or single chats, by chatid or userid.
 *
 * @since 0.1.0
 * @category predicates
 */
export const inChats: (ids: Iterable<string>) => (incoming: Incoming) => boolean = required(
  "ids",
  "a list of userids and chatids",
  (ids: Iterable<string>) => {
    const allowed = new Set(ids)
    return total((incoming: Incoming) => {
      const chat = Chat.fromCallback(incoming)
      return chat !== undefined && allowed.has(Chat.id(chat))
    }, false)
  }
)

/**
 * The parts of a message that most handlers use.
 *
 * @since 0.1.0
 * @category views
 */
export interface View {
  /** Its text, as `Message.plainText` returns it. */
  readonly plainText: string
  /** Its files, as `Message.attachments` returns them. */
  readonly attachments: ReadonlyArray<Message.Attachment>
  readonly quote: Message.Quote | undefined
  /** Its conversation; `undefined` for a message of unknown shape that names none. */
  readonly chat: Chat.Chat | undefined
  /** The target of a reply, as a plain value that can be stored. */
  readonly replyTarget: ReplyTarget.MessageTarget
}

/**
 * The parts of a message that most handlers use. `botName` is that of `Message.plainText`.
 *
 * @since 0.1.0
 * @category views
 */
export const view: (
  message: Message.Message,
  options?: { readonly botName?: string | undefined }
) => View = required(
  "message",
  "a message as the bot received it",
  (message: Message.Message, options?: { readonly botName?: string | undefined }) => ({
    plainText: Message.plainText(message, options),
    attachments: Message.attachments(message),
    quote: message.msgtype === "unknown" ? undefined : message.quote,
    chat: Chat.fromCallback(message),
    replyTarget: ReplyTarget.fromMessage(message)
  })
)
