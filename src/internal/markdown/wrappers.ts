/**
 * The text that closes open blocks at the end of a piece, and the text that reopens them at the beginning of the next.
 */
import { utf8Length } from "../checks/bytes.js"
import type { Code, Fence, Html, Paragraph, Path, Table } from "./block.js"
import { canInterrupt } from "./block.js"

/** Reopening blocks takes at most two thirds of a piece, so that every piece contains some of the text. */
export const fits = (prefix: string, limit: number): boolean =>
  prefix === "" || utf8Length(prefix) <= Math.min(limit * 2 / 3, limit - 64)

const lastItem = (path: Path): number => path.findLastIndex((container) => container._tag === "Item")

export const hasItem = (path: Path): boolean => path.length > 0 && lastItem(path) >= 0

/** The prefix of a further line in the containers. */
export const continuation = (path: Path): string =>
  path.map((container) => container._tag === "Quote" ? "> " : " ".repeat(container.width)).join("")

/** Invisible, but text: an item with it keeps the width of its marker, and is no rule beside others. */
export const filler = "\u200b"

/**
 * Reopens the containers for text that continues in the same line. All of them are in one line if that parses the same: an
 * indented marker needs its own line, because its indentation would count as white space after the marker before it.
 */
export const markers = (path: Path): string => {
  let text = ""
  let padding = 0
  path.forEach((container, index) => {
    if (container._tag === "Quote") {
      text += `${" ".repeat(padding)}> `
      padding = 0
      return
    }
    if (padding > 0 && container.offset > 0) {
      const margin = continuation(path.slice(0, index))
      const gap = canInterrupt(container) ? "" : `${margin.trimEnd()}\n`
      text += `${" ".repeat(padding)}${filler}\n${gap}${margin}`
    } else text += " ".repeat(padding)
    text += " ".repeat(container.offset) + container.marker
    padding = container.width - container.offset - container.marker.length
  })
  return text + " ".repeat(padding)
}

/**
 * Reopens the list items in a line of their own, for lines that have their own indentation and quotes. Some blocks need a blank
 * line after it.
 */
export const markerLine = (path: Path, needsBlank: boolean): string => {
  if (!hasItem(path)) return ""
  const items = path.slice(0, lastItem(path) + 1)
  return `${markers(items)}${filler}\n${needsBlank ? `${continuation(items).trimEnd()}\n` : ""}`
}

/** Reopens the containers for a block whose first line is written here and whose further lines are those of the text. */
const blockStart = (path: Path, needsBlank: boolean): string => markerLine(path, needsBlank) + continuation(path)

export const openFence = (fence: Fence, info: string): string =>
  `${blockStart(fence.path, false)}${" ".repeat(fence.indent)}${fence.fence}${info}\n`

export const closeFence = (fence: Fence): string => continuation(fence.path) + fence.fence

/** The underline that makes the text above it a heading, as in the whole. */
export const underline = ({ path, underline }: Paragraph): string =>
  underline === "" ? "" : `\n${continuation(path)}${underline}`

/** For the rest of a line of code that was cut. */
export const codeLine = (fence: Fence): string => continuation(fence.path) + " ".repeat(fence.indent)

export const openTable = (table: Table): string =>
  `${blockStart(table.path, true)}${table.header}\n${continuation(table.path)}${table.delimiter}\n`

/** For the rest of a row that was cut in this column: the cells before it are left empty. */
export const openRow = (table: Table, column: number): string =>
  `${openTable(table)}${continuation(table.path)}|${" |".repeat(column)} `

/** For the rest of a line of indented code that was cut. */
export const openCode = (code: Code): string => `${markerLine(code.path, true)}${continuation(code.path)}    `

export const openHtml = (html: Html): string => `${blockStart(html.path, false)}${html.open}\n`

export const closeHtml = (html: Html): string => continuation(html.path) + html.close

export const openThink = "<think>\n\n"

/** Not in the last line of a table or a list, which a blank line ends. */
export const closeThink = (head: string): string => head.endsWith("\n") ? "\n</think>" : "\n\n</think>"

export const closeThinkBytes = 10
