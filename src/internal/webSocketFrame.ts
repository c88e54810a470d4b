/**
 * Hot path. What stands before the payload of a WebSocket frame (RFC 6455, 5.2).
 */
import type { Buffer } from "node:buffer"

/** @internal */
export const final = 0x80

/** @internal */
export const Opcode = { text: 1, close: 8 } as const

/**
 * The first byte of a text message in one frame.
 *
 * @internal
 */
export const finalText = final | Opcode.text

/**
 * Beside the seven bits of a length.
 *
 * @internal
 */
export const masked = 0x80

/** @internal */
export const maskBytes = 4

/**
 * In place of a length, which follows.
 *
 * @internal
 */
export const lengthIn16Bits = 126

/**
 * In place of a length, which follows.
 *
 * @internal
 */
export const lengthIn64Bits = 127

const mostIn16Bits = 0xffff

/**
 * The seven bits that are the length of a payload, or say where it stands.
 *
 * @internal
 */
export const lengthBits = (length: number): number =>
  length < lengthIn16Bits ? length : length <= mostIn16Bits ? lengthIn16Bits : lengthIn64Bits

/**
 * Of the header that has those bits, without a mask.
 *
 * @internal
 */
export const headerBytes = (bits: number): number => bits < lengthIn16Bits ? 2 : bits === lengthIn16Bits ? 4 : 10

/**
 * Of a text that is masked, up to its mask.
 *
 * @internal
 */
export const writeHeader = (into: Buffer, at: number, length: number): void => {
  const bits = lengthBits(length)
  into[at] = finalText
  into[at + 1] = masked | bits
  if (bits === lengthIn16Bits) {
    into[at + 2] = length >> 8
    into[at + 3] = length & 0xff
  } else if (bits === lengthIn64Bits) {
    into.writeUIntBE(0, at + 2, 2)
    into.writeUIntBE(length, at + 4, 6)
  }
}
