/** What the READMEs say: the code in them works, their tables are those of the code, and both say the same. */
import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either, Redacted } from "effect"
import * as Wecom from "effect-wecom"
import { BotConfig, ErrorCode, WecomError } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { afterAll } from "vitest"
import { start } from "../fixtures/process.js"
import { code, type Fence, fences, type Section, sections } from "./markdown.js"

const root = fileURLToPath(new URL("../..", import.meta.url))
const generated = `${root}test/docs/generated`
const read = (file: string) => readFileSync(`${root}${file}`, "utf8")

const readmes = [
  { file: "README.md", language: "en", none: "none", required: "required" },
  { file: "README.zh-CN.md", language: "zh", none: "无", required: "必填" }
] as const

const snippetsOf = (file: string) => fences(read(file)).filter(({ info }) => info === "ts")

/** The bot, and its test. */
const botIn = (snippets: ReadonlyArray<Fence>) =>
  snippets.find(({ code }) => code.includes("NodeRuntime.runMain"))!.code
const testIn = (snippets: ReadonlyArray<Fence>) => snippets.find(({ code }) => code.includes("it.scoped("))!.code

/** The headings that the chapter of the options, errors and codes have, by their place. */
const chapter = (all: ReadonlyArray<Section>, like: RegExp) => all.find(({ heading }) => like.test(heading.text))!

afterAll(() => rmSync(generated, { recursive: true, force: true }))

describe("the READMEs", () => {
  it("have the same headings, snippets and tables", () => {
    const [english, chinese] = readmes.map(({ file }) => ({
      levels: sections(read(file)).map(({ heading }) => heading.level),
      fences: fences(read(file)).map(({ code, info }) => ({ info, code })),
      tables: sections(read(file)).map(({ tables }) => tables.map((rows) => rows.map((row) => row.length)))
    }))
    expect(chinese).toEqual(english)
  })

  it("open with the commands that run a bot and the tests", () => {
    for (const { file } of readmes) {
      const opening = read(file).split(/^## /m)[0]!.split("\n")
      const lineOf = (command: string) => opening.findIndex((line) => line.startsWith(`- \`${command}\` `))
      const [run, test] = [lineOf("npm ci && npm start"), lineOf("npm cit")]
      // The title, the other language and the sentence that says what it is come first.
      expect(run, file).toBeGreaterThan(0)
      expect(run, file).toBeLessThan(10)
      expect(test, file).toBe(run + 1)
      expect(opening[run], file).toContain("examples/echo.ts")
    }
  })

  it("have a bot and its test of at most fifteen lines each", () => {
    const snippets = snippetsOf("README.md")
    for (const code of [botIn(snippets), testIn(snippets)]) {
      expect(code.trim().split("\n").length).toBeLessThanOrEqual(15)
    }
    // The same bot in both.
    const router = /^const router = [^]*?^\)/m
    expect(router.exec(testIn(snippets))![0]).toBe(router.exec(botIn(snippets))![0])
  })

  it("lead to files that are there", () => {
    for (const { file } of readmes) {
      const links = [...read(file).matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1]!)
      expect(links.length).toBeGreaterThan(10)
      expect(links.filter((link) => !link.startsWith("https://") && !existsSync(`${root}${link}`))).toEqual([])
    }
  })

  for (const { file, language, none, required } of readmes) {
    describe(file, () => {
      const all = sections(read(file))

      it("leads to chapters that are there", () => {
        const anchors = all.map(({ heading }) =>
          heading.text.toLowerCase().replace(/[^\p{L}\p{N} -]/gu, "").replaceAll(" ", "-")
        )
        const links = [...read(file).matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1]!)
        expect(links.length).toBeGreaterThan(1)
        expect(links.filter((link) => !anchors.includes(link))).toEqual([])
      })

      it("lists every example", () => {
        const rows = chapter(all, /^Examples$|^示例$/).tables[0]!
        const files = readdirSync(`${root}examples`).filter((name) => name.endsWith(".ts"))
        expect(rows.map(([name]) => /\(examples\/([^)]+)\)/.exec(name!)?.[1]).toSorted()).toEqual(files.toSorted())
      })

      it("lists every option with its default", () => {
        const rows = chapter(all, /^Options$|^选项$/).tables[0]!
        const resolved = Either.getOrThrow(BotConfig.resolve({ botId: "aib", secret: Redacted.make("x") }))
        expect(rows.map(([name]) => code(name!))).toEqual(Object.keys(resolved))
        for (const [name, written] of rows) {
          const value = resolved[code(name!) as keyof BotConfig.Resolved]
          const said = code(written!)
          if (Duration.isDuration(value)) {
            expect(Duration.toMillis(Duration.decode(said as Duration.DurationInput)), name).toBe(
              Duration.toMillis(value)
            )
          } else if (code(name!) === "botId" || code(name!) === "secret") expect(said, name).toBe(required)
          else expect(said, name).toBe(value === undefined ? none : JSON.stringify(value))
        }
      })

      it("lists every error with its fields", () => {
        const rows = chapter(all, /^Errors$|^错误$/).tables[0]!
        const classes = Object.entries(WecomError).flatMap(([name, value]) =>
          typeof value === "function" && "fields" in value
            ? [{ name, fields: Object.keys(value.fields as object).filter((field) => field !== "_tag") }]
            : []
        )
        const inCode = classes.map(({ fields, name }) =>
          fields.length === 0 ? name : `${name} { ${fields.join(", ")} }`
        )
        expect(rows.map(([error]) => code(error!)).toSorted()).toEqual(inCode.toSorted())
      })

      it("lists every error code as the table in the code has it", () => {
        const rows = chapter(all, /^Error codes$|^错误码$/).tables[0]!
        expect(rows.map(([number, ...texts]) => [code(number!), ...texts])).toEqual(
          [...ErrorCode.table.values()].map((entry) => [
            String(entry.code),
            entry.meaning[language],
            entry.advice[language]
          ])
        )
      })

      it("names only what there is", () => {
        const public_ = { ...Wecom, NodeWecomBot, NodeGateway, TestGateway } as unknown as Record<string, object>
        const named = [...read(file).matchAll(/\b([A-Z]\w+)\.(\w+)/g)].flatMap(([, module, member]) =>
          (module as string) in public_ ? [[module!, member!] as const] : []
        )
        expect(named.length).toBeGreaterThan(60)
        expect(named.filter(([module, member]) => !(member in public_[module]!))).toEqual([])
      })

      it("says what takes the place of every method and event of the official SDK", () => {
        const { text } = chapter(all, /@wecom\/aibot-node-sdk/)
        const sdk = readFileSync(`${root}node_modules/@wecom/aibot-node-sdk/dist/client.d.ts`, "utf8")
        const methods = [...sdk.matchAll(/^ {4}(?:get )?(\w+)\(/gm)].map((match) => match[1]!)
        expect(methods.length).toBeGreaterThan(15)
        const isNamed = (name: string) => new RegExp(`\\b${name}\\b`).test(text)
        expect(methods.filter((name) => name !== "constructor" && !isNamed(name))).toEqual([])
        const events = ["connected", "authenticated", "disconnected", "reconnecting", "error", "message", "event"]
        expect(events.filter((name) => !text.includes(`on("${name}")`))).toEqual([])
      })

      it.scopedLive("its bot is one", () =>
        Effect.gen(function*() {
          mkdirSync(generated, { recursive: true })
          writeFileSync(`${generated}/${language}-bot.ts`, botIn(snippetsOf(file)))
          const bot = yield* start(`test/docs/generated/${language}-bot.ts`, {
            WECOM_BOT_ID: TestGateway.defaultBotId,
            WECOM_BOT_SECRET: Redacted.value(TestGateway.defaultSecret),
            WECOM_WS_URL: yield* NodeGateway.url
          })
          const alice = yield* TestGateway.user("alice")
          expect((yield* Effect.flatMap(alice.enter, alice.awaitAnswer)).text).toBe("您好！")
          expect((yield* alice.say("hi")).text).toBe("You said: hi")
          yield* bot.kill("SIGTERM")
          expect(yield* bot.ended).toMatchObject({ code: 0, stderr: "" })
        }).pipe(Effect.provide(NodeGateway.layer())))

      describe("its test passes:", async () => {
        mkdirSync(generated, { recursive: true })
        const path = `${generated}/${language}.ts`
        writeFileSync(path, testIn(snippetsOf(file)))
        await import(/* @vite-ignore */ path)
      })
    })
  }
})
