/**
 * Real frames carry raw control characters inside JSON strings (WeCom's own SDK deletes them, and still fails on a line
 * feed). Escaping them inside string literals keeps the user's text whole.
 */
const controlCharacter = /[\u0000-\u001f]/

const escapeControl = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`

/** @internal */
export const escapeControlCharacters = (text: string): string => {
  let out = ""
  let from = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) {
      inString = !inString
    } else if (inString && code === 0x5c) {
      i++
      // A backslash before a raw control character escapes nothing: the pair becomes the character alone.
      if (i < text.length && text.charCodeAt(i) <= 0x1f) {
        out += text.slice(from, i - 1) + escapeControl(text.charCodeAt(i))
        from = i + 1
      }
    } else if (inString && code <= 0x1f) {
      out += text.slice(from, i) + escapeControl(code)
      from = i + 1
    }
  }
  return out + text.slice(from)
}

/** Parses first, repairs only what failed: the hot path pays nothing. Throws what `JSON.parse` throws. */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!controlCharacter.test(text)) throw error
    return JSON.parse(escapeControlCharacters(text))
  }
}
