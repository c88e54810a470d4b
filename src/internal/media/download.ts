/**
 * Downloads one file over HTTP: checks redirects and addresses hop by hop, decrypts the body as it arrives, and retries as long
 * as no byte was handed on.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Buffer } from "node:buffer"
import * as BotConfig from "../../BotConfig.js"
import * as Crypto from "../../Crypto.js"
import type { Download, MediaDownload, Options, Source } from "../../MediaDownload.js"
import { DownloadFailed } from "../../WecomError.js"
import * as addresses from "../checks/addresses.js"
import { decodeKey, padBlock } from "../crypto.js"
import * as DownloadBody from "./downloadBody.js"
import { type DownloadFailure, failed, fromHttpClient, isTransient } from "./downloadErrors.js"
import * as DownloadFile from "./downloadFile.js"
import * as source from "./downloadSource.js"
import * as filename from "./filename.js"

const maxRedirects = 3

/** The pauses before a request is repeated. */
const pauses = [500, 1000]

interface Budget {
  used: number
}

/** A response with an unread body. */
interface OpenResponse {
  readonly response: HttpClientResponse.HttpClientResponse
  readonly close: Effect.Effect<void>
}

// A download that is never read must not keep its connection.
const abandoned = new FinalizationRegistry<Effect.Effect<void>>((close) => {
  Effect.runFork(close)
})

const contentLength = ({ headers }: HttpClientResponse.HttpClientResponse): number | undefined => {
  const length = headers["content-length"]
  const encoding = headers["content-encoding"] ?? "identity"
  // `Content-Length` is the length of the encoded body, which the client may have decoded.
  return length !== undefined && /^\d{1,15}$/.test(length) && encoding === "identity" ? Number(length) : undefined
}

/** The link as an absolute http or https URL without its fragment, otherwise unchanged. */
const httpUrl = (url: string, base?: string): string | undefined => {
  if (!URL.canParse(url, base)) return undefined
  const parsed = new URL(url, base)
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") return undefined
  const absolute = URL.canParse(url) ? url : parsed.href
  return absolute.split("#", 1)[0]!
}

const isTransientFailure = (error: unknown): boolean => error instanceof DownloadFailed && isTransient(error.reason)

/** Reading an argument can throw. A limit that is no number is no limit. */
const readArguments = (from: Source, options: Options | undefined) => {
  try {
    const maxBytes = options?.maxBytes
    return { link: source.linkOf(from), maxBytes: typeof maxBytes === "number" && maxBytes >= 0 ? maxBytes : undefined }
  } catch {
    return { link: undefined, maxBytes: undefined }
  }
}

/** @internal */
export const ofContext: Effect.Effect<
  MediaDownload.Service,
  never,
  BotConfig.BotConfig | Crypto.Crypto | HttpClient.HttpClient
> = Effect.map(
  Effect.all([BotConfig.BotConfig, Crypto.Crypto, HttpClient.HttpClient]),
  ([config, crypto, http]) => make(config, crypto, http)
)

/** @internal */
export const make = (
  config: BotConfig.Resolved,
  crypto: Crypto.Crypto.Service,
  given: HttpClient.HttpClient
): MediaDownload.Service => {
  let scopedClient: HttpClient.HttpClient.With<HttpClientError, Scope.Scope> | undefined
  // Without the spans of the HTTP client, which contain the URL. Redirects are followed here, because each address is checked.
  const client = () =>
    scopedClient ??= given.pipe(
      HttpClient.withScope,
      HttpClient.withTracerDisabledWhen(() => true),
      HttpClient.transformResponse(Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }))
    )

  const request = (url: string): Effect.Effect<OpenResponse, DownloadFailed> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const close = Scope.close(scope, Exit.void)
        const response = yield* client().execute(
          HttpClientRequest.get(url, { headers: { "accept-encoding": "identity" } })
        ).pipe(
          Effect.mapError(fromHttpClient),
          Effect.timeoutFail({
            duration: config.requestTimeout,
            onTimeout: () => failed({ _tag: "Timeout", waitingFor: "headers" })
          }),
          Scope.extend(scope),
          restore,
          Effect.onError(() => close)
        )
        return { response, close }
      })
    )

  const open = (link: string, hops = 0): Effect.Effect<OpenResponse, DownloadFailed> =>
    Effect.gen(function*() {
      const url = httpUrl(link)
      if (url === undefined) return yield* failed({ _tag: "InvalidUrl" })
      const kind = addresses.kindOfHost(new URL(url).hostname)
      if (kind !== "public" && !addresses.isAllowed(kind, config.allowPrivateAddresses)) {
        return yield* failed({ _tag: "AddressRefused", kind })
      }
      const opened = yield* request(url)
      const { headers, status } = opened.response
      if (status >= 200 && status < 300) return opened
      yield* opened.close
      if (status >= 300 && status < 400 && headers.location !== undefined) {
        if (hops === maxRedirects) return yield* failed({ _tag: "TooManyRedirects", limit: maxRedirects })
        const next = httpUrl(headers.location, url)
        return yield* next === undefined ? failed({ _tag: "InvalidUrl" }) : open(next, hops + 1)
      }
      return yield* failed(status === 403 ? { _tag: "Expired" } : { _tag: "Status", status })
    })

  /** Retries temporary failures within the budget. */
  const withRetries = <A, E, R>(budget: Budget, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.catchAll(effect, (error) =>
      isTransientFailure(error) && budget.used < pauses.length
        ? Effect.zipRight(Effect.sleep(Duration.millis(pauses[budget.used++]!)), withRetries(budget, effect))
        : Effect.fail(error))

  const download: MediaDownload.Service["download"] = (from, options) =>
    Effect.gen(function*() {
      const { link, maxBytes = config.maxDownloadBytes } = readArguments(from, options)
      if (link === undefined) return yield* failed({ _tag: "NoMedia" })
      const { aeskey, url } = link
      const key = aeskey === undefined ? undefined : decodeKey(aeskey)
      if (key !== undefined && Either.isLeft(key)) return yield* key.left

      const openChecked = Effect.flatMap(open(url), (opened) => {
        const length = contentLength(opened.response)
        return length !== undefined && length > maxBytes + (aeskey === undefined ? 0 : padBlock)
          ? Effect.zipRight(opened.close, failed({ _tag: "TooLarge", limit: maxBytes }))
          : Effect.succeed(opened)
      })

      let first: OpenResponse | undefined = yield* withRetries({ used: 0 }, openChecked)
      abandoned.register(first, first.close, first)
      const { headers } = first.response
      const length = contentLength(first.response)

      const attempt = (budget: Budget): Stream.Stream<Uint8Array, DownloadFailure> =>
        Stream.suspend(() => {
          const waiting = first
          first = undefined
          if (waiting !== undefined) abandoned.unregister(waiting)
          let isHandedOn = false
          const content = ({ close, response }: OpenResponse): Stream.Stream<Uint8Array, DownloadFailure> =>
            Stream.ensuring(
              DownloadBody.content(response, {
                key: key?.right,
                maxBytes,
                expectedBytes: contentLength(response),
                requestTimeout: config.requestTimeout,
                isFresh: waiting === undefined
              }, () => {
                isHandedOn = true
              }),
              close
            )
          const pieces = waiting === undefined
            ? Stream.unwrap(Effect.map(withRetries(budget, openChecked), content))
            : content(waiting)
          return Stream.catchAll(pieces, (error) => {
            if (isHandedOn || !isTransientFailure(error) || budget.used >= pauses.length) return Stream.fail(error)
            const pause = Duration.millis(pauses[budget.used++]!)
            return Stream.unwrap(Effect.as(Effect.sleep(pause), attempt(budget)))
          })
        })

      /** Retries even after the first bytes: nothing is handed on before the end. */
      const retried = <A, E, R>(use: (stream: Stream.Stream<Uint8Array, DownloadFailure>) => Effect.Effect<A, E, R>) =>
        Effect.suspend(() => {
          const budget: Budget = { used: 0 }
          return withRetries(budget, use(attempt(budget)))
        })

      const result: Download = {
        filename: filename.fromContentDisposition(headers["content-disposition"]),
        size: length === undefined || aeskey === undefined ? length : Math.max(0, length - 1),
        stream: Stream.suspend(() => attempt({ used: 0 })),
        bytes: retried((stream) =>
          Effect.map(Stream.runCollect(stream), (chunks) => {
            const joined = Buffer.concat(Chunk.toReadonlyArray(chunks))
            return new Uint8Array(joined.buffer, joined.byteOffset, joined.length)
          })
        ),
        writeTo: (path) => retried((stream) => DownloadFile.write(path, crypto.unsafeRandomString(12), stream))
      }
      return result
    })

  return { download }
}
