/**
 * `ws` as the WebSocket of the platform. The frames of one turn are written together: the acks of one packet cause many frames,
 * and with a system call for each 200 lanes take half as long again.
 */
import type { Socket } from "node:net"
import * as WS from "ws"

/** The options of the caller; the others are fixed here. */
type CallerOptions = Pick<WS.ClientOptions, "agent" | "ca">

/** `closeTimeout` exists since ws 8.19.0 and is not in its types yet. */
interface Options extends WS.ClientOptions {
  readonly closeTimeout: number
}

const defaults: Options = {
  perMessageDeflate: false,
  // The time between a received close frame and the end of the socket. The default of 30 s would keep a link that carries
  // nothing.
  closeTimeout: 1_000,
  // Invalid UTF-8 is read with replacement characters: closing the connection would lose more.
  skipUTF8Validation: true
}

/** A class, because a thousand sockets share its methods. */
class NodeSocket extends WS.WebSocket {
  /** The TCP or TLS socket; absent before the upgrade is answered. */
  private transport: Socket | undefined = undefined
  private isCorked = false

  constructor(url: string, protocols: string | Array<string> | undefined, options: CallerOptions | undefined) {
    super(url, protocols, { ...defaults, ...options })
    this.once("upgrade", (response) => {
      this.transport = response.socket
    })
  }

  override send(data: Parameters<WS.WebSocket["send"]>[0]): void {
    if (!this.isCorked && this.transport !== undefined) {
      this.isCorked = true
      this.transport.cork()
      // Runs after the microtasks of this turn, in which fibers write.
      process.nextTick(uncork, this)
    }
    super.send(data)
  }

  uncork(): void {
    this.isCorked = false
    this.transport?.uncork()
  }
}

const uncork = (socket: NodeSocket): void => socket.uncork()

/** @internal */
export const open = (
  url: string,
  protocols?: string | Array<string>,
  options?: CallerOptions
  // The events of `ws` have all the fields that a session reads.
): globalThis.WebSocket => new NodeSocket(url, protocols, options) as unknown as globalThis.WebSocket
