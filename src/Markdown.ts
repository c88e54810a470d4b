/**
 * Splits Markdown into messages of limited size, so that each part is rendered as it would be in the whole text. All
 * functions are pure.
 *
 * Sizes are bytes of UTF-8. A cut closes the constructs that are open, and the next part opens them again: code
 * fences with their language, tables with their header, list items and quotes with their markers, emphasis, links and
 * code spans, comments, and `<think>`. A cut is made at the end of a paragraph if possible, otherwise of a line, a
 * sentence or a word, and never inside a character as the reader sees it: CRLF, surrogate pairs, ZWJ sequences and
 * combining marks stay together. Only a character of more than a third of the limit is cut. No part ends with a
 * heading. A part of only reasoning or white space would show nothing and could not be sealed, so it shows an
 * ellipsis.
 *
 * Definitions that a text refers to (`[text][label]`, footnotes) are not repeated.
 *
 * Every limit of four bytes or more is kept. Constructs that are opened again may take two thirds of a part, and
 * leave at least 64 bytes for the text. With a limit of 256 bytes or more ordinary Markdown is rendered unchanged;
 * with smaller limits blocks are cut without being opened again. The work is linear in the size of the text.
 *
 * @since 0.1.0
 */
import { required } from "./internal/checks/arguments.js"
import * as Cut from "./internal/markdown/cut.js"
import { prefixAt } from "./internal/markdown/resume.js"
import * as Limits from "./Limits.js"

/** Throws `SendInvalid` for a text that is not a string. */
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
 * Splits a text into messages of at most `limit` bytes each (default 20480, WeCom doc 101031), in order. A text that
 * fits is returned unchanged. Without the repeated constructs the messages are the whole text, except for white space
 * at its end.
 *
 * A list item that continues in another message shows its marker again. If the text after that marker must start on
 * its own line, or would itself be read as a marker, a zero-width space (U+200B) is inserted before it.
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
 * The first message of a text, and the rest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cutting {
  /** At most the limit, valid by itself. */
  readonly head: string
  /** The beginning of the next message: `prefix` and the remaining text. Shorter than the text. */
  readonly rest: string
  /** The fences, headers and markers that are opened again. */
  readonly prefix: string
  /** How many UTF-16 units of the text are in `head`. */
  readonly consumed: number
}

/**
 * Cuts off the first message of at most `limit` bytes, for a text that is still growing: `head` can be sealed, and
 * new text is appended to `rest`. If the text fits, `head` is the whole text, unchanged; `close` it before sealing
 * it. Cutting `rest` repeatedly gives the result of `split`, except that the last `rest` may be white space.
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
 * Closes the code fence, the comment and the `<think>` that are open at the end, so that the text can stand alone in
 * a sealed bubble. A text without open constructs is returned unchanged.
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
 * The text from a position (in UTF-16 units), as it continues in another message: everything that a cut at that
 * position would open again is opened again, except emphasis. At the end of the text the result is the beginning of
 * the next message, to which new text is appended.
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
 * Escapes `<think>` and `</think>` in text that only mentions them, in any case: a zero-width space (U+200B) prevents
 * the tag and is not visible. Otherwise an unclosed tag hides all following text (WeCom doc 101031).
 *
 * @since 0.1.0
 * @category reasoning
 */
export const defuseThink: (text: string) => string = ofText((text) => text.replace(/<(?=\/?think)/gi, "<\u200b"))
