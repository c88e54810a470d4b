/** A Markdown file as a CommonMark parser reads it. */
import MarkdownIt from "markdown-it"

export interface Fence {
  readonly info: string
  readonly code: string
  /** Where it begins, from 1. */
  readonly line: number
}

export interface Heading {
  readonly level: number
  readonly text: string
}

export interface Section {
  readonly heading: Heading
  readonly text: string
  /** The rows of its tables, without their headers; each cell as it is written. */
  readonly tables: ReadonlyArray<ReadonlyArray<ReadonlyArray<string>>>
}

const parser = new MarkdownIt()

export const fences = (markdown: string): ReadonlyArray<Fence> =>
  parser.parse(markdown, {}).flatMap((token) =>
    token.type === "fence" ? [{ info: token.info.trim(), code: token.content, line: token.map![0] + 1 }] : []
  )

/** The parts of a file in order, one per heading. */
export const sections = (markdown: string): ReadonlyArray<Section> => {
  const all: Array<{ heading: Heading; text: string; tables: Array<Array<Array<string>>> }> = []
  let inHead = false
  const tokens = parser.parse(markdown, {})
  for (const [at, token] of tokens.entries()) {
    const content = tokens[at + 1]?.content ?? ""
    const tables = all.at(-1)?.tables
    if (token.type === "heading_open") {
      all.push({ heading: { level: Number(token.tag.slice(1)), text: content }, text: "", tables: [] })
    } else if (token.type === "inline" && all.length > 0) all.at(-1)!.text += `${token.content}\n`
    else if (token.type === "thead_open" || token.type === "thead_close") inHead = token.type === "thead_open"
    else if (token.type === "table_open") tables!.push([])
    else if (token.type === "tr_open" && !inHead) tables!.at(-1)!.push([])
    else if (token.type === "td_open") tables!.at(-1)!.at(-1)!.push(content)
  }
  return all
}

/** Code in a cell, without its marks. */
export const code = (cell: string): string => /^`(.*)`$/.exec(cell)?.[1] ?? cell
