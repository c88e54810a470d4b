/**
 * The body of a response in as many pieces at once as came in one turn of the event loop. A stream that wakes its reader for
 * each of them, 64 kB at most, spends more on that than on decrypting.
 */
import { ResponseError } from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"

/** What waits for its reader; more is left to the socket. */
const mostWaitingBytes = 512 * 1024

type Pull<E> = Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<E>>

const noMore = Effect.fail(Option.none())

const listen = <E>(body: Readable, onError: (cause: unknown) => E) => {
  let waiting: Array<Uint8Array> = []
  let waitingBytes = 0
  let end: Effect.Effect<never, Option.Option<E>> | undefined = body.errored != null
    ? Effect.fail(Option.some(onError(body.errored)))
    : body.readable
    ? undefined
    : noMore
  let wake: (() => void) | undefined

  const onData = (bytes: Uint8Array) => {
    waiting.push(bytes)
    waitingBytes += bytes.length
    if (waitingBytes >= mostWaitingBytes) body.pause()
    wake?.()
  }
  const onEnd = () => {
    end ??= noMore
    wake?.()
  }
  const onFailure = (cause: unknown) => {
    end ??= Effect.fail(Option.some(onError(cause)))
    wake?.()
  }
  body.on("error", onFailure)
  body.on("end", onEnd)
  if (end === undefined) body.on("data", onData)

  const something = Effect.async<void>((resume) => {
    if (end !== undefined || waiting.length > 0) return resume(Effect.void)
    wake = () => {
      wake = undefined
      resume(Effect.void)
    }
    return Effect.sync(() => {
      wake = undefined
    })
  })
  const take: Pull<E> = Effect.suspend(() => {
    if (waiting.length === 0) return end!
    const chunk = Chunk.unsafeFromArray(waiting)
    waiting = []
    waitingBytes = 0
    body.resume()
    return Effect.succeed(chunk)
  })
  // Yields to I/O once, so that what else has come is read first.
  const gathered = Effect.suspend(() =>
    end === undefined && waitingBytes < mostWaitingBytes ? Effect.zipRight(Effect.sleep(Duration.zero), take) : take
  )
  const pull: Pull<E> = Effect.zipRight(something, gathered)
  const release = Effect.sync(() => {
    body.off("data", onData)
    body.off("end", onEnd)
    body.off("error", onFailure)
    if (!body.closed) body.destroy()
  })
  return { pull, release }
}

/** @internal */
export const stream = <E>(body: Readable, onError: (cause: unknown) => E): Stream.Stream<Uint8Array, E> =>
  Stream.fromPull(
    Effect.map(
      Effect.acquireRelease(Effect.sync(() => listen(body, onError)), ({ release }) => release),
      ({ pull }) => pull
    )
  )

const bodyOf = (response: HttpClientResponse): Readable | undefined => {
  const { source } = response as { readonly source?: { readonly body?: unknown } }
  return source?.body instanceof Readable ? source.body : undefined
}

/**
 * The same response; its `stream` is this one if it shows the body that Node reads.
 *
 * @internal
 */
export const inBatches = (response: HttpClientResponse): HttpClientResponse => {
  const body = bodyOf(response)
  if (body === undefined) return response
  const onError = (cause: unknown) =>
    new ResponseError({ request: response.request, response, reason: "Decode", cause })
  return Object.create(response, { stream: { get: () => stream(body, onError) } }) as HttpClientResponse
}
