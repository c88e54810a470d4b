/**
 * The body of a chunk, and its frame as text. Base64 needs no escapes, so the text is not made by `JSON.stringify`, which would
 * search 700 kB for them.
 */
import { Buffer } from "node:buffer"
import type * as Frame from "../../Frame.js"

const empty = new Uint8Array(0)

/** @internal */
export class ChunkBody {
  readonly upload_id: string
  readonly chunk_index: number
  #bytes: Uint8Array
  constructor(uploadId: string, index: number, bytes: Uint8Array) {
    this.upload_id = uploadId
    this.chunk_index = index
    this.#bytes = bytes
  }

  /** Drops the bytes: the timeout of a frame can outlive its verdict, and must not retain half a megabyte. */
  empty(): void {
    this.#bytes = empty
  }

  get base64_data(): string {
    const { buffer, byteOffset, length } = this.#bytes
    return Buffer.from(buffer, byteOffset, length).toString("base64")
  }

  toJSON(): unknown {
    return { upload_id: this.upload_id, chunk_index: this.chunk_index, base64_data: this.base64_data }
  }

  textOf({ cmd, headers }: Frame.Request): string {
    const { chunk_index, upload_id } = this
    const tail = "\"}}"
    const whole = JSON.stringify({ cmd, headers, body: { upload_id, chunk_index, base64_data: "" } })
    return whole.slice(0, -tail.length) + this.base64_data + tail
  }
}
