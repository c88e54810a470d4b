/**
 * The file name of a `Content-Disposition` header, in all forms in use (RFC 6266, 5987, 2231, 2047, form-urlencoded, raw
 * UTF-8). Never throws, and never returns a path.
 */
import { Buffer } from "node:buffer"
import { utf8Length } from "../checks/bytes.js"

/** The longest name that file systems take. */
const longestBytes = 255

const utf8 = new TextDecoder("utf-8", { fatal: true })

const decodeBytes = (bytes: Uint8Array, charset: string): string => {
  try {
    if (charset !== "" && charset !== "utf-8" && charset !== "utf8") return new TextDecoder(charset).decode(bytes)
  } catch {
    // An unknown charset is read like the others.
  }
  try {
    return utf8.decode(bytes)
  } catch {
    // The other charset that Chinese servers use.
    return new TextDecoder("gb18030").decode(bytes)
  }
}

/** Invalid escapes stay as they are. */
const percentDecode = (text: string, charset = ""): string => {
  if (!text.includes("%")) return text
  const bytes = text.split(/(%[0-9a-f]{2})/i).map((part) =>
    /^%[0-9a-f]{2}$/i.test(part) ? Buffer.from(part.slice(1), "hex") : Buffer.from(part, "utf8")
  )
  return decodeBytes(Buffer.concat(bytes), charset)
}

/** Headers arrive decoded as Latin-1, whatever the server sent. */
const fromLatin1 = (text: string): string => {
  if (!/[\x80-\xff]/.test(text) || /[^\x00-\xff]/.test(text)) return text
  const decoded = decodeBytes(Buffer.from(text, "latin1"), "")
  return decoded.includes("\ufffd") ? text : decoded
}

/** RFC 2047: `=?UTF-8?B?…?=`, as mail programs write it. */
const decodeWords = (text: string): string =>
  text.replace(/\?=\s+=\?/g, "?==?").replace(
    /=\?([^?]+)\?([bq])\?([^?]*)\?=/gi,
    (_, charset: string, kind: string, word: string) =>
      kind.toLowerCase() === "b"
        ? decodeBytes(Buffer.from(word, "base64"), charset.toLowerCase())
        : percentDecode(word.replaceAll("_", " ").replace(/=([0-9a-f]{2})/gi, "%$1"), charset.toLowerCase())
  )

/** `charset'language'value`, or a value alone. */
const extended = (value: string): string => {
  const parts = /^([^']*)'[^']*'(.*)$/s.exec(value)
  return parts === null ? percentDecode(value) : percentDecode(parts[2]!, parts[1]!.toLowerCase())
}

const plain = (value: string): string =>
  /=\?[^?]+\?[bq]\?/i.test(value) ? decodeWords(value) : percentDecode(fromLatin1(value).replaceAll("+", " "))

/** The parameters of the header by lower-case name, without their quotes. */
const parameters = (header: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const pattern = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:\\.|[^"\\])*)(?:"|$)|([^;]*))/gs
  for (const [, name, quoted, token] of `;${header}`.matchAll(pattern)) {
    const key = name!.toLowerCase()
    // A backslash escapes a quote or a backslash; before other characters it belongs to a Windows path.
    const value = quoted === undefined ? token!.trim() : quoted.replace(/\\(["\\])/g, "$1")
    if (!found.has(key)) found.set(key, value)
  }
  return found
}

/** RFC 2231: pieces `filename*0`, `filename*1*`, …, each with or without escapes. */
const continued = (found: ReadonlyMap<string, string>): string | undefined => {
  const pieces: Array<readonly [value: string, isEscaped: boolean]> = []
  for (let i = 0;; i++) {
    const plain = found.get(`filename*${i}`)
    const escaped = found.get(`filename*${i}*`)
    if (plain !== undefined) pieces.push([plain, false])
    else if (escaped !== undefined) pieces.push([escaped, true])
    else break
  }
  if (pieces.length === 0) return undefined
  return pieces.some(([, isEscaped]) => isEscaped)
    ? extended(pieces.map(([value, isEscaped]) => isEscaped ? value : value.replaceAll("%", "%25")).join(""))
    : pieces.map(([value]) => value).join("")
}

const shortened = (name: string): string => {
  if (utf8Length(name) <= longestBytes) return name
  const dot = name.lastIndexOf(".")
  const extension = dot > 0 && utf8Length(name.slice(dot)) <= 32 ? name.slice(dot) : ""
  let stem = ""
  for (const character of name) {
    if (utf8Length(stem + character + extension) > longestBytes) break
    stem += character
  }
  return stem + extension
}

// Control characters, and characters that change the direction of text.
const unprintable = /[\p{Cc}\p{Surrogate}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/**
 * The name without its path; `undefined` when nothing is left.
 *
 * @internal
 */
export const sanitize = (name: string): string | undefined => {
  const last = name.replace(unprintable, "").split(/[/\\]/).at(-1)!.replace(/^[a-z]:/i, "")
  const trimmed = last.trim().replace(/[. ]+$/, "")
  return trimmed === "" ? undefined : shortened(trimmed)
}

/** @internal */
export const fromContentDisposition = (header: string | undefined): string | undefined => {
  if (header === undefined) return undefined
  const found = parameters(header)
  const star = found.get("filename*")
  const simple = found.get("filename")
  const candidates = [
    star === undefined ? undefined : extended(star),
    continued(found),
    simple === undefined ? undefined : plain(simple)
  ]
  for (const candidate of candidates) {
    const name = candidate === undefined ? undefined : sanitize(candidate)
    if (name !== undefined) return name
  }
  return undefined
}
