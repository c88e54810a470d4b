/**
 * `ws` as the platform's WebSocket, with the writes of one turn corked together: the acks of one packet set off many frames,
 * and a system call for each of them costs more than all the rest.
 */
import type { Socket } from "node:net"
import * as WS from "ws"

type Listener = (event: MessageEvent) => void

/** `closeTimeout` is younger than the types. */
interface Options extends WS.ClientOptions {
  readonly closeTimeout: number
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
  let isCorked = false
  ws.once("upgrade", (response) => {
    socket = response.socket
  })

  const uncork = () => {
    isCorked = false
    socket?.uncork()
  }
  const send = ws.send.bind(ws) as (data: Parameters<WS.WebSocket["send"]>[0]) => void
  ws.send = (data: Parameters<WS.WebSocket["send"]>[0]) => {
    if (!isCorked && socket !== undefined) {
      isCorked = true
      socket.cork()
      // Runs after the microtasks of this turn, in which the fibers write.
      process.nextTick(uncork)
    }
    send(data)
  }

  // An event object of the DOM for each frame costs more than reading it.
  const plain = new Map<unknown, (data: WS.RawData, isBinary: boolean) => void>()
  const addEventListener = ws.addEventListener.bind(ws) as (kind: string, listener: Listener, options?: object) => void
  const removeEventListener = ws.removeEventListener.bind(ws) as (kind: string, listener: Listener) => void
  return Object.assign(ws as unknown as globalThis.WebSocket, {
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
