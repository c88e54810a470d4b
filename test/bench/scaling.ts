/**
 * Whether work grows faster than its input: `npx tsx test/bench/scaling.ts`. Each function at one, ten and a hundred times a usual
 * size, for texts that are hard for it; a ratio far above 10 is more than linear.
 */
import { Markdown, Message, Reply } from "effect-wecom"
import { fromContentDisposition } from "../../src/internal/media/filename.js"
import * as LearnedName from "../../src/internal/router/learnedName.js"
import { parse } from "../../src/internal/wire/jsonRepair.js"
import { median } from "./median.js"

/** In characters. Ten times as much is split once. */
const usual = 2500

const units = {
  words: "word ",
  "one word": "x",
  Chinese: "明天",
  emoji: "👍🏽",
  mentions: "@a ",
  at: "@",
  "full-width at": "＠",
  bot: "@Bot",
  backticks: "`",
  fences: "```\n",
  thinking: "<think>",
  closing: "</think>",
  table: "|a|b|\n|-|-|\n",
  list: "- a\n",
  nested: ">- ",
  stars: "*_",
  brackets: "[",
  links: "[a](b) ",
  escapes: "\\",
  percent: "%E4",
  words2047: "=?UTF-8?B?5oql?= ",
  quotes: "\"\\\"",
  spaces: " \u3000\u200b"
} as const

const message = (content: string): Message.TextMessage => ({
  msgid: "m",
  aibotid: "b",
  chattype: "group",
  chatid: "g",
  from: { userid: "u" },
  reqId: "r",
  receivedAt: 0,
  msgtype: "text",
  text: { content }
})

const functions: { readonly [name: string]: (text: string) => unknown } = {
  "Markdown.split": (text) => Markdown.split(text),
  "Markdown.close": (text) => Markdown.close(text),
  "Message.plainText": (text) => Message.plainText(message(text), { botName: "Bot" }),
  learnedName: (text) => LearnedName.learn(LearnedName.learn(LearnedName.initial, "@Bot hi"), text),
  "Reply.hasVisible": (text) => Reply.hasVisible(text),
  jsonRepair: (text) => {
    try {
      return parse(JSON.stringify({ text }).replaceAll("a", "\u0001"))
    } catch {
      return undefined
    }
  },
  filename: (text) => fromContentDisposition(`attachment; filename="${text}"; filename*=UTF-8''${text}`)
}

const millis = (run: () => void): number => {
  const startedAt = performance.now()
  run()
  return performance.now() - startedAt
}

for (const [name, run] of Object.entries(functions)) {
  for (const [kind, unit] of Object.entries(units)) {
    const [once, ten, hundred] = [1, 10, 100].map((times) => {
      const text = unit.repeat(Math.ceil(usual * times / unit.length))
      return median(Array.from({ length: times === 100 ? 1 : 3 }, () => millis(() => run(text))))
    }) as [number, number, number]
    const isSteep = hundred > 20 && ten > 1 && hundred / ten > 20
    if (isSteep || process.argv.includes("--all")) {
      console.log(
        `${name} of ${kind}: ${once.toFixed(2)}, ${ten.toFixed(2)}, ${hundred.toFixed(2)} ms (× ${
          (hundred / ten).toFixed(1)
        })`
      )
    }
  }
}
