/**
 * Errors of HTTP clients as `DownloadFailed`. They contain the URL, so only their code is kept.
 */
import type { HttpClientError } from "@effect/platform/HttpClientError"
import { type DecryptFailed, DownloadFailed, type DownloadReason } from "../../WecomError.js"
import * as addresses from "../checks/addresses.js"

/** @internal */
export type DownloadFailure = DownloadFailed | DecryptFailed

/** @internal */
export const failed = (reason: DownloadReason): DownloadFailed => new DownloadFailed({ reason })

const isAddressRefused = (error: object): error is addresses.AddressRefused =>
  "code" in error && error.code === addresses.refusedCode

/** The error and its causes. Bounded, because causes can be circular. */
const causes = (error: unknown): ReadonlyArray<object> => {
  const found: Array<object> = []
  let current = error
  while (typeof current === "object" && current !== null && found.length < 8) {
    found.push(current)
    current = "cause" in current ? current.cause : undefined
  }
  return found
}

const codeOf = (error: object): string | undefined =>
  "code" in error && typeof error.code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(error.code)
    ? error.code
    : undefined

/** @internal */
export const fromHttpClient = (error: HttpClientError): DownloadFailed => {
  if (error._tag === "RequestError" && error.reason === "InvalidUrl") return failed({ _tag: "InvalidUrl" })
  const chain = causes(error)
  const refused = chain.find(isAddressRefused)
  if (refused !== undefined) return failed({ _tag: "AddressRefused", kind: refused.kind })
  const code = chain.map(codeOf).find((code) => code !== undefined)
  return failed({ _tag: "Network", code: code ?? "UNKNOWN" })
}

// Permanent: a retry gets the same certificate and the same missing name.
const permanent = /^(ENOTFOUND$|CERT_|ERR_TLS|ERR_SSL|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_|UND_ERR_INVALID_ARG)/

/** @internal */
export const isTransient = (reason: DownloadReason): boolean => {
  switch (reason._tag) {
    case "Network":
      return !permanent.test(reason.code)
    case "Status":
      return reason.status >= 500
    case "Truncated":
      return true
    default:
      return false
  }
}
