/**
 * The bodies of commands. Public through `Reply`.
 */
import * as Schema from "effect/Schema"
import * as Limits from "../../Limits.js"
import { TemplateCard } from "../../TemplateCard.js"
import { base64Length } from "../checks/bytes.js"
import { hasVisible } from "../checks/visible.js"
import { Feedback } from "./cardParts.js"
import { bytes, contentBytes, Flag, items, NonEmptyText, pattern, struct } from "./cardRules.js"
import { rule, type Violation } from "./sendInvalid.js"

/** A message that shows nothing is an empty bubble. */
const visibleBytes = (max: number) =>
  contentBytes(1, max).pipe(
    rule((content) =>
      hasVisible(content)
        ? undefined
        : { problem: "has nothing visible", limit: "at least one visible character outside <think>" }
    )
  )

const imageLimit = `base64 of at most ${Limits.msgItemImageBytes} bytes`

/**
 * An image at the end of a stream: base64 of at most 10 MB of JPG or PNG, and the md5 of its bytes.
 *
 * The documentation (WeCom doc 101463) calls `msg_item` unsupported on the long connection, although the official SDK
 * offers it: the service accepts it and shows nothing, so the frame needs visible text. WeCom doc 101031 has the sizes.
 *
 * @since 0.1.0
 * @category parts
 */
export const MsgItem = struct("a msg_item entry", {
  msgtype: Schema.Literal("image"),
  image: struct("an image object", {
    base64: Schema.String.pipe(rule((text) => {
      const size = base64Length(text)
      return size === undefined
        ? { problem: "is not padded base64", limit: imageLimit }
        : size === 0
        ? { problem: "is empty", limit: imageLimit }
        : size > Limits.msgItemImageBytes
        ? { problem: `is base64 of ${size} bytes`, limit: imageLimit }
        : undefined
    }, { description: imageLimit, arbitrary: () => (fc) => fc.base64String({ minLength: 4, maxLength: 64 }) })),
    md5: pattern(/^[0-9A-Fa-f]{32}$/, 32, "32 hex digits", (seed) => seed.toString(16).padStart(32, "0"))
  })
})

/**
 * The values of the `MsgItem` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface MsgItem extends Schema.Schema.Type<typeof MsgItem> {}

/**
 * One frame of a stream: a snapshot, which replaces the whole content shown so far. The first frame with an `id` (1 to
 * 256 bytes, chosen by the bot) opens the bubble, `finish: true` seals it. `content` is markdown, at most 20480 bytes of
 * UTF-8. `feedback` counts on the first frame only; `msg_item` (at most 10) belongs to the final one, see `MsgItem`.
 *
 * @since 0.1.0
 * @category parts
 */
export const StreamFrame = struct("a stream object", {
  id: bytes(1, Limits.streamIdBytes),
  finish: Flag,
  content: contentBytes(0, Limits.contentBytes),
  msg_item: Schema.optional(items(MsgItem, "images", 0, Limits.msgItems)),
  feedback: Schema.optional(Feedback)
}).pipe(rule((frame) =>
  frame.msg_item === undefined || frame.finish
    ? undefined
    : { path: ["msg_item"], problem: "is on a frame that is not final", limit: "msg_item with finish: true only" }
))

/**
 * The values of the `StreamFrame` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface StreamFrame extends Schema.Schema.Type<typeof StreamFrame> {}

const sealsVisibly = (
  body: { readonly stream: StreamFrame; readonly template_card?: unknown }
): Violation | undefined =>
  !body.stream.finish || hasVisible(body.stream.content) || body.template_card !== undefined
    ? undefined
    : {
      path: ["stream", "content"],
      problem: "has nothing visible",
      limit: "at least one visible character outside <think> in a final frame"
    }

/**
 * One frame of a stream as a reply. A final frame needs something visible, see `hasVisible`. WeCom doc 101031.
 *
 * @since 0.1.0
 * @category bodies
 */
export const StreamBody = struct("a stream message", {
  msgtype: Schema.Literal("stream"),
  stream: StreamFrame
}).pipe(rule(sealsVisibly))

/**
 * The values of the `StreamBody` schema.
 *
 * @since 0.1.0
 * @category bodies
 */
export interface StreamBody extends Schema.Schema.Type<typeof StreamBody> {}

/**
 * A stream frame with a card, which one message takes once, on any of its frames.
 *
 * The documentation (WeCom doc 101463) calls this type unsupported on the long connection, although the official SDK
 * offers it: the service may refuse it. WeCom doc 101031.
 *
 * @since 0.1.0
 * @category bodies
 */
export const StreamWithCardBody = struct("a stream_with_template_card message", {
  msgtype: Schema.Literal("stream_with_template_card"),
  stream: StreamFrame,
  template_card: Schema.optional(TemplateCard)
}).pipe(rule(sealsVisibly))

/**
 * The values of the `StreamWithCardBody` schema.
 *
 * @since 0.1.0
 * @category bodies
 */
export interface StreamWithCardBody extends Schema.Schema.Type<typeof StreamWithCardBody> {}

/**
 * Plain text, which only a welcome takes. WeCom doc 101031.
 *
 * @since 0.1.0
 * @category bodies
 */
export const TextBody = struct("a text message", {
  msgtype: Schema.Literal("text"),
  text: struct("a text object", { content: visibleBytes(Limits.welcomeTextBytes) })
})

/**
 * The values of the `TextBody` schema.
 *
 * @since 0.1.0
 * @category bodies
 */
export interface TextBody extends Schema.Schema.Type<typeof TextBody> {}

/**
 * Markdown of at most 20480 bytes of UTF-8, with at least one visible character: headings, lists, bold, code, tables, links, rules. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category bodies
 */
export const MarkdownBody = struct("a markdown message", {
  msgtype: Schema.Literal("markdown"),
  markdown: struct("a markdown object", {
    content: visibleBytes(Limits.contentBytes),
    feedback: Schema.optional(Feedback)
  })
})

/**
 * The values of the `MarkdownBody` schema.
 *
 * @since 0.1.0
 * @category bodies
 */
export interface MarkdownBody extends Schema.Schema.Type<typeof MarkdownBody> {}

/**
 * A template card. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category bodies
 */
export const TemplateCardBody = struct("a template_card message", {
  msgtype: Schema.Literal("template_card"),
  template_card: TemplateCard
})

/**
 * The values of the `TemplateCardBody` schema.
 *
 * @since 0.1.0
 * @category bodies
 */
export interface TemplateCardBody extends Schema.Schema.Type<typeof TemplateCardBody> {}

const Media = struct("a media object", { media_id: NonEmptyText })

/**
 * An uploaded file, image, voice clip or video by its `media_id`, which lives 3 days. A video takes a `title` (at most 64
 * bytes) and a `description` (at most 512). WeCom doc 101463.
 *
 * @since 0.1.0
 * @category bodies
 */
export const MediaBody = Schema.Union(
  struct("a file message", { msgtype: Schema.Literal("file"), file: Media }),
  struct("an image message", { msgtype: Schema.Literal("image"), image: Media }),
  struct("a voice message", { msgtype: Schema.Literal("voice"), voice: Media }),
  struct("a video message", {
    msgtype: Schema.Literal("video"),
    video: struct("a video object", {
      media_id: NonEmptyText,
      title: Schema.optional(bytes(0, Limits.videoTitleBytes)),
      description: Schema.optional(bytes(0, Limits.videoDescriptionBytes))
    })
  })
)

/**
 * The values of the `MediaBody` schema.
 *
 * @since 0.1.0
 * @category bodies
 */
export type MediaBody = typeof MediaBody.Type

/**
 * The types of media.
 *
 * @since 0.1.0
 * @category bodies
 */
export type MediaType = MediaBody["msgtype"]
