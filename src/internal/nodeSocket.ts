/**
 * `ws` as the platform's WebSocket, with the texts of one turn written together, because the acks of one packet set off many
 * frames and a system call for each of them costs more than all the rest, and with plain texts read before it reads them.
 */
import type { Buffer as Bytes } from "node:buffer"
import type { Socket } from "node:net"
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

/** `closeTimeout` is younger than the types. */
interface Options extends WS.ClientOptions {
  readonly closeTimeout: number
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

const defaults: Options = {
  perMessageDeflate: false,
  // A service that sends a close frame and then keeps its end open leaves a link that carries nothing, for 30 s by default.
  closeTimeout: 1_000,
  // What is not UTF-8 is read with replacement characters; closing the connection over it would help nobody.
  skipUTF8Validation: true
}

const flush = (ws: Corked): void => ws.flush()

/** Its methods stand on a class: a process may have a thousand of these. */
class Corked extends WS.WebSocket {
  private socket: Socket | undefined = undefined
  private texts: Array<string> | undefined = undefined
  private spare: SpareBuffers | undefined = undefined
  private readonly plain: Array<readonly [listener: OnData, onMessage: OnMessage]> = []

  constructor(url: string, protocols: string | Array<string> | undefined, options: WS.ClientOptions | undefined) {
    super(url, protocols, { ...defaults, ...options })
    this.once("upgrade", (response) => {
      this.socket = response.socket
    })
    // Before anything is read, and before anybody hears of it.
    this.once("open", () => this.readFirst())
  }

  private readFirst(): void {
    const { socket } = this
    const [readByWs, ...others] = socket?.listeners("data") ?? []
    if (socket === undefined || readByWs === undefined || others.length > 0 || !this.isPlain()) return
    const reader = new FrameReader({
      onText: (text) => this.onText(text),
      onOther: (bytes) => void readByWs.call(socket, bytes)
    })
    socket.off("data", readByWs as () => void)
    socket.on("data", (chunk: Bytes) => reader.read(chunk))
    this.once("error", () => reader.end())
  }

  private onText(text: string): void {
    // Whoever listens as `ws` has it is told as `ws` tells.
    if (this.listenerCount("message") > this.plain.length) return void this.emit("message", Buffer.from(text), false)
    for (const [listener] of this.plain) listener({ data: text })
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
    this.plain.push([onData, onMessage])
    this.on("message", onMessage)
  }

  override removeEventListener<K extends Kind>(kind: K, listener: Listener<K>): void {
    const at = kind === "message" ? this.plain.findIndex(([own]) => own === listener) : -1
    if (at === -1) return super.removeEventListener(kind, listener)
    this.off("message", this.plain[at]![1])
    this.plain.splice(at, 1)
  }
}

/** @internal */
export const open = (
  url: string,
  protocols?: string | Array<string>,
  options?: WS.ClientOptions
): globalThis.WebSocket => new Corked(url, protocols, options) as unknown as globalThis.WebSocket
