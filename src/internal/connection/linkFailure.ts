/**
 * The `LinkFailure` for a socket's error. Errors differ by runtime; one that is not recognised is `Network`.
 */
import type { LinkFailure } from "../../WecomError.js"

const dns = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_NODATA", "EAI_NONAME"])
const refused = new Set(["ECONNREFUSED"])
const tls =
  /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/
const unexpectedStatus = /Unexpected server response: (\d{3})/

const errorOf = (cause: unknown): { readonly code?: unknown; readonly message?: unknown } | undefined => {
  if (typeof cause !== "object" || cause === null) return undefined
  return "error" in cause && typeof cause.error === "object" && cause.error !== null ? cause.error : cause
}

/** @internal */
export const fromUnknown = (cause: unknown): LinkFailure => {
  const error = errorOf(cause)
  const code = typeof error?.code === "string" ? error.code : "unknown"
  const status = typeof error?.message === "string" ? unexpectedStatus.exec(error.message) : null
  if (status !== null) return { _tag: "Handshake", status: Number(status[1]) }
  if (dns.has(code)) return { _tag: "Dns", code }
  if (refused.has(code)) return { _tag: "Refused", code }
  if (tls.test(code)) return { _tag: "Tls", code }
  return { _tag: "Network", code }
}
