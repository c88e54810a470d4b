import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"
import { bundledSources, packagesAtStart } from "./bundle.js"

const here = fileURLToPath(new URL(".", import.meta.url))
const source = path.join(here, "../../src")

/** What of the package is left in a bundle of a program that uses only this. */
const ours = async (code: string) =>
  (await bundledSources(code, here)).filter((file) => !file.includes("node_modules/effect/")).map((file) =>
    file.replace(/^.*src\//, "src/")
  )

describe("a bundle", () => {
  it("of TemplateCard alone pulls in no socket, no HTTP and no bot", async () => {
    const files = await ours(`import { TemplateCard } from "effect-wecom"; console.log(TemplateCard.textNotice)`)
    expect(files).toContain("src/TemplateCard.ts")
    expect(files.filter((file) => !/^src\/(TemplateCard|WecomError|ErrorCode|Limits)\.ts$/.test(file)).toSorted())
      .toEqual(
        ["bodies/cardParts", "bodies/cardRules", "bodies/sendInvalid", "checks/bytes", "checks/cures"].map((name) =>
          `src/internal/${name}.ts`
        )
      )
  })

  it("of a bot holds one, so that the one above says something", async () => {
    const files = await ours(`import { WecomBot } from "effect-wecom"; console.log(WecomBot.layer)`)
    expect(files).toContain("src/internal/connection/session.ts")
  })
})

it("no module does anything while it loads, which a bundler would have to keep", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
  const statements = files.flatMap((file) => {
    const text = readFileSync(path.join(source, file), "utf8")
    return ts.createSourceFile(file, text, ts.ScriptTarget.Latest).statements
      .filter((statement) => ts.isExpressionStatement(statement))
      .map((statement) => `${file}: ${text.slice(statement.pos, statement.end).trim()}`)
  })
  expect(files.length).toBeGreaterThan(100)
  expect(statements).toEqual([])
})

it("a bot for Node loads undici with its first download, not before", async () => {
  const packages = await packagesAtStart(
    `import * as NodeWecomBot from "effect-wecom/NodeWecomBot"; console.log(NodeWecomBot.layer)`,
    here
  )
  expect(packages).toContain("ws")
  expect(packages.filter((name) => /platform-node|undici/.test(name))).toEqual([])
})
