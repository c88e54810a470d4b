/**
 * What is to be uploaded: read once for its md5, once for its chunks, in whatever pieces it comes.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import * as Limits from "../Limits.js"
import type { Read, Source } from "../MediaUpload.js"
import { SendInvalid, UploadFailed } from "../WecomError.js"

/** @internal */
export interface Piece<E, R> {
  readonly index: number
  readonly length: number
  /** The bytes are only there while they are used. */
  readonly use: <A, E1, R1>(
    send: (bytes: Uint8Array) => Effect.Effect<A, E1, R1>
  ) => Effect.Effect<A, E | E1 | UploadFailed, R | R1>
}

const pieceOf = (index: number, bytes: Uint8Array): Piece<never, never> => ({
  index,
  length: bytes.length,
  use: (send) => send(bytes)
})

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
 * What is wrong with a source that a cast or JavaScript let through. It may throw when it is looked at.
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

/** Calls back with piece after piece, each in the same buffer. */
const readThrough = <E, R>(
  read: Read<E, R>,
  size: number,
  onBytes: (bytes: Uint8Array) => void
): Effect.Effect<number, E, R> => {
  // One byte more than there should be, to notice a file that has grown.
  const buffer = new Uint8Array(Math.min(chunkBytes, size + 1))
  const from = (position: number): Effect.Effect<number, E, R> =>
    Effect.flatMap(read(buffer, position), (length) => {
      if (length === 0 || position > size) return Effect.succeed(position)
      onBytes(buffer.subarray(0, length))
      return from(position + length)
    })
  return from(0)
}

/**
 * The md5 in hex. Fails when the source has not the size it is said to have, as soon as that shows.
 *
 * @internal
 */
export const md5 = <E, R>(source: Source<E, R>): Effect.Effect<string, E | UploadFailed | SendInvalid, R> =>
  Effect.suspend(() => {
    const size = sizeOf(source)
    const hash = createHash("md5")
    let length = 0
    const add = (bytes: Uint8Array) => {
      length += bytes.length
      hash.update(bytes)
    }
    const whole: Effect.Effect<unknown, E | UploadFailed | SendInvalid, R> = "open" in source
      ? Effect.scoped(Effect.flatMap(source.open, (read) => readThrough(read, size, add)))
      : Stream.runForEach(contentOf(source), (bytes): Effect.Effect<void, UploadFailed | SendInvalid> => {
        if (!(bytes instanceof Uint8Array)) return Effect.fail(noBytes)
        add(bytes)
        // Hashing megabytes in one go would hold up the heartbeat.
        return length > size ? Effect.fail(mismatch(size, length)) : Effect.yieldNow()
      })
    return Effect.flatMap(
      whole,
      () => length === size ? Effect.succeed(hash.digest("hex")) : Effect.fail(mismatch(size, length))
    )
  })

/** Cuts and joins into pieces of `chunkBytes`, without a copy where one fits. */
const cutter = (chunkBytes: number) => {
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

/** Pieces of what can be read anywhere, in as many buffers as are used at once. */
const readPieces = <E, R>(read: Read<E, R>, size: number): Stream.Stream<Piece<E, R>> => {
  const free: Array<Uint8Array> = []
  const fill = (buffer: Uint8Array, position: number, filled = 0): Effect.Effect<Uint8Array, E | UploadFailed, R> =>
    filled === buffer.length
      ? Effect.succeed(buffer)
      : Effect.flatMap(read(buffer.subarray(filled), position + filled), (length) =>
        length === 0
          ? Effect.fail(mismatch(size, position + filled))
          : fill(buffer, position, filled + length))
  const take = Effect.sync(() => free.pop() ?? new Uint8Array(chunkBytes))
  return Stream.map(Stream.range(0, Math.ceil(size / chunkBytes) - 1), (index): Piece<E, R> => {
    const position = index * chunkBytes
    const length = Math.min(chunkBytes, size - position)
    return {
      index,
      length,
      use: (send) =>
        Effect.acquireUseRelease(
          take,
          (buffer) => Effect.flatMap(fill(buffer.subarray(0, length), position), send),
          (buffer) => Effect.sync(() => void free.push(buffer))
        )
    }
  })
}

/**
 * The chunks in order. Fails instead of ending when they are not `size` bytes together, as when a file was changed since its
 * md5 was made.
 *
 * @internal
 */
export const pieces = <E, R>(source: Source<E, R>): Stream.Stream<Piece<E, R>, E | UploadFailed, R> =>
  Stream.suspend((): Stream.Stream<Piece<E, R>, E | UploadFailed, R> => {
    const size = sizeOf(source)
    if ("open" in source) return Stream.unwrapScoped(Effect.map(source.open, (read) => readPieces(read, size)))
    const cut = cutter(chunkBytes)
    let length = 0
    let index = 0
    return contentOf(source).pipe(
      Stream.mapChunksEffect((chunk) => {
        const found: Array<Piece<E, R>> = []
        for (const bytes of chunk) {
          length += bytes.length
          for (const whole of cut.add(bytes)) found.push(pieceOf(index++, whole))
        }
        return length > size ? Effect.fail(mismatch(size, length)) : Effect.succeed(Chunk.unsafeFromArray(found))
      }),
      Stream.concat(Stream.suspend(() => {
        if (length !== size) return Stream.fail(mismatch(size, length))
        const rest = cut.rest()
        return rest === undefined ? Stream.empty : Stream.succeed(pieceOf(index, rest))
      }))
    )
  })
