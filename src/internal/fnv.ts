/**
 * Hot path. FNV-1a over UTF-16, for tables of our own. What is hashed are ids of the service, of this library and of the bot, and
 * none of them gains by a collision.
 */

const basis = 0x811c9dc5
const prime = 0x01000193

/** Like no character, so that nothing moves from the one text to the other unseen. */
const separator = 0x10000

const addText = (hash: number, text: string): number => {
  let sum = hash
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), prime)
  return sum
}

/** Thirty bits, because larger numbers are objects. */
const folded = (sum: number): number => (sum ^ (sum >>> 15)) & 0x3fffffff

/** @internal */
export const hash = (text: string): number => folded(addText(basis, text))

/** @internal */
export const hashOfTwo = (one: string, other: string): number => folded(addText(addText(basis, one) ^ separator, other))
