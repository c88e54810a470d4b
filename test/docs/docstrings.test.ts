/** The docstrings: every export has one, with `@since` and `@category`, and the code in them and in the READMEs type-checks. */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"
import { fences } from "./markdown.js"
import { makeProgram } from "./typeCheck.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

const read = (file: string) => readFileSync(`${root}${file}`, "utf8")

/** The code of every `@example` of a file, by where it stands. */
const examplesOf = (file: string): ReadonlyArray<readonly [string, string]> =>
  [...read(file).matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap(({ 0: comment, index }) => {
    const line = read(file).slice(0, index).split("\n").length
    const text = comment.split("\n").map((text) => text.replace(/^ *\* ?/, "")).join("\n")
    const examples = text.split("@example").slice(1)
    return examples.map((example, at) =>
      [`${file.replace(/\W/g, "_")}_${line}_${at}`, fences(example)[0]?.code ?? "("] as const
    )
  })

const sources = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => `src/${file}`)

const examples = sources.flatMap(examplesOf)

const snippets = ["README.md", "README.zh-CN.md"].flatMap((file) =>
  fences(read(file)).filter(({ info }) => info === "ts").map(({ code, line }) =>
    [`${file.replace(/\W/g, "_")}_${line}`, code] as const
  )
)

const { modules, problems, program } = makeProgram(new Map([...examples, ...snippets]))

interface Doc {
  readonly name: string
  readonly text: string
  readonly tags: ReadonlySet<string>
}

const docOf = (name: string, node: ts.Node): Doc => ({
  name,
  // The compiler's own way to what an editor shows.
  text: ts.getJSDocCommentsAndTags(node).flatMap((doc) =>
    ts.isJSDoc(doc) ? [ts.getTextOfJSDocComment(doc.comment) ?? ""] : []
  ).join(""),
  tags: new Set(
    ts.getJSDocTags(node).filter((tag) => (ts.getTextOfJSDocComment(tag.comment) ?? "") !== "")
      .map((tag) => tag.tagName.text)
  )
})

/** Of a function with overloads its body is no declaration that anybody sees. */
const signatures = (declarations: ReadonlyArray<ts.Declaration>): ReadonlyArray<ts.Declaration> =>
  declarations.length === 1
    ? declarations
    : declarations.filter((node) => !(ts.isFunctionDeclaration(node) && node.body !== undefined))

/** One for every export, for each of its declarations: a schema and its type are two. */
const docsOf = (name: string, symbol: ts.Symbol, checker: ts.TypeChecker): ReadonlyArray<Doc> => {
  const isReExport = (symbol.flags & ts.SymbolFlags.Alias) !== 0
  const target = isReExport ? checker.getAliasedSymbol(symbol) : symbol
  const declared = signatures(target.declarations ?? []).map((node) => docOf(name, node))
  if (isReExport) {
    // What stands beside the name where it is exported again goes first.
    const own = symbol.declarations!.map((node) => docOf(name, ts.isNamespaceExport(node) ? node.parent : node))
    return own.some(({ tags }) => tags.size > 0)
      ? own.map((doc) => ({ ...doc, text: doc.text + declared.map(({ text }) => text).join("") }))
      : declared
  }
  const isNamespace = (target.flags & ts.SymbolFlags.NamespaceModule) !== 0
  const members = isNamespace ? checker.getExportsOfModule(target) : []
  return [
    ...declared,
    ...members.filter((member) => (member.flags & ts.SymbolFlags.Prototype) === 0)
      .flatMap((member) => docsOf(`${name}.${member.name}`, member, checker))
  ]
}

const docs = modules.flatMap(({ name, source }) => {
  const checker = program.getTypeChecker()
  const exports = checker.getExportsOfModule(checker.getSymbolAtLocation(source)!)
  return exports.flatMap((symbol) => docsOf(`${name.replace(/\.ts$/, "")}.${symbol.name}`, symbol, checker))
})

const without = (tag: string) => [...new Set(docs.flatMap(({ name, tags }) => tags.has(tag) ? [] : [name]))]

describe("the docstrings", () => {
  it("are looked at, all of them", () => {
    expect(modules.length).toBeGreaterThan(25)
    expect(docs.length).toBeGreaterThan(300)
  })

  it("say since when", () => {
    expect(without("since")).toEqual([])
  })

  it("name a category", () => {
    expect(without("category")).toEqual([])
  })

  it("say what it is", () => {
    // A tag and the namespace of its types have one name and one text; the barrel has those of its modules.
    const said = new Set(docs.flatMap(({ name, text }) => text.trim() === "" ? [] : [name]))
    const silent = docs.filter(({ name }) => !said.has(name) && !name.startsWith("index."))
    expect([...new Set(silent.map(({ name }) => name))]).toEqual([])
  })
})

it("every @example and every snippet of the READMEs type-checks", { timeout: 60_000 }, () => {
  expect(examples.length).toBeGreaterThan(5)
  expect(snippets.length).toBeGreaterThan(10)
  expect(problems()).toEqual([])
})
