/**
 * The text that reopens blocks, for a text that continues in another message from any position.
 */
import * as Limits from "../../Limits.js"
import { collect } from "./candidates.js"
import { Scanner } from "./scanner.js"
import * as Syntax from "./syntax.js"
import * as Wrappers from "./wrappers.js"

/** How far after a position its line is read. */
const ahead = 4096

/** The prefix after a cut at this position; `undefined` unless a line of the text begins there. */
const atLine = (text: string, at: number): string | undefined => {
  const room = { end: at, before: () => at }
  const { between, soft } = collect(text.slice(0, at + ahead), room, Limits.contentBytes)
  return [...between, ...soft].find((candidate) => candidate?.at === at)?.prefix
}

/** The prefix after a cut at the end of the text. */
const after = (text: string, scanner: Scanner): string => {
  const { content, end, leaf, role } = scanner
  const isWithinLine = !/[\r\n]$/.test(text)
  switch (leaf._tag) {
    case "Fence": {
      const fence = Wrappers.openFence(leaf, leaf.info)
      if (!isWithinLine) return fence
      return role === "opens" ? fence.slice(0, -1) : fence + Wrappers.codeLine(leaf)
    }
    case "Html": {
      if (leaf.open === "") return ""
      return Wrappers.openHtml(leaf) + (isWithinLine ? Wrappers.continuation(leaf.path) : "")
    }
    case "Table": {
      if (leaf.rows < 0) return ""
      const table = Wrappers.openTable(leaf)
      if (!isWithinLine) return table
      if (role === "delimiter") return table.slice(0, -1)
      // With one more character the cell that begins at the end counts too.
      return Wrappers.openRow(leaf, Syntax.cells(`${text.slice(content, end)}.`, 0, end - content + 1).length - 1)
    }
    case "Code":
      return isWithinLine ? Wrappers.openCode(leaf) : ""
    case "Paragraph":
    case "Heading":
      return isWithinLine ? Wrappers.markers(leaf.path) + leaf.marker : ""
    case "None":
      return ""
  }
}

/** The text that reopens the blocks that are open at a position. */
export const prefixAt = (text: string, at: number): string => {
  const before = text.slice(0, at)
  const scanner = new Scanner(before)
  while (scanner.step());
  const prefix = (at < text.length && at > 0 ? atLine(text, at) : undefined) ?? after(before, scanner)
  const whole = (scanner.isThinking ? Wrappers.openThink : "") + prefix
  return Wrappers.fits(whole, Limits.contentBytes) ? whole : ""
}
