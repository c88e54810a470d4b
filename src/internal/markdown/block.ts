/**
 * The blocks of Markdown, with what a cut needs to close and reopen them.
 */

export interface BlockQuote {
  readonly _tag: "Quote"
}

export interface ListItem {
  readonly _tag: "Item"
  /** Columns between the content of the container and the marker of the item: 0 to 3. */
  readonly offset: number
  readonly marker: string
  /** Columns between the content of the container and the content of the item. */
  readonly width: number
  /** An empty item ends at a blank line. */
  isFilled: boolean
}

export type Container = BlockQuote | ListItem
export type Path = ReadonlyArray<Container>

export interface Paragraph {
  readonly _tag: "Paragraph" | "Heading"
  readonly path: Path
  readonly start: number
  /** `## ` for an ATX heading. */
  readonly marker: string
  /** The underline of a setext heading: `===` or `---`, empty before it is read and for a paragraph. */
  underline: string
}

export interface Fence {
  readonly _tag: "Fence"
  readonly path: Path
  readonly fence: string
  readonly info: string
  readonly indent: number
  lines: number
}

export interface Table {
  readonly _tag: "Table"
  readonly path: Path
  readonly header: string
  delimiter: string
  /** -1 until the delimiter row is read. */
  rows: number
}

export interface Code {
  readonly _tag: "Code"
  readonly path: Path
}

export interface Html {
  readonly _tag: "Html"
  readonly path: Path
  readonly type: number
  /** The texts that open and close the block; empty where a blank line ends it. */
  readonly open: string
  readonly close: string
}

export interface None {
  readonly _tag: "None"
}

/** The open block, which takes lines. */
export type Leaf = None | Paragraph | Fence | Table | Code | Html

/**
 * The role of a line: it `opens` a block, continues a paragraph as `text`, is the `underline` that makes a paragraph a heading,
 * a line of `code` or the `closer` of its fence, a `delimiter` or `row` of a table, a line of `html`, a `<think>` or `</think>`
 * at its beginning (`tag`), or `blank`.
 */
export type Role = "opens" | "text" | "underline" | "code" | "closer" | "delimiter" | "row" | "html" | "tag" | "blank"

/**
 * How a block follows list markers that are reopened: its `text` in their line, its lines in `lines` of their own, or `apart`,
 * after a blank line.
 */
export type Shape = "text" | "lines" | "apart"

/** Whether the item can follow a paragraph without a blank line. */
export const canInterrupt = (item: ListItem): boolean =>
  item.marker.length === 1 || (item.marker.length < 11 && Number.parseInt(item.marker, 10) === 1)
