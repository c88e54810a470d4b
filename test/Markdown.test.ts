import { describe, expect, it } from "@effect/vitest"
import { Markdown, Reply } from "effect-wecom"
import * as fc from "fast-check"
import { closeOpen, pieces, render } from "../src/internal/markdown/cut.js"
import { document } from "./markdown/documents.js"

const bytes = (text: string) => Buffer.byteLength(text)
const options = { numRuns: Number(process.env.SPLITTER_RUNS ?? 500) }

describe("split", () => {
  it("no piece is over the limit, every one can be sealed, and together they are the text", () => {
    fc.assert(
      fc.property(document, fc.integer({ min: 256, max: 1024 }), (text, limit) => {
        const parts = pieces(text, limit)
        for (const part of parts.map(render)) expect(bytes(part)).toBeLessThanOrEqual(limit)
        const own = parts.map(({ body, gap }) => body + gap).join("")
        expect(text.startsWith(own)).toBe(true)
        expect(text.slice(own.length).trim()).toBe("")
        if (parts.length > 1) { for (const part of parts.map(render)) expect(Reply.hasVisible(part)).toBe(true) }
      }),
      options
    )
  })

  it("a code fence is closed and opened again with its language", () => {
    const [first, second] = Markdown.split(`\`\`\`ts\n${"const a = 1\n".repeat(100)}\`\`\``, { limit: 400 })
    expect(first!.endsWith("\n```")).toBe(true)
    expect(second!.startsWith("```ts\nconst")).toBe(true)
  })

  it("a table gets its header again", () => {
    const [, second] = Markdown.split(`| a | b |\n| - | - |\n${"| 1 | 2 |\n".repeat(100)}`, { limit: 300 })
    expect(second!.startsWith("| a | b |\n| - | - |\n| 1 |")).toBe(true)
  })

  it("a family of emoji stays one character", () => {
    for (const piece of Markdown.split("👨‍👩‍👧‍👦".repeat(200), { limit: 300 })) {
      expect(piece.replaceAll("👨‍👩‍👧‍👦", "")).toBe("")
    }
  })
})

describe("cut", () => {
  it("cutting again and again ends, and loses nothing that can be seen", () => {
    fc.assert(
      fc.property(document, (text) => {
        let rest = text
        let consumed = 0
        for (let i = 0; bytes(rest) > 300; i++) {
          const cut = Markdown.cut(rest, 300)
          expect(bytes(cut.head)).toBeLessThanOrEqual(300)
          expect(cut.rest).toBe(cut.prefix + rest.slice(cut.consumed))
          expect(cut.rest.length).toBeLessThan(rest.length)
          consumed += cut.consumed
          rest = cut.rest
        }
        expect(consumed).toBeGreaterThanOrEqual(0)
      }),
      options
    )
  })
})

describe("close and resume", () => {
  it("an open fence and an open <think> are closed, and opened again", () => {
    const open = "words\n\n```ts\nconst a = 1\n"
    expect(Markdown.close(open)).toBe(`${open}\`\`\``)
    expect(Markdown.resume(open, open.length)).toBe("```ts\n")
    expect(Markdown.close("<think>so")).toBe("<think>so\n\n</think>")
    expect(Markdown.resume("<think>so", 9).trimEnd()).toBe("<think>")
    expect(Markdown.resume("plain words", 6)).toBe("words")
  })

  it("what is closed needs no closing", () => {
    fc.assert(
      fc.property(document, (text) => {
        expect(closeOpen(closeOpen(text))).toBe(closeOpen(text))
      }),
      options
    )
  })
})

it("a text that mentions the tag reads the same and opens nothing", () => {
  const defused = Markdown.defuseThink("the <think> tag and </THINK>")
  expect(defused).not.toMatch(/<\/?think/i)
  expect(defused.replaceAll("\u200b", "")).toBe("the <think> tag and </THINK>")
})
