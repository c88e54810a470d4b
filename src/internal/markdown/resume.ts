/**
 * What has to be opened again for a text to go on in another message from any place on.
 */
import * as Frames from "./frames.js"
import { Scanner } from "./scanner.js"

const opened = (text: string, scanner: Scanner): string => {
  const { leaf } = scanner
  const isAtLineStart = /[\r\n]$/.test(text)
  switch (leaf._tag) {
    case "Fence":
      return Frames.openFence(leaf, leaf.info) + (isAtLineStart ? "" : Frames.codeLine(leaf))
    case "Table":
      return leaf.rows >= 0 && isAtLineStart ? Frames.openTable(leaf) : ""
    default:
      return ""
  }
}

/** The code fence, table header and `<think>` that are open at the end of this text. */
export const prefixAfter = (text: string): string => {
  const scanner = new Scanner(text)
  while (scanner.step());
  return (scanner.isThinking ? Frames.openThink : "") + opened(text, scanner)
}
