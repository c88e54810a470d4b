import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Exit, Fiber, Stream, TestClock } from "effect"
import { MediaUpload } from "effect-wecom"
import type { WecomError } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { randomBytes } from "node:crypto"
import * as Cache from "../src/internal/media/uploadCache.js"
import { pieces } from "./media/servers.js"
import { chunk, chunkCounts, finish, framesOf, init, layer } from "./media/uploads.js"
import { isFull } from "./support/runs.js"

const chunkBytes = 512 * 1024

const file = { type: "file", filename: "a.bin" } as const

const content = (size: number) => randomBytes(size)

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

/** Lets the clock go on while an upload runs. */
const withTime = <A, E, R>(effect: Effect.Effect<A, E, R>, time: Duration.DurationInput = "1 minute") =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(effect)
    const until = Duration.toMillis(time)
    for (let passed = 0; passed < until && (yield* Fiber.poll(fiber))._tag === "None"; passed += 1000) {
      yield* TestClock.adjust("1 second")
    }
    return yield* Fiber.join(fiber)
  })

const failureOf = <A, R>(
  effect: Effect.Effect<A, WecomError.UploadFailed | WecomError.SendInvalid, R>,
  time?: Duration.DurationInput
) => withTime(Effect.flip(effect), time)

const uploaded = Effect.map(TestGateway.uploads, (all) => all.at(-1)!)

describe("byte-identical", () => {
  const sizes = [5, 6, 1000]
  for (let n = 1; n <= (isFull ? 4 : 2); n++) sizes.push(n * chunkBytes - 1, n * chunkBytes, n * chunkBytes + 1)
  if (isFull) sizes.push(10 * chunkBytes + 1)
  sizes.push(20 * 1024 * 1024)

  const sources: Record<string, (bytes: Uint8Array) => MediaUpload.Source> = {
    "bytes": (bytes) => bytes,
    "a Stream in odd pieces": (bytes) => ({ stream: pieces(bytes, 200_001), size: bytes.length })
  }

  for (const [name, from] of Object.entries(sources)) {
    it.scopedLive(`${name}, from 5 bytes, around each multiple of 512 KiB, to 20 MB`, () =>
      Effect.gen(function*() {
        for (const size of sizes) {
          const bytes = content(size)
          const media = yield* MediaUpload.upload(from(bytes), file)
          const there = yield* uploaded
          expect(media).toEqual({
            type: "file",
            media_id: there.mediaId,
            created_at: Math.floor(there.createdAt / 1000)
          })
          expect(same(there.bytes, bytes)).toBe(true)
        }
      }).pipe(Effect.provide(layer())))
  }

  it.scopedLive("a Stream of one piece", () =>
    Effect.gen(function*() {
      for (const size of [5, chunkBytes, 2 * chunkBytes + 1]) {
        const bytes = content(size)
        yield* MediaUpload.upload({ stream: Stream.make(bytes), size }, file)
        expect(same((yield* uploaded).bytes, bytes)).toBe(true)
      }
    }).pipe(Effect.provide(layer())))

  it.scopedLive("from a path", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      for (const size of [5, chunkBytes - 1, chunkBytes, chunkBytes + 1, 3_000_000]) {
        const bytes = content(size)
        yield* fs.writeFile(`${directory}/x.bin`, bytes)
        const source = yield* MediaUpload.fromFile(`${directory}/x.bin`)
        yield* MediaUpload.upload(source, file)
        expect(same((yield* uploaded).bytes, bytes)).toBe(true)
      }
      const error = yield* Effect.flip(MediaUpload.fromFile(directory))
      expect(error).toMatchObject({ _tag: "SendInvalid", field: "path", problem: "is a Directory" })
      expect((yield* Effect.flip(MediaUpload.fromFile(`${directory}/none`)))._tag).toBe("SystemError")
    }).pipe(Effect.provide([layer(), NodeFileSystem.layer])))

  it("basename", () => {
    expect(["/a/b.txt", "b.txt", "C:\\a\\b.txt", "/a/b.txt/"].map(MediaUpload.basename)).toEqual(Array(4).fill("b.txt"))
  })
})

describe("limits", () => {
  const MB = 1024 * 1024
  const refused: ReadonlyArray<readonly [MediaUpload.Options, number, field: string, text: string]> = [
    [file, 4, "size", "at least 5 bytes"],
    [file, 20 * MB + 1, "size", "at most 20971520 bytes (20 MB) for type file"],
    [{ type: "image", filename: "a.png" }, 10 * MB + 1, "size", "10 MB"],
    [{ type: "voice", filename: "a.amr" }, 2 * MB + 1, "size", "2 MB"],
    [{ type: "video", filename: "a.mp4" }, 10 * MB + 1, "size", "10 MB"],
    [{ type: "image", filename: "a.bmp" }, 10, "filename", ".png, .jpg, .jpeg, .gif for type image"],
    [{ type: "image", filename: "png" }, 10, "filename", "has no extension"],
    [{ type: "voice", filename: "a.mp3" }, 10, "filename", ".amr"],
    [{ type: "video", filename: "a.mov" }, 10, "filename", ".mp4"],
    [{ type: "file", filename: "" }, 10, "filename", "is empty"],
    [{ type: "file", filename: "字".repeat(86) }, 10, "filename", "256 bytes"],
    [{ type: "file", filename: "../a" }, 10, "filename", "path"],
    [{ type: "file", filename: "a\n" }, 10, "filename", "control"],
    [{ type: "sticker" as "file", filename: "a" }, 10, "type", "file, image, voice, video"],
    [{ type: "constructor" as "file", filename: "a" }, 10, "type", "file, image, voice, video"],
    [{ ...file, oversized: "asFile" }, 20 * MB + 1, "size", "20 MB"]
  ]

  it.scoped("are checked before the first frame, with an error that names them", () =>
    Effect.gen(function*() {
      for (const [options, size, field, text] of refused) {
        const source = { size, stream: Stream.die("read") }
        const error = yield* Effect.flip(MediaUpload.upload(source, options))
        expect(error._tag).toBe("SendInvalid")
        expect(error).toMatchObject({ field })
        expect(error.message).toContain(text)
      }
      for (const size of [-1, 1.5, NaN, Infinity]) {
        expect(yield* Effect.flip(MediaUpload.upload({ size, stream: Stream.die("read") }, file))).toMatchObject({
          field: "size"
        })
      }
      expect(yield* framesOf(init)).toEqual([])
    }).pipe(Effect.provide(layer())))

  it.scoped("an oversized image, video or voice clip becomes a file when asked", () =>
    Effect.gen(function*() {
      const options = [
        [{ type: "image", filename: "a.PNG" }, 10 * MB],
        [{ type: "video", filename: "a.mp4" }, 10 * MB],
        [{ type: "voice", filename: "a.amr" }, 2 * MB]
      ] as const
      for (const [option, most] of options) {
        for (const [size, type] of [[most, option.type], [most + 1, "file"]] as const) {
          const media = yield* withTime(
            MediaUpload.upload(new Uint8Array(size), { ...option, oversized: "asFile" })
          )
          expect(media.type).toBe(type)
          expect(yield* uploaded).toMatchObject({ type, filename: option.filename })
        }
      }
    }).pipe(Effect.provide(layer())))

  it.scoped("a source that is not as long as it is said to be fails before the first frame", () =>
    Effect.gen(function*() {
      for (const size of [99, 101]) {
        const error = yield* Effect.flip(MediaUpload.upload({ stream: pieces(content(100), 30), size }, file))
        expect(error).toMatchObject({ _tag: "UploadFailed", stage: "source" })
      }
      expect(yield* framesOf(init)).toEqual([])
    }).pipe(Effect.provide(layer())))

  it.scoped("a source that changes between its two runs is not finished", () =>
    Effect.gen(function*() {
      for (const second of [2 * chunkBytes - 1, 2 * chunkBytes + 1]) {
        let runs = 0
        const stream = Stream.suspend(() => Stream.make(content(runs++ === 0 ? 2 * chunkBytes : second)))
        const error = yield* failureOf(MediaUpload.upload({ stream, size: 2 * chunkBytes }, file))
        expect(error).toMatchObject({ _tag: "UploadFailed", stage: "source", reason: { actual: second } })
      }
      const stream = Stream.suspend(() => Stream.make(content(100)))
      // As long, but not the same: the service sees it by the md5.
      expect(yield* failureOf(MediaUpload.upload({ stream, size: 100 }, file))).toMatchObject({
        stage: "finish",
        reason: { _tag: "Refused", errcode: 40058 }
      })
      expect(yield* TestGateway.uploads).toEqual([])
    }).pipe(Effect.provide(layer())))

  it.scoped("the 31st upload of a minute waits for its place", () =>
    Effect.gen(function*() {
      for (let i = 0; i < 30; i++) yield* MediaUpload.upload(content(5), file)
      const fiber = yield* Effect.fork(MediaUpload.upload(content(5), file))
      yield* TestClock.adjust("59 seconds")
      expect(yield* framesOf(init)).toHaveLength(30)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(fiber)
      expect(yield* TestGateway.uploads).toHaveLength(31)
    }).pipe(Effect.provide(layer())))
})

describe("chunks", () => {
  it.scoped("fly by the ladder: up to 4 all, up to 10 three, above two", () =>
    Effect.gen(function*() {
      for (const [chunks, most] of [[1, 1], [2, 2], [4, 4], [5, 3], [10, 3], [11, 2]] as const) {
        const held = yield* TestGateway.acks.hold({ cmd: chunk })
        const fiber = yield* Effect.fork(MediaUpload.upload(new Uint8Array(chunks * chunkBytes), file))
        yield* held.awaitCount(most)
        for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
        expect(yield* held.count).toBe(most)
        yield* held.remove
        yield* held.release()
        yield* Fiber.join(fiber)
        yield* TestGateway.acks.clear
      }
    }).pipe(Effect.provide(layer())))

  it.scoped("of all uploads together at most four fly at once", () =>
    Effect.gen(function*() {
      const held = yield* TestGateway.acks.hold({ cmd: chunk })
      const fibers = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.fork(MediaUpload.upload(new Uint8Array(3 * chunkBytes), file))
      )
      yield* held.awaitCount(4)
      for (let i = 0; i < 20; i++) yield* Effect.yieldNow()
      expect(yield* held.count).toBe(4)
      yield* held.remove
      yield* held.release()
      for (const fiber of fibers) yield* Fiber.join(fiber)
    }).pipe(Effect.provide(layer())))

  it.scoped("have indices from 0 and req_ids of their own", () =>
    Effect.gen(function*() {
      yield* MediaUpload.upload(content(3 * chunkBytes + 7), file)
      const chunks = yield* framesOf(chunk)
      expect(chunks.map((frame) => frame.body.chunk_index).toSorted()).toEqual([0, 1, 2, 3])
      expect(new Set((yield* TestGateway.received).map((frame) => frame.reqId)).size).toBe(
        (yield* TestGateway.received).length
      )
      expect((yield* framesOf(init))[0]!.body).toMatchObject({ total_chunks: 4, total_size: 3 * chunkBytes + 7 })
    }).pipe(Effect.provide(layer())))

  it.scoped("go out again after a refusal in passing, twice, under new req_ids", () =>
    Effect.gen(function*() {
      const bytes = content(2 * chunkBytes)
      yield* TestGateway.acks.refuse(-1, { cmd: chunk, times: 2, where: ({ body }) => body.chunk_index === 1 })
      yield* withTime(MediaUpload.upload(bytes, file))
      expect(same((yield* uploaded).bytes, bytes)).toBe(true)
      expect(yield* chunkCounts).toEqual(new Map([[0, 1], [1, 3]]))
      yield* TestGateway.acks.refuse(-1, { cmd: chunk, times: 3 })
      expect(yield* failureOf(MediaUpload.upload(content(100), file))).toMatchObject({
        _tag: "UploadFailed",
        stage: "chunk",
        chunk: 0,
        reason: { _tag: "Refused", errcode: -1 }
      })
    }).pipe(Effect.provide(layer())))

  it.scoped("go out again when they are not answered", () =>
    Effect.gen(function*() {
      const bytes = content(100)
      for (const cmd of [init, chunk, finish]) {
        yield* TestGateway.acks.drop({ cmd, times: 1 })
        yield* TestGateway.acks.lose({ cmd, times: 1 })
      }
      yield* withTime(MediaUpload.upload(bytes, file), "2 minutes")
      expect(same((yield* uploaded).bytes, bytes)).toBe(true)
      yield* TestGateway.acks.lose({ cmd: chunk })
      expect(yield* failureOf(MediaUpload.upload(content(100), file), "2 minutes")).toMatchObject({
        stage: "chunk",
        reason: { _tag: "Unanswered", reason: "AckTimeout" }
      })
    }).pipe(Effect.provide(layer())))

  it.scoped("take longer to be acknowledged than a reply may, and do not go out again for it", () =>
    Effect.gen(function*() {
      yield* TestGateway.acks.delay("15 seconds", { cmd: chunk })
      const before = (yield* framesOf(chunk)).length
      const bytes = content(chunkBytes + 1)
      yield* withTime(MediaUpload.upload(bytes, file), "2 minutes")
      expect(same((yield* uploaded).bytes, bytes)).toBe(true)
      expect(yield* framesOf(chunk)).toHaveLength(before + 2)
    }).pipe(Effect.provide(layer())))

  it.scoped("a refusal that is not in passing is final", () =>
    Effect.gen(function*() {
      for (const [cmd, stage] of [[init, "init"], [chunk, "chunk"], [finish, "finish"]] as const) {
        const before = (yield* framesOf(cmd)).length
        yield* TestGateway.acks.refuse(40058, { cmd, times: 1 })
        expect(yield* failureOf(MediaUpload.upload(content(100), file))).toMatchObject({
          stage,
          reason: { _tag: "Refused", errcode: 40058 }
        })
        expect(yield* framesOf(cmd)).toHaveLength(before + 1)
      }
    }).pipe(Effect.provide(layer())))

  it.scoped("\"system error\" on bursts does not stop an upload", () =>
    Effect.gen(function*() {
      const bytes = content(9 * chunkBytes)
      const fiber = yield* Effect.fork(MediaUpload.upload(bytes, file))
      const other = yield* Effect.fork(MediaUpload.upload(content(4 * chunkBytes), file))
      for (let i = 0; i < 200; i++) yield* TestClock.adjust("100 millis")
      yield* Fiber.join(fiber)
      yield* Fiber.join(other)
      expect((yield* TestGateway.uploads).some((media) => same(media.bytes, bytes))).toBe(true)
      expect((yield* framesOf(chunk)).length).toBeGreaterThan(13)
    }).pipe(Effect.provide(layer({ ackDelay: "300 millis", uploadBurstLimit: 2 }))))

  it.scoped("an ack without an id is an error", () =>
    Effect.gen(function*() {
      for (const [cmd, stage] of [[init, "init"], [finish, "finish"]] as const) {
        yield* TestGateway.acks.rewrite((ack) => ({ ...ack, body: { upload_id: 5 } }), { cmd, times: 1 })
        expect(yield* failureOf(MediaUpload.upload(content(100), file))).toMatchObject({
          stage,
          reason: { _tag: "MalformedAck" }
        })
      }
    }).pipe(Effect.provide(layer())))

  it.scoped("created_at may be a string of seconds", () =>
    Effect.gen(function*() {
      yield* TestGateway.acks.rewrite(
        (ack) => ({ ...ack, body: { ...(ack.body as object), created_at: "1700000000" } }),
        {
          cmd: finish
        }
      )
      expect(yield* MediaUpload.upload(content(100), file)).toMatchObject({ created_at: 1_700_000_000 })
    }).pipe(Effect.provide(layer())))

  it.scoped("30 minutes are enough, or it is an error", () =>
    Effect.gen(function*() {
      let runs = 0
      const bytes = content(1000)
      const slow = Stream.suspend(() =>
        runs++ === 0 ? Stream.make(bytes) : Stream.tap(Stream.make(bytes), () => Effect.sleep("31 minutes"))
      )
      const error = yield* Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.flip(MediaUpload.upload({ stream: slow, size: 1000 }, file)))
        yield* TestClock.adjust("32 minutes")
        return yield* Fiber.join(fiber)
      })
      expect(error).toMatchObject({ _tag: "UploadFailed", reason: { _tag: "SessionExpired" } })
    }).pipe(Effect.provide(layer())))
})

describe("a lost link", () => {
  it.scoped("an upload whose link is cut five times arrives whole, no chunk more than twice per cut, under one upload id", () =>
    Effect.gen(function*() {
      const bytes = content(12 * chunkBytes + 5)
      const held = yield* TestGateway.acks.hold({ cmd: chunk })
      const fiber = yield* Effect.fork(MediaUpload.upload(bytes, file))
      const twoInFlight = Effect.gen(function*() {
        while ((yield* held.count) < 2) yield* TestClock.adjust("250 millis")
      })
      for (let cuts = 0; cuts < 5; cuts++) {
        yield* twoInFlight
        const before = yield* chunkCounts
        // One more arrives, then the acks of two are lost with the link.
        yield* held.release([0])
        yield* twoInFlight
        yield* TestGateway.faults.cut()
        yield* held.release()
        yield* twoInFlight
        for (const [index, count] of yield* chunkCounts) {
          expect(count - (before.get(index) ?? 0)).toBeLessThanOrEqual(before.has(index) ? 1 : 2)
        }
      }
      yield* held.remove
      yield* Fiber.join(fiber)
      expect(same((yield* uploaded).bytes, bytes)).toBe(true)
      expect(yield* framesOf(init)).toHaveLength(1)
      expect(new Set((yield* framesOf(chunk)).map((frame) => frame.body.upload_id)).size).toBe(1)
      expect((yield* TestGateway.connections).length).toBe(6)
      // What was acknowledged is not sent again: five cuts, two chunks in flight each.
      expect((yield* framesOf(chunk)).length).toBeLessThanOrEqual(13 + 10)
    }).pipe(Effect.provide(layer())))

  it.scoped("also at the init and at the finish", () =>
    Effect.gen(function*() {
      const bytes = content(100)
      for (const cmd of [init, chunk, finish]) {
        const held = yield* TestGateway.acks.hold({ cmd })
        const fiber = yield* Effect.fork(MediaUpload.upload(bytes, file))
        yield* held.awaitCount(1)
        yield* TestGateway.faults.cut()
        yield* held.remove
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(fiber)
        expect(same((yield* uploaded).bytes, bytes)).toBe(true)
      }
    }).pipe(Effect.provide(layer())))

  it.scoped("a link that stays down is an error in the end", () =>
    Effect.gen(function*() {
      yield* TestGateway.awaitSubscribed()
      yield* TestGateway.faults.refuseConnections(true)
      yield* TestGateway.faults.cut()
      expect(yield* failureOf(MediaUpload.upload(content(100), file), "10 minutes")).toMatchObject({
        stage: "init",
        reason: { _tag: "Unavailable", reason: "NotSubscribed" }
      })
    }).pipe(Effect.provide(layer({ maxReconnectAttempts: -1 }))))

  it.scoped("interruption stops it at once", () =>
    Effect.gen(function*() {
      const held = yield* TestGateway.acks.hold({ cmd: chunk })
      const fiber = yield* Effect.fork(MediaUpload.upload(content(12 * chunkBytes), file))
      yield* held.awaitCount(2)
      const exit = yield* Fiber.interrupt(fiber)
      expect(Exit.isInterrupted(exit)).toBe(true)
      yield* held.release()
      yield* held.remove
      yield* TestClock.adjust("1 minute")
      expect(yield* framesOf(chunk)).toHaveLength(2)
    }).pipe(Effect.provide(layer())))
})

describe("progress", () => {
  it.scoped("is reported after every chunk, one at a time, and never shrinks", () =>
    Effect.gen(function*() {
      const total = 5 * chunkBytes + 3
      const seen: Array<MediaUpload.Progress> = []
      let running = 0
      yield* withTime(MediaUpload.upload(content(total), {
        ...file,
        onProgress: (progress) =>
          Effect.gen(function*() {
            expect(++running).toBe(1)
            yield* Effect.sleep("10 millis")
            seen.push(progress)
            running--
          })
      }))
      expect(seen).toHaveLength(6)
      expect(seen.every((progress, i) => progress.total === total && (i === 0 || progress.sent > seen[i - 1]!.sent)))
        .toBe(
          true
        )
      expect(seen.at(-1)).toEqual({ sent: total, total })
    }).pipe(Effect.provide(layer())))

  it.scoped("a callback that fails fails the upload", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        MediaUpload.upload(content(100), { ...file, onProgress: () => Effect.fail("enough" as const) })
      )
      expect(error).toBe("enough")
    }).pipe(Effect.provide(layer())))

  it.scoped("as a Stream, it ends in the result", () =>
    Effect.gen(function*() {
      const total = 2 * chunkBytes
      const steps = Chunk.toReadonlyArray(
        yield* Stream.runCollect(MediaUpload.steps(file, (options) => MediaUpload.upload(content(total), options)))
      )
      expect(steps.map((step) => step.sent)).toEqual([chunkBytes, total, total])
      expect(steps.map((step) => step.media?.media_id)).toEqual([undefined, undefined, (yield* uploaded).mediaId])
      const failed = MediaUpload.steps(file, (options) => MediaUpload.upload(content(4), options))
      expect((yield* Effect.flip(Stream.runDrain(failed)))._tag).toBe("SendInvalid")
    }).pipe(Effect.provide(layer())))

  it.scoped("ending the Stream ends the upload", () =>
    Effect.gen(function*() {
      const steps = MediaUpload.steps(file, (options) => MediaUpload.upload(content(20 * chunkBytes), options))
      const held = yield* TestGateway.acks.hold({ cmd: chunk, where: ({ body }) => body.chunk_index > 1 })
      yield* Stream.runDrain(Stream.take(steps, 2))
      yield* held.release()
      yield* held.remove
      yield* TestClock.adjust("1 minute")
      expect((yield* framesOf(chunk)).length).toBeLessThanOrEqual(4)
    }).pipe(Effect.provide(layer())))
})

describe("reuse", () => {
  it("an id is found as long as it lives, three days but for an hour, and the oldest make room", () => {
    const cache = Cache.make()
    const hour = 60 * 60 * 1000
    const media = { type: "file", media_id: "m", created_at: 1000 } as const
    cache.set("a", media)
    expect(cache.get("a", 1_000_000 + 71 * hour - 1)).toBe(media)
    expect(cache.get("a", 1_000_000 + 71 * hour)).toBe(undefined)
    cache.set("a", media)
    for (let i = 0; i < 999; i++) cache.set(String(i), media)
    expect(cache.get("a", 0)).toBe(media)
    cache.set("one more", media)
    expect(cache.get("a", 0)).toBe(media)
    expect(cache.get("0", 0)).toBe(undefined)
  })

  it.scoped("takes the media id of the same bytes under the same type and name", () =>
    Effect.gen(function*() {
      const bytes = content(100)
      const options = { ...file, reuse: true }
      const first = yield* MediaUpload.upload(bytes, file)
      expect(yield* MediaUpload.upload(bytes, options)).toEqual(first)
      expect((yield* MediaUpload.upload(bytes, file)).media_id).not.toBe(first.media_id)
      expect((yield* MediaUpload.upload(content(100), options)).media_id).not.toBe(first.media_id)
      expect((yield* MediaUpload.upload(bytes, { ...options, filename: "b.bin" })).media_id).not.toBe(first.media_id)
      const latest = (yield* MediaUpload.upload(bytes, options)).media_id
      expect(yield* framesOf(init)).toHaveLength(4)
      expect(yield* framesOf(init)).toHaveLength(4)
      expect((yield* MediaUpload.upload(bytes, options)).media_id).toBe(latest)
      const steps = yield* Stream.runCollect(
        MediaUpload.steps(options, (options) => MediaUpload.upload(bytes, options))
      )
      expect(Chunk.toReadonlyArray(steps).map((step) => step.sent)).toEqual([100, 100])
    }).pipe(Effect.provide(layer())))
})
