/**
 * `ws` as the platform's WebSocket, with the texts of one turn written together, because the acks of one packet set off many
 * frames and a system call for each of them costs more than all the rest, and with plain texts read before it reads them.
 */
import type { Buffer as Bytes } from "node:buffer"
import type { ClientRequest } from "node:http"
import type { OnReadOpts, Socket } from "node:net"
import * as WS from "ws"
import type * as ChunkFrame from "./chunkFrame.js"
import { FrameReader } from "./frameReader.js"
import * as MaskedFrame from "./maskedFrame.js"
import * as TextFrames from "./textFrames.js"

type Kind = keyof WS.WebSocket.WebSocketEventMap

type Listener<K extends Kind> = ((event: WS.WebSocket.WebSocketEventMap[K]) => void) | {
  handleEvent(event: WS.WebSocket.WebSocketEventMap[K]): void
}

/** All that a session asks of the event of a message. */
type OnData = (event: { readonly data: unknown }) => void

type OnMessage = (data: WS.RawData, isBinary: boolean) => void

/** What decides how frames are read and written is not for others to say. */
type NetworkOptions = Pick<WS.ClientOptions, "agent" | "ca">

/** `closeTimeout` is younger than the types, and `onread` is for the socket. */
interface Options extends WS.ClientOptions {
  readonly closeTimeout: number
  readonly onread?: OnReadOpts
}

/** For the next frame of about the same size; the garbage collector takes what lies idle. */
class SpareBuffers {
  private spare = new WeakRef<Array<ArrayBuffer>>([])

  take(bytes: number): ArrayBuffer {
    const buffer = this.spare.deref()?.pop()
    return buffer !== undefined && buffer.byteLength >= bytes ? buffer : Buffer.allocUnsafeSlow(bytes).buffer
  }

  give(buffer: ArrayBuffer): void {
    const buffers = this.spare.deref()
    if (buffers === undefined) this.spare = new WeakRef([buffer])
    else buffers.push(buffer)
  }
}

/**
 * What all sockets read into, each while it tells of what it has read: of its own accord Node takes 64 KiB for each read, makes a
 * buffer of what came and sends it through a stream.
 */
const common = Buffer.allocUnsafeSlow(65_536)

/** The socket is known before anything is read from it. */
const finishRequest = (request: ClientRequest, ws: WS.WebSocket): void => {
  request.once("socket", (socket) => (ws as Corked).opensOn(socket))
  request.end()
}

const defaults: Options = {
  perMessageDeflate: false,
  // A service that sends a close frame and then keeps its end open leaves a link that carries nothing, for 30 s by default.
  closeTimeout: 1_000,
  // What is not UTF-8 is read with replacement characters; closing the connection over it would help nobody.
  skipUTF8Validation: true,
  finishRequest
}

const flush = (ws: Corked): void => ws.flush()

const none: ReadonlyArray<never> = []

/** Its methods stand on a class: a process may have a thousand of these. */
class Corked extends WS.WebSocket {
  private socket: Socket | undefined = undefined
  private reader: FrameReader | undefined = undefined
  private texts: Array<string> | undefined = undefined
  private spare: SpareBuffers | undefined = undefined
  /** Replaced, not changed: a listener may leave, or bring another, while all are told. */
  private plain: ReadonlyArray<readonly [listener: OnData, onMessage: OnMessage]> = none

  constructor(url: string, protocols: string | Array<string> | undefined, options: NetworkOptions | undefined) {
    // An agent may open a socket before anybody asks for it, or for another connection than it then serves.
    const reading = options?.agent === undefined
      ? { onread: { buffer: common, callback: (length: number) => this.onRead(length) } }
      : {}
    super(url, protocols, { ...defaults, ...options, ...reading })
    // Nothing was read yet, and nobody else heard of it.
    this.once("open", () => this.readFirst())
  }

  opensOn(socket: Socket): void {
    this.socket = socket
  }

  private onRead(length: number): boolean {
    const { reader } = this
    const socket = this.socket!
    // Until the upgrade, and behind what waits there: the records of TLS that came together are told even while it is paused.
    if (reader === undefined || socket.readableLength > 0 || socket.isPaused()) {
      return socket.push(Buffer.from(common.subarray(0, length)))
    }
    reader.read(common, length)
    return true
  }

  /** Takes the place of the one listener that `ws` has for data. */
  private readFirst(): void {
    const { socket } = this
    const [readByWs, ...others] = socket?.listeners("data") ?? []
    if (socket === undefined || readByWs === undefined || others.length > 0) return
    const reader = new FrameReader({
      onText: (chunk, start, end) => this.onText(chunk, start, end),
      // `ws` keeps the beginning of a frame until the rest is there.
      onOther: (bytes) => void readByWs.call(socket, Buffer.from(bytes))
    })
    this.reader = reader
    socket.off("data", readByWs as () => void)
    // What came with the answer to the upgrade, or while paused, and all that comes by the socket of an agent.
    socket.on("data", (chunk: Bytes) => reader.read(chunk, chunk.length))
    // After one of these the connection is closed; one that nobody listens to is no reason to end the process.
    this.once("error", () => reader.stop())
  }

  private onText(chunk: Bytes, start: number, end: number): void {
    const { plain } = this
    // Whoever listens as `ws` has it is told as `ws` tells: with the bytes.
    if (this.listenerCount("message") > plain.length) {
      this.emit("message", Buffer.from(chunk.subarray(start, end)), false)
      return
    }
    const event = { data: chunk.toString("utf8", start, end) }
    for (const [listener] of plain) listener(event)
  }

  // Extensions change what a frame looks like, and in any other state `ws` says what is wrong.
  private isPlain(): boolean {
    return this.socket !== undefined && this.readyState === WS.WebSocket.OPEN && this.extensions === ""
  }

  flush(): void {
    const { texts } = this
    if (texts === undefined) return
    this.texts = undefined
    if (this.isPlain()) this.socket!.write(TextFrames.join(texts))
  }

  override send(data: Parameters<WS.WebSocket["send"]>[0]): void {
    if (typeof data !== "string" || !this.isPlain()) {
      this.flush()
      return super.send(data)
    }
    if (this.texts !== undefined) return void this.texts.push(data)
    this.texts = [data]
    // Runs after the microtasks of this turn, in which the fibers write.
    process.nextTick(flush, this)
  }

  override close(code?: number, reason?: string | Buffer): void {
    this.flush()
    super.close(code, reason)
  }

  sendChunk(text: ChunkFrame.Text): void {
    if (!this.isPlain() || text.length < 65_536) return this.send(String(text))
    this.flush()
    const spare = this.spare ??= new SpareBuffers()
    const frame = MaskedFrame.make(text, (bytes) => spare.take(bytes))
    this.socket!.write(frame, () => spare.give(frame.buffer as ArrayBuffer))
  }

  // An event object of the DOM for each frame costs more than reading it.
  override addEventListener<K extends Kind>(
    kind: K,
    listener: Listener<K>,
    options?: WS.WebSocket.EventListenerOptions
  ): void {
    if (kind !== "message" || options !== undefined || typeof listener !== "function") {
      return super.addEventListener(kind, listener, options)
    }
    const onData = listener as OnData
    const onMessage: OnMessage = (data, isBinary) => onData({ data: isBinary ? data : data.toString() })
    this.plain = [...this.plain, [onData, onMessage]]
    this.on("message", onMessage)
  }

  override removeEventListener<K extends Kind>(kind: K, listener: Listener<K>): void {
    const at = kind === "message" ? this.plain.findIndex(([own]) => own === listener) : -1
    if (at === -1) return super.removeEventListener(kind, listener)
    this.off("message", this.plain[at]![1])
    this.plain = this.plain.toSpliced(at, 1)
  }
}

/** @internal */
export const open = (
  url: string,
  protocols?: string | Array<string>,
  options?: NetworkOptions
): globalThis.WebSocket => new Corked(url, protocols, options) as unknown as globalThis.WebSocket
