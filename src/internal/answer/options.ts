/**
 * The options of a whole answer, read once before anything is sent: a getter that throws or changes later cannot break the
 * answer halfway.
 */
import * as Either from "effect/Either"
import type { ReplyStreamOptions } from "../../Answer.js"
import * as Reply from "../../Reply.js"
import { SendInvalid } from "../../WecomError.js"
import { invalid } from "../checks/arguments.js"

type Options = ReplyStreamOptions<any>

const kinds = {
  feedback: "object",
  openAtOnce: "boolean",
  keepAlive: "boolean",
  foldStrayThinking: "boolean",
  maxFramesPerSecond: "number",
  maxBuffered: "number",
  failureText: "function",
  cutOffText: "string",
  emptyText: "string",
  onExpired: "string",
  onGone: "string"
} as const satisfies { readonly [K in keyof Options]-?: string }

const limits = {
  object: "an object",
  boolean: "true or false",
  number: "a number",
  function: "a function of the Cause",
  string: "a string"
}

const keys = Object.keys(kinds) as ReadonlyArray<keyof Options>

/** The checked copy. */
const readFeedback = (feedback: Reply.Feedback): Reply.Feedback | SendInvalid | undefined => {
  const frame = Reply.stream({ id: "stream", content: "", feedback })
  const checked = Reply.validateReply(frame)
  if (Either.isLeft(checked)) return checked.left
  return "stream" in checked.right ? checked.right.stream.feedback : undefined
}

/**
 * A plain copy. Throws what a getter throws.
 *
 * @internal
 */
export const read = <E>(
  options: ReplyStreamOptions<E> | undefined,
  defaults: ReplyStreamOptions<E>
): ReplyStreamOptions<E> | SendInvalid => {
  const plain: Record<string, unknown> = { ...defaults }
  for (const key of keys) {
    const value: unknown = options?.[key] ?? undefined
    if (value === undefined) continue
    if (typeof value !== kinds[key]) return invalid(key, value, limits[kinds[key]])
    if (typeof value === "number" && !(value > 0)) {
      return new SendInvalid({ field: key, problem: `is ${value}`, limit: "a number greater than 0" })
    }
    if ((key === "onExpired" || key === "onGone") && value !== "push" && value !== "fail") {
      return new SendInvalid({ field: key, problem: "is unknown", limit: "\"fail\" or \"push\"" })
    }
    const kept = key === "feedback" ? readFeedback(value as Reply.Feedback) : value
    if (kept instanceof SendInvalid) return kept
    plain[key] = kept
  }
  return plain
}
