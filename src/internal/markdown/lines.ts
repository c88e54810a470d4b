/**
 * One line after the other, with the open quotes and list items that it continues. `Scanner` reads from it.
 */
import type { Path } from "./block.js"

export class Lines {
  readonly text: string
  start = 0
  end = 0
  next = 0

  // The reading position: offset, column, and the white space before it.
  protected offset = 0
  protected column = 0
  protected nonspace = 0
  protected indent = 0
  protected lineFeed = -1
  protected carriageReturn: number

  constructor(text: string) {
    this.text = text
    this.carriageReturn = text.includes("\r") ? -1 : Infinity
  }

  protected findEnd(): void {
    const { start, text } = this
    if (this.lineFeed < start) {
      const at = text.indexOf("\n", start)
      this.lineFeed = at === -1 ? text.length : at
    }
    if (this.carriageReturn < start) {
      const at = text.indexOf("\r", start)
      this.carriageReturn = at === -1 ? Infinity : at
    }
    if (this.carriageReturn < this.lineFeed) {
      this.end = this.carriageReturn
      this.next = this.end + (this.lineFeed === this.end + 1 && this.lineFeed < text.length ? 2 : 1)
    } else {
      this.end = this.lineFeed
      this.next = Math.min(this.end + 1, text.length)
    }
  }

  protected findNonspace(): void {
    const { end, text } = this
    let i = this.offset
    let column = this.column
    for (; i < end; i++) {
      const code = text.charCodeAt(i)
      if (code === 32) column++
      else if (code === 9) column += 4 - (column & 3)
      else break
    }
    this.nonspace = i
    this.indent = column - this.column
  }

  protected advance(columns: number): void {
    let rest = columns
    while (rest > 0 && this.offset < this.end) {
      if (this.text.charCodeAt(this.offset) === 9) {
        const width = 4 - (this.column & 3)
        this.column += Math.min(rest, width)
        if (width > rest) return
        this.offset++
        rest -= width
      } else {
        this.offset++
        this.column++
        rest--
      }
    }
  }

  protected advanceTo(nonspace: number): void {
    this.column += this.indent
    this.offset = nonspace
  }

  /** The number of containers that the line from `start` to `end` continues. */
  protected match(path: Path): number {
    this.offset = this.start
    this.column = 0
    let matched = 0
    for (; matched < path.length; matched++) {
      const container = path[matched]!
      this.findNonspace()
      if (container._tag === "Quote") {
        if (!this.takeQuote()) break
      } else if (this.indent >= container.width) this.advance(container.width)
      else if (this.nonspace >= this.end && container.isFilled) this.advanceTo(this.nonspace)
      else break
    }
    this.findNonspace()
    return matched
  }

  protected takeQuote(): boolean {
    if (this.indent > 3 || this.nonspace >= this.end || this.text.charCodeAt(this.nonspace) !== 62) return false
    this.advanceTo(this.nonspace)
    this.advance(1)
    const code = this.text.charCodeAt(this.offset)
    if (this.offset < this.end && (code === 32 || code === 9)) this.advance(1)
    return true
  }
}
