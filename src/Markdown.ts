import * as Cut from "./internal/markdown/cut.js"
import * as Limits from "./Limits.js"

export const split = (text: string, options?: { readonly limit?: number | undefined }) =>
  Cut.pieces(text, Cut.clampLimit(options?.limit ?? Limits.contentBytes)).map(Cut.render)

// --- LEAD: keep these exports present at ALL times (src/internal/answer.ts, rendering.ts, delivery.ts import them) until you
// replace them with the real ones: everybody's tests fail to load otherwise.
import { utf8Length } from "./internal/bytes.js"
export const cut = (text: string, limit: number) => {
  let at = Math.min(text.length, Math.floor(limit / 3))
  if (at < text.length && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800) at--
  while (utf8Length(text.slice(0, at)) > limit) at--
  return { head: text.slice(0, at), rest: text.slice(at), consumed: at, prefix: "" }
}
export const close = (text: string) => text
export const resume = (text: string, at: number) => text.slice(at)
export const defuseThink = (text: string) => text.replace(/<(\/?think)/gi, "<\u200b$1")
