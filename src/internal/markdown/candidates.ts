/**
 * Reads the lines of a piece that is too long, and collects the positions between two lines where it can be cut.
 */
import { utf8Length } from "../checks/bytes.js"
import { hasVisible } from "../checks/visible.js"
import type { Code, Fence, Html, Leaf, Paragraph, Role, Table } from "./block.js"
import type { Room } from "./boundaries.js"
import { isCharacterStart } from "./boundaries.js"
import { Scanner } from "./scanner.js"
import * as Wrappers from "./wrappers.js"

/**
 * How good a cut between two lines is, the best first: at a blank line where nothing is open, or inside a list; at a line
 * where nothing is open; at a blank line of code; at any other line of a list, a table or code; inside HTML; and
 * directly below a heading.
 */
export const Grade = {
  paragraph: 0,
  innerParagraph: 1,
  line: 2,
  codeParagraph: 3,
  innerLine: 4,
  html: 5,
  orphan: 6
} as const

export interface Candidate {
  readonly at: number
  readonly prefix: string
  readonly suffix: string
  readonly isThinking: boolean
}

/** A cut at a line break inside a paragraph, where emphasis can be open. */
export interface SoftBreak extends Candidate {
  readonly leaf: Paragraph
  /** Where emphasis is closed: before the line break. */
  readonly closeAt: number
  readonly content: number
  readonly end: number
}

/** The last line whose text begins before the room ends. */
export interface LastLine {
  readonly role: Role
  readonly start: number
  readonly end: number
  readonly content: number
  readonly leaf: Leaf
  readonly isThinking: boolean
  readonly flips: ReadonlyArray<number>
}

export interface Candidates {
  /** The latest of each grade. */
  readonly between: ReadonlyArray<Candidate | undefined>
  /** Of one paragraph, after the latest between blocks. */
  readonly soft: ReadonlyArray<SoftBreak>
  readonly softEnd: number
  readonly last: LastLine | undefined
  /** Where the paragraph of the last line ends, as far as it was read. */
  readonly lastEnd: number
  /** Where the first content begins, after the markers that only open blocks. */
  readonly base: number
}

interface Wrapper {
  readonly prefix: string
  readonly suffix: string
  readonly bytes: number
}

const noFlips: ReadonlyArray<number> = []
const noWrapper: Wrapper = { prefix: "", suffix: "", bytes: 0 }

/** The text that closes and reopens the block; `undefined` when it takes too much of a piece. */
export const makeWrapper = (leaf: Fence | Table | Code | Html, limit: number): Wrapper | undefined => {
  switch (leaf._tag) {
    case "Fence": {
      const suffix = Wrappers.closeFence(leaf)
      // Code without its language is better than no code.
      return fit(Wrappers.openFence(leaf, leaf.info), suffix, limit) ?? fit(Wrappers.openFence(leaf, ""), suffix, limit)
    }
    case "Html":
      return leaf.open === "" ? noWrapper : fit(Wrappers.openHtml(leaf), Wrappers.closeHtml(leaf), limit)
    case "Table":
      return fit(Wrappers.openTable(leaf), "", limit)
    case "Code":
      return fit(Wrappers.markerLine(leaf.path, true), "", limit)
  }
}

/** A message that begins with such a line of code shows nothing. */
const hides = (line: string): boolean => line.includes("<think>") && !hasVisible(line)

const fit = (prefix: string, suffix: string, limit: number): Wrapper | undefined =>
  Wrappers.fits(prefix, limit) && Wrappers.fits(suffix, limit / 2)
    ? { prefix, suffix, bytes: utf8Length(suffix) }
    : undefined

export const collect = (text: string, room: Pick<Room, "before" | "end">, limit: number): Candidates => {
  const scanner = new Scanner(text)
  const between: Array<Candidate | undefined> = []
  let soft: Array<SoftBreak> = []
  let softEnd = 0
  let last: LastLine | undefined
  let lastEnd = 0
  let base = -1
  let isAfterBlank = false
  let isAfterHeading = false
  let isAfterBlankCode = false
  let contentEnd = 0
  let wrapped: Leaf | undefined
  let wrapper: Wrapper | undefined
  let isThinking = false
  /** The HTML block that was open before the line. */
  let html: Html | undefined

  const wrapperOf = (leaf: Fence | Table | Code | Html): Wrapper | undefined => {
    if (wrapped !== leaf) {
      wrapped = leaf
      wrapper = makeWrapper(leaf, limit)
    }
    return wrapper
  }

  /** The position if a cut there leaves room for the suffix, else -1. */
  const place = (at: number, bytes: number): number => {
    const reserve = bytes + (isThinking ? Wrappers.closeThinkBytes : 0)
    return at <= (reserve === 0 ? room.end : room.before(reserve)) ? at : -1
  }

  /** Where nothing is reopened, the white space before the line can go to the next piece. */
  const placeRaw = (): number => {
    const at = place(scanner.start, 0)
    if (at !== -1 || isThinking || contentEnd > room.end) return at
    const isInPair = text.charCodeAt(room.end - 1) === 13 && text.charCodeAt(room.end) === 10
    return isInPair ? room.end - 1 : room.end
  }

  /** The bytes that a cut inside a line of the block has to leave free. */
  const reserve = (leaf: Leaf, role: Role): number => {
    const isVerbatim = (leaf._tag === "Fence" && role === "code") || (leaf._tag === "Html" && leaf.open !== "")
    const wrapper = isVerbatim ? wrapperOf(leaf) : undefined
    return (wrapper === undefined ? 0 : wrapper.bytes + 1) + (isThinking ? Wrappers.closeThinkBytes : 0)
  }

  const note = (grade: number, at: number, { prefix, suffix }: Wrapper) => {
    if (base === -1 || at <= base || !isCharacterStart(text, at)) return
    const isOrphan = isAfterHeading && grade !== Grade.codeParagraph
    between[isOrphan ? Grade.orphan : grade] = { at, prefix, suffix, isThinking }
    if (!isOrphan && grade !== Grade.html) soft = []
  }

  const noteBlock = () => {
    const path = scanner.path.slice(0, scanner.matched)
    if (!Wrappers.hasItem(path)) return note(isAfterBlank ? Grade.paragraph : Grade.line, placeRaw(), noWrapper)
    const grade = isAfterBlank ? Grade.innerParagraph : Grade.innerLine
    const isLines = scanner.shape !== "text"
    const prefix = isLines ? Wrappers.markerLine(path, scanner.shape === "apart") : Wrappers.markers(path)
    if (!Wrappers.fits(prefix, limit)) return
    note(grade, place(isLines ? scanner.start : scanner.inside, 0), { ...noWrapper, prefix })
  }

  const noteSoft = (leaf: Paragraph) => {
    if (base === -1) return
    const { path } = leaf
    const isRaw = !Wrappers.hasItem(path) && scanner.matched === path.length && scanner.lead < 4
    const at = isRaw ? placeRaw() : place(scanner.inside, 0)
    if (at === -1 || !isCharacterStart(text, at) || !isCharacterStart(text, scanner.inside)) return
    const prefix = isRaw ? "" : Wrappers.markers(path)
    if (!Wrappers.fits(prefix, limit)) return
    if (soft.length > 0 && soft[0]!.leaf !== leaf) soft = []
    const { end, inside: content } = scanner
    soft.push({ leaf, at, closeAt: contentEnd, content, end, prefix, suffix: "", isThinking })
  }

  const noteLine = () => {
    const { leaf, role } = scanner
    if (leaf._tag === "Code" && hides(text.slice(scanner.content, scanner.end))) return
    switch (role) {
      case "opens":
        return noteBlock()
      case "html": {
        const wrapper = html === undefined ? undefined : wrapperOf(html)
        return wrapper && note(Grade.html, place(scanner.start, wrapper.bytes), wrapper)
      }
      case "tag":
        return scanner.isThinking ? note(isAfterBlank ? Grade.paragraph : Grade.line, placeRaw(), noWrapper) : undefined
      case "text":
        return leaf._tag === "Paragraph" ? noteSoft(leaf) : undefined
      case "row": {
        if (leaf._tag !== "Table" || leaf.rows < 2) return
        const wrapper = wrapperOf(leaf)
        return wrapper === undefined
          ? note(Grade.innerLine, placeRaw(), noWrapper)
          : note(Grade.innerLine, place(scanner.start, 0), wrapper)
      }
      case "code": {
        if (leaf._tag === "Code") {
          if (!Wrappers.hasItem(leaf.path)) {
            return note(isAfterBlank ? Grade.paragraph : Grade.line, placeRaw(), noWrapper)
          }
          const wrapper = wrapperOf(leaf)
          return wrapper && note(isAfterBlank ? Grade.codeParagraph : Grade.innerLine, place(scanner.start, 0), wrapper)
        }
        if (leaf._tag !== "Fence" || leaf.lines < 2) return
        const wrapper = wrapperOf(leaf)
        return wrapper &&
          note(isAfterBlankCode ? Grade.codeParagraph : Grade.innerLine, place(scanner.start, wrapper.bytes), wrapper)
      }
      default:
    }
  }

  const pass = () => {
    const { leaf, role } = scanner
    html = leaf._tag === "Html" ? leaf : undefined
    const isBlank = scanner.content >= scanner.end
    const isFiller = scanner.content + 1 === scanner.end && text.charAt(scanner.content) === Wrappers.filler
    const opensOnly = isFiller || role === "tag" || role === "delimiter" || role === "blank" ||
      (role === "opens" && (isBlank || leaf._tag === "Fence" || leaf._tag === "Table"))
    if (base === -1 && !opensOnly) base = scanner.content
    if (role === "blank") isAfterBlank = true
    else {
      isAfterBlank = false
      isAfterHeading = role === "underline" || (role === "opens" && leaf._tag === "Heading")
      contentEnd = scanner.end
    }
    isAfterBlankCode = role === "code" && isBlank
    isThinking = scanner.isThinking
  }

  while (scanner.step()) {
    noteLine()
    if (soft.length > 0 && soft[0]!.leaf === scanner.leaf) softEnd = scanner.end
    if (scanner.start > room.end) break
    const { content, end, flips, leaf, role, start } = scanner
    const isOwn = role !== "closer" && role !== "underline" && role !== "delimiter" && role !== "tag"
    if (isOwn && content < end && content < room.end - reserve(leaf, role)) {
      last = { role, start, end, content, leaf, isThinking, flips: flips.length === 0 ? noFlips : [...flips] }
    }
    if (leaf === last?.leaf) lastEnd = end
    pass()
  }
  if (last?.leaf._tag === "Paragraph") {
    lastEnd = endOf(scanner, last.leaf, scanner.leaf === last.leaf ? scanner.end : lastEnd)
    if (soft[0]?.leaf === last.leaf) softEnd = lastEnd
  }
  return { between, soft, softEnd, last, lastEnd, base: Math.max(base, 0) }
}

const endOf = (scanner: Scanner, paragraph: Paragraph, end: number): number => {
  let last = end
  while (scanner.leaf === paragraph && scanner.step()) if (scanner.leaf === paragraph) last = scanner.end
  return last
}
