/**
 * The grammar of mentions in the text of group messages. A mention is `@` or `＠` and a display name, which may contain spaces;
 * the service marks neither its end nor whom it means.
 */

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Scripts that are written without spaces: in them words follow a name at once. */
const unspaced = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}"

/** Not inside an address or a longer name: hi@Bot.com, @Bot-2, @Botany. */
const notInside = "(?<![\\w.])"
const notLonger = `(?!(?![${unspaced}])[\\p{L}\\p{N}_]|[.-]\\w)`

const mentionOf = (name: string): RegExp => new RegExp(`${notInside}[@＠]${escapeRegExp(name)}${notLonger}\\s?`, "gu")

/** At most two words, or all up to the space by which clients mark the end of a mention. */
const otherMentions = /^(?:[@＠](?:[^@＠\n\u2005]{0,64}\u2005|[^@＠\s]{1,64}(?:[^\S\n\u2005][^@＠\s]{1,64})?)\s*)+$/u

/** Names are not longer, and this keeps the search linear. */
const longestAddress = 1024

/**
 * The text without mentions of the bot, and without those of others that stand before the first one at the beginning.
 *
 * @internal
 */
export const without = (text: string, botName: string): string => {
  const mention = mentionOf(botName)
  const first = text.search(mention)
  if (first < 0) return text
  const before = text.slice(0, first).trim()
  const isAddress = before !== "" && before.length <= longestAddress && otherMentions.test(before)
  return text.slice(isAddress ? first : 0).replace(mention, "")
}
