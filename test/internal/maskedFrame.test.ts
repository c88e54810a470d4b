import { expect, it } from "@effect/vitest"
import { Frame } from "effect-wecom"
import * as fc from "fast-check"
import * as ChunkFrame from "../../src/internal/chunkFrame.js"
import * as codec from "../../src/internal/codec.js"
import * as MaskedFrame from "../../src/internal/maskedFrame.js"
import { Receiver } from "../setup/wsReceiver.js"

const longest = 3 * 1024

const chunk = fc.record({
  reqId: fc.string(),
  uploadId: fc.string({ unit: "binary" }),
  index: fc.nat(99),
  bytes: fc.uint8Array({ maxLength: longest })
})

type Chunk = typeof chunk extends fc.Arbitrary<infer A> ? A : never

const requestOf = ({ bytes, index, reqId, uploadId }: Chunk) =>
  Frame.request(Frame.Command.uploadChunk, reqId, new ChunkFrame.Body(uploadId, index, bytes))

/** Long enough for a frame, with the sizes of its parts arbitrary modulo 12. */
const padded = (given: Chunk): Chunk => ({
  ...given,
  bytes: new Uint8Array(Buffer.concat([Buffer.alloc(60_000, 7), given.bytes]))
})

const read = async (frame: Uint8Array): Promise<string> => {
  const receiver = new Receiver({ isServer: true })
  const message = new Promise<string>((resolve, reject) => {
    receiver.on("message", (data: Buffer) => resolve(String(data)))
    receiver.on("error", reject)
  })
  receiver.write(frame)
  return message
}

it("the text of a chunk is the JSON of its frame", () => {
  fc.assert(fc.property(chunk, (given) => {
    const frame = requestOf(given)
    const text = codec.textOf(frame)
    expect(String(text)).toBe(JSON.stringify(frame))
    expect(text.length).toBe(String(text).length)
    expect(JSON.parse(String(text)).body).toEqual({
      upload_id: given.uploadId,
      chunk_index: given.index,
      base64_data: Buffer.from(given.bytes).toString("base64")
    })
  }))
})

it("a chunk that was let go of is empty, whoever still writes it", () => {
  const body = new ChunkFrame.Body("id", 0, new Uint8Array(9))
  const frame = Frame.request(Frame.Command.uploadChunk, "r", body)
  body.empty()
  expect(JSON.parse(String(codec.textOf(frame))).body.base64_data).toBe("")
  expect(JSON.parse(JSON.stringify(frame)).body.base64_data).toBe("")
})

it("a masked frame reads as its text, also in a buffer that was used before", async () => {
  const used = new Uint8Array(128 * 1024).fill(0xff)
  await fc.assert(
    fc.asyncProperty(chunk.map(padded), fc.boolean(), async (given, fresh) => {
      const text = codec.textOf(requestOf(given)) as ChunkFrame.Text
      const frame = MaskedFrame.make(text, (bytes) => fresh ? new ArrayBuffer(bytes) : used.buffer)
      expect(await read(frame)).toBe(String(text))
    }),
    { numRuns: 200 }
  )
})

it("each frame has a mask of its own", () => {
  const text = codec.textOf(requestOf(padded({ reqId: "r", uploadId: "u", index: 0, bytes: new Uint8Array(1) })))
  const make = () => MaskedFrame.make(text as ChunkFrame.Text, (bytes) => new ArrayBuffer(bytes))
  const masks = new Set(Array.from({ length: 20 }, () => make().subarray(10, 14).toString("hex")))
  expect(masks.size).toBeGreaterThan(1)
})
