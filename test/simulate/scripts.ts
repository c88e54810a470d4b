/**
 * What the models behind simulated answers say, when, and how much of it a user must be able to read.
 */
import { Duration, Effect, Random, Stream } from "effect"
import type { WecomBot } from "effect-wecom"
import type * as Rng from "./rng.js"

export interface Script {
  readonly millis: number
  readonly deltas: number
  readonly kind: "words" | "chinese" | "long" | "thinking" | "code" | "burst"
}

/** Every word can be told from every other of its history. */
export const word = (token: number, index: number) => `w${token}x${index} `

export const words = (token: number, count: number, first = 0) =>
  Array.from({ length: count }, (_, index) => word(token, first + index)).join("")

export const draw = (rng: Rng.Rng, millis: number, deltas: number): Script => ({
  millis,
  deltas: rng.int(1, deltas),
  kind: rng.pick(["words", "words", "chinese", "long", "thinking", "code", "burst"])
})

const code = (token: number, index: number, count: number): string => {
  if (index === 0) return "Like this:\n\n```ts\n"
  return index === count - 1
    ? `\n\`\`\`\n\nThat is ${word(token, index)}`
    : `const ${word(token, index)}= 0\n`.repeat(20)
}

/** Every delta can be told from every other, so that a missing or repeated one shows. */
const delta = ({ deltas, kind }: Script, token: number, index: number): WecomBot.AnswerPart => {
  const one = word(token, index)
  switch (kind) {
    case "words":
      return one
    case "chinese":
      return `第${one.trim()}段，你好😀。`
    case "long":
      return words(token, 300, index * 300)
    case "thinking":
      return index % 3 === 0 ? { _tag: "Thinking", text: `t${index} ` } : { _tag: "Text", text: one }
    case "code":
      return deltas < 3 ? one : code(token, index, deltas)
    case "burst":
      return words(token, 40, index * 40)
  }
}

/** Every delta of a script takes as long on average, and half of a burst comes at once. */
export const sourceOf = (script: Script, token: number): Stream.Stream<WecomBot.AnswerPart> => {
  const average = script.millis / script.deltas
  return Stream.range(0, script.deltas - 1).pipe(
    Stream.rechunk(1),
    Stream.mapEffect((index) =>
      Effect.gen(function*() {
        const wait = script.kind === "burst" && index % 10 < 5 ? 0 : 2 * average * (yield* Random.next)
        yield* Effect.sleep(Duration.millis(wait))
        return delta(script, token, index)
      })
    )
  )
}

const withoutThinking = (text: string) => text.replace(/<think>[\s\S]*?(<\/think>|$)/g, "")

/** What is left of a text when everything is gone that a splitter may add, drop or repeat between bubbles. */
export const essence = (text: string): string => withoutThinking(text).replace(/^```.*$/gm, "").replace(/[\s…]/g, "")

/** What a user must have read when the answer reports success. */
export const wanted = (script: Script, token: number): string =>
  essence(
    Array.from({ length: script.deltas }, (_, index) => {
      const part = delta(script, token, index)
      return typeof part === "string" ? part : part._tag === "Text" ? part.text : ""
    }).join("")
  )
