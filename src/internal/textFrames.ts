/**
 * Hot path. Texts as masked WebSocket frames (RFC 6455, 5.2), all of one turn in one piece: `ws` makes two buffers of each, and
 * writing those costs more than all the rest of a frame.
 */
import { Buffer } from "node:buffer"
import { randomFillSync } from "node:crypto"
import { headerBytes, lengthBits, lengthIn64Bits, maskBytes, writeHeader } from "./webSocketFrame.js"

const randomness = Buffer.alloc(8192)
let used = randomness.length

const writeMask = (into: Buffer, at: number): void => {
  if (used === randomness.length) {
    randomFillSync(randomness)
    used = 0
  }
  for (let i = 0; i < maskBytes; i++) into[at + i] = randomness[used++]!
}

/** Four at a time, which is what the mask repeats after. */
const mask = (frames: Buffer, maskAt: number, start: number, end: number): void => {
  const a = frames[maskAt]!
  const b = frames[maskAt + 1]!
  const c = frames[maskAt + 2]!
  const d = frames[maskAt + 3]!
  const rest = start + (end - start & ~3)
  for (let i = start; i < rest; i += 4) {
    frames[i]! ^= a
    frames[i + 1]! ^= b
    frames[i + 2]! ^= c
    frames[i + 3]! ^= d
  }
  for (let i = rest; i < end; i++) frames[i]! ^= frames[maskAt + i - rest]!
}

/** In UTF-8 no character of a string takes more. */
const mostOfCharacter = 3

/** Counting its bytes is most of the work of writing a text, and the number of its characters says as much in most cases. */
const headerBytesOf = (text: string): number => {
  const least = headerBytes(lengthBits(text.length))
  const most = headerBytes(lengthBits(mostOfCharacter * text.length))
  return least === most ? least : headerBytes(lengthBits(Buffer.byteLength(text)))
}

/** Tells where the frame ends. */
const write = (text: string, into: Buffer, at: number): number => {
  const maskAt = at + headerBytesOf(text)
  const start = maskAt + maskBytes
  const end = start + into.write(text, start)
  writeHeader(into, at, end - start)
  writeMask(into, maskAt)
  mask(into, maskAt, start, end)
  return end
}

/** Header and mask of the longest frames. */
const mostBefore = headerBytes(lengthIn64Bits) + maskBytes

/** Of these one frame that waits to be written keeps all. */
const slabBytes = 16 * 1024
let slab = Buffer.alloc(0)
let slabUsed = 0

/** @internal */
export const join = (texts: ReadonlyArray<string>): Buffer => {
  let most = 0
  for (const text of texts) most += mostBefore + mostOfCharacter * text.length
  const isLarge = most > slabBytes / 4
  if (isLarge) {
    const bytes = texts.reduce((total, text) => total + mostBefore + Buffer.byteLength(text), 0)
    return writeAll(texts, Buffer.allocUnsafe(bytes), 0)
  }
  if (most > slab.length - slabUsed) {
    slab = Buffer.allocUnsafeSlow(slabBytes)
    slabUsed = 0
  }
  const frames = writeAll(texts, slab, slabUsed)
  slabUsed += frames.length
  return frames
}

const writeAll = (texts: ReadonlyArray<string>, into: Buffer, at: number): Buffer => {
  let end = at
  for (const text of texts) end = write(text, into, end)
  return into.subarray(at, end)
}
