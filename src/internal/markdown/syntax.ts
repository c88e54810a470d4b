/**
 * What a line of Markdown can begin with: CommonMark 0.31 and the tables of GFM. Each function reads `text` from `at`, the
 * first character that is not white space, to `end`, the end of the line.
 */

export const isBlankCode = (code: number): boolean => code === 32 || code === 9 || code === 10 || code === 13

/** Whether there is only white space between two positions. */
export const isBlank = (text: string, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (!isBlankCode(text.charCodeAt(i))) return false
  return true
}

/** The end of `[from, to)` without the white space before it. */
export const trimEnd = (text: string, from: number, to: number): number => {
  let end = to
  while (end > from && isBlankCode(text.charCodeAt(end - 1))) end--
  return end
}

const runLength = (text: string, at: number, end: number): number => {
  const code = text.charCodeAt(at)
  let i = at + 1
  while (i < end && text.charCodeAt(i) === code) i++
  return i - at
}

export const isThematicBreak = (text: string, at: number, end: number): boolean => {
  const code = text.charCodeAt(at)
  if (code !== 42 && code !== 45 && code !== 95) return false
  let count = 0
  for (let i = at; i < end; i++) {
    const here = text.charCodeAt(i)
    if (here === code) count++
    else if (here !== 32 && here !== 9) return false
  }
  return count >= 3
}

/** The number of `#` of an ATX heading, 1 to 6; 0 when the line has none. */
export const headingLevel = (text: string, at: number, end: number): number => {
  if (text.charCodeAt(at) !== 35) return 0
  const level = runLength(text, at, end)
  return level <= 6 && (at + level >= end || isBlankCode(text.charCodeAt(at + level))) ? level : 0
}

/** The length of an opening code fence; 0 when the line has none. */
export const fenceLength = (text: string, at: number, end: number): number => {
  const code = text.charCodeAt(at)
  if (code !== 96 && code !== 126) return 0
  const length = runLength(text, at, end)
  if (length < 3) return 0
  if (code === 126) return length
  const next = text.indexOf("`", at + length)
  return next === -1 || next >= end ? length : 0
}

export const closesFence = (text: string, at: number, end: number, fence: string): boolean =>
  text.charCodeAt(at) === fence.charCodeAt(0) &&
  runLength(text, at, end) >= fence.length &&
  isBlank(text, at + runLength(text, at, end), end)

export const isSetextUnderline = (text: string, at: number, end: number): boolean => {
  const code = text.charCodeAt(at)
  return (code === 61 || code === 45) && isBlank(text, at + runLength(text, at, end), end)
}

/** The length of a list marker without the white space that has to follow it; 0 when the line has none. */
export const listMarkerLength = (text: string, at: number, end: number): number => {
  const code = text.charCodeAt(at)
  let i = at
  if (code === 42 || code === 43 || code === 45) i++
  else {
    while (i < end && i - at < 10 && text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++
    const digits = i - at
    const delimiter = text.charCodeAt(i)
    if (digits === 0 || digits > 9 || i >= end || (delimiter !== 46 && delimiter !== 41)) return 0
    i++
  }
  return i >= end || isBlankCode(text.charCodeAt(i)) ? i - at : 0
}

const attribute = "\\s+[a-zA-Z_:][a-zA-Z0-9:._-]*(?:\\s*=\\s*(?:[^\"'=<>`\\x00-\\x20]+|'[^']*'|\"[^\"]*\"))?"
const openTag = `<[A-Za-z][A-Za-z0-9-]*(?:${attribute})*\\s*/?>`
const closeTag = "</[A-Za-z][A-Za-z0-9-]*\\s*>"
const loneTag = new RegExp(`^(?:${openTag}|${closeTag})\\s*$`)
const verbatimTag = /^<(?:script|pre|textarea|style)(?:\s|>|$)/i
const blockTag =
  /^<\/?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[123456]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)(?:\s|\/?>|$)/i

/** Which of the seven HTML blocks of CommonMark begins here; 0 when none does. */
export const htmlBlockType = (text: string, at: number, end: number, interrupts: boolean): number => {
  if (text.charCodeAt(at) !== 60) return 0
  const line = text.slice(at, end)
  if (verbatimTag.test(line)) return 1
  if (line.startsWith("<!--")) return 2
  if (line.startsWith("<?")) return 3
  if (line.startsWith("<![CDATA[")) return 5
  if (/^<![A-Za-z]/.test(line)) return 4
  if (blockTag.test(line)) return 6
  return !interrupts && loneTag.test(line) ? 7 : 0
}

const htmlBlockEnds = [/<\/(?:script|pre|textarea|style)>/i, /-->/, /\?>/, />/, /\]\]>/]

/** Whether the HTML blocks 1 to 5 end on this line; 6 and 7 end at a blank one. */
export const endsHtmlBlock = (type: number, text: string, from: number, end: number): boolean =>
  htmlBlockEnds[type - 1]?.test(text.slice(from, end)) === true

const htmlOpening = /<(?:!--|\?|!\[CDATA\[|![A-Za-z]|[A-Za-z]+)/y
const htmlClosing = ["", "", "-->", "?>", ">", "]]>"]

/** The text that reopens an HTML block of a type, and the text that closes it; undefined for those that a blank line ends. */
export const htmlMarks = (
  type: number,
  text: string,
  at: number
): readonly [open: string, close: string] | undefined => {
  htmlOpening.lastIndex = at
  const opening = type <= 5 ? htmlOpening.exec(text)?.[0] : undefined
  if (opening === undefined) return undefined
  return type === 1 ? [`${opening}>`, `</${opening.slice(1)}>`] : [opening, htmlClosing[type]!]
}

const definition = /\[(?:[^[\]\\\n]|\\.){1,999}\]:/y

const isDefinition = (text: string, at: number): boolean => {
  if (text.charCodeAt(at) !== 91) return false
  definition.lastIndex = at
  return definition.test(text)
}

/** Whether text that begins here would parse as something else than a paragraph. */
export const opensBlock = (text: string, at: number, end: number): boolean => {
  const code = text.charCodeAt(at)
  return code === 62 || listMarkerLength(text, at, end) > 0 || headingLevel(text, at, end) > 0 ||
    fenceLength(text, at, end) > 0 || isThematicBreak(text, at, end) || htmlBlockType(text, at, end, false) > 0 ||
    isDefinition(text, at)
}

const markup = /[^\s\d\-=*_+#>|:`~.)(<&]/

/**
 * Whether the beginning of a line, cut off at `to`, would parse as a block that the whole line is not: a rule, an underline, a
 * fence.
 */
export const readsOtherwise = (text: string, at: number, to: number): boolean =>
  !markup.test(text.slice(at, to)) || fenceLength(text, at, to) > 0

/** The positions of the cells of a table row, without the pipes around them. */
export const cells = (text: string, from: number, to: number): Array<readonly [start: number, end: number]> => {
  let at = from
  const end = trimEnd(text, from, to)
  while (at < end && isBlankCode(text.charCodeAt(at))) at++
  if (text.charCodeAt(at) === 124) at++
  const all: Array<readonly [number, number]> = []
  let start = at
  for (; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === 92) at++
    else if (code === 124) {
      all.push([start, at])
      start = at + 1
    }
  }
  if (start < end) all.push([start, end])
  return all
}

/** How many columns a delimiter row has; 0 for any other line. */
export const delimiterColumns = (text: string, at: number, end: number): number => {
  const first = text.charCodeAt(at)
  if (first !== 124 && first !== 45 && first !== 58) return 0
  const second = text.charCodeAt(at + 1)
  if (at + 1 >= end || (first === 45 && (second === 32 || second === 9))) return 0
  let pipes = 0
  let colons = 0
  for (let i = at; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === 124) pipes++
    else if (code === 58) colons++
    else if (code !== 45 && !isBlankCode(code)) return 0
  }
  // A row of hyphens alone is the underline of a heading.
  if (pipes + colons === 0) return 0
  const all = cells(text, at, end)
  return all.every(([from, to]) => /^\s*:?-+:?\s*$/.test(text.slice(from, to))) ? all.length : 0
}
