/**
 * `ws` as the platform's WebSocket, with the texts of one turn written together: the acks of one packet set off many frames, and
 * a system call for each of them costs more than all the rest.
 */
import type { Socket } from "node:net"
import * as WS from "ws"
import type * as ChunkFrame from "./chunkFrame.js"
import * as MaskedFrame from "./maskedFrame.js"
import * as TextFrames from "./textFrames.js"

type Listener = (event: MessageEvent) => void

/** `closeTimeout` is younger than the types. */
interface Options extends WS.ClientOptions {
  readonly closeTimeout: number
}

/** For the next frame of about the same size; the garbage collector takes what lies idle. */
const spareBuffers = () => {
  let spare = new WeakRef<Array<ArrayBuffer>>([])
  return {
    take: (bytes: number): ArrayBuffer => {
      const buffer = spare.deref()?.pop()
      return buffer !== undefined && buffer.byteLength >= bytes ? buffer : Buffer.allocUnsafeSlow(bytes).buffer
    },
    give: (buffer: ArrayBuffer): void => {
      const buffers = spare.deref()
      if (buffers === undefined) spare = new WeakRef([buffer])
      else buffers.push(buffer)
    }
  }
}

/** @internal */
export const open = (
  url: string,
  protocols?: string | Array<string>,
  options?: WS.ClientOptions
): globalThis.WebSocket => {
  const defaults: Options = {
    perMessageDeflate: false,
    // A service that sends a close frame and then keeps its end open leaves a link that carries nothing, for 30 s by default.
    closeTimeout: 1_000,
    // What is not UTF-8 is read with replacement characters; closing the connection over it would help nobody.
    skipUTF8Validation: true
  }
  const ws = new WS.WebSocket(url, protocols, { ...defaults, ...options })
  let socket: Socket | undefined
  ws.once("upgrade", (response) => {
    socket = response.socket
  })

  // Extensions change what a frame looks like, and in any other state `ws` says what is wrong.
  const isPlain = () => socket !== undefined && ws.readyState === WS.WebSocket.OPEN && ws.extensions === ""

  let texts: Array<string> = []
  const flush = () => {
    if (texts.length === 0) return
    const written = texts
    texts = []
    if (isPlain()) socket!.write(TextFrames.join(written))
  }
  const send = ws.send.bind(ws) as (data: Parameters<WS.WebSocket["send"]>[0]) => void
  ws.send = (data: Parameters<WS.WebSocket["send"]>[0]) => {
    if (typeof data !== "string" || !isPlain()) {
      flush()
      return send(data)
    }
    // Runs after the microtasks of this turn, in which the fibers write.
    if (texts.push(data) === 1) process.nextTick(flush)
  }
  const close = ws.close.bind(ws)
  ws.close = (code, reason) => {
    flush()
    close(code, reason)
  }

  const buffers = spareBuffers()
  const sendChunk = (text: ChunkFrame.Text) => {
    if (!isPlain() || text.length < 65_536) return ws.send(String(text))
    flush()
    const frame = MaskedFrame.make(text, buffers.take)
    socket!.write(frame, () => buffers.give(frame.buffer as ArrayBuffer))
  }

  // An event object of the DOM for each frame costs more than reading it.
  const plain = new Map<unknown, (data: WS.RawData, isBinary: boolean) => void>()
  const addEventListener = ws.addEventListener.bind(ws) as (kind: string, listener: Listener, options?: object) => void
  const removeEventListener = ws.removeEventListener.bind(ws) as (kind: string, listener: Listener) => void
  return Object.assign(ws as unknown as globalThis.WebSocket, {
    sendChunk,
    addEventListener: (kind: string, listener: Listener, options?: object) => {
      if (kind !== "message" || options !== undefined) return addEventListener(kind, listener, options)
      const onMessage = (data: WS.RawData, isBinary: boolean) =>
        listener({ data: isBinary ? data : data.toString() } as MessageEvent)
      plain.set(listener, onMessage)
      ws.on("message", onMessage)
    },
    removeEventListener: (kind: string, listener: Listener) => {
      const onMessage = kind === "message" ? plain.get(listener) : undefined
      if (onMessage === undefined) return removeEventListener(kind, listener)
      plain.delete(listener)
      ws.off("message", onMessage)
    }
  })
}
