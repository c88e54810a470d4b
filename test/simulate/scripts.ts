/**
 * What the models of simulated jobs say, when, and what of it a user must be able to read.
 */
import { Duration, Effect, Random, Stream } from "effect"
import type { WecomBot } from "effect-wecom"

export interface Script {
  readonly millis: number
  readonly deltas: number
  readonly kind: "words" | "chinese" | "long" | "thinking" | "code" | "burst"
}

const repeated = (index: number, count: number) =>
  Array.from({ length: count }, (_, word) => `w${index}x${word}`).join(" ") + " "

const code = (index: number, count: number): string => {
  if (index === 0) return "Like this:\n\n```ts\n"
  return index === count - 1 ? "\n```\n\nThat is all." : `const x${index} = ${index}\n`.repeat(20)
}

/** Every delta can be told from every other, so that a missing or repeated one shows. */
const delta = ({ deltas, kind }: Script, index: number): WecomBot.AnswerPart => {
  switch (kind) {
    case "words":
      return `w${index} `
    case "chinese":
      return `第${index}段，你好😀。`
    case "long":
      return repeated(index, 300)
    case "thinking":
      return index % 3 === 0 ? { _tag: "Thinking", text: `t${index} ` } : { _tag: "Text", text: `w${index} ` }
    case "code":
      return deltas < 3 ? `w${index} ` : code(index, deltas)
    case "burst":
      return repeated(index, 40)
  }
}

/** Every delta of a job takes as long on average, and half of a burst comes at once. */
export const sourceOf = (script: Script): Stream.Stream<WecomBot.AnswerPart> => {
  const average = script.millis / script.deltas
  return Stream.range(0, script.deltas - 1).pipe(
    Stream.rechunk(1),
    Stream.mapEffect((index) =>
      Effect.gen(function*() {
        const wait = script.kind === "burst" && index % 10 < 5 ? 0 : 2 * average * (yield* Random.next)
        yield* Effect.sleep(Duration.millis(wait))
        return delta(script, index)
      })
    )
  )
}

const withoutThinking = (text: string) => text.replace(/<think>[\s\S]*?(<\/think>|$)/g, "")

/** What is left of a text when everything is gone that a splitter may add, drop or repeat between bubbles. */
export const essence = (text: string): string => withoutThinking(text).replace(/^```.*$/gm, "").replace(/[\s…]/g, "")

/** What a user must have read when the job reports success. */
export const wanted = (script: Script): string =>
  essence(
    Array.from({ length: script.deltas }, (_, index) => {
      const part = delta(script, index)
      return typeof part === "string" ? part : part._tag === "Text" ? part.text : ""
    }).join("")
  )
