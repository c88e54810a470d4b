import { expect, it } from "@effect/vitest"
import { Chunk, Duration, Effect, Fiber, Stream } from "effect"
import { Readable } from "node:stream"
import * as NodeBody from "../../src/internal/nodeBody.js"
import * as Stalled from "../../src/internal/stalled.js"

const kilobytes = (count: number, first = 0) => new Uint8Array(count * 1024).fill(first)

const manual = () => new Readable({ read() {}, highWaterMark: 64 * 1024 })

const stream = (body: Readable) => NodeBody.stream(body, (cause) => (cause as NodeJS.ErrnoException).code)

const turn = Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 5)))

it.scopedLive("what came in one turn is read in one chunk, in order and whole", () =>
  Effect.gen(function*() {
    const body = manual()
    const chunks: Array<Array<number>> = []
    const reading = yield* Effect.fork(
      Stream.runForEachChunk(stream(body), (chunk) =>
        Effect.sync(() => chunks.push(Array.from(chunk, (bytes) => bytes[0]!))))
    )
    yield* turn
    for (const i of [1, 2, 3]) {
      body.push(kilobytes(1, i))
    }
    yield* turn
    body.push(kilobytes(1, 4))
    body.push(null)
    yield* Fiber.join(reading)
    expect(chunks).toEqual([[1, 2, 3], [4]])
    expect(body.destroyed).toBe(true)
  }))

it.scopedLive("what came before a failure is handed on before it", () =>
  Effect.gen(function*() {
    const body = manual()
    const seen: Array<Uint8Array> = []
    const reading = yield* Effect.fork(Stream.runForEach(stream(body), (bytes) => Effect.sync(() => seen.push(bytes))))
    yield* turn
    body.push(kilobytes(1))
    yield* Effect.promise(() => new Promise(process.nextTick))
    body.destroy(Object.assign(new Error("reset"), { code: "ECONNRESET" }))
    expect(yield* Effect.flip(Fiber.join(reading))).toBe("ECONNRESET")
    expect(seen).toHaveLength(1)
  }))

it.scopedLive("a slow reader leaves the rest to the socket, and loses nothing", () =>
  Effect.gen(function*() {
    let given = 0
    const body = new Readable({
      read() {
        given++
        this.push(given > 100 ? null : kilobytes(64, given))
      },
      highWaterMark: 64 * 1024
    })
    const pull = yield* Stream.toPull(stream(body))
    const read = (chunk: Chunk.Chunk<Uint8Array>) => Array.from(chunk, (bytes) => bytes[0]!)
    const all = read(yield* pull)
    yield* turn
    yield* turn
    expect(given - all.length).toBeLessThan(12)
    while (all.length < 100) all.push(...read(yield* pull))
    expect(all).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect((yield* Effect.flip(pull))._tag).toBe("None")
  }))

it.scopedLive("whoever stops reading closes it, and an interrupted pull loses nothing", () =>
  Effect.gen(function*() {
    const body = manual()
    yield* Effect.scoped(Effect.gen(function*() {
      const pull = yield* Stream.toPull(stream(body))
      expect(yield* Effect.option(Effect.timeout(pull, "5 millis"))).toMatchObject({ _tag: "None" })
      body.push(kilobytes(1, 7))
      yield* turn
      expect(Chunk.unsafeHead(yield* pull)[0]).toBe(7)
    }))
    expect(body.destroyed).toBe(true)
  }))

for (const ops of [12, 13, 14, 15, 16, 17]) {
  it.scopedLive(`no wake is lost to a fiber that yields every ${ops} operations`, () =>
    Effect.gen(function*() {
      for (let round = 0; round < 5; round++) {
        const body = manual()
        let left = 30
        const give = () => {
          if (left-- === 0) return body.push(null)
          body.push(kilobytes(1))
          return left % 3 === 0 ? setTimeout(give, 0) : setImmediate(give)
        }
        give()
        const pulled = Stream.fromPull(
          Effect.flatMap(Stream.toPull(stream(body)), (pull) =>
            Stalled.failAfter(pull, Duration.seconds(2), () => "lost"))
        )
        expect(yield* Stream.runCount(pulled)).toBe(30)
      }
    }).pipe(Effect.withMaxOpsBeforeYield(ops)))
}
