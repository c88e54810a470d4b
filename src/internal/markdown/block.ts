/**
 * The blocks of Markdown, as far as a cut has to close and reopen them.
 */

export interface Quote {
  readonly _tag: "Quote"
}

export interface Item {
  readonly _tag: "Item"
  /** Columns between the content of what holds the item and its marker: 0 to 3. */
  readonly offset: number
  readonly marker: string
  /** Columns between the content of what holds the item and its own content. */
  readonly width: number
  /** An item that holds nothing yet ends at a blank line. */
  isFilled: boolean
}

export type Container = Quote | Item
export type Path = ReadonlyArray<Container>

export interface Paragraph {
  readonly _tag: "Paragraph" | "Heading"
  readonly path: Path
  readonly start: number
  /** `## ` for an ATX heading. */
  readonly marker: string
  /** What makes it a heading, known once the line below its last one is read: `===`, `---`, or empty. */
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
  /** What opens and closes it; empty where a blank line ends it. */
  readonly open: string
  readonly close: string
}

export interface None {
  readonly _tag: "None"
}

/** The block that is open and takes lines. */
export type Leaf = None | Paragraph | Fence | Table | Code | Html

/**
 * What a line is to the blocks: it `opens` one, continues a paragraph as `text`, is the `underline` that makes one a
 * heading, a line of `code` or the `closer` of its fence, a `delimiter` or `row` of a table, a line of `html`, a
 * `<think>` or `</think>` at its beginning (`tag`), or `blank`.
 */
export type Role = "opens" | "text" | "underline" | "code" | "closer" | "delimiter" | "row" | "html" | "tag" | "blank"

/**
 * How a block stands behind list markers that are opened again: its `text` in their line, or in `lines` of its own, or
 * `apart`, with a blank line between.
 */
export type Shape = "text" | "lines" | "apart"

/** Whether the item may follow a paragraph without a blank line. */
export const canInterrupt = (item: Item): boolean =>
  item.marker.length === 1 || (item.marker.length < 11 && Number.parseInt(item.marker, 10) === 1)
