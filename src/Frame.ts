/**
 * The envelopes of frames on the long connection: requests of the bot, and acks and callbacks of the service (WeCom
 * doc 101463).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The commands of the protocol.
 *
 * @since 0.1.0
 * @category commands
 */
export const Command = {
  subscribe: "aibot_subscribe",
  ping: "ping",
  respond: "aibot_respond_msg",
  respondWelcome: "aibot_respond_welcome_msg",
  respondUpdate: "aibot_respond_update_msg",
  send: "aibot_send_msg",
  uploadInit: "aibot_upload_media_init",
  uploadChunk: "aibot_upload_media_chunk",
  uploadFinish: "aibot_upload_media_finish",
  messageCallback: "aibot_msg_callback",
  /** A message, as some older gateways send it. */
  legacyMessageCallback: "aibot_callback",
  eventCallback: "aibot_event_callback"
} as const

/**
 * The id that ties an ack, or a reply to a callback, to its frame. The service sends strings; a number is echoed as the number it
 * was, because `"7"` and `7` are two ids.
 *
 * @since 0.1.0
 * @category models
 */
export const ReqId = Schema.Union(Schema.String, Schema.Number)

/**
 * The id that ties an ack, or a reply to a callback, to its frame.
 *
 * @since 0.1.0
 * @category models
 */
export type ReqId = typeof ReqId.Type

/**
 * The headers of every frame. An ack is matched to its request by `req_id` alone.
 *
 * @since 0.1.0
 * @category models
 */
export const Headers = Schema.Struct({ req_id: ReqId })

/**
 * A frame that carries a command, in either direction.
 *
 * @since 0.1.0
 * @category models
 */
export const Request = Schema.Struct({
  cmd: Schema.String,
  headers: Headers,
  body: Schema.optional(Schema.Unknown)
})

/**
 * A frame that carries a command, in either direction.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  readonly cmd: string
  readonly headers: { readonly req_id: ReqId }
  readonly body?: unknown
}

/**
 * The answer of the service to a request: the `req_id` of the request, and 0 or an error code. It has no `cmd`.
 *
 * @since 0.1.0
 * @category models
 */
export const Ack = Schema.Struct({
  headers: Headers,
  errcode: Schema.Number,
  errmsg: Schema.String,
  body: Schema.optional(Schema.Unknown)
})

/**
 * The answer of the service to a request: the `req_id` of the request, and 0 or an error code. It has no `cmd`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ack {
  readonly headers: { readonly req_id: ReqId }
  readonly errcode: number
  readonly errmsg: string
  readonly body?: unknown
}

/**
 * A frame that carries a command. Without a body the field `body` is absent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const request = (cmd: string, reqId: ReqId, body?: unknown): Request =>
  body === undefined ? { cmd, headers: { req_id: reqId } } : { cmd, headers: { req_id: reqId }, body }
