/**
 * Hot path. Text from the socket becomes an ack, a callback or a reason why not, in one synchronous step that never throws:
 * the envelope is checked by hand, because acks are most of the traffic, and bodies by `callbacks`.
 */
import type * as Clock from "effect/Clock"
import * as ErrorCode from "../../ErrorCode.js"
import * as Frame from "../../Frame.js"
import * as Callbacks from "./callbacks.js"
import * as ChunkFrame from "./chunkFrame.js"
import { parse } from "./jsonRepair.js"
import type { Fields } from "./repair.js"
import { isFields } from "./repair.js"
import * as StreamText from "./streamText.js"

/** @internal */
export type Inbound =
  | { readonly _tag: "Ack"; readonly ack: Frame.Ack }
  /** A refusal of a field, which the service sends without `headers`, so that it names no frame. Others name theirs. */
  | { readonly _tag: "Refusal"; readonly errcode: number; readonly errmsg: string }
  | Callbacks.Callback
  | { readonly _tag: "Ping"; readonly reqId: Frame.ReqId }
  | { readonly _tag: "Unknown"; readonly cmd: string }
  | {
    readonly _tag: "Undecodable"
    readonly reason: "NotText" | "NotJson" | "NotAnEnvelope" | "BadMessage" | "BadEvent" | "Hostile"
    readonly reqId?: Frame.ReqId
  }

const notAnEnvelope: Inbound = { _tag: "Undecodable", reason: "NotAnEnvelope" }

/** Excludes the empty string, which `Number` converts to 0, the code of success. */
const wholeNumber = /^-?\d+$/

const codeOf = (errcode: unknown): number | undefined =>
  typeof errcode === "number"
    ? errcode
    : typeof errcode === "string" && wholeNumber.test(errcode)
    ? Number(errcode)
    : undefined

const decodeAck = (frame: Fields, reqId: Frame.ReqId): Inbound => {
  const { errcode, errmsg } = frame
  return {
    _tag: "Ack",
    ack: {
      headers: { req_id: reqId },
      // An ack without a valid code counts as refused, unless it has neither code nor message.
      errcode: codeOf(errcode) ?? (errcode == null && errmsg == null ? ErrorCode.ok : -1),
      errmsg: typeof errmsg === "string" ? errmsg : "",
      body: frame.body
    }
  }
}

const decodeRefusal = ({ errcode, errmsg }: Fields): Inbound => {
  const code = codeOf(errcode)
  return code === ErrorCode.invalidParameter
    ? { _tag: "Refusal", errcode: code, errmsg: typeof errmsg === "string" ? errmsg : "" }
    : notAnEnvelope
}

/** Beyond the safe integers JSON has lost digits, so that the number names no frame. */
const reqIdOf = (headers: unknown): Frame.ReqId | undefined => {
  const reqId = isFields(headers) ? headers.req_id : undefined
  return typeof reqId === "string" || typeof reqId === "number" && Math.abs(reqId) <= Number.MAX_SAFE_INTEGER
    ? reqId
    : undefined
}

const undecodable = (reason: "BadMessage" | "BadEvent", reqId: Frame.ReqId | undefined): Inbound =>
  reqId === undefined ? { _tag: "Undecodable", reason } : { _tag: "Undecodable", reason, reqId }

/** A callback without a `req_id` is handled, and answered under an empty one. */
const withoutReqId = ""

const decodeFrame = (frame: unknown, receivedAt: number): Inbound => {
  if (!isFields(frame)) return notAnEnvelope
  const reqId = reqIdOf(frame.headers)
  const { body, cmd } = frame
  if (cmd === undefined || cmd === null || cmd === "") {
    return reqId === undefined ? decodeRefusal(frame) : decodeAck(frame, reqId)
  }
  if (typeof cmd !== "string") return notAnEnvelope
  switch (cmd) {
    case Frame.Command.messageCallback:
    case Frame.Command.legacyMessageCallback:
      return isFields(body)
        ? Callbacks.message(body, reqId ?? withoutReqId, receivedAt)
        : undecodable("BadMessage", reqId)
    case Frame.Command.eventCallback:
      return isFields(body)
        ? Callbacks.event(body, reqId ?? withoutReqId, receivedAt)
        : undecodable("BadEvent", reqId)
    case Frame.Command.ping:
      return reqId === undefined ? notAnEnvelope : { _tag: "Ping", reqId }
    default:
      return { _tag: "Unknown", cmd }
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

const byteOrderMark = "\ufeff"

/** Gateways in between can send text in binary frames, or behind a byte order mark. */
const textOfData = (data: unknown): string | undefined => {
  if (typeof data === "string") return data.startsWith(byteOrderMark) ? data.slice(1) : data
  if (!(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data)) return undefined
  try {
    return utf8.decode(data)
  } catch {
    return undefined
  }
}

/** The form of nearly all acks. Matching it costs a third of parsing the JSON. */
const plainAck = /^\{"headers":\{"req_id":"([^"\\\u0000-\u001f]*)"\},"errcode":0,"errmsg":"([^"\\\u0000-\u001f]*)"\}$/

/** @internal */
export const decode = (data: unknown, clock: Pick<Clock.Clock, "unsafeCurrentTimeMillis">): Inbound => {
  const text = textOfData(data)
  if (text === undefined) return { _tag: "Undecodable", reason: "NotText" }
  const plain = plainAck.exec(text)
  if (plain !== null) {
    return {
      _tag: "Ack",
      ack: { headers: { req_id: plain[1]! }, errcode: ErrorCode.ok, errmsg: plain[2]!, body: undefined }
    }
  }
  let frame: unknown
  try {
    frame = parse(text)
  } catch {
    return { _tag: "Undecodable", reason: "NotJson" }
  }
  // No frame is known to throw here, but an exception in the callback of a socket ends the process.
  try {
    return decodeFrame(frame, clock.unsafeCurrentTimeMillis())
  } catch {
    return { _tag: "Undecodable", reason: "Hostile" }
  }
}

/** @internal */
export const encode = (frame: Frame.Request): string => JSON.stringify(frame)

/**
 * The text of a frame.
 *
 * @internal
 */
export const textOf = (frame: Frame.Request): string => {
  const { body } = frame
  return body instanceof StreamText.StreamFrameBody || body instanceof ChunkFrame.ChunkBody
    ? body.textOf(frame)
    : encode(frame)
}
