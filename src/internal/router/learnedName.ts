/**
 * The name by which a bot is mentioned, learned from its group messages: the service delivers only those that mention the bot,
 * so its name is the mention that all of them have in common. Functions over plain data.
 */

/** @internal */
export interface Learning {
  /** What each message so far may call the bot: prefixes that all of them have. */
  readonly candidates: ReadonlyArray<string>
  /** How many messages of different words were compared. */
  readonly compared: number
  /** The latest message. The same words again teach nothing. */
  readonly latest: string | undefined
}

/** @internal */
export const initial: Learning = { candidates: [], compared: 0, latest: undefined }

/** Longer names are not shown whole. */
const longestName = 64

/** Fewer messages can share the words after a name, so that only its first word counts. */
const enough = 5

/** A text can be forged of mentions. */
const mostMentions = 16

/** What follows each `@`, up to what cannot be part of a name. */
const tailsOf = (text: string): ReadonlyArray<string> =>
  text.split(/(?<![\w.])[@＠]/, mostMentions + 1).slice(1)
    .map((tail) => /^[^\n/\u2005，。？！：；,?!:;]{0,64}/u.exec(tail)![0].trim())
    .filter((tail) => tail !== "")

const isBoundary = (text: string, at: number): boolean =>
  at >= text.length || !/[\p{L}\p{N}_]/u.test(text[at]!) || /\p{Script=Han}/u.test(text[at]!)

/** The longest prefix of both that ends where a name can end in both. */
const common = (one: string, other: string): string => {
  let at = 0
  while (at < one.length && at < other.length && at < longestName && one[at] === other[at]) at++
  while (at > 0 && !(isBoundary(one, at) && isBoundary(other, at))) at--
  return one.slice(0, at).trim()
}

const longest = (texts: ReadonlyArray<string>): string =>
  texts.reduce((best, text) => text.length > best.length ? text : best, "")

/** @internal */
export const learn = (state: Learning, text: string): Learning => {
  const tails = tailsOf(text)
  if (tails.length === 0 || text === state.latest) return state
  const first: Learning = { candidates: tails, compared: 1, latest: text }
  if (state.candidates.length === 0) return first
  const candidates = state.candidates.map((candidate) => longest(tails.map((tail) => common(candidate, tail))))
    .filter((candidate) => candidate !== "")
  // The bot was renamed.
  return candidates.length === 0 ? first : { candidates, compared: state.compared + 1, latest: text }
}

const firstWord = (name: string): string => /^(?:[^\s\p{Script=Han}]+|[^\s]+)/u.exec(name)?.[0] ?? name

/**
 * `undefined` until two messages of different words were compared.
 *
 * @internal
 */
export const nameOf = ({ candidates, compared }: Learning): string | undefined => {
  if (compared < 2) return undefined
  const name = longest(candidates)
  return compared < enough ? firstWord(name) : name
}
