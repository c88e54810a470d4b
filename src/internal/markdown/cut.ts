/**
 * Cuts Markdown that is too long for one message, so that both parts render alone as they do together.
 */
import { exceedsBytes, utf8Length } from "../checks/bytes.js"
import { hasVisible } from "../checks/visible.js"
import type { Leaf } from "./block.js"
import { characterStart, Room } from "./boundaries.js"
import type { Candidate, SoftBreak } from "./candidates.js"
import { collect, Grade } from "./candidates.js"
import type { Inline } from "./inline.js"
import { Level, read } from "./inline.js"
import { Scanner } from "./scanner.js"
import { trimEnd } from "./syntax.js"
import type { Cut, CutContext } from "./within.js"
import { cutSoft, cutWithin, shortens } from "./within.js"
import * as Wrappers from "./wrappers.js"

const later = (...cuts: ReadonlyArray<Cut | undefined>): Cut | undefined =>
  cuts.reduce((best, cut) => cut !== undefined && (best === undefined || cut.at > best.at) ? cut : best, undefined)

const between = (candidate: Candidate | undefined, least: number): Cut | undefined =>
  candidate === undefined || candidate.at < least || !shortens(candidate)
    ? undefined
    : { ...candidate, closeAt: candidate.at, closers: "" }

const choose = (text: string, room: Room, limit: number): Cut | undefined => {
  const found = collect(text, room, limit)
  const least = found.base + ((room.end - found.base) >> 3)
  const half = found.base + ((room.end - found.base) >> 1)
  const { last, soft: breaks } = found
  const context: CutContext = { text, limit, room, found, least, half }
  const inlines = new Map<number, Inline>()
  const inlineOf = (start: number, end: number) => {
    const inline = inlines.get(start) ?? read(text, start, end)
    inlines.set(start, inline)
    return inline
  }
  const at = (grade: number, least: number) => between(found.between[grade], least)
  const soft = (level: number, least: number, isEligible: (soft: SoftBreak) => boolean = () => true) =>
    breaks.length === 0
      ? undefined
      : cutSoft(context, inlineOf(breaks[0]!.leaf.start, found.softEnd), level, least, isEligible)
  const within = () => last && cutWithin({ ...context, last, to: Math.min(room.end, last.end - 1) }, inlineOf, anywhere)
  const anywhere = () => later(...found.between.map((candidate) => between(candidate, 0)), soft(Level.emphasis, 0))
  return at(Grade.paragraph, least) ??
    at(Grade.innerParagraph, least) ??
    later(at(Grade.line, half), soft(Level.free, half, ({ prefix }) => prefix === "")) ??
    at(Grade.codeParagraph, half) ??
    later(
      at(Grade.line, least),
      at(Grade.innerLine, least),
      at(Grade.codeParagraph, least),
      soft(Level.free, least)
    ) ??
    soft(Level.emphasis, least) ??
    later(at(Grade.html, least), at(Grade.orphan, least)) ??
    within() ??
    anywhere()
}

/** Cuts without regard to Markdown, and inside a character only if that is larger than a third of the limit. */
const cutAnyhow = (text: string, room: Room, limit: number, isThinking: boolean): Cut => {
  const end = isThinking ? room.before(Wrappers.closeThinkBytes) : room.end
  const start = characterStart(text, end)
  const at = utf8Length(text.slice(start, end)) * 3 <= limit ? start : end
  return { at, closeAt: at, closers: "", suffix: "", prefix: "", isThinking }
}

const closeThoughts = (text: string, cut: Cut): Cut => {
  if (!cut.isThinking) return cut
  const end = cut.suffix || text.slice(cut.closeAt, cut.at) || cut.closers || text.charAt(cut.at - 1)
  return { ...cut, prefix: Wrappers.openThink + cut.prefix, suffix: cut.suffix + Wrappers.closeThink(end) }
}

const closing = (text: string, chosen: Cut | undefined, limit: number): Cut | undefined => {
  if (chosen === undefined || !shortens(chosen)) return undefined
  const cut = closeThoughts(text, chosen)
  return Wrappers.fits(cut.prefix, limit) ? cut : undefined
}

const find = (text: string, limit: number): Cut => {
  const room = new Room(text, limit)
  const chosen = choose(text, room, limit)
  return closing(text, chosen, limit) ??
    (chosen?.isThinking ? closing(text, cutAnyhow(text, room, limit, true), limit) : undefined) ??
    cutAnyhow(text, room, limit, false)
}

/** A part of the text as it is sent: `prefix + body + closers + gap + suffix`, of which `body + gap` is the text's own. */
export interface Piece {
  readonly prefix: string
  readonly body: string
  readonly closers: string
  readonly gap: string
  readonly suffix: string
}

export const render = ({ body, closers, gap, prefix, suffix }: Piece): string => prefix + body + closers + gap + suffix

const headOf = (text: string, cut: Cut): string =>
  text.slice(0, cut.closeAt) + cut.closers + text.slice(cut.closeAt, cut.at) + cut.suffix

const ellipsis = "\n\n…"

/** Adds an ellipsis to a piece of thoughts or white space alone: a message that shows nothing cannot be sealed. */
const findVisible = (text: string, limit: number): Cut => {
  const cut = find(text, limit)
  if (hasVisible(headOf(text, cut))) return cut
  const bytes = utf8Length(ellipsis)
  if (limit <= 2 * bytes) return cut
  const again = find(text, limit - bytes)
  return { ...again, suffix: again.suffix + ellipsis }
}

/** How much of the text a cut reads: a piece, and as much after it as emphasis that is open at its end can extend. */
const windowSize = (limit: number): number => limit + Math.min(limit * 8, 4096)

export const clampLimit = (limit: number): number => limit >= 4 ? Math.floor(limit) : 4

export interface Head {
  readonly head: string
  readonly prefix: string
  readonly consumed: number
}

export const cutHead = (text: string, limit: number): Head => {
  if (!exceedsBytes(text, limit)) return { head: text, prefix: "", consumed: text.length }
  const window = text.slice(0, windowSize(limit))
  const cut = findVisible(window, limit)
  return { head: headOf(window, cut), prefix: cut.prefix, consumed: cut.at }
}

export const pieces = (text: string, limit: number): Array<Piece> => {
  const all: Array<Piece> = []
  const size = windowSize(limit)
  // White space alone is no message.
  const end = trimEnd(text, 0, text.length)
  let prefix = ""
  let from = 0
  for (;;) {
    const window = prefix + text.slice(from, from + size - prefix.length)
    const isLast = !exceedsBytes(window, limit)
    if (isLast || (from + size - prefix.length >= end && !exceedsBytes(prefix + text.slice(from, end), limit))) {
      all.push({ prefix, body: text.slice(from, isLast ? text.length : end), closers: "", gap: "", suffix: "" })
      return all
    }
    const cut = findVisible(window, limit)
    all.push({
      prefix,
      body: window.slice(prefix.length, cut.closeAt),
      closers: cut.closers,
      gap: window.slice(cut.closeAt, cut.at),
      suffix: cut.suffix
    })
    from += cut.at - prefix.length
    prefix = cut.prefix
    if (from >= end) return all
  }
}

const closer = (leaf: Leaf): string =>
  leaf._tag === "Fence"
    ? Wrappers.closeFence(leaf)
    : leaf._tag === "Html" && leaf.close !== ""
    ? Wrappers.closeHtml(leaf)
    : ""

/** Closes the code fence or comment and the `<think>` that are open at the end. */
export const closeOpen = (text: string): string => {
  const scanner = new Scanner(text)
  while (scanner.step());
  const close = closer(scanner.leaf)
  const closed = close === "" ? text : `${text}${/[\r\n]$/.test(text) ? "" : "\n"}${close}`
  return scanner.isThinking ? closed + Wrappers.closeThink(closed) : closed
}
