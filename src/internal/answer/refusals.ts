/**
 * What a failed send means for the answer it belongs to (WeCom doc 101463).
 */
import * as Duration from "effect/Duration"
import * as ErrorCode from "../../ErrorCode.js"
import type { SendError } from "../../WecomError.js"

/** The stream, or the req_id it answers, takes nothing more: what is missing goes out as a push. */
const gone: ReadonlySet<number> = new Set([
  ErrorCode.streamExpired,
  ErrorCode.reqIdExpired,
  ErrorCode.invalidReqId
])

const passing: ReadonlySet<number> = new Set([
  ErrorCode.versionConflict,
  ErrorCode.frequencyLimit,
  ErrorCode.rateLimit,
  ErrorCode.concurrencyLimit,
  ErrorCode.systemError
])

/** @internal */
export const isGone = (error: SendError): boolean => error._tag === "SendRejected" && gone.has(error.errcode)

/** Later the same frame may be taken. */
export const isPassing = (error: SendError): boolean =>
  error._tag === "ReplyQueueFull" || error._tag === "SendRejected" && passing.has(error.errcode)

/** It did not leave, but there may be a link again. */
export const isUnsent = (error: SendError): boolean =>
  error._tag === "SendUnavailable" && error.reason === "NotSubscribed"

/** How often a frame is sent while its refusals pass: a minute's quota is free again within this many tries. */
export const tries = 8

/** How long to wait before the next try: a conflict is over at once, a limit is not. */
export const delay = (error: SendError, attempt: number): Duration.Duration =>
  error._tag === "SendRejected" && error.errcode === ErrorCode.versionConflict
    ? Duration.millis(Math.min(100 * attempt, 1000))
    : Duration.millis(Math.min(1000 * 2 ** (attempt - 1), 15_000))
