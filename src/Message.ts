/**
 * Messages from users to the bot (WeCom doc 100719). Field names are those of WeCom, except `reqId` and `receivedAt`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Frame from "./Frame.js"
import { total } from "./internal/checks/arguments.js"
import * as IncomingMedia from "./internal/wire/incomingMedia.js"
import * as Mentions from "./internal/wire/mentions.js"

const preserving = { parseOptions: { onExcessProperty: "preserve" } } as const

/**
 * The text of a message.
 *
 * @since 0.1.0
 * @category contents
 */
export const Text = Schema.Struct({ content: Schema.String }).annotations(preserving)

/**
 * An encrypted file at a pre-signed URL that is valid for five minutes. Neither field belongs in a log.
 *
 * @since 0.1.0
 * @category contents
 */
export const Media = Schema.Struct({
  url: Schema.String,
  aeskey: Schema.optional(Schema.String)
}).annotations(preserving)

/**
 * An encrypted file at a pre-signed URL that is valid for five minutes. Neither field belongs in a log.
 *
 * @since 0.1.0
 * @category contents
 */
export type Media = typeof Media.Type

/**
 * The transcript of a voice message. It may be empty.
 *
 * @since 0.1.0
 * @category contents
 */
export const Voice = Schema.Struct({ content: Schema.String }).annotations(preserving)

/**
 * One part of a mixed message. The documentation names `text` and `image`; other types are kept.
 *
 * @since 0.1.0
 * @category contents
 */
export const MixedItem = Schema.Struct({
  msgtype: Schema.String,
  text: Schema.optional(Text),
  image: Schema.optional(Media),
  voice: Schema.optional(Voice),
  file: Schema.optional(Media),
  video: Schema.optional(Media)
}).annotations(preserving)

/**
 * Texts and images, in the order of the message.
 *
 * @since 0.1.0
 * @category contents
 */
export const Mixed = Schema.Struct({ msg_item: Schema.Array(MixedItem) }).annotations(preserving)

/**
 * The message that the user quoted. The service gives neither its msgid nor its sender.
 *
 * @since 0.1.0
 * @category contents
 */
export const Quote = Schema.Struct({
  msgtype: Schema.String,
  text: Schema.optional(Text),
  image: Schema.optional(Media),
  mixed: Schema.optional(Mixed),
  voice: Schema.optional(Voice),
  file: Schema.optional(Media),
  video: Schema.optional(Media)
}).annotations(preserving)

/**
 * The message that the user quoted. The service gives neither its msgid nor its sender.
 *
 * @since 0.1.0
 * @category contents
 */
export type Quote = typeof Quote.Type

/**
 * The sender.
 *
 * @since 0.1.0
 * @category contents
 */
export const From = Schema.Struct({
  userid: Schema.String,
  corpid: Schema.optional(Schema.String)
}).annotations(preserving)

const base = {
  msgid: Schema.String,
  aibotid: Schema.String,
  chattype: Schema.Literal("single", "group"),
  chatid: Schema.optional(Schema.String),
  from: From,
  create_time: Schema.optional(Schema.Number),
  response_url: Schema.optional(Schema.String),
  quote: Schema.optional(Quote),
  raw: Schema.optional(Schema.Unknown),
  reqId: Frame.ReqId,
  receivedAt: Schema.Number
}

/**
 * A text message, optionally with a quote.
 *
 * @since 0.1.0
 * @category models
 */
export const TextMessage = Schema.Struct({
  ...base,
  msgtype: Schema.Literal("text"),
  text: Text
}).annotations(preserving)

/**
 * A text message, optionally with a quote.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextMessage extends Schema.Schema.Type<typeof TextMessage> {}

/**
 * An image. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export const ImageMessage = Schema.Struct({
  ...base,
  msgtype: Schema.Literal("image"),
  image: Media
}).annotations(preserving)

/**
 * An image. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export interface ImageMessage extends Schema.Schema.Type<typeof ImageMessage> {}

/**
 * A message that mixes texts and images.
 *
 * @since 0.1.0
 * @category models
 */
export const MixedMessage = Schema.Struct({
  ...base,
  msgtype: Schema.Literal("mixed"),
  mixed: Mixed
}).annotations(preserving)

/**
 * A message that mixes texts and images.
 *
 * @since 0.1.0
 * @category models
 */
export interface MixedMessage extends Schema.Schema.Type<typeof MixedMessage> {}

/**
 * A voice message, as its transcript. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export const VoiceMessage = Schema.Struct({
  ...base,
  msgtype: Schema.Literal("voice"),
  voice: Voice
}).annotations(preserving)

/**
 * A voice message, as its transcript. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export interface VoiceMessage extends Schema.Schema.Type<typeof VoiceMessage> {}

/**
 * A file. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export const FileMessage = Schema.Struct({
  ...base,
  msgtype: Schema.Literal("file"),
  file: Media
}).annotations(preserving)

/**
 * A file. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileMessage extends Schema.Schema.Type<typeof FileMessage> {}

/**
 * A video. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export const VideoMessage = Schema.Struct({
  ...base,
  msgtype: Schema.Literal("video"),
  video: Media
}).annotations(preserving)

/**
 * A video. The service sends it from single chats only.
 *
 * @since 0.1.0
 * @category models
 */
export interface VideoMessage extends Schema.Schema.Type<typeof VideoMessage> {}

/**
 * A message of a type that this version does not know, or of a known type with an unknown shape. `raw` is the body as
 * received. It can be answered like any other message.
 *
 * @since 0.1.0
 * @category models
 */
export const UnknownMessage = Schema.Struct({
  msgid: Schema.String,
  aibotid: Schema.optional(Schema.String),
  chattype: Schema.optional(Schema.String),
  chatid: Schema.optional(Schema.String),
  from: From,
  create_time: Schema.optional(Schema.Number),
  response_url: Schema.optional(Schema.String),
  reqId: Frame.ReqId,
  receivedAt: Schema.Number,
  msgtype: Schema.Literal("unknown"),
  raw: Schema.Unknown
})

/**
 * A message of a type that this version does not know, or of a known type with an unknown shape. `raw` is the body as
 * received. It can be answered like any other message.
 *
 * @since 0.1.0
 * @category models
 */
export interface UnknownMessage extends Schema.Schema.Type<typeof UnknownMessage> {}

/**
 * Any message, distinguished by `msgtype`. Fields that this version does not know are kept.
 *
 * - `msgid` is unique. The service may deliver a message twice; the bot emits it once. It is empty when the service sent none.
 * - `from.userid` is empty when the service named no sender, as it does for some files in groups: see `isAnonymous`.
 * - A part that did not have its documented form is left out; then `raw` is the body as received.
 * - `chatid` is an address in groups only; `Chat.fromCallback` returns the right address.
 * - `create_time` is in seconds, `receivedAt` in milliseconds.
 * - `response_url` accepts one HTTP POST within an hour.
 *
 * @since 0.1.0
 * @category models
 */
export const Message = Schema.Union(
  TextMessage,
  ImageMessage,
  MixedMessage,
  VoiceMessage,
  FileMessage,
  VideoMessage,
  UnknownMessage
)

/**
 * Any message, distinguished by `msgtype`.
 *
 * @since 0.1.0
 * @category models
 */
export type Message =
  | TextMessage
  | ImageMessage
  | MixedMessage
  | VoiceMessage
  | FileMessage
  | VideoMessage
  | UnknownMessage

/**
 * The values of `msgtype` that this version knows, and `unknown`.
 *
 * @since 0.1.0
 * @category models
 */
export type MsgType = Message["msgtype"]

/**
 * The type of messages with this `msgtype`.
 *
 * @since 0.1.0
 * @category models
 */
export type OfType<T extends MsgType> = Extract<Message, { readonly msgtype: T }>

/**
 * Whether the service named no sender: `from.userid` is empty. Guards by user do not match such a message. Its conversation is
 * its group; without one it has none, and only a reply reaches it.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAnonymous: (message: Message) => boolean = total((message: Message) => message.from.userid === "", false)

/**
 * Narrows a message to one type.
 *
 * @since 0.1.0
 * @category guards
 */
export const isType = <T extends MsgType>(msgtype: T): (message: Message) => message is OfType<T> =>
  total((message: Message): message is OfType<T> => message.msgtype === msgtype, false)

/**
 * A file that came with a message. `media` is a source for `downloadFile`; `origin` is the part of the message that
 * contains it. `name` and `size` (in bytes) are there when the message tells them, which it rarely does. A file that came as
 * `base64` or `media_id` alone has no link: then `isDownloadable` is `false`, and `media` has those fields.
 *
 * @since 0.1.0
 * @category views
 */
export interface Attachment {
  readonly type: "image" | "file" | "video"
  readonly origin: "message" | "mixed" | "quote"
  readonly media: Media
  readonly name: string | undefined
  readonly size: number | undefined
  readonly isDownloadable: boolean
}

/**
 * Every image, file and video of a message: its own, those of its mixed items, and those of its quote, also where the service
 * sends them in another form than documented or beside other contents. In a group, users send the bot an image or a file by
 * quoting it.
 *
 * @since 0.1.0
 * @category views
 */
export const attachments: (message: Message) => ReadonlyArray<Attachment> = total(
  (message: Message) =>
    IncomingMedia.of(message).map((found) => ({ ...found, isDownloadable: found.media.url !== "" })),
  []
)

const invisible =
  /((?<=\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?)\u200d(?=\p{Extended_Pictographic}))|[\u200b-\u200d\u2060\ufeff]/gu

/** Removes zero-width characters except joiners inside an emoji, and replaces full-width spaces with plain ones. */
const normalise = (text: string): string =>
  text.replace(invisible, (_, joiner: string | undefined) => joiner ?? "").replaceAll("\u3000", " ")

interface TextFields {
  readonly text?: { readonly content: string } | undefined
  readonly voice?: { readonly content: string } | undefined
  readonly mixed?: typeof Mixed.Type | undefined
}

const textOf = (fields: TextFields): string =>
  [fields.text?.content, fields.voice?.content, ...(fields.mixed?.msg_item ?? []).map(textOf)]
    .filter((text) => text !== undefined && text !== "")
    .join("\n")

/**
 * The text of a message: its text, the transcript of a voice message, or the texts of a mixed message. Zero-width
 * characters are removed, full-width spaces are replaced with plain ones, and the text is trimmed.
 *
 * With `botName`, mentions of the bot are removed from group messages wherever they occur, and so are the mentions of others
 * that stand before the first one at the beginning of the text. The name may contain spaces, and `＠` counts as `@`. In a single
 * chat, a leading `@` is part of the text.
 *
 * @since 0.1.0
 * @category views
 */
export const plainText: (
  message: Message,
  options?: { readonly botName?: string | undefined }
) => string = total((message: Message, options?: { readonly botName?: string | undefined }) => {
  if (message.msgtype === "unknown") return ""
  const text = normalise(textOf(message as TextFields))
  const botName = normalise(options?.botName ?? "")
  return (message.chattype === "single" || botName === "" ? text : Mentions.without(text, botName)).trim()
}, "")
