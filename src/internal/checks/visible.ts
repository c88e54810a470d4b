/**
 * Whether an answer shows anything.
 */
const visibleCharacter = /[^\s\p{Cc}\p{Cf}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u

/**
 * Whether text shows anything: white space, zero-width characters and `<think>` blocks do not count, nor does the rest after a
 * `<think>` that is never closed. A final frame that shows nothing leaves the "thinking" spinner on the screen.
 *
 * @since 0.1.0
 * @category validation
 */
export const hasVisible = (text: string): boolean => {
  if (typeof text !== "string") return false
  let from = 0
  while (true) {
    const open = text.indexOf("<think>", from)
    if (visibleCharacter.test(open === -1 ? text.slice(from) : text.slice(from, open))) return true
    if (open === -1) return false
    const close = text.indexOf("</think>", open)
    if (close === -1) return false
    from = close + "</think>".length
  }
}
