/**
 * Every image, file and video anywhere in a message, as the service or a gateway in between sends it. Total: what cannot be read
 * is no file.
 */
import * as Forms from "./forms.js"
import type { Fields } from "./repair.js"
import { isFields, number } from "./repair.js"

/** @internal */
export interface FoundMedia {
  readonly type: "image" | "file" | "video"
  readonly origin: "message" | "mixed" | "quote"
  readonly media: { readonly url: string; readonly aeskey?: string | undefined }
  readonly name: string | undefined
  readonly size: number | undefined
}

const types = ["image", "file", "video"] as const

/** Quotes are not nested on the wire. The depth of a forged value is bounded. */
const deepest = 4

const firstText = (value: Fields, keys: ReadonlyArray<string>): string | undefined => {
  const key = keys.find((key) => typeof value[key] === "string" && value[key] !== "")
  return key === undefined ? undefined : value[key] as string
}

const found = (
  type: FoundMedia["type"],
  origin: FoundMedia["origin"],
  value: Fields,
  title: string | undefined
): FoundMedia | undefined => {
  const { aeskey, url, ...rest } = Forms.media(value)
  if (typeof url !== "string") return undefined
  return {
    type,
    origin,
    media: { ...rest, url, ...(typeof aeskey === "string" ? { aeskey } : {}) },
    name: firstText(value, ["filename", "file_name", "name"]) ?? title,
    size: number(value.file_size ?? value.filesize ?? value.size)
  }
}

const walk = (
  value: unknown,
  origin: FoundMedia["origin"],
  depth: number,
  all: Array<FoundMedia>,
  title?: string
): void => {
  if (!isFields(value) || depth > deepest) return
  for (const type of types) {
    const media = value[type]
    const one = isFields(media) ? found(type, origin, media, title) : undefined
    if (one !== undefined) all.push(one)
  }
  const items = isFields(value.mixed) ? value.mixed.msg_item : undefined
  if (Array.isArray(items)) {
    for (const item of items) walk(item, origin === "quote" ? "quote" : "mixed", depth + 1, all)
  }
  // Office files come as `appmsg`, with their name as its title.
  if (isFields(value.appmsg)) walk(value.appmsg, origin, depth + 1, all, firstText(value.appmsg, ["title"]))
  walk(value.quote, "quote", depth + 1, all)
  // The body of a message of unknown type. A typed message has its parts itself.
  if (value.msgtype === "unknown") walk(value.raw, origin, depth + 1, all)
}

/** @internal */
export const of = (message: unknown): ReadonlyArray<FoundMedia> => {
  const all: Array<FoundMedia> = []
  walk(message, "message", 0, all)
  return all
}
