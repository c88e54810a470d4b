/**
 * The errors of the library: one tagged class for each failure that a program can react to.
 *
 * No error contains the secret, a media key, a media URL or the text of a message.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { adviceEn } from "./internal/checks/cures.js"

/**
 * Why a link to the service was lost or could not be opened.
 *
 * @since 0.1.0
 * @category link failures
 */
export const LinkFailure = Schema.Union(
  Schema.TaggedStruct("Dns", { code: Schema.String }),
  Schema.TaggedStruct("Refused", { code: Schema.String }),
  Schema.TaggedStruct("Tls", { code: Schema.String }),
  Schema.TaggedStruct("Handshake", { status: Schema.Number }),
  Schema.TaggedStruct("OpenTimeout", {}),
  Schema.TaggedStruct("SubscribeTimeout", {}),
  Schema.TaggedStruct("CredentialsRefused", { errcode: Schema.Number, errmsg: Schema.String }),
  Schema.TaggedStruct("SubscribeRefused", { errcode: Schema.Number, errmsg: Schema.String }),
  Schema.TaggedStruct("HeartbeatLost", {}),
  Schema.TaggedStruct("NotSubscribed", {}),
  Schema.TaggedStruct("TakenOver", {}),
  Schema.TaggedStruct("ClosedBy", { code: Schema.Number }),
  Schema.TaggedStruct("Network", { code: Schema.String })
)

/**
 * Why a link to the service was lost or could not be opened:
 *
 * - `Dns`: the host name did not resolve
 * - `Refused`: no server listens at the address
 * - `Tls`: the certificate was not accepted
 * - `Handshake`: the server answered the WebSocket handshake with an HTTP status
 * - `OpenTimeout`: the server did not answer the WebSocket handshake
 * - `SubscribeTimeout`: the service did not ack the subscribe
 * - `CredentialsRefused`: bot id or secret are wrong (853000)
 * - `SubscribeRefused`: the subscribe was refused for another reason
 * - `HeartbeatLost`: a ping was not acked, or the heartbeat policy ended
 * - `NotSubscribed`: the service no longer knows the subscription (846609)
 * - `TakenOver`: another instance subscribed
 * - `ClosedBy`: the connection was closed with this code
 * - `Network`: any other socket error
 *
 * @since 0.1.0
 * @category link failures
 */
export type LinkFailure = typeof LinkFailure.Type

const untrusted = "its CA is not trusted: pass a private CA in the option `ca`"

/** The meaning of the error codes of Node's TLS. */
const tlsTexts: { readonly [code: string]: string } = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another host name",
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted
}

const describeTls = (code: string): string | undefined =>
  Object.hasOwn(tlsTexts, code) ? `the TLS certificate was not accepted: ${tlsTexts[code]} (${code})` : undefined

const linkFailureTexts: {
  readonly [K in LinkFailure["_tag"]]: (failure: Extract<LinkFailure, { _tag: K }>) => string
} = {
  Dns: (_) => `the host name did not resolve (${_.code})`,
  Refused: (_) => `the connection was refused (${_.code})`,
  Tls: (_) => describeTls(_.code) ?? `the TLS connection failed (${_.code})`,
  Handshake: (_) => `the server answered the WebSocket handshake with status ${_.status}`,
  OpenTimeout: () => "the server did not answer the WebSocket handshake in time",
  SubscribeTimeout: () => "the subscribe was not acknowledged in time",
  CredentialsRefused: (_) => `the service refused the credentials (${_.errcode})`,
  SubscribeRefused: (_) => `the service refused the subscribe (${_.errcode})`,
  HeartbeatLost: () => "a ping was not acknowledged in time",
  NotSubscribed: () => "the service no longer knows the subscription (846609)",
  TakenOver: () => "another instance subscribed with this bot id",
  ClosedBy: (_) => `the connection closed with code ${_.code}`,
  Network: (_) => `the socket failed (${_.code})`
}

/**
 * The failure as one clause, for a log line or an error message.
 *
 * @since 0.1.0
 * @category link failures
 */
export const describeLinkFailure = (failure: LinkFailure): string => {
  try {
    return (linkFailureTexts[failure._tag] as (failure: LinkFailure) => string)(failure)
  } catch {
    return "the link was lost"
  }
}

/**
 * Terminal: the service refused the credentials `attempts` times. Correct `botId` or `secret`.
 *
 * @since 0.1.0
 * @category connection errors
 */
export class AuthRejected extends Schema.TaggedError<AuthRejected>()("AuthRejected", {
  errcode: Schema.Number,
  errmsg: Schema.String,
  attempts: Schema.Number
}) {
  override get message(): string {
    return `the service refused the credentials ${this.attempts} time(s) with ${this.errcode}: check botId and secret`
  }
}

/**
 * Terminal: another instance subscribed with this bot id. A bot has one connection. Stop one of the two instances, or
 * set `onSuperseded: "retake"`.
 *
 * @since 0.1.0
 * @category connection errors
 */
export class Superseded extends Schema.TaggedError<Superseded>()("Superseded", {}) {
  override get message(): string {
    return "another instance subscribed with this bot id: a bot has one connection, so stop one of the two instances"
  }
}

/**
 * Terminal: the link could not be restored within `maxReconnectAttempts`.
 *
 * @since 0.1.0
 * @category connection errors
 */
export class ReconnectExhausted extends Schema.TaggedError<ReconnectExhausted>()("ReconnectExhausted", {
  attempts: Schema.Number,
  last: LinkFailure
}) {
  override get message(): string {
    return `gave up after ${this.attempts} attempt(s) to reconnect: ${describeLinkFailure(this.last)}`
  }
}

/**
 * The failures that close a bot for good.
 *
 * @since 0.1.0
 * @category unions
 */
export type ConnectionError = AuthRejected | Superseded | ReconnectExhausted

/**
 * The frame was not written: there was no subscription within `unavailableTimeout`, or the bot is draining or closed.
 * Nothing was delivered; sending again later is safe.
 *
 * @since 0.1.0
 * @category send errors
 */
export class SendUnavailable extends Schema.TaggedError<SendUnavailable>()("SendUnavailable", {
  command: Schema.String,
  reason: Schema.Literal("NotSubscribed", "Draining", "Closed")
}) {
  override get message(): string {
    const why = {
      NotSubscribed: "there was no subscribed connection in time",
      Draining: "the bot is closing",
      Closed: "the bot is closed"
    }[this.reason]
    return `${this.command} was not sent: ${why}`
  }
}

/**
 * The service refused the frame, and nothing was delivered. `advice` says how to react to the code.
 *
 * @since 0.1.0
 * @category send errors
 */
export class SendRejected extends Schema.TaggedError<SendRejected>()("SendRejected", {
  command: Schema.String,
  errcode: Schema.Number,
  errmsg: Schema.String
}) {
  /**
   * How to react to the error code, from the table in `ErrorCode`.
   *
   * @since 0.1.0
   */
  get advice(): string {
    return adviceEn(this.errcode)
  }
  override get message(): string {
    return `the service refused ${this.command} with ${this.errcode}: ${this.advice}`
  }
}

/**
 * The frame was not written, because its window had passed.
 *
 * @since 0.1.0
 * @category send errors
 */
export class SendExpired extends Schema.TaggedError<SendExpired>()("SendExpired", {
  command: Schema.String,
  window: Schema.DurationFromMillis
}) {
  override get message(): string {
    return `${this.command} was not sent: its window of ${
      Duration.format(this.window)
    } had passed; push the message instead`
  }
}

/**
 * Size, shape or target of a body is wrong, and nothing was sent. Names the field, what is wrong with it, and what is
 * allowed.
 *
 * Pure functions throw it for an argument that their types forbid and for which they have no result.
 *
 * @since 0.1.0
 * @category send errors
 */
export class SendInvalid extends Schema.TaggedError<SendInvalid>()("SendInvalid", {
  field: Schema.String,
  problem: Schema.String,
  limit: Schema.String
}) {
  override get message(): string {
    return `${this.field} ${this.problem}; allowed: ${this.limit}`
  }
}

/**
 * The lane of this `req_id` already has `limit` waiting frames (`maxReplyQueueSize`). The frame was not sent.
 *
 * @since 0.1.0
 * @category send errors
 */
export class ReplyQueueFull extends Schema.TaggedError<ReplyQueueFull>()("ReplyQueueFull", {
  command: Schema.String,
  limit: Schema.Number
}) {
  override get message(): string {
    return `${this.command} was not sent: ${this.limit} frames already wait on this req_id; wait for acks before sending more`
  }
}

/**
 * The frame was written, and its delivery cannot be known. Sending it again may show it twice. For a whole answer,
 * `bytesOnScreen` is the number of bytes that are known to be shown in the chat.
 *
 * @since 0.1.0
 * @category send errors
 */
export class DeliveryUnknown extends Schema.TaggedError<DeliveryUnknown>()("DeliveryUnknown", {
  command: Schema.String,
  reason: Schema.Literal("AckTimeout", "ConnectionLost"),
  bytesOnScreen: Schema.optional(Schema.Number)
}) {
  override get message(): string {
    const why = this.reason === "AckTimeout"
      ? "no ack arrived in time, or its ack cannot be told from that of another frame"
      : "the connection was lost before its ack"
    return `${this.command} was sent, but its delivery is unknown: ${why}`
  }
}

/**
 * The failures of a send.
 *
 * @since 0.1.0
 * @category unions
 */
export type SendError =
  | SendUnavailable
  | SendRejected
  | SendExpired
  | SendInvalid
  | ReplyQueueFull
  | DeliveryUnknown

/**
 * Why a download failed.
 *
 * @since 0.1.0
 * @category media errors
 */
export const DownloadReason = Schema.Union(
  Schema.TaggedStruct("NoMedia", {}),
  Schema.TaggedStruct("InvalidUrl", {}),
  Schema.TaggedStruct("AddressRefused", {
    kind: Schema.Literal("loopback", "private", "link-local", "metadata", "reserved")
  }),
  Schema.TaggedStruct("TooManyRedirects", { limit: Schema.Number }),
  Schema.TaggedStruct("Expired", {}),
  Schema.TaggedStruct("Status", { status: Schema.Number }),
  Schema.TaggedStruct("Network", { code: Schema.String }),
  Schema.TaggedStruct("Timeout", { waitingFor: Schema.Literal("headers", "bytes") }),
  Schema.TaggedStruct("Truncated", { expected: Schema.Number, received: Schema.Number }),
  Schema.TaggedStruct("TooLarge", { limit: Schema.Number })
)

/**
 * Why a download failed:
 *
 * - `NoMedia`: the message has nothing to download
 * - `InvalidUrl`: the link is not an http or https URL
 * - `AddressRefused`: the link or a redirect leads to an address that is not public, literally or by its host name
 * - `TooManyRedirects`: more than `limit` redirects
 * - `Expired`: the server answered 403; a link is valid for five minutes
 * - `Status`: the server answered with another status
 * - `Network`: the connection failed
 * - `Timeout`: no data arrived for `requestTimeout`
 * - `Truncated`: the connection ended before the announced number of bytes
 * - `TooLarge`: the file has more than `limit` bytes
 *
 * @since 0.1.0
 * @category media errors
 */
export type DownloadReason = typeof DownloadReason.Type

const downloadTexts: {
  readonly [K in DownloadReason["_tag"]]: (reason: Extract<DownloadReason, { _tag: K }>) => string
} = {
  NoMedia: () => "there is no image, file or video in it",
  InvalidUrl: () => "its link is not an http or https URL",
  AddressRefused: (_) =>
    `its link leads to a ${_.kind} address, which is refused (see the option allowPrivateAddresses)`,
  TooManyRedirects: (_) => `its link redirects more than ${_.limit} times`,
  Expired: () => "its link is no longer valid (403): a link lives five minutes, so ask the user for the file again",
  Status: (_) => `the server answered with status ${_.status}`,
  Network: (_) => describeTls(_.code) ?? `the connection failed (${_.code})`,
  Timeout: (_) => `the server sent no ${_.waitingFor} in time`,
  Truncated: (_) => `the connection ended after ${_.received} of ${_.expected} bytes`,
  TooLarge: (_) => `it has more than ${_.limit} bytes`
}

/**
 * A file could not be downloaded. Bytes emitted before the failure are not the whole file.
 *
 * @since 0.1.0
 * @category media errors
 */
export class DownloadFailed extends Schema.TaggedError<DownloadFailed>()("DownloadFailed", {
  reason: DownloadReason
}) {
  override get message(): string {
    const text = downloadTexts[this.reason._tag] as (reason: DownloadReason) => string
    return `the file was not downloaded: ${text(this.reason)}`
  }
}

const decryptTexts = {
  KeyInvalid: "the key is not base64 of 32 bytes",
  Empty: "there is nothing to decrypt",
  Truncated: "the ciphertext is cut off: its length is not a multiple of the block size",
  PaddingWrong: "the padding is wrong: the key belongs to another file, or the ciphertext is corrupted or cut off",
  Malformed: "the decrypted message does not have the shape of a callback",
  ReceiveIdMismatch: "the message is meant for another receiver"
} as const

/**
 * A file or a callback could not be decrypted. The reasons `Malformed` and `ReceiveIdMismatch` occur only for
 * callbacks.
 *
 * - `KeyInvalid`: the key is not base64 of 32 bytes
 * - `Empty`: there is nothing to decrypt
 * - `Truncated`: the ciphertext is cut off inside a block
 * - `PaddingWrong`: the key is wrong, or the ciphertext is corrupted or shortened; the two cannot be told apart
 * - `Malformed`: the decrypted message is not a callback
 * - `ReceiveIdMismatch`: the callback is meant for another receiver
 *
 * @since 0.1.0
 * @category media errors
 */
export class DecryptFailed extends Schema.TaggedError<DecryptFailed>()("DecryptFailed", {
  reason: Schema.Literal("KeyInvalid", "Empty", "Truncated", "PaddingWrong", "Malformed", "ReceiveIdMismatch")
}) {
  override get message(): string {
    return `the file or message could not be decrypted: ${decryptTexts[this.reason]}`
  }
}

/**
 * Why an upload failed.
 *
 * @since 0.1.0
 * @category media errors
 */
export const UploadReason = Schema.Union(
  Schema.TaggedStruct("Refused", { errcode: Schema.Number, errmsg: Schema.String }),
  Schema.TaggedStruct("Unanswered", { reason: Schema.Literal("AckTimeout", "ConnectionLost") }),
  Schema.TaggedStruct("Unavailable", { reason: Schema.Literal("NotSubscribed", "Draining", "Closed") }),
  Schema.TaggedStruct("MalformedAck", {}),
  Schema.TaggedStruct("SizeMismatch", { expected: Schema.Number, actual: Schema.Number }),
  Schema.TaggedStruct("SessionExpired", {})
)

/**
 * Why an upload failed:
 *
 * - `Refused`: the service answered with an error code
 * - `Unanswered`: the service did not answer, or the connection was lost, at every attempt
 * - `Unavailable`: there was no subscribed connection in time, or the bot is closing
 * - `MalformedAck`: the ack has no upload id or media id
 * - `SizeMismatch`: the source has another number of bytes than its `size`
 * - `SessionExpired`: the upload took longer than 30 minutes
 *
 * @since 0.1.0
 * @category media errors
 */
export type UploadReason = typeof UploadReason.Type

const uploadTexts: {
  readonly [K in UploadReason["_tag"]]: (reason: Extract<UploadReason, { _tag: K }>) => string
} = {
  Refused: (_) => `the service refused it with ${_.errcode}: ${adviceEn(_.errcode)}`,
  Unanswered: (_) => _.reason === "AckTimeout" ? "the service did not answer in time" : "the connection was lost",
  Unavailable: (_) =>
    ({
      NotSubscribed: "there was no subscribed connection in time",
      Draining: "the bot is closing",
      Closed: "the bot is closed"
    })[_.reason],
  MalformedAck: () => "the ack of the service has no upload id or media id",
  SizeMismatch: (_) => `the source has ${_.actual} bytes instead of ${_.expected}`,
  SessionExpired: () => "it took longer than 30 minutes"
}

/**
 * An upload failed at this stage: `source` (reading the source), `init`, `chunk` (with the index of the chunk) or
 * `finish`. There is no media id; uploading again is safe.
 *
 * @since 0.1.0
 * @category media errors
 */
export class UploadFailed extends Schema.TaggedError<UploadFailed>()("UploadFailed", {
  stage: Schema.Literal("source", "init", "chunk", "finish"),
  reason: UploadReason,
  chunk: Schema.optional(Schema.Number)
}) {
  override get message(): string {
    const text = uploadTexts[this.reason._tag] as (reason: UploadReason) => string
    const where = this.chunk === undefined ? this.stage : `${this.stage} ${this.chunk}`
    return `the upload failed (${where}): ${text(this.reason)}`
  }
}

/**
 * The failures of uploads and downloads, and of sending media.
 *
 * @since 0.1.0
 * @category unions
 */
export type MediaError = SendError | UploadFailed | DownloadFailed | DecryptFailed
