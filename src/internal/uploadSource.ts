/**
 * What is to be uploaded: read once for its md5, once for its chunks, in whatever pieces it comes.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import * as Limits from "../Limits.js"
import type { Source } from "../MediaUpload.js"
import { UploadFailed } from "../WecomError.js"
import * as DeadBuffers from "./deadBuffers.js"

/** @internal */
export interface Piece {
  readonly index: number
  readonly bytes: Uint8Array
}

const mismatch = (expected: number, actual: number) =>
  new UploadFailed({ stage: "source", reason: { _tag: "SizeMismatch", expected, actual } })

/** @internal */
export const sizeOf = (source: Source<unknown, unknown>): number =>
  source instanceof Uint8Array ? source.length : source.size

const contentOf = <E, R>(source: Source<E, R>): Stream.Stream<Uint8Array, E, R> =>
  source instanceof Uint8Array
    ? Stream.unfold(0, (at) =>
      at >= source.length
        ? Option.none()
        : Option.some([source.subarray(at, at + Limits.uploadChunkBytes), at + Limits.uploadChunkBytes]))
    : source.stream

/**
 * The md5 in hex. Fails when the source has not the size it is said to have, as soon as that shows.
 *
 * @internal
 */
export const md5 = <E, R>(source: Source<E, R>): Effect.Effect<string, E | UploadFailed, R> =>
  Effect.suspend(() => {
    const size = sizeOf(source)
    const hash = createHash("md5")
    const released = DeadBuffers.make(8 * 1024 * 1024)
    let length = 0
    return Stream.runForEach(contentOf(source), (bytes) => {
      length += bytes.length
      if (length > size) return Effect.fail(mismatch(size, length))
      hash.update(bytes)
      if (!(source instanceof Uint8Array)) released(bytes.length)
      // Hashing megabytes in one go would hold up the heartbeat.
      return Effect.yieldNow()
    }).pipe(
      Effect.flatMap(() => length === size ? Effect.succeed(hash.digest("hex")) : Effect.fail(mismatch(size, length)))
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

/**
 * The chunks in order. Fails instead of ending when they are not `size` bytes together, as when a file was changed since its
 * md5 was made.
 *
 * @internal
 */
export const pieces = <E, R>(source: Source<E, R>): Stream.Stream<Piece, E | UploadFailed, R> =>
  Stream.suspend((): Stream.Stream<Piece, E | UploadFailed, R> => {
    const size = sizeOf(source)
    const cut = cutter(Limits.uploadChunkBytes)
    let length = 0
    let index = 0
    return contentOf(source).pipe(
      Stream.mapChunksEffect((chunk) => {
        const found: Array<Piece> = []
        for (const bytes of chunk) {
          length += bytes.length
          for (const whole of cut.add(bytes)) found.push({ index: index++, bytes: whole })
        }
        return length > size ? Effect.fail(mismatch(size, length)) : Effect.succeed(Chunk.unsafeFromArray(found))
      }),
      Stream.concat(Stream.suspend(() => {
        if (length !== size) return Stream.fail(mismatch(size, length))
        const rest = cut.rest()
        return rest === undefined ? Stream.empty : Stream.succeed({ index, bytes: rest })
      }))
    )
  })
