/**
 * Decisions about a single message: whether it counts against the quota of its conversation, which push replaces it when it is
 * too late, and how it is split when it is too long.
 */
import * as Effect from "effect/Effect"
import type { LateOptions } from "../../Answer.js"
import * as Chat from "../../Chat.js"
import type * as Frame from "../../Frame.js"
import type * as Governor from "../../Governor.js"
import * as Limits from "../../Limits.js"
import * as Markdown from "../../Markdown.js"
import * as Reply from "../../Reply.js"
import type { SendError } from "../../WecomError.js"
import { exceedsBytes } from "../checks/bytes.js"

/** @internal */
export type Sending = Effect.Effect<Frame.Ack, SendError>

/** The key of a quota. A reply whose chat is not known has a quota of its own. */
export const conversation = (chat: Chat.Chat | undefined, reqId: Frame.ReqId): string =>
  chat === undefined ? JSON.stringify(reqId) : Chat.key(chat)

/** @internal */
export interface Streams {
  /** Whether this frame opens its stream. Later frames of a stream do not count against the quota. */
  readonly isOpening: (reqId: Frame.ReqId, stream: { readonly id: string; readonly finish: boolean }) => boolean
}

/** Streams without a final are forgotten, oldest first. */
const capacity = 10_000

/** @internal */
export const makeStreams = (): Streams => {
  const open = new Map<Frame.ReqId, string>()
  return {
    isOpening: (reqId, { finish, id }) => {
      const isKnown = open.get(reqId) === id
      if (finish) {
        if (isKnown) open.delete(reqId)
      } else if (!isKnown) {
        open.delete(reqId)
        if (open.size >= capacity) open.delete(open.keys().next().value!)
        open.set(reqId, id)
      }
      return !isKnown
    }
  }
}

/**
 * Hot path: sends at once when the quota of the conversation has room, and else waits for it.
 *
 * @internal
 */
export const governed = (
  governor: Governor.Governor.Service,
  chatId: string,
  priority: Governor.Priority,
  sending: Sending
): Sending => governor.unsafeTryTake(chatId) ? sending : Effect.zipRight(governor.take(chatId, priority), sending)

/** Reasoning is folded in streams only, so a push contains the visible text alone. */
export const withoutThinking = (text: string): string => text.replace(/<think>[\s\S]*?(<\/think>|$)/g, "")

/** The push with the content of a reply; `undefined` when no push can show it. */
const asPush = (body: Reply.ReplyBody | Reply.WelcomeBody): Reply.PushBody | undefined => {
  switch (body.msgtype) {
    case "text":
      return Reply.markdown(body.text.content)
    case "stream":
      return Reply.markdown(withoutThinking(body.stream.content))
    case "stream_with_template_card":
      return undefined
    default:
      return body
  }
}

/**
 * Sends the reply, or the push that replaces it when it is too late and the caller has chosen `onExpired: "push"`.
 *
 * @internal
 */
export const orPush = (
  sending: Sending,
  options: LateOptions | undefined,
  chat: Chat.Chat | undefined,
  body: Reply.ReplyBody | Reply.WelcomeBody,
  push: (chat: Chat.Chat, body: Reply.PushBody) => Sending
): Sending => {
  if (options?.onExpired !== "push" || chat === undefined) return sending
  return Effect.catchTag(sending, "SendExpired", (error) => {
    const late = asPush(body)
    return late === undefined ? Effect.fail(error) : push(chat, late)
  })
}

/**
 * The pieces of a markdown body that is too long; `undefined` for other bodies.
 *
 * @internal
 */
export const pieces = (body: unknown): ReadonlyArray<Reply.MarkdownBody> | undefined => {
  const { markdown, msgtype } = body as Partial<Reply.MarkdownBody>
  const content: unknown = markdown?.content
  if (msgtype !== "markdown" || typeof content !== "string" || !exceedsBytes(content, Limits.contentBytes)) {
    return undefined
  }
  return Markdown.split(content).map((piece, index) =>
    Reply.markdown(piece, { feedback: index === 0 ? markdown!.feedback : undefined })
  )
}

/** @internal */
export const inOrder = (first: Sending, rest: ReadonlyArray<Sending>): Sending =>
  rest.reduce((before, next) => Effect.zipRight(before, next), first)
