/**
 * Markdown in messages of limited size: pure functions that cut a text so that each part reads alone as it reads together.
 *
 * Sizes are bytes of UTF-8. What a cut closes and opens again: code fences with their language, tables with their header,
 * list items and quotes with their markers, emphasis, links and code spans, comments, and `<think>`. It stands at the end
 * of a paragraph if it can, else of a line, a sentence, a word, and never inside a character as a reader sees it: line
 * breaks of two characters, surrogate pairs, ZWJ sequences and combining marks stay together (only a character of more
 * than a third of the limit is cut). No part ends with a heading, none is all thoughts or white space: such a part shows
 * an ellipsis, because a message that shows nothing cannot be sealed.
 *
 * What a text refers to from elsewhere (`[text][label]`, footnotes) is not repeated.
 *
 * Every limit of four bytes and more is kept. Opening blocks again may take two thirds of a part and leaves at least 64
 * bytes to the text, so from about 256 bytes on ordinary Markdown keeps its reading; below, blocks are just cut. The work is
 * linear in the text.
 *
 * @since 0.1.0
 */
import { required } from "./internal/checks/arguments.js"
import * as Cut from "./internal/markdown/cut.js"
import { prefixAt } from "./internal/markdown/resume.js"
import * as Limits from "./Limits.js"

/** What is no text throws `SendInvalid`. */
const ofText = <F extends (text: string, more?: any) => unknown>(f: F): F =>
  required(
    "text",
    "a string",
    ((text, more) => {
      if (typeof text !== "string") throw new TypeError()
      return f(text, more)
    }) as F
  )

/**
 * The text in messages of at most `limit` bytes each (default 20480, WeCom doc 101031), in order; a text that fits stays as
 * it is. Without what is repeated they are the whole text, up to white space at its end.
 *
 * A list item that goes on in another message shows its marker again. Where the text itself has to stand in a line of its
 * own below that marker, or begins with what would be read as a marker, a zero-width space (U+200B) stands before it.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Markdown } from "effect-wecom"
 *
 * const table = "| day | rain |\n|---|---|\n" + "| Monday | 3 mm |\n".repeat(20)
 * const [first, second] = Markdown.split(table, { limit: 256 })
 *
 * assert.ok(first?.startsWith("| day | rain |\n|---|---|\n| Monday"))
 * assert.ok(second?.startsWith("| day | rain |\n|---|---|\n| Monday"))
 * ```
 *
 * @example
 * ```ts
 * import { Markdown } from "effect-wecom"
 *
 * declare const report: string
 *
 * for (const message of Markdown.split(report, { limit: 2048 })) console.log(message)
 * ```
 *
 * @since 0.1.0
 * @category splitting
 */
export const split: (
  text: string,
  options?: {
    /** Bytes of UTF-8, default 20480. */
    readonly limit?: number | undefined
  }
) => ReadonlyArray<string> = ofText((text, options?: { readonly limit?: number | undefined }) =>
  Cut.pieces(text, Cut.clampLimit(options?.limit ?? Limits.contentBytes)).map(Cut.render)
)

/**
 * The first message of a text, and what is left of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cutting {
  /** At most the limit, valid by itself. */
  readonly head: string
  /** What the next message begins with: `prefix` and the rest of the text. Shorter than the text was. */
  readonly rest: string
  /** Fences, headers and markers that are opened again. */
  readonly prefix: string
  /** How many UTF-16 units of the text are in the head. */
  readonly consumed: number
}

/**
 * Cuts off the first message of at most `limit` bytes, for a text that still grows: the head can be sealed, and what comes
 * goes behind `rest`. A text that fits is all head, as it is: `close` it to seal it. Cutting `rest` again and again
 * gives what `split` gives, except that the last `rest` may be white space.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Markdown } from "effect-wecom"
 *
 * const { head, rest } = Markdown.cut("```ts\n" + "const answer = 42\n".repeat(20), 256)
 *
 * assert.ok(head.endsWith("\nconst answer = 42\n```"))
 * assert.ok(rest.startsWith("```ts\nconst answer = 42\n"))
 * ```
 *
 * @since 0.1.0
 * @category splitting
 */
export const cut: (text: string, limit: number) => Cutting = ofText((text, limit: number) => {
  const { consumed, head, prefix } = Cut.cutHead(text, Cut.clampLimit(limit))
  return { head, prefix, consumed, rest: prefix + text.slice(consumed) }
})

/**
 * Closes the code fence or comment and the `<think>` that are open at the end, so that the text can stand alone: what a
 * bubble needs whose answer was cut off. A text in which nothing is open stays as it is.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Markdown } from "effect-wecom"
 *
 * assert.strictEqual(Markdown.close("```ts\nconst answer ="), "```ts\nconst answer =\n```")
 * assert.strictEqual(Markdown.close("<think>hm"), "<think>hm\n\n</think>")
 * ```
 *
 * @since 0.1.0
 * @category splitting
 */
export const close: (text: string) => string = ofText((text) => Cut.closeOpen(text))

/**
 * The text from a place on (in UTF-16 units), as it goes on in another message: what a cut there would open again is
 * opened again, except emphasis. The place may be the end of the text: then it is what the next message begins with, for
 * what comes to go behind.
 *
 * @example
 * ```ts
 * import * as assert from "node:assert"
 * import { Markdown } from "effect-wecom"
 *
 * const shown = "An example:\n\n```ts\nconst answer = 42\n"
 *
 * assert.strictEqual(Markdown.resume(shown, shown.length), "```ts\n")
 * ```
 *
 * @since 0.1.0
 * @category splitting
 */
export const resume: (text: string, at: number) => string = ofText((text, at: number) =>
  prefixAt(text, at) + text.slice(at)
)

/**
 * Text that merely mentions `<think>` or `</think>`, whatever their case: a zero-width space (U+200B) keeps the tag from
 * being one, and reads the same. Without it an unclosed one hides all that follows (WeCom doc 101031).
 *
 * @since 0.1.0
 * @category reasoning
 */
export const defuseThink: (text: string) => string = ofText((text) => text.replace(/<(?=\/?think)/gi, "<\u200b"))
