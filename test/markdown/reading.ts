/**
 * What a real parser (markdown-it: CommonMark with GFM's tables and strikethrough) reads in a document: every visible
 * character with the blocks and marks it stands in.
 */
import type { Piece } from "../../src/internal/markdown/cut.js"
import { render } from "../../src/internal/markdown/cut.js"
import { parser } from "./parser.js"

export type Run = readonly [context: string, text: string]

interface Token {
  readonly type: string
  readonly content: string
  readonly info: string
  readonly nesting: number
  readonly tag: string
  readonly map: [number, number] | null
  readonly children: ReadonlyArray<Token> | null
  readonly attrGet: (name: string) => string | null
}

const withoutSpace = (text: string): string => text.replace(/[\s\u200b]+/gu, "")
const withoutThink = (text: string): string => text.replace(/<\/?think>/g, "")

const inlineRuns = (context: string, tokens: ReadonlyArray<Token>, runs: Array<Run>) => {
  const marks: Array<string> = []
  const here = () => `${context} ${marks.toSorted().join("+")}`
  for (const token of tokens) {
    if (token.nesting === 1) marks.push(token.type === "link_open" ? `a(${token.attrGet("href")})` : token.tag)
    else if (token.nesting === -1) marks.pop()
    else if (token.type === "code_inline") runs.push([`${here()}+code`, withoutSpace(token.content)])
    else if (token.type === "image") runs.push([`${here()}+img(${token.attrGet("src")})`, withoutSpace(token.content)])
    else runs.push([here(), withoutSpace(token.type === "html_inline" ? withoutThink(token.content) : token.content)])
  }
}

/** The document as runs of characters of one context. Nothing is said about white space, but in code about all but line ends. */
export const read = (text: string, hasRepeatedHeader = false): Array<Run> => {
  const runs: Array<Run> = []
  const path: Array<string> = []
  let skipsHeader = hasRepeatedHeader
  let column = 0
  for (const token of parser.parse(text, {}) as ReadonlyArray<Token>) {
    const context = path.join(">")
    switch (token.type) {
      case "inline": {
        if (!(skipsHeader && path.includes("thead"))) inlineRuns(context, token.children ?? [], runs)
        break
      }
      case "fence":
      case "code_block": {
        runs.push([`${context}>${token.type}:${token.info.trim()}`, token.content.replace(/[\r\n]/g, "")])
        break
      }
      case "html_block": {
        runs.push([`${context}>html`, withoutSpace(withoutThink(token.content))])
        break
      }
      case "hr": {
        runs.push([`${context}>hr`, "-"])
        break
      }
      default: {
        if (token.nesting === 1) {
          if (token.tag === "tr") column = 0
          path.push(token.tag === "td" || token.tag === "th" ? `${token.tag}${column++}` : token.tag)
        } else if (token.nesting === -1) {
          path.pop()
          if (token.tag === "thead") skipsHeader = false
        }
      }
    }
  }
  return runs
}

export const merge = (runs: ReadonlyArray<Run>): Array<Run> => {
  const merged: Array<Run> = []
  for (const [context, text] of runs) {
    const last = merged[merged.length - 1]
    if (text === "") continue
    if (last !== undefined && last[0] === context) merged[merged.length - 1] = [context, last[1] + text]
    else merged.push([context, text])
  }
  return merged
}

/** Only the characters in fences and in tables. */
export const verbatim = (runs: ReadonlyArray<Run>): Array<Run> =>
  merge(runs.flatMap(([context, text]): Array<Run> => {
    const kind = /fence|table/.exec(context)?.[0]
    return kind === undefined ? [] : [[kind, withoutSpace(text)]]
  }))

const delimiterRow = /\n[> ]*\|?[ :-]*-[-|: ]*\n/

/** The pieces as one document again: what they repeat is left out. */
export const readPieces = (pieces: ReadonlyArray<Piece>): Array<Run> =>
  pieces.flatMap((piece) =>
    read(render({ ...piece, suffix: piece.suffix.replace(/\n\n…$/, "") }), delimiterRow.test(piece.prefix))
  )

/** Fences that have no closing line. */
export const openFences = (...texts: ReadonlyArray<string>): number => {
  let open = 0
  for (const token of texts.flatMap((text) => parser.parse(text, {}) as ReadonlyArray<Token>)) {
    if (token.type !== "fence") continue
    const lines = token.content === "" ? 0 : token.content.split("\n").length - 1
    if (token.map![1] - token.map![0] !== lines + 2) open++
  }
  return open
}
