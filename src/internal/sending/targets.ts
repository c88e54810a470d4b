/**
 * Reply targets from messages, events and chats. Types keep a welcome apart from a message; values that JavaScript or a cast
 * lets through become a `SendInvalid`.
 */
import type * as BotEvent from "../../BotEvent.js"
import * as Chat from "../../Chat.js"
import type * as Message from "../../Message.js"
import * as ReplyTarget from "../../ReplyTarget.js"
import { SendInvalid } from "../../WecomError.js"

type UnknownRecord = { readonly [key: string]: unknown }

const isObject = (u: unknown): u is UnknownRecord => typeof u === "object" && u !== null

const describe = (to: unknown): string => {
  if (!isObject(to)) return `is ${to === null ? "null" : typeof to}`
  if (typeof to.kind === "string") return "is a target of another kind"
  if (typeof to.eventtype === "string") return "is an event of another kind"
  if (typeof to.msgtype === "string") return "is a message"
  return "is not a target"
}

const invalid = (to: unknown, limit: string) => new SendInvalid({ field: "target", problem: describe(to), limit })

const hasAddress = (to: UnknownRecord): boolean =>
  (typeof to.reqId === "string" || typeof to.reqId === "number") && typeof to.receivedAt === "number" && hasChat(to)

/** Targets have a chat; that of a message or event is derived. Throws when the chat is not a Chat. */
const hasChat = (to: UnknownRecord): boolean =>
  !("kind" in to) || to.chat === undefined || Chat.id(to.chat as Chat.Chat) !== ""

/** @internal */
export const message = (to: Message.Message | ReplyTarget.MessageTarget): ReplyTarget.MessageTarget | SendInvalid => {
  try {
    return messageTarget(to)
  } catch {
    // Reading it throws.
    return invalid(undefined, "a message, or a ReplyTarget of kind message")
  }
}

const messageTarget = (to: Message.Message | ReplyTarget.MessageTarget): ReplyTarget.MessageTarget | SendInvalid => {
  if (isObject(to) && hasAddress(to)) {
    if ("kind" in to) {
      if (to.kind === "message") return to as ReplyTarget.MessageTarget
    } else if (typeof to.msgtype === "string" && !("eventtype" in to)) {
      return ReplyTarget.fromMessage(to as Message.Message)
    }
  }
  return invalid(to, "a message, or a ReplyTarget of kind message")
}

/** @internal */
export const enterChat = (
  to: BotEvent.EnterChat | ReplyTarget.EnterChatTarget
): ReplyTarget.EnterChatTarget | SendInvalid => {
  if (isObject(to) && hasAddress(to)) {
    if ("kind" in to) {
      if (to.kind === "enter_chat") return to as ReplyTarget.EnterChatTarget
    } else if (to.eventtype === "enter_chat") {
      return ReplyTarget.fromEnterChat(to as BotEvent.EnterChat)
    }
  }
  return invalid(to, "an enter_chat event, or a ReplyTarget of kind enter_chat")
}

/** @internal */
export const card = (
  to: BotEvent.TemplateCardEvent | ReplyTarget.CardTarget
): ReplyTarget.CardTarget | SendInvalid => {
  if (isObject(to) && hasAddress(to)) {
    if ("kind" in to) {
      if (to.kind === "template_card_event") return to as ReplyTarget.CardTarget
    } else if (to.eventtype === "template_card_event") {
      return ReplyTarget.fromTemplateCardEvent(to as BotEvent.TemplateCardEvent)
    }
  }
  return invalid(to, "a template_card_event, or a ReplyTarget of kind template_card_event")
}

const prefix = /^(?:user|group|single):/i

/** Ids of other tools have prefixes, and copied ones have spaces; the service has neither and knows no such chat. */
const invalidId = (field: "userid" | "chatid", id: string): SendInvalid | undefined => {
  const begins = prefix.exec(id)?.[0]
  if (begins !== undefined) {
    return new SendInvalid({
      field,
      problem: `begins with the prefix "${begins}"`,
      limit: "the id alone, without a prefix"
    })
  }
  return /\s/.test(id)
    ? new SendInvalid({ field, problem: "has a space in it", limit: "the id alone, without spaces" })
    : undefined
}

/** @internal */
export const chat = (
  to: Chat.Chat | Message.Message | BotEvent.BotEvent | ReplyTarget.ReplyTarget
): Chat.Chat | SendInvalid => {
  if (isObject(to)) {
    const named = "_tag" in to ? to as Chat.Chat : "kind" in to ? to.chat as Chat.Chat | undefined : fromCallback(to)
    if (isObject(named)) {
      const id = named._tag === "User" ? named.userid : named._tag === "Group" ? named.chatid : undefined
      if (typeof id === "string" && id !== "") {
        return invalidId(named._tag === "User" ? "userid" : "chatid", id) ?? named
      }
    }
  }
  return new SendInvalid({
    field: "chat",
    problem: "names no conversation",
    limit: "Chat.user(userid), Chat.group(chatid), or a message or event that came from one"
  })
}

const fromCallback = (to: UnknownRecord): Chat.Chat | undefined =>
  Chat.fromCallback(to as Parameters<typeof Chat.fromCallback>[0])
