/**
 * markdown-it, read as CommonMark and GFM say where it departs from them: commonmark.js and cmark-gfm, their references,
 * are measured against here. Only what no ordinary document holds is concerned.
 */
import MarkdownIt from "markdown-it"

export const parser = new MarkdownIt("commonmark").enable(["table", "strikethrough"])

/** What any other block begins is no header of a table; markdown-it asks for tables first. */
const order = "code¦fence¦blockquote¦hr¦list¦html_block¦heading¦table¦reference¦lheading¦paragraph".split("¦")

/** What the items and quotes that the parser stands in ask of a line, the innermost last. */
const indents: Array<number> = []

const { block } = parser
const { tokenize } = block
block.tokenize = (state, startLine, endLine) => {
  indents.push(state.blkIndent)
  tokenize.call(block, state, startLine, endLine)
  indents.pop()
}

const loneTag =
  /^<(?:[A-Za-z][A-Za-z0-9-]*(?:\s+[a-zA-Z_:][a-zA-Z0-9:._-]*(?:\s*=\s*(?:[^"'=<>`\x00-\x20]+|'[^']*'|"[^"]*"))?)*\s*\/?|\/[A-Za-z][A-Za-z0-9-]*\s*)>\s*$/

const { getRules } = block.ruler
type Rule = ReturnType<typeof getRules>[number]

/**
 * A line that is indented by four columns more than the blocks it stands in ask for goes on with the paragraph before it,
 * whatever it looks like. markdown-it measures that from the innermost item, even where the line does not reach into it,
 * and in a quote within a quote not at all.
 */
const isText: (...line: Parameters<Rule>) => boolean = (state, line) => {
  const indent = state.sCount[line]!
  return indent < 0 || indent - (indents.findLast((outer) => outer <= indent) ?? 0) >= 4
}

/** A lone tag ends a table, as every block does; it only leaves paragraphs alone, which markdown-it extends to tables. */
const endsTable: (...line: Parameters<Rule>) => boolean = (state, line) =>
  state.parentType === "table" &&
  loneTag.test(state.src.slice(state.bMarks[line]! + state.tShift[line]!, state.eMarks[line]))

/** Only spaces and tabs make a line blank that ends a table; markdown-it takes every white space for that. */
const wideLine = /^[^\S\n]*[^\S\n\t ][^\S\n]*$/gm

const inTable = (rule: Rule): Rule => (state, line, end, silent) => {
  const { src } = state
  state.src = src.replace(wideLine, (line) => "\u200b".repeat(line.length))
  const isTable = rule(state, line, end, silent)
  state.src = src
  return isTable
}

const chains = new Map<string, Array<Rule>>()
block.ruler.getRules = (chain) => {
  const rules = chains.get(chain) ??
    getRules.call(block.ruler, chain)
      .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
      .map((rule) => rule.name === "table" ? inTable(rule) : rule)
      .map((rule): Rule => (state, line, end, silent) =>
        silent
          ? !isText(state, line, end, silent) && (rule(state, line, end, silent) || endsTable(state, line, end, silent))
          : rule(state, line, end, silent)
      )
  chains.set(chain, rules)
  return rules
}

/** Three tildes and more strike nothing through. */
const tildes = /~{3,}/y
const { ruler } = parser.inline
const strikethrough = ruler.getRules("").find((rule) => rule.name === "strikethrough_tokenize")!
ruler.at("strikethrough", (state, silent) => {
  tildes.lastIndex = state.pos
  const run = tildes.exec(state.src)?.[0]
  if (run === undefined || silent) return strikethrough(state, silent)
  state.push("text", "", 0).content = run
  state.pos += run.length
  return true
})
