/**
 * What to do about an error code, in English: the texts that a bot itself uses. The other texts are in `ErrorCode`, outside the
 * bundles of programs that do not import it.
 */
import type { Cure } from "../../ErrorCode.js"

const pushInstead = ["push", "push the answer with sendMessage instead"] as const

const credentials = ["person", "check botId and secret in the WeCom admin console"] as const

/** @internal */
export const cures: { readonly [code: number]: readonly [cure: Cure, advice: string] } = {
  0: ["none", "nothing to do"],
  "-1": ["wait", "pause a moment, then send it again; send upload chunks fewer at a time"],
  6000: ["resend", "send the latest content again, one frame at a time per req_id"],
  40007: ["fix", "upload the file again: a media_id lives for 3 days"],
  40008: ["fix", "use another msgtype: text is for welcomes only, so reply and push with markdown"],
  40016: ["fix", "give the card 1 to 6 buttons"],
  40058: ["fix", "correct the body: enums are integers and flags are booleans"],
  40201: ["terminal", "the same text will be refused again: send other text"],
  45002: ["split", "split it into parts of at most 20480 bytes of UTF-8"],
  45009: ["wait", "wait, then send it again"],
  45033: ["wait", "wait, then send it again with fewer calls at once"],
  86201: ["fix", "name the chat: the userid of a single chat, or the chatid of a group"],
  93001: ["fix", "add the bot to the group first"],
  93006: [
    "fix",
    "check the chatid (case-sensitive; the userid for a single chat) and let the user write to the bot first"
  ],
  93019: credentials,
  600039: ["fix", "answer with a reply to the group's message instead of a push"],
  600041: credentials,
  846604: pushInstead,
  846605: pushInstead,
  846606: ["terminal", "one callback takes one such answer: push further messages with sendMessage"],
  846607: ["wait", "wait, then send it again: a conversation takes 30 messages a minute and 1000 an hour"],
  846608: ["push", "continue under a new stream id, or push the rest with sendMessage"],
  846609: ["reconnect", "reconnect and subscribe, then send it again"],
  853000: credentials
}

/** @internal */
export const adviceEn = (errcode: number, shown: unknown = errcode): string =>
  (typeof errcode === "number" ? cures[errcode]?.[1] : undefined) ??
    `${shown} is not a code this library knows: look it up in WeCom's list of global error codes`
