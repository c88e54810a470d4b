/**
 * Hot path. Text from the socket becomes an ack, a callback or a reason why not, in one synchronous step that never throws:
 * the envelope is checked by hand, because acks are most of the traffic, and bodies by Schema decoders compiled once.
 */
import type * as Clock from "effect/Clock"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as BotEvent from "../../BotEvent.js"
import * as ErrorCode from "../../ErrorCode.js"
import * as Frame from "../../Frame.js"
import * as Message from "../../Message.js"
import * as ChunkFrame from "./chunkFrame.js"
import { parse } from "./jsonRepair.js"
import * as SchemaGuard from "./schemaGuard.js"
import * as StreamText from "./streamText.js"

/** @internal */
export type Inbound =
  | { readonly _tag: "Ack"; readonly ack: Frame.Ack }
  | { readonly _tag: "Message"; readonly message: Message.Message }
  | { readonly _tag: "Event"; readonly event: BotEvent.BotEvent }
  | { readonly _tag: "Ping"; readonly reqId: string }
  | { readonly _tag: "Unknown"; readonly cmd: string }
  | {
    readonly _tag: "Undecodable"
    readonly reason: "NotText" | "NotJson" | "NotAnEnvelope" | "BadMessage" | "BadEvent" | "Hostile"
  }

type Json = { [key: string]: unknown }

const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

const notAnEnvelope: Inbound = { _tag: "Undecodable", reason: "NotAnEnvelope" }
const preserve = { onExcessProperty: "preserve" } as const

interface MessageDecoder {
  readonly accepts: (body: unknown) => body is Message.Message
  readonly decode: (body: unknown) => Either.Either<Message.Message, unknown>
}

/** Compiled by its first frame: most bots receive few of these shapes. */
const decoder = <A>(schema: Schema.Schema<A>, options?: typeof preserve) => {
  let decode: ((body: unknown) => Either.Either<A, unknown>) | undefined
  return (body: unknown): Either.Either<A, unknown> => (decode ??= Schema.decodeUnknownEither(schema, options))(body)
}

const messageDecoder = <A extends Message.Message>(schema: Schema.Schema<A>): MessageDecoder => ({
  accepts: SchemaGuard.compile<Message.Message>(schema as unknown as Schema.Schema<Message.Message>),
  decode: decoder(schema, preserve)
})

const messageDecoders: { readonly [msgtype: string]: MessageDecoder } = {
  __proto__: null as never,
  text: messageDecoder(Message.TextMessage),
  image: messageDecoder(Message.ImageMessage),
  mixed: messageDecoder(Message.MixedMessage),
  voice: messageDecoder(Message.VoiceMessage),
  file: messageDecoder(Message.FileMessage),
  video: messageDecoder(Message.VideoMessage)
}
const decodeUnknownMessage = decoder(Message.UnknownMessage)

const eventDecoders: { readonly [eventtype: string]: (body: unknown) => Either.Either<BotEvent.BotEvent, unknown> } = {
  __proto__: null as never,
  enter_chat: decoder(BotEvent.EnterChat, preserve),
  template_card_event: decoder(BotEvent.TemplateCardEvent, preserve),
  feedback_event: decoder(BotEvent.FeedbackEvent, preserve),
  disconnected_event: decoder(BotEvent.DisconnectedEvent, preserve)
}
const decodeUnknownEvent = decoder(BotEvent.UnknownEvent)

/**
 * Removes two deviations seen on the wire: `null` for an absent field, and seconds as a string. Values nested deeper than 16
 * levels stay unchanged, so that hostile nesting cannot overflow the stack.
 */
const normalize = (value: unknown, depth: number): unknown => {
  if (depth > 16) return value
  if (Array.isArray(value)) return value.map((item) => normalize(item, depth + 1))
  if (!isObject(value)) return value
  const out: Json = {}
  for (const key of Object.keys(value)) {
    const field = value[key]
    if (field === null || key === "__proto__") continue
    out[key] = key === "create_time" && typeof field === "string" && field.trim() !== ""
      ? Number(field)
      : normalize(field, depth + 1)
  }
  return out
}

/** The fields of a callback of unknown shape that have the right type. */
const validFields = (body: Json, reqId: string, receivedAt: number): Json => {
  const out: Json = { reqId, receivedAt, raw: body }
  for (const key of ["msgid", "aibotid", "chattype", "chatid", "response_url"]) {
    if (typeof body[key] === "string") out[key] = body[key]
  }
  // Only strings and numbers are converted: `Number` of an object can throw.
  const time = body.create_time
  const seconds = typeof time === "number" ? time : typeof time === "string" && time.trim() !== "" ? Number(time) : NaN
  if (Number.isFinite(seconds)) out.create_time = seconds
  if (isObject(body.from) && typeof body.from.userid === "string") out.from = { userid: body.from.userid }
  return out
}

const decodeMessage = (body: Json, reqId: string, receivedAt: number): Inbound => {
  const decoder = typeof body.msgtype === "string" ? messageDecoders[body.msgtype] : undefined
  if (decoder !== undefined) {
    // The parsed body is not shared, so the two fields of this library are written into it instead of into a copy.
    const own = body.reqId
    const ownReceivedAt = body.receivedAt
    body.reqId = reqId
    body.receivedAt = receivedAt
    if (decoder.accepts(body)) return { _tag: "Message", message: body }
    const second = decoder.decode(normalize(body, 0))
    if (Either.isRight(second)) return { _tag: "Message", message: second.right }
    restore(body, "reqId", own)
    restore(body, "receivedAt", ownReceivedAt)
  }
  const rest = validFields(body, reqId, receivedAt)
  rest.msgtype = "unknown"
  const unknown = decodeUnknownMessage(rest)
  return Either.isRight(unknown)
    ? { _tag: "Message", message: unknown.right }
    : { _tag: "Undecodable", reason: "BadMessage" }
}

const restore = (body: Json, key: string, value: unknown): void => {
  if (value === undefined) delete body[key]
  else body[key] = value
}

const withPayload = new Set(["template_card_event", "feedback_event"])

/** Moves a flat payload into the object named after the eventtype, where WeCom doc 101027 has it; some sources show it flat. */
const nest = (event: Json, eventtype: string): Json => {
  const { eventtype: _, ...payload } = event
  return { eventtype, [eventtype]: payload }
}

const decodeEvent = (body: Json, reqId: string, receivedAt: number): Inbound => {
  const event = body.event
  const eventtype = isObject(event) ? event.eventtype : undefined
  if (isObject(event) && typeof eventtype === "string") {
    const decoder = eventDecoders[eventtype]
    if (decoder !== undefined) {
      const nested = withPayload.has(eventtype) && !isObject(event[eventtype]) ? nest(event, eventtype) : event
      const decoded = decoder(normalize({ ...body, reqId, receivedAt, eventtype, event: nested }, 0))
      if (Either.isRight(decoded)) return { _tag: "Event", event: decoded.right }
      // The event ends the connection, whatever its other fields are.
      if (eventtype === "disconnected_event") {
        return { _tag: "Event", event: { reqId, receivedAt, eventtype, event: { eventtype } } }
      }
    }
  }
  const rest = validFields(body, reqId, receivedAt)
  rest.eventtype = "unknown"
  const unknown = decodeUnknownEvent(rest)
  return Either.isRight(unknown)
    ? { _tag: "Event", event: unknown.right }
    : { _tag: "Undecodable", reason: "BadEvent" }
}

/** Excludes the empty string, which `Number` converts to 0, the code of success. */
const wholeNumber = /^-?\d+$/

const decodeAck = (frame: Json, reqId: string): Inbound => {
  const { errcode, errmsg } = frame
  const code = typeof errcode === "number"
    ? errcode
    : typeof errcode === "string" && wholeNumber.test(errcode)
    ? Number(errcode)
    : NaN
  return {
    _tag: "Ack",
    ack: {
      headers: { req_id: reqId },
      // An ack without a valid code counts as refused, unless it has neither code nor message.
      errcode: Number.isNaN(code) ? (errcode == null && errmsg == null ? 0 : -1) : code,
      errmsg: typeof errmsg === "string" ? errmsg : "",
      body: frame.body
    }
  }
}

const decodeFrame = (frame: unknown, receivedAt: number): Inbound => {
  if (!isObject(frame)) return notAnEnvelope
  const headers = frame.headers
  const reqId = isObject(headers) && typeof headers.req_id === "string" ? headers.req_id : undefined
  const cmd = frame.cmd
  if (cmd === undefined || cmd === null || cmd === "") {
    return reqId === undefined ? notAnEnvelope : decodeAck(frame, reqId)
  }
  if (typeof cmd !== "string") return notAnEnvelope
  switch (cmd) {
    case Frame.Command.messageCallback:
      return reqId === undefined || !isObject(frame.body)
        ? { _tag: "Undecodable", reason: "BadMessage" }
        : decodeMessage(frame.body, reqId, receivedAt)
    case Frame.Command.eventCallback:
      return !isObject(frame.body)
        ? { _tag: "Undecodable", reason: "BadEvent" }
        : decodeEvent(frame.body, reqId ?? "", receivedAt)
    case Frame.Command.ping:
      return reqId === undefined ? notAnEnvelope : { _tag: "Ping", reqId }
    default:
      return { _tag: "Unknown", cmd }
  }
}

/** The form of nearly all acks. Matching it costs a third of parsing the JSON. */
const plainAck = /^\{"headers":\{"req_id":"([^"\\\u0000-\u001f]*)"\},"errcode":0,"errmsg":"([^"\\\u0000-\u001f]*)"\}$/

/** @internal */
export const decode = (data: unknown, clock: Pick<Clock.Clock, "unsafeCurrentTimeMillis">): Inbound => {
  if (typeof data !== "string") return { _tag: "Undecodable", reason: "NotText" }
  const plain = plainAck.exec(data)
  if (plain !== null) {
    return {
      _tag: "Ack",
      ack: { headers: { req_id: plain[1]! }, errcode: ErrorCode.ok, errmsg: plain[2]!, body: undefined }
    }
  }
  let frame: unknown
  try {
    frame = parse(data)
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

/** @internal */
export const textOf = (frame: Frame.Request): string => {
  const { body } = frame
  return body instanceof StreamText.StreamFrameBody || body instanceof ChunkFrame.ChunkBody
    ? body.textOf(frame)
    : encode(frame)
}
