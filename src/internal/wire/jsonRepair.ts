/**
 * JSON with raw control characters inside strings, as real frames contain them. They are escaped, so that the text of the user
 * stays whole: the official SDK deletes them, and fails on a line feed.
 */
const controlCharacter = /[\u0000-\u001f]/

const escapes = Array.from({ length: 0x20 }, (_, code) => `\\u${code.toString(16).padStart(4, "0")}`)

/** @internal */
export const escapeControlCharacters = (text: string): string => {
  // Pieces that are joined once: appending a few characters at a time costs five times as much.
  const pieces: Array<string> = []
  let from = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) {
      inString = !inString
    } else if (inString && code === 0x5c) {
      i++
      // A backslash before a raw control character escapes nothing: the pair becomes the character.
      if (i < text.length && text.charCodeAt(i) <= 0x1f) {
        pieces.push(text.slice(from, i - 1), escapes[text.charCodeAt(i)]!)
        from = i + 1
      }
    } else if (inString && code <= 0x1f) {
      if (i > from) pieces.push(text.slice(from, i))
      pieces.push(escapes[code]!)
      from = i + 1
    }
  }
  pieces.push(text.slice(from))
  return pieces.join("")
}

/**
 * The longest text that is repaired, in characters. Real messages are far shorter, and repairing 20 MB would block the event
 * loop for seconds.
 *
 * @internal
 */
export const maxRepairedLength = 1024 * 1024

/** Parses, and repairs only text that fails, so that the hot path pays nothing. Throws what `JSON.parse` throws. */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (text.length > maxRepairedLength || !controlCharacter.test(text)) throw error
    return JSON.parse(escapeControlCharacters(text))
  }
}
