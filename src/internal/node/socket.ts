/**
 * `ws` as the WebSocket of the platform. The frames of one turn are written together: the acks of one packet cause many frames,
 * and with a system call for each 200 lanes take half as long again.
 */
import type { Socket } from "node:net"
import * as WS from "ws"

/** The options of the caller; the others are fixed here. */
type NetworkOptions = Pick<WS.ClientOptions, "agent" | "ca">

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
  private below: Socket | undefined = undefined
  private isCorked = false

  constructor(url: string, protocols: string | Array<string> | undefined, options: NetworkOptions | undefined) {
    super(url, protocols, { ...defaults, ...options })
    this.once("upgrade", (response) => {
      this.below = response.socket
    })
  }

  override send(data: Parameters<WS.WebSocket["send"]>[0]): void {
    if (!this.isCorked && this.below !== undefined) {
      this.isCorked = true
      this.below.cork()
      // Runs after the microtasks of this turn, in which fibers write.
      process.nextTick(uncork, this)
    }
    super.send(data)
  }

  uncork(): void {
    this.isCorked = false
    this.below?.uncork()
  }
}

const uncork = (socket: NodeSocket): void => socket.uncork()

/** @internal */
export const open = (
  url: string,
  protocols?: string | Array<string>,
  options?: NetworkOptions
  // The events of `ws` have all the fields that a session reads.
): globalThis.WebSocket => new NodeSocket(url, protocols, options) as unknown as globalThis.WebSocket
