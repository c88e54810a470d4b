/**
 * Boundaries of plain text: ends of sentences, words and characters, and sizes in bytes.
 */
import { isBlankCode } from "./syntax.js"

/**
 * How much of a text fits into a limit of bytes of UTF-8. A lone surrogate counts as three bytes, as every encoder writes it.
 */
export class Room {
  private readonly text: string
  private readonly limit: number
  private readonly bytes: number
  /** The last position at which the text before it is within the limit. */
  readonly end: number

  constructor(text: string, limit: number) {
    let bytes = 0
    let i = 0
    for (const length = text.length; i < length;) {
      const size = sizeAt(text, i)
      if (bytes + size > limit) break
      bytes += size
      i += size === 4 ? 2 : 1
    }
    this.text = text
    this.limit = limit
    this.bytes = bytes
    this.end = i
  }

  /** The last position that leaves room for this many bytes more. */
  before(reserve: number): number {
    let at = this.end
    for (let bytes = this.bytes; at > 0 && bytes + reserve > this.limit;) {
      at -= isPair(this.text, at - 2) ? 2 : 1
      bytes -= sizeAt(this.text, at)
    }
    return at
  }
}

const isPair = (text: string, at: number): boolean =>
  (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00

const sizeAt = (text: string, at: number): number => {
  const unit = text.charCodeAt(at)
  return unit < 0x80 ? 1 : unit < 0x800 ? 2 : isPair(text, at) ? 4 : 3
}

let graphemes: Intl.Segmenter | undefined
let words: Intl.Segmenter | undefined

const isHan = (code: number): boolean => code >= 0x4e00 && code <= 0x9fff

/** Characters that never combine with the one before or after them. */
const isPlain = (code: number): boolean => code < 0x300 || isHan(code)

/** The last boundary between two characters, as a reader counts them, at or before a position. */
export const characterStart = (text: string, at: number): number => {
  if (at <= 0 || at >= text.length) return at
  const before = text.charCodeAt(at - 1)
  const after = text.charCodeAt(at)
  if (isPlain(before) && isPlain(after)) return before === 13 && after === 10 ? at - 1 : at
  graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })
  return graphemes.segment(text).containing(at)?.index ?? at
}

/** Whether a character begins at a position. After a line break it always does. */
export const isCharacterStart = (text: string, at: number): boolean =>
  text.charCodeAt(at - 1) === 10 || characterStart(text, at) === at

/** Scripts that put no space between words, and their punctuation. */
const isUnspaced = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at)
  if (unit < 0x0e00) return false
  return (unit >= 0x3000 && unit <= 0x9fff) || unit < 0x0f00 || (unit >= 0x1000 && unit < 0x10a0) ||
    (unit >= 0x1780 && unit < 0x1800) || (unit >= 0x2018 && unit <= 0x2026) || (unit >= 0xf900 && unit < 0xfb00) ||
    (unit >= 0xff00 && unit < 0xff66) || (unit >= 0xd840 && unit < 0xd880) ||
    ((unit & 0xfc00) === 0xdc00 && at > 0 && isUnspaced(text, at - 1))
}

const closing = "，。！？；：、）」』】》〉”’…,.!?;:)]}\"'%"
const opening = "（「『【《〈“‘([{"

const zone = 32

/** A longer run is no word, and its beginning is not searched. */
const longestWord = 2048

/**
 * The last boundary between two words in `(from, at]`: after white space, or between the words of a script that writes
 * none, but never before closing punctuation. -1 when there is none.
 */
export const wordStart = (text: string, from: number, at: number, allows: (at: number) => boolean): number => {
  const least = Math.max(from, at - longestWord)
  for (let i = at; i > least; i--) {
    if (isBlankCode(text.charCodeAt(i))) continue
    if (isBlankCode(text.charCodeAt(i - 1))) {
      if (allows(i)) return i
    } else if ((isUnspaced(text, i) || isUnspaced(text, i - 1)) && allows(i)) {
      const start = Math.max(least, i - zone)
      words ??= new Intl.Segmenter(undefined, { granularity: "word" })
      let found = -1
      for (const { index } of words.segment(text.slice(start, i + zone))) {
        const here = start + index
        if (here > i) break
        if (index > 0 && isLineBreak(text, here) && allows(here)) found = here
      }
      if (found > least) return found
      i = start + 1
    }
  }
  return -1
}

const isLineBreak = (text: string, at: number): boolean =>
  !isBlankCode(text.charCodeAt(at)) &&
  (isBlankCode(text.charCodeAt(at - 1)) ||
    ((isUnspaced(text, at) || isUnspaced(text, at - 1)) &&
      !closing.includes(text.charAt(at)) && !opening.includes(text.charAt(at - 1))))

const wideStop = "。！？；…"
const narrowStop = ".!?"

/** The last beginning of a sentence in `(from, at]`; -1 when there is none. */
export const sentenceStart = (text: string, from: number, at: number, allows: (at: number) => boolean): number => {
  for (let i = at - 1; i >= from; i--) {
    const code = text.charCodeAt(i)
    const isNarrow = code === 46 || code === 33 || code === 63
    if (!isNarrow && (code < 0x2026 || !wideStop.includes(text.charAt(i)))) continue
    let next = i + 1
    while (isAfterStop(text, next)) next++
    // The other stops of a run end at the same position.
    while (i > from && isAfterStop(text, i - 1)) i--
    const spaced = next
    while (next <= at && isBlankCode(text.charCodeAt(next))) next++
    if (isNarrow && (next === spaced || isDigit(text.charCodeAt(i - 1)))) continue
    if (next > from && next <= at && allows(next)) return next
  }
  return -1
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57

const isAfterStop = (text: string, at: number): boolean => {
  const character = text.charAt(at)
  return character !== "" &&
    (narrowStop.includes(character) || wideStop.includes(character) || "”’」』】）》)]\"'".includes(character))
}
