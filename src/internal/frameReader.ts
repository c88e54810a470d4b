/**
 * Hot path. What comes from a socket, before `ws` reads it. A text message that lies in a chunk as one frame, as nearly all do,
 * becomes a string here; `ws` makes three buffers of it, writes it to a stream and sends it through two events. Everything else
 * is left to `ws`: frames that go on in another chunk, messages in several of them, binary ones, control frames, and what breaks
 * the protocol (RFC 6455, 5.2).
 */
import type { Buffer } from "node:buffer"

const finalFrame = 0x80
const opcode = 0x0f
const text = 1
const close = 8
const finalText = finalFrame | text
const masked = 0x80
const lengthIn16Bits = 126
const lengthIn64Bits = 127

const headerBytes = (length: number): number => length < lengthIn16Bits ? 2 : length === lengthIn16Bits ? 4 : 10

/** @internal */
export interface Host {
  onText(text: string): void
  /** Frames, or parts of them, that are not read here. */
  onOther(bytes: Buffer): void
}

/** @internal */
export class FrameReader {
  private readonly host: Host
  /** Of a frame that is the host's, so far; absent between two headers. */
  private header: Array<number> | undefined = undefined
  /** So many bytes of the payload of such a frame are still to come. */
  private left = 0
  /** A message has begun that has more frames, and others' may come between them. */
  private isFragmented = false
  private isClosing = false
  private hasEnded = false

  constructor(host: Host) {
    this.host = host
  }

  /** Nothing is read any more, as after an error of the protocol. */
  end(): void {
    this.hasEnded = true
  }

  read(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.hasEnded) {
      const start = at
      if (this.left > 0) at = this.passPayload(chunk, at)
      else if ((at = this.readText(chunk, at)) > start) continue
      else at = this.passFrames(chunk, at)
      this.host.onOther(chunk.subarray(start, at))
    }
  }

  /** Tells where it ends, which is where it began when there is none. */
  private readText(chunk: Buffer, at: number): number {
    if (chunk[at] !== finalText || this.isFragmented || this.header !== undefined) return at
    const length = chunk[at + 1]
    if (length === undefined || length >= lengthIn64Bits) return at
    const start = at + headerBytes(length)
    const end = start + (length === lengthIn16Bits ? (chunk[at + 2]! << 8) | chunk[at + 3]! : length)
    if (end > chunk.length) return at
    this.host.onText(chunk.toString("utf8", start, end))
    return end
  }

  /** The rest of the chunk, or as far as the frame that closes. Only the host knows whether it will read what is behind an error. */
  private passFrames(chunk: Buffer, at: number): number {
    let end = at
    while (end < chunk.length && !this.hasEnded) {
      if (this.passHeader(chunk[end++]!)) end = this.passPayload(chunk, end)
    }
    return end
  }

  private passPayload(chunk: Buffer, at: number): number {
    const part = Math.min(this.left, chunk.length - at)
    this.left -= part
    if (this.isClosing && this.left === 0) this.end()
    return at + part
  }

  /** Whether the header ends with this byte. */
  private passHeader(byte: number): boolean {
    const header = this.header ??= []
    header.push(byte)
    const [first, second, ...long] = header
    if (second === undefined || header.length < headerBytes(second & ~masked)) return false
    this.header = undefined
    this.left = long.length === 0 ? second & ~masked : long.reduce((total, byte) => total * 256 + byte, 0)
    const kind = first! & opcode
    if (kind === close) this.isClosing = true
    // Control frames come between those of a message.
    else if (kind < close) this.isFragmented = (first! & finalFrame) === 0
    return true
  }
}
