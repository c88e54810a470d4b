/**
 * Finds the media of a message.
 */
import * as Redacted from "effect/Redacted"
import type { IncomingMedia } from "../../MediaDownload.js"
import * as Found from "../wire/incomingMedia.js"

type UnknownRecord = { readonly [field: string]: unknown }

const isRecord = (value: unknown): value is UnknownRecord => typeof value === "object" && value !== null

/** @internal */
export const mediaOf = (value: unknown): ReadonlyArray<IncomingMedia> =>
  Found.of(value).filter(({ media }) => media.url !== "").map(({ media: { aeskey, url }, type }) => ({
    type,
    url,
    ...(aeskey === undefined ? {} : { aeskey })
  }))

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
