/**
 * Where a message can be sent: one person, or one group.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { invalid } from "./internal/checks/arguments.js"

/**
 * The single chat with one member, addressed by userid.
 *
 * @since 0.1.0
 * @category models
 */
export const User = Schema.TaggedStruct("User", { userid: Schema.String })

/**
 * The single chat with one member, addressed by userid.
 *
 * @since 0.1.0
 * @category models
 */
export type User = typeof User.Type

/**
 * A group the bot is a member of, addressed by chatid.
 *
 * @since 0.1.0
 * @category models
 */
export const Group = Schema.TaggedStruct("Group", { chatid: Schema.String })

/**
 * A group the bot is a member of, addressed by chatid.
 *
 * @since 0.1.0
 * @category models
 */
export type Group = typeof Group.Type

/**
 * A conversation. Ids are case-sensitive (WeCom doc 101463).
 *
 * @since 0.1.0
 * @category models
 */
export const Chat = Schema.Union(User, Group)

/**
 * A conversation. Ids are case-sensitive (WeCom doc 101463).
 *
 * @since 0.1.0
 * @category models
 */
export type Chat = typeof Chat.Type

/**
 * The single chat with this member.
 *
 * @since 0.1.0
 * @category constructors
 */
export const user = (userid: string): User => ({ _tag: "User", userid })

/**
 * The group with this chatid.
 *
 * @since 0.1.0
 * @category constructors
 */
export const group = (chatid: string): Group => ({ _tag: "Group", chatid })

/**
 * The id the service knows the conversation by: the userid of a single chat, the chatid of a group.
 *
 * @since 0.1.0
 * @category getters
 */
export const id = (chat: Chat): string => {
  try {
    const id: unknown = chat._tag === "User" ? chat.userid : chat.chatid
    if (typeof id === "string") return id
  } catch {
    // It cannot be read; what is thrown says so.
  }
  throw invalid("chat", chat, "Chat.user(userid) or Chat.group(chatid)")
}

/**
 * Tells conversations apart; a user and a group may have the same id.
 *
 * @since 0.1.0
 * @category getters
 */
export const key = (chat: Chat): string => `${type(chat)}:${id(chat)}`

/**
 * The wire's `chat_type` of `aibot_send_msg`: 1 single, 2 group (WeCom doc 101463).
 *
 * @since 0.1.0
 * @category getters
 */
export const type = (chat: Chat): 1 | 2 => {
  try {
    return chat._tag === "User" ? 1 : 2
  } catch {
    throw invalid("chat", chat, "Chat.user(userid) or Chat.group(chatid)")
  }
}

/**
 * The conversation that the fields of a callback name. In a single chat only `from.userid` is trusted: a `chatid` there
 * is not an address. `undefined` when the callback names nobody, as `disconnected_event` does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromCallback = (callback: {
  readonly chattype?: string | undefined
  readonly chatid?: string | undefined
  readonly from?: { readonly userid: string } | undefined
}): Chat | undefined => {
  try {
    if (callback.chattype === "group") return callback.chatid === undefined ? undefined : group(callback.chatid)
    return callback.from === undefined ? undefined : user(callback.from.userid)
  } catch {
    return undefined
  }
}
