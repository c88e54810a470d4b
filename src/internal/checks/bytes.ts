/**
 * Sizes of strings as the service counts them: bytes of UTF-8.
 */

/**
 * Without `Buffer`. A lone surrogate counts as the three bytes of U+FFFD, as every encoder writes it.
 */
export const utf8LengthPure = (text: string): number => {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) length += 1
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length += 2
      i++
    } else length += 2
  }
  return length
}

/**
 * `Buffer` counts natively, without a copy; a runtime that has none gets the loop.
 */
export const utf8Length: (text: string) => number = typeof globalThis.Buffer === "function"
  ? (text) => globalThis.Buffer.byteLength(text, "utf8")
  : utf8LengthPure

/**
 * A UTF-16 unit is one to three bytes, so the length alone decides for most strings.
 */
export const exceedsBytes = (text: string, limit: number): boolean =>
  text.length > limit || (text.length * 3 > limit && utf8Length(text) > limit)

/**
 * The longest beginning that fits, in whole characters. Another value than a string stays as it is.
 */
export const truncated = (text: string, limit: number): string => {
  if (typeof text !== "string" || !exceedsBytes(text, limit)) return text
  let head = ""
  let left = limit
  for (const character of text) {
    left -= utf8Length(character)
    if (left < 0) return head
    head += character
  }
  return head
}

// With the `u` flag this matches lone surrogates only.
const loneSurrogate = /\p{Surrogate}/u

/**
 * Whether the string has no lone surrogates.
 */
export const isWellFormed: (text: string) => boolean = "isWellFormed" in String.prototype
  ? (text) => (text as unknown as { readonly isWellFormed: () => boolean }).isWellFormed()
  : (text) => !loneSurrogate.test(text)

/**
 * The number of bytes that standard, padded base64 decodes to; `undefined` for any other text.
 */
export const base64Length = (text: string): number | undefined => {
  if (text.length % 4 !== 0) return undefined
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  const digits = padding === 0 ? text : text.slice(0, -padding)
  // Searches one wrong character, without backtracking: `^…*$` over megabytes can overflow the stack of the engine.
  return /[^A-Za-z0-9+/]/.test(digits) ? undefined : (text.length / 4) * 3 - padding
}
