/**
 * Markdown in messages of limited size: pure functions that cut a text so that each part reads alone as it reads together.
 *
 * Sizes are bytes of UTF-8. A cut never stands inside a character as a reader sees it: surrogate pairs, ZWJ sequences and
 * combining marks stay together, unless one is larger than the limit. Paragraph ends are preferred, then line ends, sentences
 * and words. Code fences are closed and opened again with their language, tables get their header again, list items and
 * quotes their markers, and a `<think>` is closed and opened again.
 *
 * @since 0.1.0
 */
import * as Cut from "./internal/markdown/cut.js"
import { prefixAfter } from "./internal/markdown/resume.js"
import * as Limits from "./Limits.js"

/**
 * The text in messages of at most `limit` bytes each (default 20480, WeCom doc 101463), in order. What stands between two of
 * them is the text's own; only the repeated fences, headers and markers come on top.
 *
 * @since 0.1.0
 * @category splitting
 */
export const split = (
  text: string,
  options?: { readonly limit?: number | undefined }
): ReadonlyArray<string> => Cut.pieces(text, Cut.clampLimit(options?.limit ?? Limits.contentBytes)).map(Cut.render)

/**
 * The first message of a text, and what is left of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Cutting {
  /** At most the limit, valid by itself. */
  readonly head: string
  /** What the next message begins with: `prefix` and the rest of the text. */
  readonly rest: string
  /** Fences, headers and markers that are opened again. */
  readonly prefix: string
  /** How many UTF-16 units of the text are in the head. */
  readonly consumed: number
}

/**
 * Cuts off the first message of at most `limit` bytes. For a text that still grows: what is in the head stays as it is,
 * whatever comes after.
 *
 * @since 0.1.0
 * @category splitting
 */
export const cut = (text: string, limit: number): Cutting => {
  const { consumed, head, prefix } = Cut.cutHead(text, Cut.clampLimit(limit))
  return { head, prefix, consumed, rest: prefix + text.slice(consumed) }
}

/**
 * Closes the code fence and the `<think>` that are open at the end, so that the text can stand alone.
 *
 * @since 0.1.0
 * @category splitting
 */
export const close = (text: string): string => Cut.closeOpen(text)

/**
 * The text from a place on, as it goes on in another message: with the code fence, table header and `<think>` that are open
 * there opened again.
 *
 * @since 0.1.0
 * @category splitting
 */
export const resume = (text: string, at: number): string => prefixAfter(text.slice(0, at)) + text.slice(at)

/**
 * Text that merely mentions `<think>` or `</think>`: a zero-width space keeps the tag from being one, and reads the same.
 *
 * @since 0.1.0
 * @category reasoning
 */
export const defuseThink = (text: string): string => text.replace(/<(?=\/?think)/gi, "<\u200b")
