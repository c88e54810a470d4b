/**
 * Decodes the bodies of messages, as strictly as the service does.
 */
import * as Either from "effect/Either"
import { createHash } from "node:crypto"
import * as ErrorCode from "../../ErrorCode.js"
import * as Limits from "../../Limits.js"
import * as TemplateCard from "../../TemplateCard.js"
import { isRecord } from "./frames.js"

/** @internal */
export interface Refusal {
  readonly errcode: number
  readonly hint: string
}

/** @internal */
export interface Content {
  readonly kind: string
  readonly text: string
  readonly card: { readonly [field: string]: unknown } | undefined
  readonly media: unknown
  readonly feedbackId: string | undefined
  readonly stream: { readonly id: string; readonly finish: boolean } | undefined
}

/** @internal */
export type Checked<A> = Either.Either<A, Refusal>

/** @internal */
export const refuse = (errcode: number, hint: string): Either.Either<never, Refusal> => Either.left({ errcode, hint })

const invalid = (hint: string) => refuse(ErrorCode.invalidParameter, hint)

const bytes = (text: string): number => Buffer.byteLength(text, "utf8")

const content = (kind: string, fields: Partial<Content>): Content => ({
  kind,
  text: "",
  card: undefined,
  media: undefined,
  feedbackId: undefined,
  stream: undefined,
  ...fields
})

const text = (value: unknown, field: string): Checked<string> => {
  if (typeof value !== "string") return invalid(`${field} must be a string`)
  if (bytes(value) > Limits.contentBytes) return refuse(ErrorCode.contentTooLarge, `${field} is too large`)
  return Either.right(value)
}

const feedbackId = (feedback: unknown): Checked<string | undefined> => {
  if (feedback === undefined) return Either.right(undefined)
  if (!isRecord(feedback) || typeof feedback.id !== "string") return invalid("feedback.id must be a string")
  const size = bytes(feedback.id)
  if (size === 0 || size > Limits.feedbackIdBytes) return invalid("feedback.id must have 1 to 256 bytes")
  return Either.right(feedback.id)
}

/** @internal */
export const card = (value: unknown): Checked<{ readonly [field: string]: unknown }> => {
  if (!isRecord(value)) return invalid("template_card must be an object")
  if (value.card_type === "button_interaction" && Array.isArray(value.button_list)) {
    const buttons = value.button_list.length
    if (buttons === 0 || buttons > Limits.cardButtons) {
      return refuse(ErrorCode.invalidButtonCount, `template_card.button_list has ${buttons} buttons`)
    }
  }
  return TemplateCard.validate(value).pipe(
    Either.mapBoth({
      onLeft: (error): Refusal => ({ errcode: ErrorCode.invalidParameter, hint: error.message }),
      onRight: () => value
    })
  )
}

const isImage = (base64: string) => base64.startsWith("iVBOR") || base64.startsWith("/9j/")

const msgItems = (value: unknown): Checked<unknown> => {
  if (!Array.isArray(value) || value.length > Limits.msgItems) return invalid("stream.msg_item must list 1 to 10 items")
  for (const item of value) {
    const image = isRecord(item) && item.msgtype === "image" ? item.image : undefined
    if (!isRecord(image) || typeof image.base64 !== "string" || typeof image.md5 !== "string") {
      return invalid("stream.msg_item holds something else than an image with base64 and md5")
    }
    const data = Buffer.from(image.base64, "base64")
    if (data.length > Limits.msgItemImageBytes || !isImage(image.base64)) {
      return invalid("stream.msg_item holds an image that is no JPG or PNG of at most 10 MB")
    }
    if (createHash("md5").update(data).digest("hex") !== image.md5) {
      return invalid("stream.msg_item holds an image with another md5")
    }
  }
  return Either.right(value)
}

const stream = (value: unknown, acceptMsgItem: boolean): Checked<Content> =>
  Either.gen(function*() {
    if (!isRecord(value) || typeof value.id !== "string" || value.id === "") {
      return yield* invalid("stream.id must be a string")
    }
    const finish = value.finish ?? false
    if (typeof finish !== "boolean") return yield* invalid("stream.finish must be a boolean")
    if (value.msg_item !== undefined) {
      if (!acceptMsgItem || !finish) return yield* invalid("stream.msg_item is not supported here")
      // Accepted, and not shown.
      yield* msgItems(value.msg_item)
    }
    return content("stream", {
      text: yield* text(value.content ?? "", "stream.content"),
      feedbackId: yield* feedbackId(value.feedback),
      stream: { id: value.id, finish }
    })
  })

const mediaTypes = ["file", "image", "voice", "video"]

/** @internal */
export const replyTypes: ReadonlyArray<string> = ["stream", "markdown", "template_card", ...mediaTypes]

/** @internal */
export const welcomeTypes: ReadonlyArray<string> = ["text", "template_card"]

/** @internal */
export const pushTypes: ReadonlyArray<string> = ["markdown", "template_card", ...mediaTypes]

/** @internal */
export const message = (
  body: unknown,
  options: {
    readonly types: ReadonlyArray<string>
    readonly acceptMsgItem: boolean
    readonly isKnownMedia: (mediaId: string) => boolean
  }
): Checked<Content> =>
  Either.gen(function*() {
    if (!isRecord(body)) return yield* invalid("body must be an object")
    const msgtype = body.msgtype
    if (typeof msgtype !== "string" || !options.types.includes(msgtype)) {
      return yield* refuse(ErrorCode.invalidMsgType, `msgtype ${String(msgtype)}`)
    }
    const payload = body[msgtype]
    switch (msgtype) {
      case "stream":
        return yield* stream(payload, options.acceptMsgItem)
      case "stream_with_template_card": {
        const streamed = yield* stream(body.stream, options.acceptMsgItem)
        const shown = body.template_card === undefined ? undefined : yield* card(body.template_card)
        return { ...streamed, kind: msgtype, card: shown }
      }
      case "template_card": {
        const shown = yield* card(payload)
        return content(msgtype, { card: shown, feedbackId: yield* feedbackId(shown.feedback) })
      }
    }
    if (!isRecord(payload)) return yield* invalid(`${msgtype} must be an object`)
    if (mediaTypes.includes(msgtype)) {
      if (typeof payload.media_id !== "string" || payload.media_id === "") {
        return yield* invalid(`${msgtype}.media_id must be a string`)
      }
      if (!options.isKnownMedia(payload.media_id)) {
        return yield* refuse(ErrorCode.invalidMediaId, `${msgtype}.media_id is unknown or expired`)
      }
      return content(msgtype, { media: payload })
    }
    return content(msgtype, {
      text: yield* text(payload.content, `${msgtype}.content`),
      feedbackId: yield* feedbackId(payload.feedback)
    })
  })
