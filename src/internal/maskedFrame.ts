/**
 * A chunk as one masked WebSocket frame (RFC 6455, 5.2): base64 and mask in a single pass from its bytes, where `ws` makes a
 * string, bytes of it, and masks these one by one.
 */
import { Buffer } from "node:buffer"
import { randomFillSync } from "node:crypto"
import { base64Length, type Text } from "./chunkFrame.js"
import { headerBytes, lengthIn64Bits, maskBytes, writeHeader } from "./webSocketFrame.js"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/** What twelve bits look like in the first and in the last two bytes of a word, whatever the machine's byte order. */
interface Tables {
  readonly first: Uint32Array
  readonly last: Uint32Array
}

const makeTables = (): Tables => {
  const first = new Uint32Array(4096)
  const last = new Uint32Array(4096)
  const firstBytes = new Uint8Array(first.buffer)
  const lastBytes = new Uint8Array(last.buffer)
  for (let bits = 0; bits < 4096; bits++) {
    firstBytes[4 * bits] = lastBytes[4 * bits + 2] = alphabet.charCodeAt(bits >> 6)
    firstBytes[4 * bits + 1] = lastBytes[4 * bits + 3] = alphabet.charCodeAt(bits & 63)
  }
  return { first, last }
}

let tables: Tables | undefined

const writeBase64 = (bytes: Uint8Array, into: Uint32Array, mask: number): void => {
  const { first, last } = tables ??= makeTables()
  const whole = bytes.length - bytes.length % 3
  let at = 0
  for (let i = 0; i < whole; i += 3) {
    const middle = bytes[i + 1]!
    into[at++] = (first[(bytes[i]! << 4) | (middle >> 4)]! | last[((middle & 15) << 8) | bytes[i + 2]!]!) ^ mask
  }
  if (whole === bytes.length) return
  const word = new Uint8Array(Buffer.from(Buffer.from(bytes.subarray(whole)).toString("base64")))
  into[at] = new Uint32Array(word.buffer)[0]! ^ mask
}

const beforePayload = headerBytes(lengthIn64Bits) + maskBytes

/** Room for a frame; the base64 begins at a multiple of four. */
const layout = (text: Text) => {
  const head = Buffer.from(text.head)
  const base64 = base64Length(text.bytes.length)
  const start = (4 - (beforePayload + head.length) % 4) % 4
  const payload = start + beforePayload
  const end = payload + head.length + base64 + text.tail.length
  return { head, base64, start, payload, end }
}

/**
 * The frame, in a buffer that `take` gives for so many bytes. The text must be longer than 65,535 bytes, its tail ASCII.
 *
 * @internal
 */
export const make = (text: Text, take: (bytes: number) => ArrayBuffer): Buffer => {
  const { base64, end, head, payload, start } = layout(text)
  const frame = Buffer.from(take(end), 0, end)
  writeHeader(frame, start, end - payload)
  randomFillSync(frame, payload - 4, 4)
  frame.set(head, payload)
  frame.write(text.tail, end - text.tail.length, "latin1")
  const maskAt = (position: number): number => frame[payload - 4 + (position - payload) % 4]!
  const body = payload + head.length
  for (let i = payload; i < body; i++) frame[i]! ^= maskAt(i)
  for (let i = body + base64; i < end; i++) frame[i]! ^= maskAt(i)
  const word = Uint8Array.from([0, 1, 2, 3], (i) => maskAt(body + i))
  writeBase64(text.bytes, new Uint32Array(frame.buffer, body, base64 / 4), new Uint32Array(word.buffer)[0]!)
  return frame.subarray(start)
}
