/**
 * What a refusal means for the answer it belongs to (WeCom doc 101463).
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Exit from "effect/Exit"
import * as ErrorCode from "../ErrorCode.js"
import { SendRejected } from "../WecomError.js"

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
export const isGone = (error: unknown): error is SendRejected =>
  error instanceof SendRejected && gone.has(error.errcode)

/** @internal */
export const isPassing = (error: unknown): error is SendRejected =>
  error instanceof SendRejected && passing.has(error.errcode)

/** @internal */
export const mayPass = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.isFailType(exit.cause) && isPassing(exit.cause.error)

/** @internal */
export const tries = 8

/** How long to wait before the `attempt`-th try: a conflict is over at once, a limit is not. */
export const delay = (error: SendRejected, attempt: number): Duration.Duration =>
  error.errcode === ErrorCode.versionConflict
    ? Duration.millis(Math.min(100 * attempt, 1000))
    : Duration.millis(Math.min(1000 * 2 ** (attempt - 1), 15_000))
