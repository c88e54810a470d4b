import { describe, expect, it } from "@effect/vitest"
import { Limits, Markdown, Reply } from "effect-wecom"
import * as fc from "fast-check"
import { pieces, render } from "../src/internal/markdown/cut.js"
import { document, noise, plainNoise } from "./markdown/documents.js"
import { merge, openFences, read, readPieces, verbatim } from "./markdown/reading.js"
import { runs } from "./support/runs.js"

/**
 * `SPLITTER_RUNS=100000 npx vitest run test/Markdown.test.ts` tries that many documents in each of the heavy tests;
 * `SPLITTER_SEED=1` says which.
 */
const asked = Number(process.env.SPLITTER_RUNS ?? 0)
const seed = process.env.SPLITTER_SEED
const times = (numRuns: number) => ({
  numRuns: asked || runs(numRuns),
  ...(seed === undefined ? {} : { seed: Number(seed) })
})
const timeout = 30_000 + asked * 60

const bytes = (text: string) => Buffer.byteLength(text)
const limits = fc.oneof(fc.constantFrom(256, 512, 1024), fc.integer({ min: 256, max: 1200 }))
const anyLimits = fc.oneof({ weight: 9, arbitrary: limits }, { weight: 1, arbitrary: fc.integer({ min: 4, max: 256 }) })
const characters = new Intl.Segmenter(undefined, { granularity: "grapheme" })

const expectSameReading = (text: string, limit: number) => {
  const all = pieces(text, limit)
  expect(merge(readPieces(all))).toEqual(merge(read(text)))
  expect(openFences(...all.map(render))).toBeLessThanOrEqual(openFences(text))
}

describe("split", () => {
  it("every piece is within the limit and visible, and together they are the text", () => {
    fc.assert(
      fc.property(fc.oneof(document, noise), anyLimits, (text, limit) => {
        const all = pieces(text, limit)
        const own = all.map(({ body, gap }) => body + gap)
        const joined = own.join("")
        expect(text.startsWith(joined)).toBe(true)
        expect(text.slice(joined.length).trim()).toBe("")
        for (const [index, piece] of all.entries()) {
          expect(bytes(render(piece))).toBeLessThanOrEqual(limit)
          if (text !== "") expect(own[index]).not.toBe("")
          if (limit >= 256 && index < all.length - 1) expect(Reply.hasVisible(render(piece))).toBe(true)
        }
      }),
      times(1000)
    )
  }, timeout)

  it("no cut is inside a character", () => {
    fc.assert(
      fc.property(fc.oneof(document, noise), limits, (text, limit) => {
        const segments = characters.segment(text)
        let at = 0
        for (const { body, gap } of pieces(text, limit)) {
          at += body.length + gap.length
          const character = segments.containing(at)
          if (character === undefined || bytes(character.segment) * 3 > limit) continue
          expect(character.index).toBe(at)
        }
      }),
      times(500)
    )
  }, timeout)

  it("a CommonMark parser reads in the pieces what it reads in the whole", () => {
    fc.assert(fc.property(document, fc.integer({ min: 512, max: 1200 }), expectSameReading), times(800))
  }, timeout)

  it("fences and tables are read the same amid any characters and at any limit", () => {
    fc.assert(
      fc.property(fc.oneof(plainNoise, document), limits, (text, limit) => {
        const all = pieces(text, limit)
        expect(verbatim(readPieces(all))).toEqual(verbatim(read(text)))
        expect(openFences(...all.map(render))).toBeLessThanOrEqual(openFences(text))
      }),
      times(700)
    )
  }, timeout)

  it("a text that fits is one piece, unchanged", () => {
    for (const text of ["", " ", "a", "```ts\nopen", "x".repeat(Limits.contentBytes)]) {
      expect(Markdown.split(text)).toEqual([text])
    }
    expect(Markdown.split(`${"x".repeat(Limits.contentBytes)}\n`)).toEqual(["x".repeat(Limits.contentBytes)])
    expect(Markdown.split("文".repeat(7000), { limit: Infinity })).toHaveLength(1)
  })

  it("the end of a paragraph is preferred to that of a line, a line to a sentence, a sentence to a word", () => {
    const words = "word ".repeat(30).trim()
    const sentences = "A first sentence. And now another one! "
    expect(Markdown.split(`${sentences}line\n${sentences}\n\n${words}\n${words}`, { limit: 256 })[0])
      .toBe(`${sentences}line\n${sentences}\n\n`)
    expect(Markdown.split(`${sentences}line\n${words} ${words}`, { limit: 256 })[0]).toBe(`${sentences}line\n`)
    expect(Markdown.split(`${sentences}${words} ${words}`, { limit: 256 })[0]).toBe(sentences)
    expect(Markdown.split(`${words} ${words}`, { limit: 256 })[0]!.endsWith("word ")).toBe(true)
    expect(Markdown.split("中文没有空格但是有句号。".repeat(20), { limit: 256 })[0]!.endsWith("。")).toBe(true)
  })

  it("a heading stays with what it is about", () => {
    const [first, second] = Markdown.split(`${"words ".repeat(30)}\n\n## Title\n\n${"text ".repeat(30)}`, {
      limit: 256
    })
    expect(first).not.toContain("Title")
    expect(second!.startsWith("## Title\n\ntext")).toBe(true)
  })

  it("code fences are closed and opened again with their language, also in lists and quotes", () => {
    const code = "const a = 1\n".repeat(40)
    const [first, second] = Markdown.split(`~~~~ts title="x"\n${code}~~~~`, { limit: 256 })
    expect(first!.endsWith("\nconst a = 1\n~~~~")).toBe(true)
    expect(second!.startsWith("~~~~ts title=\"x\"\nconst a = 1\n")).toBe(true)
    expectSameReading(`1. step\n\n   \`\`\`sh\n${"   npm i\n".repeat(60)}   \`\`\`\n2. next`, 256)
    expectSameReading(`> \`\`\`sh\n${"> npm i\n".repeat(60)}> \`\`\`\n> next`, 256)
  })

  it("tables get their header again, and a row that is too long goes on in its column", () => {
    const [, second] = Markdown.split(`| a | b |\n| - | - |\n${"| 1 | 2 |\n".repeat(100)}`, { limit: 256 })
    expect(second!.startsWith("| a | b |\n| - | - |\n| 1 | 2 |\n")).toBe(true)

    const [head, rest] = Markdown.split(`| a | b |\n|---|---|\n| 1 | ${"long ".repeat(80)}|\n`, { limit: 256 })
    expect(head!.endsWith("long  |")).toBe(true)
    expect(rest!.startsWith("| a | b |\n|---|---|\n| | long ")).toBe(true)
  })

  it("nested lists go on at their depth", () => {
    const items = Array.from({ length: 12 }, (_, i) => `   ${i + 1}. item of a numbered list\n`).join("")
    const [, second] = Markdown.split(`- one\n${items}- two`, { limit: 256 })
    expect(second).toMatch(/^- \u200b\n\n {3}\d+\. item/)
    expectSameReading(`- one\n${items}- two`, 256)
  })

  it("emphasis, links and code spans that cannot stay whole are closed and opened again", () => {
    const words = "many words ".repeat(40)
    expect(Markdown.split(`**${words}end**`, { limit: 256 })[1]!.startsWith("**")).toBe(true)
    expect(Markdown.split(`[${words}end](/to)`, { limit: 256 })[0]!.trimEnd().endsWith("](/to)")).toBe(true)
    for (const text of [`**${words}end**`, `*a ~~${words}end~~*`, `[${words}end](/to)`, `\`${words}end\``]) {
      expectSameReading(text, 256)
    }
  })

  it("a heading underlined below several lines is a heading in every piece", () => {
    const lines = "words of a heading\n".repeat(40)
    for (const underline of ["===", "-"]) {
      expectSameReading(`${lines}${underline}\nafter`, 256)
      expectSameReading(`> ${lines.trimEnd().replaceAll("\n", "\n> ")}\n> ${underline}\nafter`, 256)
      expectSameReading(`- ${lines.trimEnd().replaceAll("\n", "\n  ")}\n  ${underline}\nafter`, 256)
      expectSameReading(`${"**many words** ".repeat(40)}end\n${underline}\nafter`, 256)
    }
    const item = `- so ${"x".repeat(250)}\n  7) alpha\n     ===\n\n     - ${"words ".repeat(40)}`
    expect(Markdown.split(item, { limit: 512 })[0]!.endsWith("x\n  ===\n  ")).toBe(true)
    expectSameReading(item, 512)
  })

  it("the white space that a long line of code begins with is no place to cut it", () => {
    const family = "👨‍👩‍👧‍👦"
    expectSameReading(`<think>想一想\n 1. \`\`\`\`\`js title="a b"\n        ${family.repeat(23)}`, 622)
  })

  it("text that is cut where it begins with a fence stays text", () => {
    for (let n = 250; n <= 256; n++) {
      const text = `${"*_".repeat(128).slice(-n)}~~~\`\`\`\`\nwords\n\n\`\`\`\ncode\n\`\`\``
      expect(verbatim(readPieces(pieces(text, 256)))).toEqual(verbatim(read(text)))
    }
  })

  it("what only looks like an item, a fence, a table, its end or a mark is none", () => {
    const words = "words ".repeat(40)
    const texts = [
      `- > > ${words}\n      - no item\n      - ${words}`,
      `  - a\n       + ${words}\n           + b\n        * no item, ${words}\n          10. an item`,
      `| a | b |\n|---|---|\n<b>\n\`\`\`js\n\n${words}\n\n${words}`,
      `\`\`\`\`|\n---\n${words}\n${words}\n\`\`\`\`\nafter`,
      `| a | b |\n|---|---|\n| c | d |\n\u3000\n${"| row |\n".repeat(40)}`,
      `| a | b |\n|---|---|\nc~~d ${words}~~~`
    ]
    for (const text of texts) for (const limit of [256, 300, 400]) expectSameReading(text, limit)
  })

  it("a link that fits into a piece is not cut", () => {
    const link = `[a link](https://example.com/${"x".repeat(150)})`
    expect(Markdown.split(`${"words ".repeat(30)}${link}`, { limit: 256 })[1]).toBe(link)
  })

  it("a <think> that goes on is closed and opened again, and its piece shows something", () => {
    const [first, second] = Markdown.split(`<think>${"I think. ".repeat(40)}</think>answer`, { limit: 256 })
    expect(first!.startsWith("<think>I think.")).toBe(true)
    expect(first!.endsWith("</think>\n\n…")).toBe(true)
    expect(second!.startsWith("<think>\n\nI think.")).toBe(true)
    expect(second!.endsWith("</think>answer")).toBe(true)
  })

  it("a fence in a <think> is closed even where its next line would begin in what closes the thoughts", () => {
    for (let n = 225; n < 256; n++) {
      const text = `<think>\n\n\`\`\`bash\n${"x ".repeat(n >> 1)}${
        n % 2 ? ">" : ""
      }\nconst x = 1\n\`\`\`\n\n</think>\n\n| a |\n| - |`
      expectSameReading(text, 265)
    }
  })

  it("a fence that opens in the line in which its <think> ends takes no other <think> for code", () => {
    for (const code of ["~~~", "~~~js ", "\n    code"]) {
      const text = `<think>${code}</think><think>A sentence.\n\n${"words ".repeat(60)}\n\n</think>the end`
      for (const piece of Markdown.split(text, { limit: 256 })) expect(Reply.hasVisible(piece)).toBe(true)
    }
  })

  it("a <think> is none where no fence opens before it, and one where a code span before it is all thoughts", () => {
    const words = "words ".repeat(60)
    const texts = [
      `    <think>indented ${words}</think>the end`,
      `first\n\n    code\n${"    <think>\n".repeat(40)}    code\n\nthe end`,
      `first\n\n${"code ".repeat(45)}\n\n    \u3000<think>\n\n    ${words}\n\nthe end`,
      `<think>so\n</think>\n\n    <think>indented ${words}</think>the end`,
      `<think>so</think>    <think>indented ${words}</think>the end`,
      `<think>so \`\`a</think><think>\`\` ${words}\n\n</think>the end`
    ]
    for (const text of texts) {
      for (const piece of Markdown.split(text, { limit: 256 })) expect(Reply.hasVisible(piece)).toBe(true)
    }
  })

  it("a <think> in code is text", () => {
    for (const code of ["`<think>`", "```\n<think>\n```"]) {
      for (const piece of Markdown.split(`${code}\n\n${"words ".repeat(100)}`, { limit: 256 })) {
        expect(piece).not.toContain("</think>")
      }
    }
  })

  it("line breaks of two characters, families of emoji and lone surrogates stay as they are", () => {
    expect(Markdown.split("ab\r\n".repeat(400), { limit: 256 }).every((piece) => /^ab[^]*ab\r\n$/.test(piece))).toBe(
      true
    )
    for (const piece of Markdown.split("👨‍👩‍👧‍👦".repeat(200), { limit: 256 })) {
      expect(piece.replaceAll("👨‍👩‍👧‍👦", "")).toBe("")
    }
    const lone = "\ud83d ".repeat(300)
    expect(Markdown.split(lone, { limit: 256 }).join("").trimEnd()).toBe(lone.trimEnd())
  })

  it("what no boundary helps still ends, at the limit", () => {
    expect(Markdown.split("x".repeat(1000), { limit: 256 }).map(bytes)).toEqual([256, 256, 256, 232])
    expect(Markdown.split(`e${"\u0301".repeat(1000)}`, { limit: 256 }).every((piece) => bytes(piece) <= 256)).toBe(true)
    expect(Markdown.split("x".repeat(10), { limit: 0 })).toEqual(["xxxx", "xxxx", "xx"])
    expect(Markdown.split(`a${" ".repeat(1000)}b`, { limit: 256 }).every((piece) => bytes(piece) <= 256)).toBe(true)
  })
})

describe("cut", () => {
  it("again and again gives what split gives, and always less remains", () => {
    fc.assert(
      fc.property(fc.oneof(document, noise), anyLimits, (any, limit) => {
        const heads: Array<string> = []
        const text = any.trimEnd()
        let rest = text
        while (bytes(rest) > limit) {
          const cut = Markdown.cut(rest, limit)
          expect(cut.rest).toBe(cut.prefix + rest.slice(cut.consumed))
          expect(cut.rest.length).toBeLessThan(rest.length)
          heads.push(cut.head)
          rest = cut.rest
        }
        const all = Markdown.split(text, { limit })
        expect([...heads, rest]).toEqual(all)
      }),
      times(500)
    )
  }, timeout)

  it("a text that fits is all head", () => {
    expect(Markdown.cut("```ts\nopen", 256)).toEqual({ head: "```ts\nopen", rest: "", prefix: "", consumed: 10 })
  })

  it("emphasis and links that may still be closed are kept for the next piece", () => {
    const words = "words ".repeat(40)
    for (const open of ["**bold that", "`code that", "[a link](https://exam"]) {
      expect(Markdown.cut(`${words}${open} goes on`, 256).head).toBe(words)
    }
  })
})

describe("close and resume", () => {
  it("open fences, comments and thoughts are closed, and opened again", () => {
    const open = "words\n\n```ts\nconst a = 1\n"
    expect(Markdown.close(open)).toBe(`${open}\`\`\``)
    expect(Markdown.resume(open, open.length)).toBe("```ts\n")
    expect(Markdown.close("```ts\nconst")).toBe("```ts\nconst\n```")
    expect(Markdown.resume("```ts\nconst a", 11)).toBe("```ts\n a")
    expect(Markdown.resume("```t", 4)).toBe("```t")
    expect(Markdown.close("<!-- so")).toBe("<!-- so\n-->")
    expect(Markdown.close("<think>so")).toBe("<think>so\n\n</think>")
    expect(Markdown.resume("<think>so", 9)).toBe("<think>\n\n")
    expect(Markdown.close("<think>\n```ts\na")).toBe("<think>\n```ts\na\n```\n\n</think>")
  })

  it("tables, items and headings are opened again where they are cut", () => {
    const table = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    expect(Markdown.resume(`${table}| 3 | 4 |`, table.length)).toBe("| a | b |\n|---|---|\n| 3 | 4 |")
    expect(Markdown.resume(table, table.length)).toBe("| a | b |\n|---|---|\n")
    expect(Markdown.resume(`${table}| 3 | 4 |`, table.length + 6)).toBe("| a | b |\n|---|---|\n| | 4 |")
    expect(Markdown.resume("1. one two", 7)).toBe("1. two")
    expect(Markdown.resume("- one\n  - two\n  - three", 14)).toBe("- \u200b\n  - three")
    expect(Markdown.resume("## one two", 7)).toBe("## two")
    expect(Markdown.resume("plain words", 6)).toBe("words")
    expect(Markdown.resume("plain words", 0)).toBe("plain words")
  })

  it("after a closed text another one begins, and closing it again changes nothing", () => {
    fc.assert(
      fc.property(fc.oneof(document, plainNoise), fc.nat(), (text, at) => {
        const start = text.slice(0, at % (text.length + 1))
        const closed = Markdown.close(start)
        expect(Markdown.close(closed)).toBe(closed)
        if (!start.includes("<think>")) expect(read(`${closed}\n\nafter`).at(-1)).toEqual(["p ", "after"])
      }),
      times(500)
    )
  }, timeout)

  it("code that is closed and resumed at any place is read as it was", () => {
    const code = fc.array(fc.constantFrom("const a = 1", "  b", "", "- c", "| d |"), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(code, fc.constantFrom("", "> ", "   "), fc.nat(), (lines, margin, nat) => {
        const open = `${margin === "   " ? "1. " : margin}\`\`\`ts\n`
        const text = open + lines.map((line) => `${margin}${line}\n`).join("")
        const at = open.length + nat % (text.length - open.length + 1)
        const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at)
        fc.pre(line === "" || line.length >= margin.length)
        const both = [Markdown.close(text.slice(0, at)), Markdown.close(Markdown.resume(text, at))]
        expect(merge(both.flatMap((part) => read(part)))).toEqual(merge(read(Markdown.close(text))))
      }),
      times(300)
    )
  }, timeout)
})

it("a text that mentions the tag reads the same and opens nothing", () => {
  const defused = Markdown.defuseThink("the <think> tag and </THINK>")
  expect(defused).not.toMatch(/<\/?think/i)
  expect(defused.replaceAll("\u200b", "")).toBe("the <think> tag and </THINK>")
  expect(Reply.hasVisible(Markdown.defuseThink("<think>"))).toBe(true)
})
