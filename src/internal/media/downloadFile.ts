/**
 * Writes a Stream to a file that exists as a whole or not at all.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** In the same directory, because a rename is atomic only within one file system. */
const beside = (path: string, random: string): string =>
  `${path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1)}.wecom-${random}.part`

/** Each write costs a round trip to the thread pool, whatever its size, so small chunks are joined. */
const enoughBytes = 256 * 1024
const bufferBytes = 1024 * 1024

/**
 * Returns the number of bytes.
 *
 * @internal
 */
export const write = <E, R>(
  path: string,
  random: string,
  stream: Stream.Stream<Uint8Array, E, R>
): Effect.Effect<number, E | PlatformError, R | FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const partial = beside(path, random)
    let length = 0
    const fill = Effect.scoped(Effect.gen(function*() {
      const file = yield* fs.open(partial, { flag: "wx" })
      const buffer = new Uint8Array(bufferBytes)
      let filled = 0
      const flush = Effect.suspend(() => {
        const bytes = buffer.subarray(0, filled)
        filled = 0
        return bytes.length === 0 ? Effect.void : file.writeAll(bytes)
      })
      // Copied before the write waits, so that the chunk itself can be collected meanwhile.
      const add = (chunk: Chunk.Chunk<Uint8Array>, bytes: number): Effect.Effect<void, PlatformError> => {
        if (bytes > bufferBytes) {
          return Effect.zipRight(flush, Effect.forEach(chunk, (piece) => file.writeAll(piece), { discard: true }))
        }
        if (filled + bytes > bufferBytes) return Effect.zipRight(flush, Effect.suspend(() => add(chunk, bytes)))
        for (const piece of chunk) {
          buffer.set(piece, filled)
          filled += piece.length
        }
        return filled >= enoughBytes ? flush : Effect.void
      }
      yield* Stream.runForEachChunk(stream, (chunk) => {
        const bytes = Chunk.reduce(chunk, 0, (sum, piece) => sum + piece.length)
        length += bytes
        return add(chunk, bytes)
      })
      yield* flush
      yield* file.sync
    }))
    yield* Effect.onExit(
      Effect.zipRight(fill, fs.rename(partial, path)),
      (exit) => exit._tag === "Success" ? Effect.void : Effect.ignore(fs.remove(partial, { force: true }))
    )
    return length
  })
