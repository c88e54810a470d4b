/**
 * Hot path. Texts as masked WebSocket frames (RFC 6455, 5.2), all of one turn in one piece: `ws` makes two buffers of each, and
 * writing those costs more than all the rest of a frame.
 */
import { Buffer } from "node:buffer"
import { randomFillSync } from "node:crypto"

const finalText = 0x81
const masked = 0x80
const lengthIn16Bits = 126
const lengthIn64Bits = 127
const mostIn7Bits = 125
const mostIn16Bits = 0xffff
const maskBytes = 4

/** Header and mask of the longest frames. */
const mostBefore = 10 + maskBytes

const randomness = Buffer.alloc(8192)
let used = randomness.length

const writeMask = (into: Buffer, at: number): void => {
  if (used === randomness.length) {
    randomFillSync(randomness)
    used = 0
  }
  for (let i = 0; i < maskBytes; i++) into[at + i] = randomness[used++]!
}

/** Writes what stands before the payload, and tells where that begins. */
const writeHeader = (into: Buffer, at: number, length: number): number => {
  into[at] = finalText
  if (length <= mostIn7Bits) {
    into[at + 1] = masked | length
    return at + 2
  }
  if (length <= mostIn16Bits) {
    into[at + 1] = masked | lengthIn16Bits
    into[at + 2] = length >> 8
    into[at + 3] = length & 0xff
    return at + 4
  }
  into[at + 1] = masked | lengthIn64Bits
  into.writeUIntBE(0, at + 2, 2)
  into.writeUIntBE(length, at + 4, 6)
  return at + 10
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

/** @internal */
export const join = (texts: ReadonlyArray<string>): Buffer => {
  const lengths = texts.map((text) => Buffer.byteLength(text))
  const frames = Buffer.allocUnsafe(lengths.reduce((total, length) => total + length + mostBefore, 0))
  let end = 0
  for (let n = 0; n < texts.length; n++) {
    const maskAt = writeHeader(frames, end, lengths[n]!)
    writeMask(frames, maskAt)
    const start = maskAt + maskBytes
    end = start + lengths[n]!
    frames.write(texts[n]!, start)
    mask(frames, maskAt, start, end)
  }
  return frames.subarray(0, end)
}
