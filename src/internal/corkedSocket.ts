/**
 * `ws` as the platform's WebSocket, with the writes of one turn corked together: the acks of one packet set off many frames,
 * and a system call for each of them costs more than all the rest.
 */
import type { Socket } from "node:net"
import * as WS from "ws"

/** @internal */
export const open = (
  url: string,
  protocols?: string | Array<string>,
  options?: WS.ClientOptions
): globalThis.WebSocket => {
  const ws = new WS.WebSocket(url, protocols, {
    perMessageDeflate: false,
    // What is not UTF-8 is read with replacement characters; closing the connection over it would help nobody.
    skipUTF8Validation: true,
    ...options
  })
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
  return ws as unknown as globalThis.WebSocket
}
