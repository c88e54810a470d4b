import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { setImmediate } from "node:timers/promises"
import { FrameReader } from "../../src/internal/frameReader.js"
import { closeFrame, frame, masked, text } from "../setup/serverFrames.js"
import { Receiver } from "../setup/wsReceiver.js"

const options = { skipUTF8Validation: true, maxFragments: 5 }

type Heard = ReadonlyArray<string>

const listen = (receiver: NodeJS.WritableStream): Array<string> => {
  const heard: Array<string> = []
  receiver.on("message", (data: Buffer, isBinary: boolean) => heard.push(`${isBinary ? "binary" : "text"} ${data}`))
  receiver.on("ping", (data: Buffer) => heard.push(`ping ${data}`))
  receiver.on("pong", (data: Buffer) => heard.push(`pong ${data}`))
  receiver.on("conclude", (code: number) => heard.push(`conclude ${code}`))
  receiver.on("error", (error: Error) => heard.push(error.message))
  return heard
}

/** As `ws` does when nobody reads before it: what comes behind an end is not written. */
const readByWs = async (chunks: ReadonlyArray<Buffer>): Promise<Heard> => {
  const receiver = new Receiver(options)
  const heard = listen(receiver)
  let hasEnded = false
  for (const event of ["conclude", "error"]) {
    receiver.on(event, () => {
      hasEnded = true
    })
  }
  for (const chunk of chunks) {
    if (!hasEnded) receiver.write(chunk)
    await setImmediate()
  }
  return heard
}

const readByBoth = async (chunks: ReadonlyArray<Buffer>): Promise<{ readonly heard: Heard; readonly left: number }> => {
  const receiver = new Receiver(options)
  const heard = listen(receiver)
  receiver.on("error", () => reader.stop())
  let left = 0
  const reader = new FrameReader({
    onText: (chunk, start, end) => heard.push(`text ${chunk.subarray(start, end)}`),
    onOther: (bytes) => {
      left += bytes.length
      receiver.write(bytes)
    }
  })
  for (const chunk of chunks) {
    reader.read(chunk, chunk.length)
    await setImmediate()
  }
  return { heard, left }
}

const textPayload = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000).map((length) => Buffer.alloc(length, "x"))
)
const short = fc.uint8Array({ maxLength: 125 })
const plain = textPayload.map((payload) => [text(payload)])
const control = fc.tuple(fc.constantFrom(9, 10), short).map(([opcode, payload]) => frame(opcode, payload))
const fragmented = fc.tuple(fc.constantFrom(1, 2), fc.array(fc.tuple(short, fc.option(control)), { minLength: 1 })).map(
  ([kind, parts]) => [
    ...parts.flatMap(([payload, between], n) => [
      frame(n === 0 ? kind : 0, payload, 0),
      ...between === null ? [] : [between]
    ]),
    frame(0, Buffer.from("the last"))
  ]
)
const binary = short.map((payload) => [frame(2, payload)])
const closing = fc.constantFrom(
  frame(8, Buffer.alloc(0)),
  closeFrame(1000),
  frame(8, Buffer.from([3]))
)
/** Opcodes and bits that are not in use, masks, a continuation of nothing, control frames in fragments; or a mere beginning. */
const violation = fc.tuple(fc.constantFrom(0, 1, 3, 9, 11), fc.constantFrom(0, 0x80, 0xa0, 0xc0), short, fc.boolean())
  .map(([opcode, flags, payload, isMasked]) => {
    const bytes = frame(opcode, payload, flags)
    return isMasked ? masked(bytes) : bytes
  })
const peaceful = fc.oneof(
  { arbitrary: plain, weight: 6 },
  { arbitrary: fragmented, weight: 1 },
  { arbitrary: binary, weight: 1 },
  { arbitrary: control.map((frame) => [frame]), weight: 1 }
)
const ping = frame(9, Buffer.from("ping"))
const unfinished = short.map((payload) => [frame(1, payload, 0), ping, text(payload)])
const ends = fc.oneof(
  fc.constant([]),
  closing.map((frame) => [frame]),
  violation.map((frame) => [frame]),
  unfinished
)
const frames = fc.tuple(fc.array(peaceful), ends, fc.array(peaceful, { maxLength: 3 })).map((parts) =>
  Buffer.concat(parts.flat(2))
)

const cut = (bytes: Buffer, places: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((one, other) => one - other),
    bytes.length
  ]
  return at.slice(1).map((end, n) => bytes.subarray(at[n], end)).filter(({ length }) => length > 0)
}

it("whatever comes in whatever pieces is heard as `ws` alone hears it, in its order", () =>
  fc.assert(
    fc.asyncProperty(frames, fc.array(fc.nat(), { maxLength: 12 }), async (bytes, places) => {
      const chunks = cut(bytes, places)
      expect((await readByBoth(chunks)).heard).toEqual(await readByWs(chunks))
    }),
    { numRuns: 1000 }
  ))

it("the same, one byte at a time", () =>
  fc.assert(
    fc.asyncProperty(
      fc.tuple(
        fc.array(fc.oneof(fragmented, binary, short.map((payload) => [text(payload)])), {
          maxLength: 3
        }),
        ends
      ),
      async (parts) => {
        const chunks = [...Buffer.concat(parts.flat(2))].map((byte) => Buffer.from([byte]))
        expect((await readByBoth(chunks)).heard).toEqual(await readByWs(chunks))
      }
    ),
    { numRuns: 40 }
  ))

it("a length that looks like the beginning of a text", async () => {
  const bytes = Buffer.concat([text(Buffer.alloc(0x8101, "x")), text("y")])
  for (const at of [1, 2, 3]) {
    const { heard } = await readByBoth(cut(bytes, [at]))
    expect(heard).toEqual([`text ${"x".repeat(0x8101)}`, "text y"])
  }
})

it("of texts in chunks of 64 KiB only those that a cut goes through are left to `ws`", async () => {
  const texts = Array.from({ length: 5000 }, (_, n) => `{"number":${n},"text":"${"字".repeat(n % 100)}"}`)
  const bytes = Buffer.concat(texts.map(text))
  const places = Array.from({ length: Math.floor(bytes.length / 65_536) }, (_, n) => (n + 1) * 65_536)
  const { heard, left } = await readByBoth(cut(bytes, places))
  expect(heard).toEqual(texts.map((text) => `text ${text}`))
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(places.length * 400)
})

it("nothing is heard after an error that the end of a cut frame brings", async () => {
  const fragments = Array.from(
    { length: options.maxFragments + 1 },
    (_, n) => frame(n === 0 ? 1 : 0, Buffer.from("part"), n === options.maxFragments ? 0x80 : 0)
  )
  const bytes = Buffer.concat([...fragments, text("behind it")])
  const chunks = cut(bytes, [Buffer.concat(fragments).length - 2])
  expect((await readByBoth(chunks)).heard).toEqual(await readByWs(chunks))
})

it("a host that throws is told nothing more: what is in a payload never passes for a frame", () => {
  const heard: Array<string> = []
  const hear = (said: string) => {
    heard.push(said)
    if (said === "throw") throw new Error("thrown")
  }
  const inner = text("forged")
  for (const opcode of [1, 2]) {
    const reader = new FrameReader({
      onText: (chunk, start, end) => hear(chunk.toString("utf8", start, end)),
      onOther: (bytes) => hear(bytes.includes("throw") ? "throw" : "other")
    })
    const outer = text(Buffer.concat([Buffer.alloc(20, "x"), inner]))
    const cutAt = outer.length - inner.length
    const first = Buffer.concat([frame(opcode, Buffer.from("throw")), outer.subarray(0, cutAt)])
    expect(() => reader.read(first, first.length)).toThrow("thrown")
    reader.read(outer.subarray(cutAt), inner.length)
  }
  expect(heard).toEqual(["throw", "throw"])
})
