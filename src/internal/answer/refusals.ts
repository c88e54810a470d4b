/**
 * Failures of a frame, by their consequence for its answer (WeCom doc 101463).
 */
import * as Duration from "effect/Duration"
import * as ErrorCode from "../../ErrorCode.js"
import type { SendError } from "../../WecomError.js"

/** The stream or its `req_id` takes no more frames: the rest of the answer is pushed. */
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

/** The same frame can be accepted later. */
export const isPassing = (error: SendError): boolean =>
  error._tag === "ReplyQueueFull" || error._tag === "SendRejected" && passing.has(error.errcode)

/** The frame was not written, but there may be a link later. */
export const isUnsent = (error: SendError): boolean =>
  error._tag === "SendUnavailable" && error.reason === "NotSubscribed"

/**
 * The most tries of one frame with temporary refusals. They span more than a minute, after which the quota of a minute is free
 * again.
 */
export const tries = 8

/** The wait before the next try: short after a conflict, longer after a limit. */
export const delay = (error: SendError, attempt: number): Duration.Duration =>
  error._tag === "SendRejected" && error.errcode === ErrorCode.versionConflict
    ? Duration.millis(Math.min(100 * attempt, 1000))
    : Duration.millis(Math.min(1000 * 2 ** (attempt - 1), 15_000))
