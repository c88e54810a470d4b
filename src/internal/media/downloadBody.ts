/**
 * The content of a response: counted, checked against its length, decrypted and bounded in time, all in one step per chunk. A
 * Stream for each of these costs more than the decryption.
 */
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { fileDecipher, padBlock } from "../crypto.js"
import { type DownloadFailure, failed, fromHttpClient } from "./downloadErrors.js"
import * as Stalled from "./stalled.js"

/** @internal */
export interface Options {
  readonly key: Uint8Array | undefined
  /** The most bytes of the content. */
  readonly maxBytes: number
  /** The length of the body. */
  readonly expectedBytes: number | undefined
  readonly requestTimeout: Duration.Duration
  /** Whether the body is read as soon as the response arrives. */
  readonly isFresh: boolean
}

/**
 * Calls `onHandedOn` before each chunk that is not empty.
 *
 * @internal
 */
export const content = (
  response: HttpClientResponse,
  { expectedBytes, isFresh, key, maxBytes, requestTimeout }: Options,
  onHandedOn: () => void
): Stream.Stream<Uint8Array, DownloadFailure> =>
  Stream.fromPull(Effect.gen(function*() {
    const body = yield* Stream.toPull(Stream.mapError(response.stream, fromHttpClient))
    const pull = yield* Stalled.failAfter(
      // After a turn of the event loop more bytes have arrived, which the next pull reads in one piece. This saves a third of
      // the time of a download. The first pull must not wait: a Node stream that fails before it is read seems to be empty.
      Effect.zipLeft(body, Effect.sleep(Duration.zero)),
      requestTimeout,
      () => failed({ _tag: "Timeout", waitingFor: "bytes" })
    )
    const decipher = key === undefined ? undefined : fileDecipher(key)
    let received = 0
    let handedOn = 0
    let hasEnded = false

    const handOn = (pieces: ReadonlyArray<Uint8Array>) => {
      for (const bytes of pieces) handedOn += bytes.length
      if (handedOn > maxBytes) return fail(failed({ _tag: "TooLarge", limit: maxBytes }))
      if (pieces.length > 0) onHandedOn()
      return Effect.succeed(Chunk.unsafeFromArray(pieces))
    }

    const step = (chunk: Chunk.Chunk<Uint8Array>) => {
      const pieces: Array<Uint8Array> = []
      for (const bytes of chunk) {
        received += bytes.length
        if (received > maxBytes + padBlock) return fail(failed({ _tag: "TooLarge", limit: maxBytes }))
        if (decipher !== undefined) decipher.update(bytes, pieces)
        else if (bytes.length > 0) pieces.push(bytes)
      }
      return handOn(pieces)
    }

    const end = () => {
      hasEnded = true
      if (expectedBytes !== undefined && received < expectedBytes) {
        return fail(failed({ _tag: "Truncated", expected: expectedBytes, received }))
      }
      // A Node stream that failed before it was read seems to be empty.
      if (expectedBytes === undefined && received === 0 && !isFresh) {
        return fail(failed({ _tag: "Network", code: "EMPTY" }))
      }
      if (decipher === undefined) return noMore
      return Either.match(decipher.finish(), {
        onLeft: fail,
        onRight: (rest) => rest.length === 0 ? noMore : handOn([rest])
      })
    }

    const next = Effect.matchEffect(pull, {
      onFailure: Option.match({ onNone: end, onSome: fail }),
      onSuccess: step
    })
    return Effect.suspend(() => hasEnded ? noMore : next)
  }))

const noMore = Effect.fail(Option.none())

const fail = (error: DownloadFailure) => Effect.fail(Option.some(error))
