/**
 * A message or an event, as a router is asked about it, and the guards that narrow it.
 *
 * @since 0.1.0
 */
import type * as BotEvent from "./BotEvent.js"
import * as Chat from "./Chat.js"
import { required, total } from "./internal/checks/arguments.js"
import type * as Message from "./Message.js"

/**
 * A message or an event, told apart by `isMessage` and `isEvent`.
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
 * A message or event from a group.
 *
 * @since 0.1.0
 * @category guards
 */
export const isGroup = <A extends Incoming>(
  incoming: A
): incoming is A & { readonly chattype: "group"; readonly chatid: string } =>
  Chat.fromCallback(incoming)?._tag === "Group"

/**
 * A message or event from a single chat.
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
 * From one of these users.
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
      (incoming: Incoming) => "from" in incoming && incoming.from !== undefined && allowed.has(incoming.from.userid),
      false
    )
  }
)

/**
 * From one of these groups or single chats, by chatid or userid.
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
