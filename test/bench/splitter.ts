/**
 * How long a megabyte of Markdown takes to split: `npx tsx test/bench/splitter.ts`. The promise is 50 ms at the limit of a
 * message.
 */
import * as fc from "fast-check"
import * as Limits from "../../src/Limits.js"
import * as Markdown from "../../src/Markdown.js"
import { document } from "../markdown/documents.js"

const megabyte = 1024 * 1024

const fill = (text: string): string => {
  const bytes = Buffer.byteLength(text)
  return text.repeat(Math.ceil(megabyte / bytes))
}

const texts: Record<string, string> = {
  "mixed documents": fill(fc.sample(document, { numRuns: 200, seed: 1 }).join("\n\n")),
  "Chinese prose": fill(
    "企业微信智能机器人可以在群聊里回答问题。它的**每一条消息**最多二万字节，更长的`内容`要分成几条！\n\n"
  ),
  "English prose, one paragraph": fill(
    "A bot answers in *one* message after the other, and [each](https://example.com) has a limit. "
  ),
  "Chinese prose, one paragraph": fill("企业微信智能机器人可以在群聊里回答问题，它的**每一条消息**最多二万字节。"),
  "one fence": `\`\`\`ts\n${fill("const answer = await bot.reply(message, \"好的\") // a comment\n")}\`\`\``,
  "one table": `| a | b | c |\n|---|---|---|\n${fill("| one | 二二二 | three |\n")}`,
  "one list": fill("- an item of a list with *emphasis*\n  - and a nested one 嵌套的\n"),
  "one word": "x".repeat(megabyte),
  "emoji families": fill("👨‍👩‍👧‍👦")
}

for (const [name, text] of Object.entries(texts)) {
  const times: Array<number> = []
  let pieces = 0
  for (let i = 0; i < 15; i++) {
    // A text that comes out of a stream is a rope: flat it would not be the same work.
    const start = performance.now()
    pieces = Markdown.split(text).length
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const median = times[times.length >> 1]!
  console.log(
    `${name.padEnd(30)} ${String(Math.round(Buffer.byteLength(text) / 1024)).padStart(5)} KiB ` +
      `${String(pieces).padStart(3)} pieces at ${Limits.contentBytes}  median ${
        median.toFixed(1).padStart(6)
      } ms  best ${times[0]!.toFixed(1).padStart(6)} ms`
  )
}
