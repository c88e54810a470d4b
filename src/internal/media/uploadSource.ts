/**
 * The source of an upload: read once for its md5 and once for its chunks, in pieces of any size.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import * as Limits from "../../Limits.js"
import type { Read, Source } from "../../MediaUpload.js"
import { SendInvalid, UploadFailed } from "../../WecomError.js"
import * as Plan from "./uploadPlan.js"

/** @internal */
export interface SourcePiece {
  readonly index: number
  readonly bytes: Uint8Array
}

/**
 * The next piece; `undefined` after the last.
 *
 * @internal
 */
export type Take<E, R> = Effect.Effect<SourcePiece | undefined, E | UploadFailed, R>

const mismatch = (expected: number, actual: number) =>
  new UploadFailed({ stage: "source", reason: { _tag: "SizeMismatch", expected, actual } })

/** @internal */
export const sizeOf = (source: Source<unknown, unknown>): number =>
  source instanceof Uint8Array ? source.length : source.size

const noBytes = new SendInvalid({
  field: "source",
  problem: "is not bytes",
  limit: "a Uint8Array, or a Stream of them with its size"
})

const isStream = (u: unknown): boolean => typeof u === "object" && u !== null && Stream.StreamTypeId in u

/**
 * The problem of a source that JavaScript or a cast lets through. Reading it can throw.
 *
 * @internal
 */
export const invalid = (source: unknown): SendInvalid | undefined => {
  if (source instanceof Uint8Array) return undefined
  if (typeof source !== "object" || source === null || !("size" in source)) return noBytes
  const content: unknown = "open" in source ? source.open : "stream" in source ? source.stream : undefined
  const isThere = "open" in source ? Effect.isEffect(content) : isStream(content)
  return isThere ? undefined : noBytes
}

const { uploadChunkBytes: chunkBytes } = Limits

const contentOf = <E, R>(
  source: Exclude<Source<E, R>, { readonly open: unknown }>
): Stream.Stream<Uint8Array, E, R> =>
  source instanceof Uint8Array
    ? Stream.unfold(0, (at) =>
      at >= source.length
        ? Option.none()
        : Option.some([source.subarray(at, at + chunkBytes), at + chunkBytes]))
    : source.stream

/** Calls back with each piece, always in the same buffer. */
const readThrough = <E, R>(
  read: Read<E, R>,
  size: number,
  onBytes: (bytes: Uint8Array) => void
): Effect.Effect<number, E, R> => {
  // One byte more than expected, to detect a file that has grown.
  const buffer = new Uint8Array(Math.min(chunkBytes, size + 1))
  const from = (position: number): Effect.Effect<number, E, R> =>
    Effect.flatMap(read(buffer, position), (length) => {
      if (length === 0 || position > size) return Effect.succeed(position)
      onBytes(buffer.subarray(0, length))
      return from(position + length)
    })
  return from(0)
}

/** What a source has before it is sent. */
export interface Fingerprint {
  /** In hex. */
  readonly md5: string
  /** Its first bytes. */
  readonly head: Uint8Array
}

/**
 * The md5 and the first bytes. Fails as soon as the source turns out to have another size than announced.
 *
 * @internal
 */
export const fingerprint = <E, R>(
  source: Source<E, R>
): Effect.Effect<Fingerprint, E | UploadFailed | SendInvalid, R> =>
  Effect.suspend(() => {
    const size = sizeOf(source)
    const hash = createHash("md5")
    const head = new Uint8Array(Math.min(size, Plan.headBytes))
    let length = 0
    const add = (bytes: Uint8Array) => {
      if (length < head.length) head.set(bytes.subarray(0, head.length - length), length)
      length += bytes.length
      hash.update(bytes)
    }
    const whole: Effect.Effect<unknown, E | UploadFailed | SendInvalid, R> = "open" in source
      ? Effect.scoped(Effect.flatMap(source.open, (read) => readThrough(read, size, add)))
      : Stream.runForEach(contentOf(source), (bytes): Effect.Effect<void, UploadFailed | SendInvalid> => {
        if (!(bytes instanceof Uint8Array)) return Effect.fail(noBytes)
        add(bytes)
        // Hashing megabytes at once would delay the heartbeat.
        return length > size ? Effect.fail(mismatch(size, length)) : Effect.yieldNow()
      })
    return Effect.flatMap(
      whole,
      () => length === size ? Effect.succeed({ md5: hash.digest("hex"), head }) : Effect.fail(mismatch(size, length))
    )
  })

/** Cuts and joins pieces to `chunkBytes`, without a copy where one fits. */
const makeRechunker = (chunkBytes: number) => {
  let open: Uint8Array | undefined
  let filled = 0
  return {
    add: (bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
      const whole: Array<Uint8Array> = []
      let at = 0
      while (at < bytes.length) {
        if (open === undefined && bytes.length - at >= chunkBytes) {
          whole.push(bytes.subarray(at, at + chunkBytes))
          at += chunkBytes
          continue
        }
        open ??= new Uint8Array(chunkBytes)
        const taken = Math.min(chunkBytes - filled, bytes.length - at)
        open.set(bytes.subarray(at, at + taken), filled)
        filled += taken
        at += taken
        if (filled === chunkBytes) {
          whole.push(open)
          open = undefined
          filled = 0
        }
      }
      return whole
    },
    rest: (): Uint8Array | undefined => open?.subarray(0, filled)
  }
}

/** Pieces of a source with random access: `bytesAt` returns so many bytes from an offset. */
const takeAtOffsets = <E, R>(
  size: number,
  makeBytesAt: () => (position: number, length: number) => Effect.Effect<Uint8Array, E | UploadFailed, R>
): () => Take<E, R> => {
  let position = 0
  return () => {
    const bytesAt = makeBytesAt()
    return Effect.suspend(() => {
      if (position >= size) return Effect.succeed(undefined)
      const index = position / chunkBytes
      const bytes = bytesAt(position, Math.min(chunkBytes, size - position))
      position += chunkBytes
      return Effect.map(bytes, (bytes): SourcePiece => ({ index, bytes }))
    })
  }
}

/** Reads into one buffer, which each piece overwrites. */
const readInto = <E, R>(read: Read<E, R>, size: number) => {
  const buffer = new Uint8Array(Math.min(chunkBytes, size))
  const fill = (into: Uint8Array, position: number, filled = 0): Effect.Effect<Uint8Array, E | UploadFailed, R> =>
    filled === into.length
      ? Effect.succeed(into)
      : Effect.flatMap(
        read(into.subarray(filled), position + filled),
        (length) =>
          length === 0 ? Effect.fail(mismatch(size, position + filled)) : fill(into, position, filled + length)
      )
  return (position: number, length: number) => fill(buffer.subarray(0, length), position)
}

const takeInOrder = <E, R>(
  stream: Stream.Stream<Uint8Array, E, R>,
  size: number
): Effect.Effect<() => Take<E, R>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const pull = yield* Stream.toPull(stream)
    const turn = yield* Effect.makeSemaphore(1)
    const rechunker = makeRechunker(chunkBytes)
    const waiting: Array<Uint8Array> = []
    let length = 0
    let index = 0
    let hasEnded = false
    const next: Take<E, R> = Effect.suspend(() => {
      const bytes = waiting.shift()
      if (bytes !== undefined) return Effect.succeed({ index: index++, bytes })
      if (hasEnded) return Effect.succeed(undefined)
      return Effect.matchEffect(pull, {
        onFailure: Option.match({
          onSome: (error): Take<E, R> => Effect.fail(error),
          onNone: () => {
            if (length !== size) return Effect.fail(mismatch(size, length))
            hasEnded = true
            const rest = rechunker.rest()
            if (rest !== undefined) waiting.push(rest)
            return next
          }
        }),
        onSuccess: (chunk) => {
          for (const bytes of chunk) {
            length += bytes.length
            waiting.push(...rechunker.add(bytes))
          }
          return length > size ? Effect.fail(mismatch(size, length)) : next
        }
      })
    })
    return () => turn.withPermits(1)(next)
  })

/**
 * The chunks in order. Fails instead of ending when they are not `size` bytes in total, as when a file changed after its md5
 * was computed. Each taker has its own buffer, and keeps a piece until it takes the next.
 *
 * @internal
 */
export const pieces = <E, R>(source: Source<E, R>): Effect.Effect<() => Take<E, R>, E, R | Scope.Scope> => {
  const size = sizeOf(source)
  if (source instanceof Uint8Array) {
    const bytesAt = (at: number, length: number) => Effect.succeed(source.subarray(at, at + length))
    return Effect.succeed(takeAtOffsets(size, () => bytesAt))
  }
  return "open" in source
    ? Effect.map(source.open, (read) => takeAtOffsets(size, () => readInto(read, size)))
    : takeInOrder(source.stream, size)
}
