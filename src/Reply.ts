/**
 * Bodies of outgoing messages with the field names of WeCom: schemas, constructors and checks.
 *
 * A constructor builds exactly the JSON that is sent, without checking it. `validateReply`, `validateWelcome`,
 * `validateUpdateCard` and `validatePush` check a body for its command, so that the service does not have to refuse
 * it. The bot calls them for every send.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Feedback } from "./internal/bodies/cardParts.js"
import { NonEmptyText, struct } from "./internal/bodies/cardRules.js"
import {
  MarkdownBody,
  MediaBody,
  type MediaType,
  type MsgItem,
  StreamBody,
  type StreamFrame,
  StreamWithCardBody,
  TemplateCardBody,
  TextBody
} from "./internal/bodies/replyBodies.js"
import { rule, validator } from "./internal/bodies/sendInvalid.js"
import { exceedsBytes, isWellFormed, truncated } from "./internal/checks/bytes.js"
import { hasVisible } from "./internal/checks/visible.js"
import * as Limits from "./Limits.js"
import { TemplateCard } from "./TemplateCard.js"
import type { SendInvalid } from "./WecomError.js"

/**
 * Bodies that answer a message callback (`aibot_respond_msg`). WeCom doc 101463.
 *
 * @since 0.1.0
 * @category commands
 */
export const ReplyBody = Schema.Union(
  StreamBody,
  MarkdownBody,
  TemplateCardBody,
  StreamWithCardBody,
  ...MediaBody.members
)
  .annotations({ description: "a message body" })
/**
 * The type of the `ReplyBody` schema.
 *
 * @since 0.1.0
 * @category commands
 */
export type ReplyBody = StreamBody | MarkdownBody | TemplateCardBody | StreamWithCardBody | MediaBody

/**
 * Bodies that answer an `enter_chat` event (`aibot_respond_welcome_msg`). WeCom doc 101463.
 *
 * @since 0.1.0
 * @category commands
 */
export const WelcomeBody = Schema.Union(TextBody, TemplateCardBody).annotations({ description: "a welcome body" })

/**
 * The type of the `WelcomeBody` schema.
 *
 * @since 0.1.0
 * @category commands
 */
export type WelcomeBody = TextBody | TemplateCardBody

/**
 * The body that answers a `template_card_event` (`aibot_respond_update_msg`). With `userids` only these users see the
 * new card, otherwise all do. `template_card.task_id` must equal that of the event. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category commands
 */
export const UpdateCardBody = struct("a card update", {
  response_type: Schema.Literal("update_template_card"),
  template_card: TemplateCard,
  userids: Schema.optional(
    Schema.Array(NonEmptyText).pipe(
      rule(
        (userids) =>
          userids.length > 0
            ? undefined
            : { problem: "is empty", limit: "at least one userid, or no userids for all users" },
        { description: "a list of userids", jsonSchema: { minItems: 1 } }
      )
    )
  )
})

/**
 * The type of the `UpdateCardBody` schema.
 *
 * @since 0.1.0
 * @category commands
 */
export interface UpdateCardBody extends Schema.Schema.Type<typeof UpdateCardBody> {}

/**
 * Bodies that are pushed to a conversation (`aibot_send_msg`), without the address. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category commands
 */
export const PushBody = Schema.Union(MarkdownBody, TemplateCardBody, ...MediaBody.members)
  .annotations({ description: "a message body" })
/**
 * The type of the `PushBody` schema.
 *
 * @since 0.1.0
 * @category commands
 */
export type PushBody = MarkdownBody | TemplateCardBody | MediaBody

/** An unreadable value becomes part of the body, so that the check before sending names its field. */
const unread = (value: unknown): any => value ?? null

const read = <A extends object, K extends keyof A>(options: A | undefined, key: K): A[K] | undefined => {
  try {
    return options?.[key]
  } catch {
    return unread(options)
  }
}

/**
 * Plain text, for welcomes only.
 *
 * @since 0.1.0
 * @category constructors
 */
export const text = (content: string): TextBody => ({ msgtype: "text", text: { content } })

/**
 * Markdown, for replies and pushes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const markdown = (
  content: string,
  options?: { readonly feedback?: Feedback | undefined } | undefined
): MarkdownBody => {
  const feedback = read(options, "feedback")
  return { msgtype: "markdown", markdown: feedback === undefined ? { content } : { content, feedback } }
}

export {
  /**
   * The id that ratings of a message refer to. WeCom doc 101031.
   *
   * @since 0.1.0
   * @category bodies
   */
  Feedback
}

const withFeedback = (card: TemplateCard, feedback: Feedback | undefined): TemplateCard => {
  if (feedback === undefined) return card
  try {
    return { ...card, feedback }
  } catch {
    return card
  }
}

/**
 * A template card, for replies, welcomes and pushes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const templateCard = (
  card: TemplateCard,
  options?: { readonly feedback?: Feedback | undefined } | undefined
): TemplateCardBody => ({ msgtype: "template_card", template_card: withFeedback(card, read(options, "feedback")) })

/**
 * The fields of a stream frame. `finish` is false by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions {
  readonly id: string
  readonly content: string
  readonly finish?: boolean | undefined
  readonly msgItem?: ReadonlyArray<MsgItem> | undefined
  readonly feedback?: Feedback | undefined
}

const streamFrame = ({ content, feedback, finish, id, msgItem }: StreamOptions): StreamFrame => ({
  id,
  finish: finish ?? false,
  content,
  ...(msgItem === undefined || msgItem.length === 0 ? undefined : { msg_item: msgItem }),
  ...(feedback === undefined ? undefined : { feedback })
})

/**
 * One frame of a stream, for replies.
 *
 * @since 0.1.0
 * @category constructors
 */
export const stream = (options: StreamOptions): StreamBody => {
  try {
    return { msgtype: "stream", stream: streamFrame(options) }
  } catch {
    return { msgtype: "stream", stream: unread(options) }
  }
}

/**
 * The fields of a stream frame with a card.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamWithCardOptions extends StreamOptions {
  readonly card?: TemplateCard | undefined
  readonly cardFeedback?: Feedback | undefined
}

/**
 * One frame of a stream with a card. See `StreamWithCardBody` for its support by the service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const streamWithCard = (options: StreamWithCardOptions): StreamWithCardBody => {
  try {
    return options.card === undefined
      ? { msgtype: "stream_with_template_card", stream: streamFrame(options) }
      : {
        msgtype: "stream_with_template_card",
        stream: streamFrame(options),
        template_card: withFeedback(options.card, options.cardFeedback)
      }
  } catch {
    return { msgtype: "stream_with_template_card", stream: unread(options) }
  }
}

/**
 * Uploaded media, for replies and pushes. Only a video takes `title` and `description`: the service shows at most 64 and 512
 * bytes of UTF-8 of them, so longer ones are cut at a character.
 *
 * @since 0.1.0
 * @category constructors
 */
export const media = <T extends MediaType>(
  type: T,
  mediaId: string,
  ...[options]: T extends "video" ? [
      options?: { readonly title?: string | undefined; readonly description?: string | undefined } | undefined
    ] :
    []
): Extract<MediaBody, { readonly msgtype: T }> => {
  const content: { media_id: string; title?: string; description?: string } = { media_id: mediaId }
  const title = type === "video" ? read(options, "title") : undefined
  const description = type === "video" ? read(options, "description") : undefined
  if (title) content.title = truncated(title, Limits.videoTitleBytes)
  if (description) content.description = truncated(description, Limits.videoDescriptionBytes)
  if (typeof type !== "string") return unread({ msgtype: type })
  return { msgtype: type, [type]: content } as unknown as Extract<MediaBody, { readonly msgtype: T }>
}

/**
 * A new card that replaces the one that was pressed, for all users or for `userids` only.
 *
 * @since 0.1.0
 * @category constructors
 */
export const updateCard = (
  card: TemplateCard,
  options?: { readonly userids?: ReadonlyArray<string> | undefined } | undefined
): UpdateCardBody => {
  const userids = read(options, "userids")
  return userids === undefined
    ? { response_type: "update_template_card", template_card: card }
    : { response_type: "update_template_card", template_card: card, userids }
}

const refuse = (refused: ReadonlyArray<string>, problem: string, limit: string) => (body: unknown) => {
  const msgtype = (body as { readonly msgtype?: unknown } | null | undefined)?.msgtype
  return typeof msgtype === "string" && refused.includes(msgtype)
    ? { path: ["msgtype"], problem: `is ${msgtype}, ${problem}`, limit }
    : undefined
}

const decodeReply = validator(ReplyBody, {
  root: "body",
  hint: refuse(["text"], "which only a welcome takes (40008)", "markdown, which replies take: Reply.markdown(content)")
})
const decodeWelcome = validator(WelcomeBody, {
  root: "body",
  hint: refuse(["markdown"], "which a welcome does not take", "text or template_card: Reply.text(content)")
})
const decodeUpdateCard = validator(UpdateCardBody, { root: "body" })
const decodePush = validator(PushBody, {
  root: "body",
  hint: refuse(
    ["text", "stream", "stream_with_template_card"],
    "which a push does not take (40008)",
    "markdown, template_card, file, image, voice or video: Reply.markdown(content)"
  )
})

/**
 * Checks a body for `aibot_respond_msg`. The result is a copy. A violation names the field of the first broken rule,
 * never its content.
 *
 * @since 0.1.0
 * @category validation
 */
export const validateReply = (body: unknown): Either.Either<ReplyBody, SendInvalid> => decodeReply(() => body)

/**
 * Checks a body for `aibot_respond_welcome_msg`.
 *
 * @since 0.1.0
 * @category validation
 */
export const validateWelcome = (body: unknown): Either.Either<WelcomeBody, SendInvalid> => decodeWelcome(() => body)

/**
 * Checks a body for `aibot_respond_update_msg`.
 *
 * @since 0.1.0
 * @category validation
 */
export const validateUpdateCard = (body: unknown): Either.Either<UpdateCardBody, SendInvalid> =>
  decodeUpdateCard(() => body)

/**
 * Checks a body for `aibot_send_msg`.
 *
 * @since 0.1.0
 * @category validation
 */
export const validatePush = (body: unknown): Either.Either<PushBody, SendInvalid> => decodePush(() => body)

const frameFields = { id: true, finish: true, content: true, feedback: true } as const

// True only for frames that the schema accepts too. False means that the schema must decide.
const isPlainFrame = (body: StreamBody): boolean => {
  const frame = body.stream
  for (const key in body) if (key !== "msgtype" && key !== "stream") return false
  for (const key in frame) if (!Object.hasOwn(frameFields, key)) return false
  if (body.msgtype !== "stream" || typeof frame.finish !== "boolean") return false
  if (typeof frame.id !== "string" || frame.id === "" || exceedsBytes(frame.id, Limits.streamIdBytes)) return false
  if (typeof frame.content !== "string" || exceedsBytes(frame.content, Limits.contentBytes)) return false
  if (frame.feedback !== undefined || !isWellFormed(frame.id)) return false
  return !frame.finish || hasVisible(frame.content)
}

/**
 * `validateReply` for the hot path: the same result for a stream frame, without a copy, and without the schema for
 * ordinary frames. Returns undefined when the frame may be sent.
 *
 * @since 0.1.0
 * @category validation
 */
export const checkStreamFrame = (body: StreamBody): SendInvalid | undefined => {
  try {
    if (isPlainFrame(body)) return undefined
  } catch {
    // The schema meets the same exception and names the field.
  }
  const verdict = validateReply(body)
  return Either.isLeft(verdict) ? verdict.left : undefined
}

export {
  /**
   * @since 0.1.0
   * @category validation
   */
  hasVisible
} from "./internal/checks/visible.js"

export {
  /**
   * @since 0.1.0
   * @category bodies
   */
  MarkdownBody,
  /**
   * @since 0.1.0
   * @category bodies
   */
  MediaBody,
  /**
   * @since 0.1.0
   * @category bodies
   */
  type MediaType,
  /**
   * @since 0.1.0
   * @category parts
   */
  MsgItem,
  /**
   * @since 0.1.0
   * @category bodies
   */
  StreamBody,
  /**
   * @since 0.1.0
   * @category parts
   */
  StreamFrame,
  /**
   * @since 0.1.0
   * @category bodies
   */
  StreamWithCardBody,
  /**
   * @since 0.1.0
   * @category bodies
   */
  TemplateCardBody,
  /**
   * @since 0.1.0
   * @category bodies
   */
  TextBody
} from "./internal/bodies/replyBodies.js"
