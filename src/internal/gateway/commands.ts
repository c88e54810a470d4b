/**
 * The handlers of the commands. The engine has checked before that the connection is subscribed.
 */
import * as Either from "effect/Either"
import * as ErrorCode from "../../ErrorCode.js"
import { Command } from "../../Frame.js"
import * as Limits from "../../Limits.js"
import * as Bodies from "./bodies.js"
import { isRecord } from "./frames.js"
import type { Received } from "./frames.js"
import type { ResolvedOptions } from "./options.js"
import type { BubbleState } from "./screen.js"
import type { Uploads } from "./uploads.js"
import type { Bot, ConversationState, IssuedCallback } from "./world.js"

/** @internal */
export interface CommandResult {
  readonly errcode: number
  readonly hint?: string
  readonly body?: unknown
  /** Runs when the ack is sent, or when a rule drops it. */
  readonly onAck?: () => void
}

/** @internal */
export interface CommandContext {
  readonly options: ResolvedOptions
  readonly bot: Bot
  readonly now: number
  readonly isKnownMedia: (mediaId: string) => boolean
  readonly nextBubbleId: () => string
  readonly nextId: (kind: string) => string
  /** To be called when a bubble has appeared or changed. */
  readonly changed: (conversation: ConversationState, bubble: BubbleState) => void
}

/** @internal */
export type CommandHandler = (context: CommandContext, frame: Received) => CommandResult

const accepted: CommandResult = { errcode: ErrorCode.ok }

const resultOf = (result: Bodies.Checked<unknown>): CommandResult => Either.isLeft(result) ? result.left : accepted

/** The callback that the frame answers, if it is of the right kind and its window is open. */
const answered = (
  context: CommandContext,
  frame: Received,
  kind: string,
  window: number
): Bodies.Checked<IssuedCallback> => {
  const callback = context.bot.callbacks.get(frame.reqId!)
  if (callback === undefined || callback.at === undefined || callback.kind !== kind) {
    return Bodies.refuse(ErrorCode.invalidReqId, `req_id is not one of a ${kind}`)
  }
  if (!context.options.reqIdSurvivesReconnect && callback.connection !== frame.connection) {
    return Bodies.refuse(ErrorCode.invalidReqId, "req_id came on another connection")
  }
  if (context.now - callback.at > window) {
    return Bodies.refuse(ErrorCode.reqIdExpired, `${window / 1000} s after the callback`)
  }
  return Either.right(callback)
}

const withinQuota = (context: CommandContext, conversation: ConversationState): Bodies.Checked<void> =>
  !context.options.quotas || conversation.quota.take(context.now)
    ? Either.void
    : Bodies.refuse(ErrorCode.frequencyLimit, "more than 30 messages a minute or 1000 an hour")

const taskIdOf = (card: Bodies.Content["card"]): string | undefined =>
  typeof card?.task_id === "string" ? card.task_id : undefined

const freshTaskId = (context: CommandContext, card: Bodies.Content["card"]): Bodies.Checked<void> => {
  const taskId = taskIdOf(card)
  return taskId !== undefined && context.options.refuseRepeatedTaskId && context.bot.taskIds.has(taskId)
    ? Bodies.refuse(ErrorCode.invalidParameter, "template_card.task_id was used before")
    : Either.void
}

const open = (
  context: CommandContext,
  conversation: ConversationState,
  content: Bodies.Content,
  callback: IssuedCallback | undefined
): BubbleState => {
  const bubble: BubbleState = {
    id: context.nextBubbleId(),
    kind: content.kind,
    from: "bot",
    at: context.now,
    text: content.text,
    history: [content.text],
    sealed: content.stream === undefined || content.stream.finish,
    card: content.card,
    cardsFor: new Map(),
    snapshots: new Map(),
    media: content.media,
    quote: undefined,
    reqId: callback?.reqId,
    streamId: content.stream?.id,
    feedbackId: content.feedbackId
  }
  const taskId = taskIdOf(content.card)
  if (taskId !== undefined) context.bot.taskIds.add(taskId)
  conversation.bubbles.push(bubble)
  callback?.answers.push(bubble)
  context.changed(conversation, bubble)
  return bubble
}

/** Posts a message that never changes. */
const post = (
  context: CommandContext,
  conversation: ConversationState,
  content: Bodies.Content,
  callback: IssuedCallback | undefined
): Bodies.Checked<BubbleState> =>
  Either.gen(function*() {
    if (callback?.hasNonStreamReply === true && context.options.secondNonStreamResponse === "refuse") {
      return yield* Bodies.refuse(ErrorCode.alreadyResponded, "this req_id was answered before")
    }
    yield* freshTaskId(context, content.card)
    yield* withinQuota(context, conversation)
    if (callback !== undefined) callback.hasNonStreamReply = true
    return open(context, conversation, content, callback)
  })

const stream = (
  context: CommandContext,
  callback: IssuedCallback,
  content: Bodies.Content,
  { finish, id }: { readonly id: string; readonly finish: boolean }
): Bodies.Checked<BubbleState> =>
  Either.gen(function*() {
    const known = callback.streams.get(id)
    if (content.card !== undefined) {
      if (callback.hasCard) return yield* Bodies.refuse(ErrorCode.alreadyResponded, "this req_id has a card already")
      yield* freshTaskId(context, content.card)
    }
    if (known === undefined) {
      yield* withinQuota(context, callback.conversation)
      const bubble = open(context, callback.conversation, content, callback)
      callback.streams.set(id, { openedAt: context.now, bubble })
      callback.hasCard ||= content.card !== undefined
      return bubble
    }
    const { bubble, openedAt } = known
    if (bubble.sealed) return yield* Bodies.refuse(ErrorCode.streamExpired, "the stream is finished")
    if (context.now - openedAt > Limits.streamWindowMillis) {
      return yield* Bodies.refuse(ErrorCode.streamExpired, "10 min after its first frame")
    }
    if (context.options.streamRefreshCounts) yield* withinQuota(context, callback.conversation)
    bubble.text = content.text
    bubble.history.push(content.text)
    bubble.sealed = finish
    if (content.card !== undefined) {
      bubble.card = content.card
      callback.hasCard = true
      const taskId = taskIdOf(content.card)
      if (taskId !== undefined) context.bot.taskIds.add(taskId)
    }
    context.changed(callback.conversation, bubble)
    return bubble
  })

const respond: CommandHandler = (context, frame) =>
  resultOf(Either.gen(function*() {
    const callback = yield* answered(context, frame, "message", Limits.replyWindowMillis)
    const content = yield* Bodies.message(frame.body, {
      types: context.options.acceptStreamWithCard
        ? [...Bodies.replyTypes, "stream_with_template_card"]
        : Bodies.replyTypes,
      acceptMsgItem: context.options.acceptMsgItem,
      isKnownMedia: context.isKnownMedia
    })
    return content.stream === undefined
      ? yield* post(context, callback.conversation, content, callback)
      : yield* stream(context, callback, content, content.stream)
  }))

const respondWelcome: CommandHandler = (context, frame) =>
  resultOf(Either.gen(function*() {
    const callback = yield* answered(context, frame, "enter_chat", Limits.welcomeWindowMillis)
    const content = yield* Bodies.message(frame.body, {
      types: Bodies.welcomeTypes,
      acceptMsgItem: false,
      isKnownMedia: context.isKnownMedia
    })
    return yield* post(context, callback.conversation, content, callback)
  }))

const namedUsers = (userids: unknown): Bodies.Checked<ReadonlyArray<string> | undefined> => {
  if (userids === undefined) return Either.right(undefined)
  return Array.isArray(userids) && userids.length > 0 && userids.every((userid) => typeof userid === "string")
    ? Either.right(userids)
    : Bodies.refuse(ErrorCode.invalidParameter, "userids must list at least one userid")
}

const respondUpdate: CommandHandler = (context, frame) =>
  resultOf(Either.gen(function*() {
    const callback = yield* answered(context, frame, "template_card_event", Limits.cardUpdateWindowMillis)
    const body = isRecord(frame.body) ? frame.body : {}
    if (body.response_type !== "update_template_card") {
      return yield* Bodies.refuse(ErrorCode.invalidParameter, "response_type must be update_template_card")
    }
    const userids = yield* namedUsers(body.userids)
    const card = yield* Bodies.card(body.template_card)
    if (card.task_id !== callback.taskId) {
      return yield* Bodies.refuse(ErrorCode.invalidParameter, "template_card.task_id must be the one of the event")
    }
    const bubble = callback.conversation.bubbles.find((bubble) => taskIdOf(bubble.card) === callback.taskId)
    if (bubble === undefined) return
    if (userids === undefined) {
      bubble.card = card
      bubble.cardsFor.clear()
    } else {
      for (const userid of userids) bubble.cardsFor.set(userid, card)
    }
    callback.answers.push(bubble)
    context.changed(callback.conversation, bubble)
  }))

/** Without a `chat_type` the id is looked up among the groups first, then among the single chats. */
const addressee = (bot: Bot, chatid: string, chatType: unknown): Bodies.Checked<ConversationState> => {
  const group = chatType === 1 ? undefined : bot.groups.get(chatid)
  if (chatType === 2 && group === undefined) {
    return Bodies.refuse(ErrorCode.notInGroup, "the bot is not in this group")
  }
  const conversation = group ?? bot.singles.get(chatid)
  return conversation?.hasUserMessage === true
    ? Either.right(conversation)
    : Bodies.refuse(ErrorCode.invalidChatId, "no user has written to the bot in this chat")
}

/** Ids have neither spaces nor prefixes. */
const malformedId = /[\s:]/

const send: CommandHandler = (context, frame) =>
  resultOf(Either.gen(function*() {
    const { chat_type, chatid } = isRecord(frame.body) ? frame.body : {} as { readonly [field: string]: unknown }
    if (typeof chatid !== "string" || chatid === "") {
      return yield* Bodies.refuse(ErrorCode.chatIdMissing, "chatid must be a string")
    }
    if (malformedId.test(chatid)) return yield* Bodies.refuse(ErrorCode.invalidChatId, "chatid is malformed")
    if (chat_type !== undefined && chat_type !== 0 && chat_type !== 1 && chat_type !== 2) {
      return yield* Bodies.refuse(ErrorCode.invalidParameter, "chat_type must be 0, 1 or 2")
    }
    const content = yield* Bodies.message(frame.body, {
      types: Bodies.pushTypes,
      acceptMsgItem: false,
      isKnownMedia: context.isKnownMedia
    })
    const conversation = yield* addressee(context.bot, chatid, chat_type)
    return yield* post(context, conversation, content, undefined)
  }))

/** @internal */
export const make = (uploads: Uploads): Map<string, CommandHandler> =>
  new Map<string, CommandHandler>([
    [Command.ping, () => accepted],
    [Command.respond, respond],
    [Command.respondWelcome, respondWelcome],
    [Command.respondUpdate, respondUpdate],
    [Command.send, send],
    ...uploads.handlers
  ])
