/**
 * The body of a chunk, and the frame it makes. Base64 needs no escapes, and `JSON.stringify` would look for them in 700 kB at a
 * time, so the text is put around it.
 */
import { Buffer } from "node:buffer"
import type * as Frame from "../Frame.js"

/**
 * A frame that is not put together yet: a socket that can writes the base64 where it goes, others take the string.
 *
 * @internal
 */
export class Text {
  readonly head: string
  readonly bytes: Uint8Array
  readonly tail: string
  constructor(head: string, bytes: Uint8Array, tail: string) {
    this.head = head
    this.bytes = bytes
    this.tail = tail
  }
  get length(): number {
    return this.head.length + base64Length(this.bytes.length) + this.tail.length
  }
  toString(): string {
    return this.head + toBase64(this.bytes) + this.tail
  }
}

const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64")

/** @internal */
export const base64Length = (bytes: number): number => 4 * Math.ceil(bytes / 3)

const empty = new Uint8Array(0)

/** @internal */
export class Body {
  readonly upload_id: string
  readonly chunk_index: number
  #bytes: Uint8Array
  constructor(uploadId: string, index: number, bytes: Uint8Array) {
    this.upload_id = uploadId
    this.chunk_index = index
    this.#bytes = bytes
  }

  /** Whoever still holds the frame after its verdict, as its deadline does for a while, must not hold half a megabyte. */
  empty(): void {
    this.#bytes = empty
  }

  get base64_data(): string {
    return toBase64(this.#bytes)
  }

  toJSON(): unknown {
    return { upload_id: this.upload_id, chunk_index: this.chunk_index, base64_data: this.base64_data }
  }

  textOf({ cmd, headers }: Frame.Request): Text {
    const { chunk_index, upload_id } = this
    const tail = "\"}}"
    const whole = JSON.stringify({ cmd, headers, body: { upload_id, chunk_index, base64_data: "" } })
    return new Text(whole.slice(0, -tail.length), this.#bytes, tail)
  }
}
