/**
 * Random Markdown documents.
 */
import * as fc from "fast-check"
import { parser } from "./parser.js"

type Lines = ReadonlyArray<string>

const latin = fc.constantFrom(
  ..."alpha¦beta¦release¦the¦a¦of¦configuration¦it's¦naïve¦e\u0301te\u0301¦don't¦3.14¦x_y_z¦2 * 3".split("¦"),
  ..."foo.bar()¦end.¦Really?¦Yes!¦C++¦#tag¦@alice¦1)¦+¦-¦>¦=¦|¦a|b¦~¦50%".split("¦")
)
const chinese = fc.constantFrom(
  ..."企业微信机器人¦你好，世界。¦我们需要先完成配置，然后再重启服务！¦注意：¦“引号里的话。”¦长连接¦（括号）¦是吗？¦日本語のテキスト。¦한국어 문장."
    .split("¦"),
  ..."ภาษาไทยไม่มีเว้นวรรค".split("¦")
)
const emoji = fc.constantFrom("👨‍👩‍👧‍👦", "🇨🇳🇺🇸🇯🇵", "👍🏽", "❤️", "🏳️‍🌈", "😀", "ก็", "क्षि", "Z̸̢͎̣̟̜̖̦̮̉̐̈́̀͘͝", "\ud83d")
const word = fc.oneof({ weight: 6, arbitrary: latin }, { weight: 4, arbitrary: chinese }, {
  weight: 1,
  arbitrary: emoji
})
const words = (max: number) => fc.array(word, { minLength: 1, maxLength: max }).map((all) => all.join(" "))
const plainWord = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("alpha", "beta", "release", "the", "of", "configuration", "naïve", "done", "here")
  },
  { weight: 2, arbitrary: fc.constantFrom("企业微信", "你好世界", "重点内容", "日本語", "长连接的说明文字") }
)
const plainWords = (max: number) => fc.array(plainWord, { minLength: 1, maxLength: max }).map((all) => all.join(" "))

const link = fc.tuple(
  plainWords(4),
  fc.constantFrom("https://example.com/a?b=c&d=e", "<x y>", "/p_(q)", "#h", "https://例子.cn/路径"),
  fc.constantFrom("", " \"title\"")
)
  .map(([text, to, title]) => `[${text}](${to}${title})`)
const atom = fc.oneof(
  plainWords(3).map((text) => `\`${text}\``),
  plainWords(2).map((text) => `\`\`a \` ${text}\`\``),
  link,
  plainWords(2).map((text) => `![${text}](https://example.com/i.png)`),
  fc.constantFrom(
    "<https://example.com/auto>",
    "https://example.com/long/path?query=value&more=1",
    "\\*not\\*",
    "&amp;",
    "<b>bold</b>",
    "<br>",
    "[ref][id]",
    "[^1]",
    "a\\`b"
  )
)
const emphasized = (max: number) =>
  fc.oneof(
    plainWords(max).map((text) => `**${text}**`),
    plainWords(max).map((text) => `*${text}*`),
    plainWords(max).map((text) => `_${text}_`),
    plainWords(max).map((text) => `~~${text}~~`),
    plainWords(max).map((text) => `***${text}***`),
    fc.tuple(plainWords(3), plainWords(3), plainWords(3)).map(([a, b, c]) => `**${a} *${b}* ${c}**`),
    fc.tuple(plainWords(3), atom, plainWords(3)).map(([a, b, c]) => `*${a} ${b} ${c}*`),
    fc.tuple(plainWords(2), plainWords(2)).map(([a, b]) => `~~${a} **${b}**~~`)
  )
const span = fc.oneof(
  { weight: 8, arbitrary: words(5) },
  { weight: 2, arbitrary: emphasized(4) },
  { weight: 2, arbitrary: atom },
  { weight: 1, arbitrary: plainWord.map((text) => `中文**${text}**中文`) }
)
const longText = fc.oneof(
  fc.integer({ min: 100, max: 900 }).map((n) => "x".repeat(n)),
  fc.integer({ min: 40, max: 400 }).map((n) => "这是一段没有标点的很长文字".repeat(40).slice(0, n)),
  fc.integer({ min: 40, max: 200 }).map((n) => `**${"very long bold ".repeat(n)}end**`),
  fc.integer({ min: 10, max: 60 }).map((n) => "👨‍👩‍👧‍👦".repeat(n)),
  fc.integer({ min: 10, max: 60 }).map((n) => `\`${"code words ".repeat(n)}\``),
  fc.integer({ min: 10, max: 60 }).map((n) => `[${"link words ".repeat(n)}](https://example.com)`)
)
const textLine = fc.oneof(
  { weight: 12, arbitrary: fc.array(span, { minLength: 1, maxLength: 6 }).map((all) => all.join(" ")) },
  { weight: 1, arbitrary: longText }
).map((text) => /^\s*$/.test(text) ? "text" : text)

/** A line that begins a block by accident is a different document, not a wrong one: it is put behind a word. */
const startsPlain = (text: string): string => /^[\p{L}*_`[]/u.test(text) ? text : `so ${text}`

const paragraph: fc.Arbitrary<Lines> = fc.array(textLine.map(startsPlain), { minLength: 1, maxLength: 4 })
const heading: fc.Arbitrary<Lines> = fc.tuple(fc.integer({ min: 1, max: 6 }), words(6)).map((
  [level, text]
) => [`${"#".repeat(level)} ${text}`])
const setext: fc.Arbitrary<Lines> = fc.tuple(plainWords(5), fc.constantFrom("===", "---")).map((
  [text, line]
) => [text, line])
const rule: fc.Arbitrary<Lines> = fc.constantFrom(["***"], ["---"], ["* * *"])

const codeLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "const x = 1",
      "  return [a, b]",
      "\treturn tab",
      "",
      "",
      "# not a heading",
      "- not a list",
      "| not | table |",
      "|---|---|",
      "```",
      "~~",
      "<think>",
      "    deep",
      "注释：不要切断这里。",
      "    }",
      "> quote"
    )
  },
  { weight: 1, arbitrary: words(12) }
)
const fence: fc.Arbitrary<Lines> = fc.tuple(
  fc.constantFrom("````", "~~~", "~~~~", "`````"),
  fc.constantFrom("", "ts", " python", "js title=\"a b\"", "sh"),
  fc.oneof({ weight: 5, arbitrary: fc.array(codeLine, { maxLength: 25 }) }, {
    weight: 1,
    arbitrary: longText.map((line) => [line.replace(/`/g, "'")])
  }),
  fc.integer({ min: 0, max: 3 })
).map(([mark, info, lines, indent]) => {
  const pad = " ".repeat(indent)
  return [`${pad}${mark}${info}`, ...lines.map((line) => line === "" ? "" : pad + line), pad + mark]
})
const shortFence: fc.Arbitrary<Lines> = fc.tuple(
  fc.constantFrom("", "ts", "bash"),
  fc.array(codeLine.filter((line) => line !== "```"), { maxLength: 30 })
).map(([info, lines]) => [`\`\`\`${info}`, ...lines, "```"])
const indented: fc.Arbitrary<Lines> = fc.array(codeLine.filter((line) => line !== "<think>"), {
  minLength: 1,
  maxLength: 8
}).map((lines) => [
  "    first",
  ...lines.map((line) => line === "" ? "" : `    ${line}`),
  "    last"
])
const cell = fc.oneof({ weight: 8, arbitrary: plainWords(4) }, { weight: 1, arbitrary: emphasized(3) }, {
  weight: 1,
  arbitrary: fc.constantFrom("", "a \\| b", "`code`", "👨‍👩‍👧‍👦", "[l](u)")
})
const tableOf = (isPiped: boolean): fc.Arbitrary<Lines> =>
  fc.integer({ min: 1, max: 4 }).chain((columns) =>
    fc.tuple(
      fc.array(plainWord, { minLength: columns, maxLength: columns }),
      fc.array(fc.constantFrom("---", ":--", "--:", ":-:"), { minLength: columns, maxLength: columns }),
      fc.array(
        fc.oneof(
          { weight: 20, arbitrary: fc.array(cell, { minLength: columns, maxLength: columns }) },
          { weight: 1, arbitrary: fc.array(plainWords(60), { minLength: columns, maxLength: columns }) }
        ),
        { maxLength: 15 }
      )
    ).map(([header, delimiter, rows]) => {
      const line = (cells: ReadonlyArray<string>) =>
        isPiped || columns === 1 ? `| ${cells.join(" | ")} |` : `${cells.join(" | ")}`
      return [
        line(header),
        line(delimiter),
        ...rows.map((cells) => line(cells.map((cell, i) => i === 0 && cell === "" ? "-x" : cell)))
      ]
    })
  )
const html: fc.Arbitrary<Lines> = fc.constantFrom(["<div>block</div>"], ["<!-- comment", "- still comment -->"], [
  "<details>",
  "<summary>s</summary>",
  "</details>"
])

const join = (blocks: ReadonlyArray<Lines>): Lines => blocks.flatMap((block, i) => i === 0 ? block : ["", ...block])

const tree = fc.letrec<{ block: Lines; blocks: Lines; list: Lines; quote: Lines }>((tie) => ({
  block: fc.oneof(
    { maxDepth: 3, depthIdentifier: "block" },
    { weight: 6, arbitrary: paragraph },
    { weight: 1, arbitrary: heading },
    { weight: 1, arbitrary: setext },
    { weight: 1, arbitrary: rule },
    { weight: 2, arbitrary: fence },
    { weight: 2, arbitrary: shortFence },
    { weight: 1, arbitrary: indented },
    { weight: 2, arbitrary: tableOf(true) },
    { weight: 4, arbitrary: tie("list") },
    { weight: 2, arbitrary: tie("quote") }
  ),
  blocks: fc.array(tie("block"), { minLength: 1, maxLength: 3, depthIdentifier: "block" }).map(join),
  list: fc.tuple(
    fc.constantFrom("- ", "* ", "+ ", "1. ", "7) ", "-   ", "10. ", "  - "),
    fc.array(
      fc.tuple(
        fc.oneof({ weight: 3, arbitrary: textLine.map((line): Lines => [startsPlain(line)]) }, {
          weight: 1,
          arbitrary: tie("blocks")
        }),
        fc.option(tie("list"), { nil: [] as Lines, depthIdentifier: "block" }),
        fc.constantFrom(0, 0, 1, 2)
      ),
      { minLength: 1, maxLength: 4, depthIdentifier: "block" }
    ),
    fc.boolean()
  ).map(([marker, items, isLoose]) =>
    items.flatMap(([lines, nested, extra], index) => {
      const head = /\d/.test(marker) ? marker.replace(/\d+/, (n) => String(Number(n) + index)) : marker
      const pad = " ".repeat(head.length)
      const inner = [
        ...lines,
        ...(nested.length > 0 && isLoose ? [""] : []),
        ...nested.map((line) => line === "" ? "" : " ".repeat(extra) + line)
      ]
      return [
        ...inner.map((line, i) =>
          line === "" && i > 0 ? "" : i === 0 ? head + line.replace(/^ {1,3}(?! )/, "") : pad + line
        ),
        ...(isLoose ? [""] : [])
      ]
    })
  ),
  quote: fc.tuple(tie("blocks"), fc.constantFrom("> ", ">")).map(([lines, mark]) =>
    lines.map((line) => (mark === ">" && /^[ \t]/.test(line) ? "> " : mark) + line)
  )
}))

const thoughts: fc.Arbitrary<Lines> = fc.tuple(
  fc.array(fc.oneof(paragraph, shortFence, tree.list), { minLength: 1, maxLength: 4 }),
  fc.boolean()
)
  .map(([blocks, isTight]) =>
    isTight
      ? [`<think>${plainInThink}`, "", ...join(blocks), "", "</think>", ""]
      : ["<think>", "", ...join(blocks), "", "</think>", ""]
  )
const plainInThink = "想一想"

const ending = fc.constantFrom("\n", "\n", "\n", "\r\n")

/**
 * A fence that stands in a list by accident may be none: then the `<think>` in its code is a tag, of which WeCom's client
 * and CommonMark think differently. The tag that the document begins with is the only one it has.
 */
const withoutStrayThink = (text: string): string => {
  if (!text.includes("<think>", 1)) return text
  const tags = parser.parse(text, {}).flatMap(({ children, content, type }) =>
    [{ content, type }, ...(children ?? [])].filter((token) =>
      token.type.startsWith("html_") && token.content.includes("<think>")
    )
  )
  return tags.length === (text.startsWith("<think>") ? 1 : 0)
    ? text
    : text.slice(0, 1) + text.slice(1).replaceAll("<think>", "think")
}

/** Well-formed documents, as a model writes them. */
export const document: fc.Arbitrary<string> = fc.tuple(
  fc.option(thoughts, { nil: [] as Lines, freq: 6 }),
  fc.array(
    fc.oneof({ weight: 30, arbitrary: tree.block }, { weight: 1, arbitrary: tableOf(false) }, {
      weight: 1,
      arbitrary: html
    }),
    { minLength: 1, maxLength: 6 }
  ),
  ending,
  fc.boolean()
).map(([think, blocks, end, isClosed]) =>
  withoutStrayThink([...think, ...join(blocks), ...(isClosed ? [""] : [])].join(end))
)

const scraps = [
  ..."a¦b c¦。¦，¦词¦ ¦  ¦    ¦\t¦\n¦\n¦\n\n¦\r\n¦\r¦*¦**¦_¦~~¦`¦``¦```¦````¦~~~¦```js\n¦\n```\n¦- ¦1. ¦2) ¦> ¦#¦# ¦---¦===¦|"
    .split("¦"),
  ..."[¦](¦)¦![¦<¦>¦<!--¦-->¦\\¦&amp;¦\u0301¦\u200d¦https://x.y/z¦word¦Sentence one. ¦\u3000¦👨‍👩‍👧‍👦¦🇨🇳".split("¦"),
  "\n\n| a | b |\n|---|---|\n",
  "\ud83d",
  "\ude00"
]

const noiseOf = (all: ReadonlyArray<string>): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...all), { minLength: 1, maxLength: 400, size: "max" }).map((some) => some.join(""))

/** Markdown's own characters in any order. */
export const noise: fc.Arbitrary<string> = noiseOf([...scraps, "<think>", "</think>", "<div>", "</b>", "<pre>"])

/** The same without tags, of which WeCom's client and CommonMark think differently. */
export const plainNoise: fc.Arbitrary<string> = noiseOf(scraps)
