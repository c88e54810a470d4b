/**
 * Finds the media of a message.
 */
import * as Redacted from "effect/Redacted"
import type { IncomingMedia } from "../../MediaDownload.js"

type UnknownRecord = { readonly [field: string]: unknown }

const isRecord = (value: unknown): value is UnknownRecord => typeof value === "object" && value !== null

const types = ["image", "file", "video"] as const

/** Quotes are not nested on the wire. The depth of a forged value is bounded. */
const deepest = 4

const walk = (value: unknown, depth: number, found: Array<IncomingMedia>): void => {
  if (!isRecord(value) || depth > deepest) return
  for (const type of types) {
    const media = value[type]
    if (isRecord(media) && typeof media.url === "string") {
      found.push({
        type,
        url: media.url,
        ...(typeof media.aeskey === "string" ? { aeskey: media.aeskey } : undefined)
      })
    }
  }
  if (isRecord(value.mixed) && Array.isArray(value.mixed.msg_item)) {
    for (const item of value.mixed.msg_item) walk(item, depth + 1, found)
  }
  walk(value.quote, depth + 1, found)
  walk(value.raw, depth + 1, found)
}

/** @internal */
export const mediaOf = (value: unknown): ReadonlyArray<IncomingMedia> => {
  const found: Array<IncomingMedia> = []
  walk(value, 0, found)
  return found
}

/**
 * The link itself, or the first of a message.
 *
 * @internal
 */
export const linkOf = (value: unknown): { readonly url: string; readonly aeskey: string | undefined } | undefined => {
  if (!isRecord(value)) return undefined
  const link = typeof value.url === "string" ? value : mediaOf(value)[0]
  if (link === undefined) return undefined
  const aeskey: unknown = Redacted.isRedacted(link.aeskey) ? Redacted.value(link.aeskey) : link.aeskey
  return { url: link.url as string, aeskey: typeof aeskey === "string" && aeskey !== "" ? aeskey : undefined }
}
