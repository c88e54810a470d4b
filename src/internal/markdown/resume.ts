/**
 * What has to be opened again for a text to go on in another message from any place on.
 */
import * as Limits from "../../Limits.js"
import { collect } from "./candidates.js"
import * as Frames from "./frames.js"
import { Scanner } from "./scanner.js"
import * as Syntax from "./syntax.js"

/** How far behind a place its line is read. */
const ahead = 4096

/** What a cut there would open again: known when a line of the text begins there. */
const atLine = (text: string, at: number): string | undefined => {
  const room = { end: at, before: () => at }
  const { between, soft } = collect(text.slice(0, at + ahead), room, Limits.contentBytes)
  return [...between, ...soft].find((candidate) => candidate?.at === at)?.prefix
}

/** What has to be opened again after a text of which nothing more is known. */
const after = (text: string, scanner: Scanner): string => {
  const { content, end, leaf, role } = scanner
  const isWithinLine = !/[\r\n]$/.test(text)
  switch (leaf._tag) {
    case "Fence": {
      const fence = Frames.openFence(leaf, leaf.info)
      if (!isWithinLine) return fence
      return role === "opens" ? fence.slice(0, -1) : fence + Frames.codeLine(leaf)
    }
    case "Html": {
      if (leaf.open === "") return ""
      return Frames.openHtml(leaf) + (isWithinLine ? Frames.continuation(leaf.path) : "")
    }
    case "Table": {
      if (leaf.rows < 0) return ""
      const table = Frames.openTable(leaf)
      if (!isWithinLine) return table
      if (role === "delimiter") return table.slice(0, -1)
      // With a character more the cell that begins at the end counts too.
      return Frames.openRow(leaf, Syntax.cells(`${text.slice(content, end)}.`, 0, end - content + 1).length - 1)
    }
    case "Code":
      return isWithinLine ? Frames.openCode(leaf) : ""
    case "Paragraph":
    case "Heading":
      return isWithinLine ? Frames.markers(leaf.path) + leaf.marker : ""
    case "None":
      return ""
  }
}

/** What opens again what is open at a place in a text. */
export const prefixAt = (text: string, at: number): string => {
  const before = text.slice(0, at)
  const scanner = new Scanner(before)
  while (scanner.step());
  const prefix = (at < text.length && at > 0 ? atLine(text, at) : undefined) ?? after(before, scanner)
  const whole = (scanner.isThinking ? Frames.openThink : "") + prefix
  return Frames.fits(whole, Limits.contentBytes) ? whole : ""
}
