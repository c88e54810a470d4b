/**
 * From the parts of an answer to the Markdown of its bubble: reasoning is folded into `<think>`, and text that mentions the tag
 * is escaped. Deltas can end anywhere, so half a tag and half a character wait for the next delta.
 */
import type { AnswerPart } from "../../Answer.js"
import * as Markdown from "../../Markdown.js"
import { SendInvalid } from "../../WecomError.js"

/** @internal */
export interface Rendering {
  readonly append: (part: AnswerPart) => void
  /** Ends the text: half a tag or character stays as it is. */
  readonly finish: () => void
  /** The content of the current bubble, with everything that does not fit into it yet. */
  readonly text: () => string
  /** The first `length` characters of the text become `rest` for the next bubble; later text follows it. */
  readonly replace: (length: number, rest: string) => void
}

const notAPart = new SendInvalid({
  field: "content",
  problem: "has a part that is no text",
  limit: "strings, and parts with the _tag Text or Thinking and a text"
})

/**
 * One part of an answer, read once.
 *
 * @internal
 */
export const readPart = (part: AnswerPart): AnswerPart | SendInvalid => {
  if (typeof part === "string") return part
  try {
    const { _tag, text } = part
    return (_tag === "Text" || _tag === "Thinking") && typeof text === "string" ? { _tag, text } : notAPart
  } catch {
    return notAPart
  }
}

type PartKind = "Plain" | "Text" | "Thinking"

const halfTag = /<\/?(?:t(?:h(?:i(?:n(?:k)?)?)?)?)?$/i

/** How many characters at the end have to wait: half a surrogate pair, or the beginning of a tag. */
const incomplete = (text: string, kind: PartKind): number => {
  const last = text.charCodeAt(text.length - 1)
  if (last >= 0xd800 && last <= 0xdbff) return 1
  return kind === "Plain" ? 0 : halfTag.exec(text.slice(-7))?.[0].length ?? 0
}

const openTag = "<think>"
const closeTag = "</think>"

const isInCode = (before: string): boolean => before.endsWith("`") || before.split("```").length % 2 === 0

/** Whether the text has a `</think>` at or after `from` that closes nothing. */
const hasStrayClose = (text: string, from: number): boolean => {
  const close = text.indexOf(closeTag, from)
  if (close < 0) return false
  const before = text.slice(0, close)
  return !before.includes(openTag) && !before.includes(closeTag) && !isInCode(before)
}

/**
 * `foldStrayThinking`: models that are prefilled with `<think>` write only the closing tag; then what stands before it is folded.
 *
 * @internal
 */
export const make = (foldStrayThinking: boolean): Rendering => {
  let text = ""
  /** Opens what a stray `</think>` closes. */
  let prefix = ""
  /** The prefix of the text that was read last. */
  let prefixRead = ""
  let kind: PartKind = "Plain"
  let waiting = ""

  const write = (content: string) => {
    if (kind !== "Plain") {
      text += Markdown.defuseThink(content)
      return
    }
    const from = Math.max(0, text.length - closeTag.length)
    text += content
    if (foldStrayThinking && prefix === "" && hasStrayClose(text, from)) prefix = openTag
  }

  const enter = (next: PartKind) => {
    if (next === kind) return
    write(waiting)
    waiting = ""
    if (kind === "Thinking") text += "</think>"
    if (next === "Thinking") text += "<think>"
    kind = next
  }

  return {
    append: (part) => {
      enter(typeof part === "string" ? "Plain" : part._tag)
      const content = waiting + (typeof part === "string" ? part : part.text)
      const held = incomplete(content, kind)
      write(held === 0 ? content : content.slice(0, -held))
      waiting = held === 0 ? "" : content.slice(-held)
    },
    finish: () => {
      write(waiting)
      waiting = ""
      enter("Plain")
    },
    text: () => {
      prefixRead = prefix
      return prefix + text
    },
    replace: (length, rest) => {
      text = rest + (prefixRead + text).slice(length)
      if (prefixRead !== "") prefix = ""
    }
  }
}
