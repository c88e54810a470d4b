/**
 * The files of the engine behind an `HttpClient`, in memory and on Effect's clock.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError } from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Downloads } from "./downloads.js"

/** The statuses for which the constructor of `Response` accepts no body, not even an empty one. */
const withoutBody = new Set([204, 205, 304])

/** @internal */
export const make = (downloads: Downloads): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) =>
    Effect.suspend(() => {
      const answer = downloads.answer(url)
      if (answer === undefined) {
        const cause = Object.assign(new Error("the gateway cut the connection"), { code: "ECONNRESET" })
        return Effect.fail(new RequestError({ request, reason: "Transport", cause }))
      }
      const { body, headers, status } = answer
      const respond = (readable: ReadableStream<Uint8Array> | null) =>
        HttpClientResponse.fromWeb(request, new Response(readable as ReadableStream | null, { status, headers }))
      return withoutBody.has(status)
        ? Effect.succeed(respond(null))
        : Effect.map(Stream.toReadableStreamEffect(body), (readable) => {
          // A response that is never read is cancelled with its request; otherwise its reader cancels it.
          const abandon = () => void readable.cancel().catch(() => {})
          if (signal.aborted) abandon()
          else signal.addEventListener("abort", abandon, { once: true })
          return respond(readable)
        })
    })
  )
