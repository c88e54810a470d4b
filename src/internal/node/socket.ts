/**
 * `ws` as the platform's WebSocket. The frames of one turn leave in one write: the acks of one packet set off many frames, and
 * a system call for each of them takes 200 lanes half as long again.
 */
import type { Socket } from "node:net"
import * as WS from "ws"

/** The options that a caller may set; how frames are read and written is decided here. */
type NetworkOptions = Pick<WS.ClientOptions, "agent" | "ca">

/** `closeTimeout` came with ws 8.19.0, and its types do not have it yet. */
interface Options extends WS.ClientOptions {
  readonly closeTimeout: number
}

const defaults: Options = {
  perMessageDeflate: false,
  // A service that sends a close frame and then keeps its end open leaves a link that carries nothing, for 30 s by default.
  closeTimeout: 1_000,
  // Bytes that are not UTF-8 are read with replacement characters, because a closed connection would lose more.
  skipUTF8Validation: true
}

/** A class, so that a thousand sockets share its methods. */
class NodeSocket extends WS.WebSocket {
  /** The socket below, known from the answer to the upgrade on. */
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
      // Runs after the microtasks of this turn, in which the fibers write.
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
  // The listeners get the events of `ws`, which have all that a session reads of the platform's.
): globalThis.WebSocket => new NodeSocket(url, protocols, options) as unknown as globalThis.WebSocket
