import { expect, it } from "@effect/vitest"
import { Frame } from "effect-wecom"
import * as fc from "fast-check"
import * as ChunkFrame from "../../../src/internal/wire/chunkFrame.js"
import * as codec from "../../../src/internal/wire/codec.js"

const chunk = fc.record({
  reqId: fc.string(),
  uploadId: fc.string({ unit: "binary" }),
  index: fc.nat(99),
  bytes: fc.uint8Array({ maxLength: 3 * 1024 })
})

it("the text of a chunk is the JSON of its frame", () => {
  fc.assert(fc.property(chunk, ({ bytes, index, reqId, uploadId }) => {
    const frame = Frame.request(Frame.Command.uploadChunk, reqId, new ChunkFrame.ChunkBody(uploadId, index, bytes))
    const text = codec.textOf(frame)
    expect(text).toBe(JSON.stringify(frame))
    expect(JSON.parse(text).body).toEqual({
      upload_id: uploadId,
      chunk_index: index,
      base64_data: Buffer.from(bytes).toString("base64")
    })
  }))
})

it("a chunk that was let go of has no bytes, if it is written after all", () => {
  const body = new ChunkFrame.ChunkBody("id", 0, new Uint8Array(9))
  const frame = Frame.request(Frame.Command.uploadChunk, "r", body)
  body.empty()
  expect(JSON.parse(codec.textOf(frame)).body.base64_data).toBe("")
  expect(JSON.parse(JSON.stringify(frame)).body.base64_data).toBe("")
})
