/**
 * Cuts inside a line, when no cut between two lines is good enough: between sentences, else words, else characters, and outside
 * emphasis, links and code spans where possible.
 */
import { utf8Length } from "../checks/bytes.js"
import type { Code, Fence, Html, Paragraph, Table } from "./block.js"
import type { Room } from "./boundaries.js"
import { characterStart, isCharacterStart, sentenceStart, wordStart } from "./boundaries.js"
import type { Candidates, LastLine, SoftBreak } from "./candidates.js"
import { makeWrapper } from "./candidates.js"
import type { Inline, Span } from "./inline.js"
import { Level, read } from "./inline.js"
import * as Syntax from "./syntax.js"
import * as Wrappers from "./wrappers.js"

export interface Cut {
  readonly at: number
  /** The position of `closers`: before the white space at the cut. */
  readonly closeAt: number
  readonly closers: string
  readonly suffix: string
  readonly prefix: string
  readonly isThinking: boolean
}

export interface CutContext {
  readonly text: string
  readonly limit: number
  readonly room: Room
  readonly found: Candidates
  /** Cuts before this position make too small a piece. */
  readonly least: number
  readonly half: number
}

export interface LineContext extends CutContext {
  readonly last: LastLine
  /** The last position in that line that is within the room. */
  readonly to: number
}

/** How many positions are tried for one kind of cut. Without a bound the work would be quadratic for hostile text. */
const attempts = 256

const isThinkingAt = ({ last }: LineContext, at: number): boolean =>
  last.flips.filter((flip) => flip <= at).length % 2 === 0 ? last.isThinking : !last.isThinking

const mayThink = ({ last }: LineContext): boolean => last.isThinking || last.flips.length > 0

type Accept = (at: number, level: number, inline: Inline) => Cut | undefined

const cutAtCharacter = (context: LineContext, from: number, to: number, accept: (at: number) => Cut | undefined) => {
  let at = characterStart(context.text, to)
  for (let i = 0; i < attempts && at > from; i++) {
    const cut = accept(at)
    if (cut !== undefined) return cut
    at = characterStart(context.text, at - 1)
  }
  return undefined
}

const search = (
  find: typeof wordStart,
  { text, to }: LineContext,
  from: number,
  level: number,
  inline: Inline,
  accept: Accept
): Cut | undefined => {
  let cut: Cut | undefined
  let tried = 0
  find(text, from, to, (at) => {
    if (inline.level(at) > level) return false
    cut = accept(at, level, inline)
    return cut !== undefined || ++tried > attempts
  })
  return cut
}

/** Whether a cut before the span at the end of the room keeps it whole. */
const isAvoidable = ({ limit, text, to }: LineContext, inline: Inline): boolean => {
  let start = to
  let end = to
  while (inline.level(start) >= Level.soft && to - start <= limit) start--
  while (inline.level(end) >= Level.soft && end - start <= limit) end++
  return start < to && start > 0 && utf8Length(text.slice(start, end)) * 4 <= limit * 3
}

export const cutInline = (
  context: LineContext,
  inline: Inline,
  from: number,
  accept: Accept,
  fallback: () => Cut | undefined,
  bare: (at: number) => Cut | undefined
): Cut | undefined => {
  const least = Math.max(context.least, from)
  return search(sentenceStart, context, least, Level.free, inline, accept) ??
    search(wordStart, context, Math.max(context.half, from), Level.free, inline, accept) ??
    search(sentenceStart, context, least, Level.emphasis, inline, accept) ??
    search(wordStart, context, least, Level.emphasis, inline, accept) ??
    (isAvoidable(context, inline)
      ? search(wordStart, context, from, Level.emphasis, inline, accept) ?? fallback()
      : undefined) ??
    search(wordStart, context, least, Level.span, inline, accept) ??
    cutAtCharacter(context, least, context.to, (at) => accept(at, Level.span, inline)) ??
    cutAtCharacter(context, from, context.to, bare)
}

/** Closes and reopens the spans around a position; undefined when the result would parse as something else. */
export const cutSpans = (
  context: CutContext,
  inline: Inline,
  level: number,
  at: number,
  prefix: string,
  suffix: string,
  isThinking: boolean
): Cut | undefined => {
  const { limit, room, text } = context
  const here = inline.level(at)
  if (here > level || at > room.end || !isCharacterStart(text, at)) return undefined
  const spans: ReadonlyArray<Span> = here === Level.free ? [] : inline.around(at)
  const inner = spans[spans.length - 1]
  if (inner === undefined) return fit(context, { at, closeAt: at, closers: "", suffix, prefix, isThinking })
  const closeAt = Syntax.trimEnd(text, inner.openEnd, at)
  if (closeAt <= inner.openEnd || Syntax.isBlankCode(text.charCodeAt(at))) return undefined
  if (clashes(text, closeAt, at, spans)) return undefined
  const open = prefix + spans.map((span) => span.open).join("")
  const closers = spans.map((span) => span.close).toReversed().join("")
  return Wrappers.fits(open, limit)
    ? fit(context, { at, closeAt, closers, suffix, prefix: open, isThinking })
    : undefined
}

/** Whether a marker would touch another of its kind, which makes both a different marker. */
const clashes = (text: string, closeAt: number, at: number, spans: ReadonlyArray<Span>): boolean => {
  const mark = spans[spans.length - 1]!.open.charAt(0)
  return text.charAt(at) === mark || text.charAt(closeAt - 1) === mark ||
    spans.some(({ open }, i) => open.length === 1 && open !== "[" && spans[i + 1]?.open === open)
}

/** Whether the rest is shorter than the text, so that repeated cuts end. */
export const shortens = ({ at, isThinking, prefix }: Pick<Cut, "at" | "isThinking" | "prefix">): boolean =>
  at > prefix.length + (isThinking ? Wrappers.openThink.length : 0)

const fit = ({ room }: CutContext, cut: Cut): Cut | undefined => {
  const bytes = utf8Length(cut.closers) + utf8Length(cut.suffix) + (cut.isThinking ? Wrappers.closeThinkBytes : 0)
  return cut.at <= room.before(bytes) && shortens(cut) ? cut : undefined
}

/** At a line break inside the last paragraph. */
export const cutSoft = (
  context: CutContext,
  inline: Inline,
  level: number,
  least: number,
  isEligible: (soft: SoftBreak) => boolean
): Cut | undefined => {
  const { soft } = context.found
  for (let i = soft.length - 1; i >= 0; i--) {
    const { at, closeAt, content, end, isThinking, leaf, prefix } = soft[i]!
    if (at < least) return undefined
    const bare = Syntax.trimEnd(context.text, 0, closeAt)
    const here = inline.level(bare)
    if (here > level || !isEligible(soft[i]!)) continue
    const spans = here === Level.free ? [] : inline.around(bare)
    const opensBlock = spans.length === 0 && Syntax.opensBlock(context.text, content, end)
    const underline = Wrappers.underline(leaf)
    if (spans.length === 0 && !opensBlock && underline === "") {
      const cut: Cut = { at, closeAt: at, closers: "", suffix: "", prefix, isThinking }
      if (!shortens(cut)) continue
      return cut
    }
    // Text has to follow its opener directly, after any list marker of its line.
    const guard = opensBlock ? Wrappers.filler : ""
    const open = Wrappers.markers(leaf.path) + guard + spans.map((span) => span.open).join("")
    const closers = spans.map((span) => span.close).toReversed().join("") + underline
    if ((spans.length > 0 && clashes(context.text, bare, content, spans)) || !Wrappers.fits(open, context.limit)) {
      continue
    }
    const cut = fit(context, { at: content, closeAt: bare, closers, suffix: "", prefix: open, isThinking })
    if (cut !== undefined) return cut
  }
  return undefined
}

const inParagraph = (context: LineContext, leaf: Paragraph, inline: Inline, fallback: () => Cut | undefined) => {
  const { last, limit, text } = context
  const full = Wrappers.markers(leaf.path) + leaf.marker
  const prefix = Wrappers.fits(full, limit) ? full : ""
  const underline = Wrappers.underline(leaf)
  return cutInline(
    context,
    inline,
    last.content,
    (at, level, inline) => {
      const cut = cutSpans(context, inline, level, at, prefix, underline, isThinkingAt(context, at))
      if (cut === undefined || Syntax.readsOtherwise(text, last.content, cut.closeAt)) return undefined
      if (leaf.marker === "" && cut.prefix === prefix && Syntax.opensBlock(text, at, last.end)) {
        return { ...cut, prefix: prefix + Wrappers.filler }
      }
      const opener = cut.prefix.slice(prefix.length)
      const isFence = Syntax.fenceLength(opener + text.slice(at, last.end), 0, opener.length + last.end - at) > 0
      return isFence ? { ...cut, prefix: prefix + Wrappers.filler + opener } : cut
    },
    fallback,
    (at) =>
      fit(context, {
        at,
        closeAt: at,
        closers: "",
        suffix: underline,
        prefix: leaf.marker === "" && Syntax.opensBlock(text, at, last.end) ? prefix + Wrappers.filler : prefix,
        isThinking: isThinkingAt(context, at)
      })
  )
}

const inLine = (
  context: LineContext,
  from: number,
  to: number,
  accept: (at: number) => Cut | undefined
): Cut | undefined => {
  let cut: Cut | undefined
  const isAccepted = (at: number): boolean => (cut = accept(at)) !== undefined
  wordStart(context.text, Math.max(context.least, from), to, isAccepted)
  return cut ?? cutAtCharacter(context, from, to, accept)
}

/** In a line of code, or of an HTML block that ends with its own closing tag. */
const inVerbatim = (context: LineContext, leaf: Fence | Html): Cut | undefined => {
  const { last, limit, room, text } = context
  const wrapper = makeWrapper(leaf, limit)
  if (wrapper === undefined) return undefined
  const isThinking = mayThink(context)
  const to = Math.min(context.to, room.before(wrapper.bytes + 1 + (isThinking ? Wrappers.closeThinkBytes : 0)))
  const prefix = wrapper.prefix + (leaf._tag === "Fence" ? Wrappers.codeLine(leaf) : Wrappers.continuation(leaf.path))
  if (!Wrappers.fits(prefix, limit)) return undefined
  const isCloser = (from: number, to: number) => leaf._tag === "Fence" && Syntax.closesFence(text, from, to, leaf.fence)
  return inLine(
    context,
    last.start,
    to,
    (at) =>
      !isCharacterStart(text, at) || isCloser(last.content, at) || isCloser(at, last.end) ? undefined : fit(context, {
        at,
        closeAt: at,
        closers: "",
        suffix: `\n${wrapper.suffix}`,
        prefix,
        isThinking: isThinkingAt(context, at)
      })
  )
}

const inCode = (context: LineContext, leaf: Code): Cut | undefined => {
  const { last, limit, text } = context
  const prefix = Wrappers.openCode(leaf)
  if (!Wrappers.fits(prefix, limit)) return undefined
  return inLine(
    context,
    last.content,
    context.to,
    (at) =>
      !isCharacterStart(text, at) || Syntax.isBlankCode(text.charCodeAt(at)) || text.startsWith("<think>", at)
        ? undefined
        : fit(context, { at, closeAt: at, closers: "", suffix: "", prefix, isThinking: isThinkingAt(context, at) })
  )
}

/** In a row of a table: before a cell of its second half, or in the text of one. The cells before it are left empty. */
const inRow = (context: LineContext, leaf: Table): Cut | undefined => {
  const { half, last, limit, text, to } = context
  const cells = Syntax.cells(text, last.content, last.end)
  for (let index = cells.findLastIndex(([start]) => start < to); index >= 0; index--) {
    const [start, end] = cells[index]!
    if (2 * index > limit) continue
    const prefix = Wrappers.openRow(leaf, index)
    if (!Wrappers.fits(prefix, limit)) continue
    const bare = (at: number, suffix: string): Cut | undefined =>
      fit(context, { at, closeAt: at, closers: "", suffix, prefix, isThinking: isThinkingAt(context, at) })
    const before = index > 0 && start > half ? bare(start, "") : undefined
    if (before !== undefined) return before
    let from = start
    while (from < end && Syntax.isBlankCode(text.charCodeAt(from))) from++
    const inside = cutInline(
      { ...context, to: Math.min(to, end - 1) },
      read(text, start, end),
      from,
      (at, level, inline) => cutSpans(context, inline, level, at, prefix, " |", isThinkingAt(context, at)),
      () => undefined,
      (at) => bare(at, " |")
    )
    if (inside !== undefined) return inside
  }
  return undefined
}

const inPlain = (context: LineContext): Cut | undefined =>
  inLine(context, context.found.base, context.to, (at) =>
    isCharacterStart(context.text, at)
      ? fit(context, { at, closeAt: at, closers: "", suffix: "", prefix: "", isThinking: isThinkingAt(context, at) })
      : undefined)

/** The best cut inside the line in which the room ends. */
export const cutWithin = (
  context: LineContext,
  inlineOf: (start: number, end: number) => Inline,
  fallback: () => Cut | undefined
): Cut | undefined => {
  const { lastEnd } = context.found
  const { end, leaf, role } = context.last
  let cut: Cut | undefined
  if (leaf._tag === "Fence" && role === "code") cut = inVerbatim(context, leaf)
  else if (leaf._tag === "Html" && leaf.open !== "") cut = inVerbatim(context, leaf)
  else if (leaf._tag === "Code") cut = inCode(context, leaf)
  else if (leaf._tag === "Table" && role === "row") cut = inRow(context, leaf)
  else if (leaf._tag === "Heading") cut = inParagraph(context, leaf, inlineOf(leaf.start, end), fallback)
  else if (leaf._tag === "Paragraph") cut = inParagraph(context, leaf, inlineOf(leaf.start, lastEnd), fallback)
  return cut ?? fallback() ?? inPlain(context)
}
