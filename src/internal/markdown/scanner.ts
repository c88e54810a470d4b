/**
 * Reads Markdown line by line as CommonMark does, with the tables of GFM and WeCom's `<think>`: which quotes and list items a
 * line continues, and what it does to the open block. Does not parse paragraphs.
 */
import type { BlockQuote, Leaf, ListItem, None, Path, Role, Shape, Table } from "./block.js"
import { canInterrupt } from "./block.js"
import { Lines } from "./lines.js"
import * as Syntax from "./syntax.js"

const none: None = { _tag: "None" }
/** Deeper quotes and lists are text: no writer nests so deep, and the cost of a line grows with the square of its depth. */
const deepest = 64

const quote: BlockQuote = { _tag: "Quote" }

const openTag = "<think>"
const closeTag = "</think>"

export class Scanner extends Lines {
  path: Path = []
  leaf: Leaf = none
  /** Whether a `<think>` is open after the line. */
  isThinking = false

  // The line that `step` read last.
  role: Role = "blank"
  /** The number of containers of the previous line that the line continues. */
  matched = 0
  /** The columns of white space after their markers. */
  lead = 0
  /** Where the line continues after the markers and that white space. */
  inside = 0
  /** Where its text begins, after the markers that it opens. */
  content = 0
  /** How a block that it opens follows list markers that are reopened. */
  shape: Shape = "text"
  /** Where `<think>` opens or closes inside it. */
  readonly flips: Array<number> = []

  private tag: number
  private tagEnd = 0
  private spansReadTo = 0

  constructor(text: string) {
    super(text)
    this.tag = text.includes(openTag) ? text.indexOf(openTag) : Infinity
  }

  /** Reads the next line; `false` at the end of the text. */
  step(): boolean {
    if (this.next >= this.text.length) return false
    this.start = this.next
    this.findEnd()
    if (this.flips.length > 0) this.flips.length = 0
    if (this.tag >= this.end) {
      this.line()
      return true
    }
    const isLeading = Syntax.isBlank(this.text, this.start, this.tag)
    const isBlock = this.leaf._tag === "Fence" || this.leaf._tag === "Html" || this.leaf._tag === "Code"
    if (isLeading && (this.isThinking || this.isBare() || !this.isCode())) this.tagLine()
    else if (this.isThinking && isBlock) {
      // A tag ends the open block: the client removes the tags before it parses Markdown.
      this.end = this.tag
      this.next = this.tag
      this.line()
    } else {
      const { leaf, path } = this
      this.line()
      const opensCode = this.role === "opens" && (this.leaf._tag === "Fence" || this.leaf._tag === "Code")
      if (this.isThinking && opensCode) {
        this.leaf = leaf
        this.path = path
        this.end = this.tag
        this.next = this.tag
        this.line()
      } else this.flipWithin()
    }
    return true
  }

  /**
   * Whether there is only white space between the beginning or the last tag and this line. Then a tag counts whatever its
   * indentation, since there is nothing visible before it.
   */
  private isBare(): boolean {
    return Syntax.isBlank(this.text, this.tagEnd, this.start)
  }

  /** Whether the line is code, where tags do not count. */
  private isCode(): boolean {
    const isWhole = this.match(this.path) === this.path.length
    return this.leaf._tag === "Fence" ? isWhole : this.indent >= 4
  }

  private findTag(from: number): void {
    const at = this.text.indexOf(this.isThinking ? closeTag : openTag, from)
    this.tag = at === -1 ? Infinity : at
  }

  private tagLine(): void {
    const after = this.tag + (this.isThinking ? closeTag : openTag).length
    this.tagEnd = after
    this.isThinking = !this.isThinking
    this.role = "tag"
    this.matched = 0
    this.lead = 0
    this.inside = this.content = this.tag
    this.path = []
    this.leaf = none
    if (!Syntax.isBlank(this.text, after, this.end)) this.end = this.next = after
    this.findTag(after)
  }

  private flipWithin(): void {
    const isText = this.leaf._tag !== "Fence" && this.leaf._tag !== "Code" && this.role !== "code" &&
      this.role !== "closer"
    this.spansReadTo = Math.max(this.spansReadTo, this.leaf._tag === "Paragraph" ? this.leaf.start : this.start)
    while (this.tag < this.end) {
      const after = this.tag + (this.isThinking ? closeTag : openTag).length
      if (this.isThinking || (isText && !this.isInCodeSpan(this.tag))) {
        // A code span does not continue after thoughts.
        if (this.isThinking) this.spansReadTo = Math.max(this.spansReadTo, after)
        this.tagEnd = after
        this.isThinking = !this.isThinking
        this.flips.push(after)
      }
      this.findTag(after)
    }
  }

  private isInCodeSpan(at: number): boolean {
    const { text } = this
    for (;;) {
      const open = text.indexOf("`", this.spansReadTo)
      if (open === -1 || open > at) return false
      let length = 1
      while (text.charCodeAt(open + length) === 96) length++
      this.spansReadTo = open + length
      if (text.charCodeAt(open - 1) === 92) continue
      const ticks = text.slice(open, open + length)
      // Longer than any real code span.
      const zone = text.slice(open + length, open + length + 1024)
      let close = zone.indexOf(ticks)
      while (close !== -1 && (zone.charCodeAt(close + length) === 96 || zone.charCodeAt(close - 1) === 96)) {
        close = zone.indexOf(ticks, close + length)
      }
      const blank = zone.indexOf("\n\n")
      if (close === -1 || (blank !== -1 && blank < close)) continue
      this.spansReadTo = open + length + close + length
      if (this.spansReadTo > at) return true
    }
  }

  private line(): void {
    const open = this.path
    const { leaf } = this
    this.matched = this.match(open)
    this.lead = this.indent
    this.inside = this.content = this.nonspace
    this.shape = "text"
    const isWhole = this.matched === open.length
    if (isWhole && this.continueLeaf(leaf)) return

    let path = isWhole ? open : open.slice(0, this.matched)
    /** Whether the line has opened a container. */
    let hasOpened = false
    const isParagraph = leaf._tag === "Paragraph"
    while (this.nonspace < this.end && path.length < deepest) {
      if (this.indent >= 4) {
        if (isParagraph && !hasOpened) break
        if (!hasOpened) this.shape = "apart"
        this.open(path, { _tag: "Code", path })
        return
      }
      const code = this.text.charCodeAt(this.nonspace)
      if (!canOpenBlock(code)) break
      if (code === 62) {
        this.takeQuote()
        fill(path)
        path = [...path, quote]
      } else {
        if (this.openLeaf(path, isParagraph && !hasOpened, isParagraph && !hasOpened && isWhole)) {
          const isRule = this.leaf._tag === "None" && code !== 60
          if (!hasOpened) this.shape = this.leaf._tag === "Fence" ? "lines" : isRule ? "apart" : "text"
          return
        }
        const item = this.takeItem(isParagraph && !hasOpened && isWhole)
        if (item === undefined) break
        const interrupts = canInterrupt(item) && !Syntax.isBlank(this.text, this.offset, this.end)
        if (!hasOpened) this.shape = interrupts ? "lines" : "apart"
        fill(path)
        path = [...path, item]
      }
      hasOpened = true
      this.findNonspace()
    }
    this.content = this.nonspace
    if (this.nonspace >= this.end) {
      this.role = hasOpened ? "opens" : "blank"
      this.path = path
      this.leaf = none
      return
    }
    if (isParagraph && !hasOpened && !isWhole) {
      this.role = "text"
      return
    }
    const header = this.tableHeader(path)
    if (header !== undefined) {
      if (!hasOpened) this.shape = "apart"
      this.open(path, header)
    } else if (isParagraph && !hasOpened) this.role = "text"
    else if (leaf._tag === "Table" && !hasOpened && isWhole) {
      leaf.rows++
      this.role = "row"
    } else this.open(path, { _tag: "Paragraph", path, start: this.nonspace, marker: "", underline: "" })
  }

  /** Whether the open block takes the line, which continues all of its containers. */
  private continueLeaf(leaf: Leaf): boolean {
    const isBlank = this.nonspace >= this.end
    switch (leaf._tag) {
      case "Fence": {
        if (!isBlank && this.indent <= 3 && Syntax.closesFence(this.text, this.nonspace, this.end, leaf.fence)) {
          this.leaf = none
          this.role = "closer"
        } else {
          leaf.lines++
          this.role = "code"
        }
        return true
      }
      case "Html": {
        if (leaf.type >= 6 && isBlank) return false
        if (Syntax.endsHtmlBlock(leaf.type, this.text, this.start, this.end)) this.leaf = none
        this.role = "html"
        return true
      }
      case "Code": {
        if (!isBlank && this.indent < 4) return false
        this.role = isBlank ? "blank" : "code"
        return true
      }
      case "Table": {
        if (leaf.rows >= 0) return false
        leaf.rows = 0
        leaf.delimiter = this.text.slice(this.nonspace, Syntax.trimEnd(this.text, this.nonspace, this.end))
        this.role = "delimiter"
        return true
      }
      default:
        return false
    }
  }

  private open(path: Path, leaf: Leaf): void {
    fill(path)
    this.path = path
    this.leaf = leaf
    this.role = "opens"
    this.content = this.nonspace
  }

  /** A block that ends with its line, or one that takes further lines. */
  private openLeaf(path: Path, interrupts: boolean, canUnderline: boolean): boolean {
    const { end, indent, nonspace, text } = this
    const level = Syntax.headingLevel(text, nonspace, end)
    if (level > 0) {
      const marker = `${"#".repeat(level)} `
      this.open(path, { _tag: "Heading", path, start: nonspace, marker, underline: "" })
      return true
    }
    const length = Syntax.fenceLength(text, nonspace, end)
    if (length > 0) {
      const info = text.slice(nonspace + length, Syntax.trimEnd(text, nonspace + length, end))
      const fence = text.slice(nonspace, nonspace + length)
      this.open(path, { _tag: "Fence", path, fence, info, indent, lines: 0 })
      return true
    }
    const type = Syntax.htmlBlockType(text, nonspace, end, interrupts)
    if (type > 0) {
      const [open, close] = Syntax.htmlMarks(type, text, nonspace) ?? ["", ""]
      this.open(path, { _tag: "Html", path, type, open, close })
      if (Syntax.endsHtmlBlock(type, text, nonspace, end)) this.leaf = none
      return true
    }
    if (canUnderline && Syntax.isSetextUnderline(text, nonspace, end)) {
      if (this.leaf._tag === "Paragraph") this.leaf.underline = text.charAt(nonspace).repeat(3)
      this.open(path, none)
      this.role = "underline"
      return true
    }
    if (Syntax.isThematicBreak(text, nonspace, end)) {
      this.open(path, none)
      return true
    }
    return false
  }

  private takeItem(interrupts: boolean): ListItem | undefined {
    const { end, indent: offset, nonspace, text } = this
    const length = Syntax.listMarkerLength(text, nonspace, end)
    if (length === 0) return undefined
    const marker = text.slice(nonspace, nonspace + length)
    const isBlank = Syntax.isBlank(text, nonspace + length, end)
    if (interrupts && (isBlank || (length > 1 && Number.parseInt(marker, 10) !== 1))) return undefined
    this.advanceTo(nonspace)
    this.advance(length)
    this.findNonspace()
    const padding = isBlank || this.indent > 4 ? 1 : this.indent
    if (isBlank) this.advanceTo(this.nonspace)
    else this.advance(padding)
    return { _tag: "Item", offset, marker, width: offset + length + padding, isFilled: false }
  }

  /** A table, when the next line is a delimiter row with as many columns as this one. */
  private tableHeader(path: Path): Table | undefined {
    const { text } = this
    let ahead = this.next
    let code = text.charCodeAt(ahead)
    while (code === 32 || code === 9 || code === 62) code = text.charCodeAt(++ahead)
    if (code !== 124 && code !== 45 && code !== 58) return undefined
    const from = this.nonspace
    const header = text.slice(from, Syntax.trimEnd(text, from, this.end))
    if (!header.includes("|")) return undefined
    const columns = this.delimiterAhead(path)
    return columns > 0 && columns === Syntax.cells(header, 0, header.length).length
      ? { _tag: "Table", path, header, delimiter: "", rows: -1 }
      : undefined
  }

  private delimiterAhead(path: Path): number {
    const { carriageReturn, column, end, indent, lineFeed, next, nonspace, offset, start, text } = this
    this.start = next
    this.findEnd()
    fill(path)
    const columns = this.match(path) === path.length && this.indent <= 3
      ? Syntax.delimiterColumns(text, this.nonspace, this.end)
      : 0
    this.carriageReturn = carriageReturn
    this.lineFeed = lineFeed
    this.start = start
    this.end = end
    this.next = next
    this.offset = offset
    this.column = column
    this.nonspace = nonspace
    this.indent = indent
    return columns
  }
}

const fill = (path: Path): void => {
  const last = path[path.length - 1]
  if (last?._tag === "Item") last.isFilled = true
}

const canOpenBlock = (code: number): boolean =>
  code <= 62
    ? code === 62 || code === 60 || code === 61 || code === 45 || code === 42 || code === 35 || code === 43 ||
      (code >= 48 && code <= 57)
    : code === 96 || code === 126 || code === 95
