/**
 * The envelopes of the long connection: requests of the client, acks and callbacks of the service (WeCom doc 101463).
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
  eventCallback: "aibot_event_callback"
} as const

/**
 * The headers of every frame. Only `req_id` relates an ack to its request.
 *
 * @since 0.1.0
 * @category models
 */
export const Headers = Schema.Struct({ req_id: Schema.String })

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
  readonly headers: { readonly req_id: string }
  readonly body?: unknown
}

/**
 * The service's answer to a request: no `cmd`, the request's `req_id`, and 0 or an error code.
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
 * The service's answer to a request: no `cmd`, the request's `req_id`, and 0 or an error code.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ack {
  readonly headers: { readonly req_id: string }
  readonly errcode: number
  readonly errmsg: string
  readonly body?: unknown
}

/**
 * A frame that carries a command. Without a body it has no such field.
 *
 * @since 0.1.0
 * @category constructors
 */
export const request = (cmd: string, reqId: string, body?: unknown): Request =>
  body === undefined ? { cmd, headers: { req_id: reqId } } : { cmd, headers: { req_id: reqId }, body }
