/**
 * Where a paragraph can be cut: positions inside emphasis, a link or a code span with the text that closes and reopens those,
 * and positions where no cut is possible. CommonMark 0.31 with the strikethrough of GFM.
 */
import { isBlankCode } from "./syntax.js"

/** Emphasis, a link or a code span: the markers before and after its text. */
export interface Span {
  readonly start: number
  readonly openEnd: number
  readonly closeStart: number
  readonly open: string
  readonly close: string
}

/** The cost of a cut. */
export const Level = { free: 0, emphasis: 1, soft: 2, span: 3, never: 4 } as const

export interface Inline {
  readonly level: (at: number) => number
  /** The spans around a position, the outermost first. */
  readonly around: (at: number) => ReadonlyArray<Span>
}

interface Run {
  readonly code: number
  readonly length: number
  from: number
  to: number
  readonly opens: boolean
  readonly closes: boolean
  previous: Run | undefined
  next: Run | undefined
}

interface Bracket {
  readonly at: number
  readonly isImage: boolean
  readonly below: Run | undefined
  isActive: boolean
}

/** Deeper emphasis is not closed and reopened. */
const maxDepth = 8

/** An opener nearer than this to the end of a text that can grow is kept for the next piece. */
const unfinished = 256

const special = new Uint8Array(128)
for (const character of "\\`<[]!*_~&h") special[character.charCodeAt(0)] = 1

const entity = /&(?:#[xX][0-9a-fA-F]{1,6}|#[0-9]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});/y
const autolink = /<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+)>/y
const tag = /<(?:\/?[A-Za-z](?:[^<>"'\n]|"[^"]*"|'[^']*')*|!--[\s\S]{0,2000}?--|\?[\s\S]{0,2000}?\?|![A-Za-z][^>]*)>/y
const destination =
  /\([ \t]*\n?[ \t]*(?:<(?:[^<>\n\\]|\\.)*>|(?:[^\s()\\\x00-\x1f]|\\.|\((?:[^\s()\\\x00-\x1f]|\\.)*\))*)(?:(?:[ \t]+|[ \t]*\n[ \t]*)(?:"(?:[^"\\]|\\[\s\S]){0,1000}"|'(?:[^'\\]|\\[\s\S]){0,1000}'|\((?:[^()\\]|\\[\s\S]){0,1000}\)))?[ \t]*\n?[ \t]*\)/y
const label = /\[(?:[^[\]\\]|\\.){0,200}\]/y
const url = /https?:\/\/[\x21-\x3b\x3d\x3f-\x7e]+/y

const matchEnd = (pattern: RegExp, text: string, at: number, to: number): number => {
  pattern.lastIndex = at
  return pattern.test(text) && pattern.lastIndex <= to ? pattern.lastIndex : -1
}

const asciiPunctuation = /[!-/:-@[-`{-~]/
const punctuation = /[\p{P}\p{S}]/u
const whitespace = /\s/

const isSpace = (character: string): boolean => character === "" || whitespace.test(character)

const isPunctuation = (character: string): boolean =>
  character !== "" && (character < "\x80" ? asciiPunctuation.test(character) : punctuation.test(character))

const characterBefore = (text: string, at: number, from: number): string => {
  if (at <= from) return ""
  const isPair = (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 2) & 0xfc00) === 0xd800
  return text.slice(at - (isPair ? 2 : 1), at)
}

const characterAfter = (text: string, at: number, to: number): string =>
  at >= to ? "" : String.fromCodePoint(text.codePointAt(at)!)

const runAt = (text: string, from: number, to: number, start: number, end: number): Run => {
  const code = text.charCodeAt(start)
  const before = characterBefore(text, start, from)
  const after = characterAfter(text, end, to)
  const left = !isSpace(after) && (!isPunctuation(after) || isSpace(before) || isPunctuation(before))
  const right = !isSpace(before) && (!isPunctuation(before) || isSpace(after) || isPunctuation(after))
  const isWordy = code === 95
  return {
    code,
    length: end - start,
    from: start,
    to: end,
    opens: left && (!isWordy || !right || isPunctuation(before)),
    closes: right && (!isWordy || !left || isPunctuation(after)),
    previous: undefined,
    next: undefined
  }
}

/** Reads the inline text in `[from, to)`. */
export const read = (text: string, from: number, to: number): Inline => {
  const size = to - from + 1
  const levels = new Uint8Array(size)
  const depths = new Int16Array(size + 1)
  const spans: Array<Span> = []
  const brackets: Array<Bracket> = []
  const noTicksAfter = new Set<number>()
  const openEnds: Array<number> = []
  let lastRun: Run | undefined

  const paint = (start: number, end: number, level: number) => {
    for (let i = start + 1; i < end; i++) if (levels[i - from]! < level) levels[i - from] = level
  }

  const addSpan = (span: Span) => {
    spans.push(span)
    depths[span.openEnd - from]!++
    depths[span.closeStart + 1 - from]!--
  }

  const codeSpan = (at: number): number => {
    let open = at + 1
    while (open < to && text.charCodeAt(open) === 96) open++
    const length = open - at
    if (noTicksAfter.has(length)) {
      openEnds.push(at)
      return open
    }
    let close = open
    while (close < to) {
      const start = text.indexOf("`", close)
      if (start === -1 || start >= to) break
      close = start + 1
      while (close < to && text.charCodeAt(close) === 96) close++
      if (close - start !== length) continue
      paint(at, open + 1, Level.never)
      paint(open - 1, start + 1, Level.span)
      paint(start - 1, close, Level.never)
      const ticks = text.slice(at, open)
      addSpan({ start: at, openEnd: open, closeStart: start, open: ticks, close: ticks })
      return close
    }
    noTicksAfter.add(length)
    openEnds.push(at)
    return open
  }

  const closeBracket = (at: number): number => {
    const bracket = brackets.pop()
    if (bracket === undefined) return at + 1
    const end = bracket.isActive ? matchEnd(destination, text, at + 1, to) : -1
    if (end === -1) {
      if (text.charCodeAt(at + 1) === 40 && !text.slice(at, to).includes(")")) openEnds.push(bracket.at)
      const reference = matchEnd(label, text, at + 1, to)
      const after = reference === -1 ? at + 1 : reference
      if (after - bracket.at <= 256) paint(bracket.at, after, Level.soft)
      return at + 1
    }
    if (bracket.isImage) paint(bracket.at, end, Level.never)
    else {
      const open = bracket.at + 1
      paint(bracket.at, open + 1, Level.never)
      paint(open - 1, at + 1, Level.soft)
      paint(at - 1, end, Level.never)
      addSpan({ start: bracket.at, openEnd: open, closeStart: at, open: "[", close: text.slice(at, end) })
      for (const outer of brackets) if (!outer.isImage) outer.isActive = false
    }
    pairRuns(bracket.below)
    lastRun = bracket.below
    if (lastRun !== undefined) lastRun.next = undefined
    return end
  }

  const remove = (run: Run) => {
    if (run.previous !== undefined) run.previous.next = run.next
    if (run.next === undefined) lastRun = run.previous
    else run.next.previous = run.previous
  }

  /** The rule of CommonMark for which opener a closer pairs with, among the runs above `below`. */
  const pairRuns = (below: Run | undefined) => {
    const bottoms = new Map<number, Run | undefined>()
    let closer = lastRun
    while (closer !== undefined && closer.previous !== below) closer = closer.previous
    while (closer !== undefined) {
      if (!closer.closes) {
        closer = closer.next
        continue
      }
      const kind = closer.code * 8 + (closer.opens ? 4 : 0) + (closer.length % 3)
      const bottom = bottoms.has(kind) ? bottoms.get(kind) : below
      let opener = closer.previous
      while (opener !== undefined && opener !== below && opener !== bottom && !pairs(opener, closer)) {
        opener = opener.previous
      }
      if (opener === undefined || opener === below || opener === bottom) {
        bottoms.set(kind, closer.previous)
        const next: Run | undefined = closer.next
        if (!closer.opens) remove(closer)
        closer = next
        continue
      }
      const used = opener.to - opener.from >= 2 && closer.to - closer.from >= 2 ? 2 : 1
      const marks = text.slice(opener.to - used, opener.to)
      addSpan({ start: opener.to - used, openEnd: opener.to, closeStart: closer.from, open: marks, close: marks })
      opener.to -= used
      closer.from += used
      opener.next = closer
      closer.previous = opener
      if (opener.from === opener.to) remove(opener)
      if (closer.from === closer.to) {
        const next: Run | undefined = closer.next
        remove(closer)
        closer = next
      }
    }
  }

  /** A span that opened just before the end of the text may still be closed by later text. */
  const paintUnfinished = () => {
    for (let run = lastRun; run !== undefined && to - run.from <= unfinished; run = run.previous) {
      if (run.opens) paint(run.from, to + 1, Level.soft)
    }
    for (const at of openEnds) if (to - at <= unfinished) paint(at, to + 1, Level.soft)
  }

  let at = from
  while (at < to) {
    const code = text.charCodeAt(at)
    if (code >= 128 || special[code] === 0) {
      at++
      continue
    }
    switch (code) {
      case 92: {
        if (asciiPunctuation.test(text.charAt(at + 1))) {
          paint(at, Math.min(at + 2, to), Level.never)
          at += 2
        } else at++
        break
      }
      case 96: {
        at = codeSpan(at)
        break
      }
      case 60: {
        let end = matchEnd(autolink, text, at, to)
        if (end === -1) end = matchEnd(tag, text, at, to)
        if (end !== -1) paint(at, end, Level.never)
        at = end === -1 ? at + 1 : end
        break
      }
      case 38: {
        const end = matchEnd(entity, text, at, to)
        if (end !== -1) paint(at, end, Level.never)
        at = end === -1 ? at + 1 : end
        break
      }
      case 104: {
        // A bare address: cut only when nothing else is possible, but its content is read like other text.
        const end = matchEnd(url, text, at, to)
        if (end !== -1) paint(at, end, Level.soft)
        at++
        break
      }
      case 33: {
        if (text.charCodeAt(at + 1) === 91 && at + 1 < to) {
          brackets.push({ at, isImage: true, below: lastRun, isActive: true })
          paint(at, at + 2, Level.never)
          at += 2
        } else at++
        break
      }
      case 91: {
        brackets.push({ at, isImage: false, below: lastRun, isActive: true })
        at++
        break
      }
      case 93: {
        at = closeBracket(at)
        break
      }
      default: {
        let end = at + 1
        while (end < to && text.charCodeAt(end) === code) end++
        const run = runAt(text, from, to, at, end)
        paint(at, end, Level.never)
        // Only white space next to a run leaves its role unchanged.
        if (at > from && !isBlankCode(text.charCodeAt(at - 1))) levels[at - from] = Level.never
        if (end < to && !isBlankCode(text.charCodeAt(end))) levels[end - from] = Level.never
        if (code !== 126 || end - at === 2) {
          run.previous = lastRun
          if (lastRun !== undefined) lastRun.next = run
          lastRun = run
        }
        at = end
      }
    }
  }
  pairRuns(undefined)
  if (to === text.length) paintUnfinished()

  for (let i = 0, depth = 0; i < size; i++) {
    depth += depths[i]!
    if (depth > maxDepth) levels[i] = Level.never
    else if (depth > 0 && levels[i] === Level.free) levels[i] = Level.emphasis
  }
  return {
    level: (at) => levels[at - from] ?? Level.never,
    around: (at) =>
      spans.filter((span) => span.openEnd <= at && at <= span.closeStart).toSorted((a, b) => a.start - b.start)
  }
}

const pairs = (opener: Run, closer: Run): boolean => {
  if (!opener.opens || opener.code !== closer.code) return false
  if (opener.code === 126) return true
  const isEither = opener.closes || closer.opens
  return !(isEither && (opener.length + closer.length) % 3 === 0 &&
    (opener.length % 3 !== 0 || closer.length % 3 !== 0))
}
