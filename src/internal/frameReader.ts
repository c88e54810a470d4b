/**
 * Hot path. What comes from a socket, before `ws` reads it. A text message that lies in a chunk as one frame, as nearly all do,
 * is told at once; `ws` makes three buffers of it, writes it to a stream and sends it through two events. Everything else is
 * left to `ws`: frames that go on in another chunk, messages in several of them, binary ones, control frames, and what breaks
 * the protocol (RFC 6455, 5.2).
 */
import type { Buffer } from "node:buffer"
import { final, finalText, headerBytes, lengthIn16Bits, lengthIn64Bits, masked, Opcode } from "./webSocketFrame.js"

const opcodeBits = 0x0f

/** @internal */
export interface Host {
  /** The text lies there, in UTF-8; the chunk may be used again as soon as it is read. */
  onText(chunk: Buffer, start: number, end: number): void
  /** Frames, or parts of them, that are not read here: a view of the chunk. */
  onOther(bytes: Buffer): void
}

/** @internal */
export class FrameReader {
  private readonly host: Host
  /** What the host has of a header that a chunk ended in. */
  private header: Array<number> | undefined = undefined
  /** The first byte of the frame that the host has last. */
  private first = 0
  /** So many bytes of its payload are still to come. */
  private left = 0
  /** The host has the beginning of a message that has more frames. */
  private isFragmented = false
  private isStopped = false

  constructor(host: Host) {
    this.host = host
  }

  /** Nothing is read any more. */
  stop(): void {
    this.isStopped = true
  }

  /** So many bytes of the chunk, which may be a buffer that is read into again and again. */
  read(chunk: Buffer, length: number): void {
    try {
      this.readAll(chunk, length)
    } catch (error) {
      // Of a host that throws nobody knows what it has read, and in the middle of a payload anything may look like a frame.
      this.stop()
      throw error
    }
  }

  private readAll(chunk: Buffer, length: number): void {
    let at = 0
    while (at < length && !this.isStopped) {
      const end = this.readText(chunk, length, at)
      if (end === at) at = this.leave(chunk, length, at)
      else at = end
    }
  }

  /** Tells where the text ends, which is where it would begin if there is none. */
  private readText(chunk: Buffer, length: number, at: number): number {
    if (chunk[at] !== finalText || this.left > 0 || this.isFragmented || this.header !== undefined) return at
    if (at + 1 === length) return at
    const bits = chunk[at + 1]!
    if (bits >= lengthIn64Bits) return at
    const start = at + headerBytes(bits)
    const end = start + (bits === lengthIn16Bits ? (chunk[at + 2]! << 8) | chunk[at + 3]! : bits)
    if (end > length) return at
    this.host.onText(chunk, start, end)
    return end
  }

  /**
   * The rest of a frame that was cut, or all to the end of the chunk: an error is told later, and only the host knows whether it
   * reads what is behind one.
   */
  private leave(chunk: Buffer, length: number, at: number): number {
    const isRest = this.left > 0 && !this.isFragmented
    const end = isRest ? this.passPayload(length, at) : this.passFrames(chunk, length, at)
    this.host.onOther(chunk.subarray(at, end))
    return end
  }

  /** No further than the frame that closes the connection: what is behind it, nobody wants. */
  private passFrames(chunk: Buffer, length: number, at: number): number {
    let end = this.left > 0 ? this.passPayload(length, at) : at
    while (end < length && !this.isStopped) {
      if (this.passHeader(chunk[end++]!)) end = this.passPayload(length, end)
    }
    return end
  }

  /** Whether the header ends with this byte. */
  private passHeader(byte: number): boolean {
    const header = this.header ??= []
    header.push(byte)
    const [first, second, ...long] = header
    if (second === undefined || header.length < headerBytes(second & ~masked)) return false
    this.header = undefined
    this.first = first!
    this.left = long.length === 0 ? second & ~masked : long.reduce((total, byte) => total * 256 + byte, 0)
    return true
  }

  private passPayload(length: number, at: number): number {
    const part = Math.min(this.left, length - at)
    this.left -= part
    if (this.left === 0) this.passEnd()
    return at + part
  }

  private passEnd(): void {
    const kind = this.first & opcodeBits
    if (kind === Opcode.close) this.stop()
    // Control frames may stand between those of a message.
    else if (kind < Opcode.close) this.isFragmented = (this.first & final) === 0
  }
}
