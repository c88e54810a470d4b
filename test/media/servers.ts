/**
 * HTTP servers for downloads: one in memory, on Effect's clock, and one on a port.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Effect, Layer, Redacted, Stream } from "effect"
import { BotConfig, Crypto, MediaDownload } from "effect-wecom"
import { randomBytes } from "node:crypto"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as NodeHttp from "../../src/internal/node/http.js"

export interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: Stream.Stream<Uint8Array, Error> | Uint8Array
  /** Instead of an answer: what the request fails with, or never an answer at all. */
  readonly fail?: Error | "never"
}

export type Requests = Array<{ readonly url: string; readonly headers: Record<string, string | undefined> }>

export const memoryServer = (answer: (url: URL, count: number) => Answer) => {
  const requests: Requests = []
  const client = HttpClient.make((request, url) =>
    Effect.suspend(() => {
      requests.push({ url: url.href, headers: request.headers })
      const { body, fail, headers = {}, status = 200 } = answer(url, requests.length)
      if (fail === "never") return Effect.never
      if (fail !== undefined) {
        return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: fail }))
      }
      if (body === undefined || body instanceof Uint8Array) {
        const all = body === undefined ? headers : { "content-length": String(body.length), ...headers }
        return Effect.succeed(
          HttpClientResponse.fromWeb(request, new Response((body ?? null) as any, { status, headers: all }))
        )
      }
      return Effect.map(
        Stream.toReadableStreamEffect(body),
        (readable) => HttpClientResponse.fromWeb(request, new Response(readable, { status, headers }))
      )
    })
  )
  return { requests, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

export const layerOver = (
  http: Layer.Layer<HttpClient.HttpClient>,
  options?: Partial<BotConfig.Options>
): Layer.Layer<MediaDownload.MediaDownload | FileSystem.FileSystem> =>
  Layer.merge(
    MediaDownload.layer.pipe(
      Layer.provide([
        http,
        Crypto.layer,
        Layer.orDie(BotConfig.layer({ botId: "bot", secret: Redacted.make("s"), ...options }))
      ])
    ),
    NodeFileSystem.layer
  )

/** A server on 127.0.0.1 and the HTTP of `NodeWecomBot`. */
export const realServer = (handler: Http.RequestListener) =>
  Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer(handler)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`))

export const nodeHttp = (options?: Partial<NodeHttp.Options>) =>
  NodeHttp.layer({ allowPrivateAddresses: true, ...options })

export const newKey = () => randomBytes(32)

/** In pieces of this size. */
export const pieces = (bytes: Uint8Array, size: number): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
  ).pipe(Stream.rechunk(1))
