/**
 * What the process of the bot and the process of the service tell each other.
 */
export type Order =
  | { readonly _tag: "Warm"; readonly messages: number }
  | { readonly _tag: "Traffic"; readonly on: boolean }
  | { readonly _tag: "Faults"; readonly on: boolean }
  | { readonly _tag: "Report" }
  | { readonly _tag: "Stop" }

export type Notice =
  | { readonly _tag: "Listening"; readonly url: string }
  | { readonly _tag: "Warmed" }
  | { readonly _tag: "Report"; readonly accepted: string; readonly faults: Readonly<Record<string, number>> }

/** Every send of the bot carries a number of its own: the service counts how often it took a frame with it. */
export const maxTokens = 4_000_000

/** A frame that is a message by itself. */
export const single = (token: number): string => `#${token}#`

/** The end of an answer: it counts in the frame that seals it, or in a push in its place. */
export const answer = (token: number): string => `~${token}~`

/** What the user reads below an answer that failed. */
export const failureText = "that failed"

/** The token of a frame that counts. */
export const tokenOf = (text: string, isWhole: boolean): number | undefined => {
  if (text.includes(failureText)) return undefined
  const found = (isWhole ? /[#~](\d+)[#~]/ : /#(\d+)#/).exec(text)
  return found === null ? undefined : Number(found[1])
}
