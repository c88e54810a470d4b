/**
 * The other forms in which the service and gateways in between send the parts of a callback, each turned into the documented
 * one. Functions over plain data: what they do not know they leave as it is.
 */
import type { Fields } from "./repair.js"
import { isFields, text } from "./repair.js"

/** A file that can be fetched nowhere: it came as base64, or as the id of an upload. */
const withoutLink = ""

/**
 * `pic_url` for `url`. A file that came as `base64` or `media_id` alone has an empty `url`.
 *
 * @internal
 */
export const media = (value: Fields): Fields => {
  if (typeof value.url === "string") return value
  if (typeof value.pic_url === "string") return { ...value, url: value.pic_url }
  return typeof value.base64 === "string" || typeof value.media_id === "string"
    ? { ...value, url: withoutLink }
    : value
}

/**
 * `text` for `content`. A voice message without a transcript has an empty one.
 *
 * @internal
 */
export const voice = (value: Fields): Fields => ({ ...value, content: text(value.content) ?? text(value.text) ?? "" })

const contents = ["text", "image", "mixed", "voice", "file", "video"]

/**
 * A quote or a mixed item without `msgtype` has the type of the first content in it.
 *
 * @internal
 */
export const content = (value: Fields): Fields =>
  typeof value.msgtype === "string" ? value : { ...value, msgtype: contents.find((type) => isFields(value[type])) }

/** @internal */
export const mixed = (value: Fields): Fields => Array.isArray(value.msg_item) ? value : { ...value, msg_item: [] }

/**
 * The sender. In some groups the service names none.
 *
 * @internal
 */
export const from = (value: Fields): Fields => ({ ...value, userid: text(value.userid) ?? "" })

/** A callback with a `chatid` comes from a group. */
const chattype = (value: Fields): "single" | "group" => (text(value.chatid) ?? "") === "" ? "single" : "group"

const isChattype = (value: unknown): boolean => value === "single" || value === "group"

const sender = (value: Fields): Fields => isFields(value.from) ? value.from : { userid: "" }

const msgid = (value: Fields): string => text(value.msgid) ?? ""

/**
 * A message without an id has an empty one.
 *
 * @internal
 */
export const message = (value: Fields): Fields => ({
  ...value,
  msgid: msgid(value),
  aibotid: text(value.aibotid) ?? "",
  chattype: isChattype(value.chattype) ? value.chattype : chattype(value),
  from: sender(value)
})

/**
 * An event without an id has an empty one.
 *
 * @internal
 */
export const event = (value: Fields): Fields => ({
  ...value,
  msgid: msgid(value),
  msgtype: "event",
  chattype: value.chattype == null || isChattype(value.chattype) ? value.chattype : chattype(value)
})

/** @internal */
export const userEvent = (value: Fields): Fields => ({ ...event(value), from: sender(value) })

/**
 * The selected items of a card: a list of them, one without a list, or none.
 *
 * @internal
 */
export const selectedItems = (value: Fields): Fields => {
  const items = value.selected_item
  return Array.isArray(items) ? value : { ...value, selected_item: isFields(items) ? [items] : [] }
}

/**
 * The ids of the selected options, as a list without its object.
 *
 * @internal
 */
export const selectedItem = (value: Fields): Fields =>
  Array.isArray(value.option_ids) ? { ...value, option_ids: { option_id: value.option_ids } } : value

/**
 * Selected items as a list without their object.
 *
 * @internal
 */
export const cardAction = (value: Fields): Fields =>
  Array.isArray(value.selected_items)
    ? { ...value, selected_items: { selected_item: value.selected_items } }
    : value
