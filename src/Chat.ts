/**
 * A conversation that messages can be sent to: a single chat or a group.
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
 * The single chat with this member. An id with spaces or a prefix such as `user:` is refused when it is sent to.
 *
 * @since 0.1.0
 * @category constructors
 */
export const user = (userid: string): User => ({ _tag: "User", userid })

/**
 * The group with this chatid. An id with spaces or a prefix such as `group:` is refused when it is sent to.
 *
 * @since 0.1.0
 * @category constructors
 */
export const group = (chatid: string): Group => ({ _tag: "Group", chatid })

/**
 * The id of the conversation on the wire: the userid of a single chat, the chatid of a group.
 *
 * @since 0.1.0
 * @category getters
 */
export const id = (chat: Chat): string => {
  try {
    const id: unknown = chat._tag === "User" ? chat.userid : chat.chatid
    if (typeof id === "string") return id
  } catch {
    // A value that throws when it is read is no chat either.
  }
  throw invalid("chat", chat, "Chat.user(userid) or Chat.group(chatid)")
}

/**
 * A unique key of the conversation. A user and a group may have the same id.
 *
 * @since 0.1.0
 * @category getters
 */
export const key = (chat: Chat): string => `${type(chat)}:${id(chat)}`

/**
 * The `chat_type` of `aibot_send_msg`: 1 for a single chat, 2 for a group (WeCom doc 101463).
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
 * The conversation of a callback. In a single chat only `from.userid` is used, because a `chatid` there is not an
 * address. `undefined` when the callback names no conversation, as `disconnected_event` and single chats without a sender do.
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
    const { chatid = "", chattype, from } = callback
    if (chattype === "group") return chatid === "" ? undefined : group(chatid)
    return from === undefined || from.userid === "" ? undefined : user(from.userid)
  } catch {
    return undefined
  }
}
