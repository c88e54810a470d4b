import * as ErrorCode from "../../ErrorCode.js"
import type * as Frame from "../../Frame.js"

/**
 * A frame that the gateway has received from a client.
 *
 * @since 0.1.0
 * @category received frames
 */
export interface Received {
  /**
   * The number of its connection, counted from 1.
   */
  readonly connection: number
  /**
   * When it was received, in milliseconds of Effect's Clock.
   */
  readonly at: number
  /**
   * The text of the frame. A subscribe frame contains the secret.
   */
  readonly text: string
  /**
   * The command; `undefined` when the text is no frame or has none.
   */
  readonly cmd: string | undefined
  /**
   * The `req_id`; `undefined` when the text is no frame or has none.
   */
  readonly reqId: Frame.ReqId | undefined
  /**
   * The body as parsed JSON.
   */
  readonly body: any
  /**
   * The result of the frame: 0 for accepted, an error code for refused, `undefined` for a frame that was not executed. It does
   * not depend on whether the ack arrived.
   */
  readonly errcode: number | undefined
}

/** @internal */
export interface Judged extends Omit<Received, "errcode"> {
  errcode: number | undefined
}

/** @internal */
export const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @internal */
export const received = (connection: number, at: number, text: string): Judged => {
  const json = parse(text)
  const frame = isRecord(json) ? json : {}
  const reqId = isRecord(frame.headers) ? frame.headers.req_id : undefined
  return {
    connection,
    at,
    text,
    cmd: typeof frame.cmd === "string" ? frame.cmd : undefined,
    reqId: typeof reqId === "string" || typeof reqId === "number" ? reqId : undefined,
    body: frame.body,
    errcode: undefined
  }
}

/**
 * An ack as the gateway sends it, for `acks.rewrite`.
 *
 * @since 0.1.0
 * @category received frames
 */
export interface Ack {
  readonly headers: { readonly req_id: Frame.ReqId }
  readonly errcode?: number
  readonly errmsg?: string
  readonly body?: unknown
}

/** Text around the meaning of a code, as the service adds it, so that no test can match the whole. */
const decorated = (errcode: number, hint: string): string =>
  `${ErrorCode.meaning(errcode)}, hint: [${hint}], from ip: 10.0.0.1, more info at ` +
  `https://open.work.weixin.qq.com/devtool/query?e=${errcode}`

/** @internal */
export const ack = (reqId: Frame.ReqId, errcode: number, hint: string, body: unknown): Ack => ({
  headers: { req_id: reqId },
  errcode,
  errmsg: errcode === 0 ? "ok" : decorated(errcode, hint),
  ...(body === undefined ? {} : { body })
})

/** @internal */
export const push = (cmd: string, reqId: Frame.ReqId | undefined, body: unknown): string =>
  JSON.stringify({ cmd, headers: { req_id: reqId }, ...(body === undefined ? {} : { body }) })
