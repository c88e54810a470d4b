/** Frames as a server writes them, and worse. */

const numbers = { opcode: { text: 1, close: 8 }, fin: 0x80 }

export const frame = (opcode: number, payload: Uint8Array, flags: number = numbers.fin): Buffer => {
  const { length } = payload
  const header = length < 126
    ? Buffer.from([flags | opcode, length])
    : length < 65_536
    ? Buffer.from([flags | opcode, 126, length >> 8, length & 255])
    : Buffer.concat([Buffer.from([flags | opcode, 127, 0, 0, 0, 0]), uint32(length)])
  return Buffer.concat([header, payload])
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export const text = (value: string | Uint8Array): Buffer =>
  frame(numbers.opcode.text, typeof value === "string" ? Buffer.from(value) : value)

export const closeFrame = (code: number): Buffer => frame(numbers.opcode.close, Buffer.from([code >> 8, code & 255]))

/** The header of a frame that claims to have so many bytes, of which none follow. */
export const claim = (length: number): Buffer =>
  Buffer.concat([Buffer.from([numbers.fin | numbers.opcode.text, 127, 0, 0, 0, 0]), uint32(length)])
