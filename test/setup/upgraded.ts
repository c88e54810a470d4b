/** Services that accept a WebSocket, and then send what a test writes and nothing else. */
import { createHash } from "node:crypto"
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { createServer, type Server, type Socket } from "node:net"
import { Duplex } from "node:stream"
import { setImmediate } from "node:timers/promises"
import { TLSSocket } from "node:tls"
import type * as WS from "ws"
import * as certificate from "../gateway/certificate.js"

export interface Client {
  readonly socket: WS.WebSocket
  /** Texts, errors and the close, in their order. */
  readonly heard: Array<string>
}

export interface Service {
  readonly socket: Duplex
  /** All in one segment, and by TLS each in a record of its own. */
  readonly send: (...pieces: ReadonlyArray<Uint8Array>) => Promise<void>
}

/** What is written while it holds waits for the release. */
class Wire extends Duplex {
  private readonly raw: Socket
  private held: Array<Buffer> | undefined = undefined

  constructor(raw: Socket) {
    super()
    this.raw = raw
    raw.on("data", (chunk) => this.push(chunk))
    raw.on("end", () => this.push(null))
    raw.on("error", () => this.destroy())
  }

  hold(): void {
    this.held = []
  }

  release(): void {
    if (this.held !== undefined) this.raw.write(Buffer.concat(this.held))
    this.held = undefined
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    if (this.held === undefined) this.raw.write(chunk)
    else this.held.push(chunk)
    done()
  }

  override _final(done: () => void): void {
    this.raw.end(done)
  }

  override _destroy(_: Error | null, done: () => void): void {
    this.raw.destroy()
    done()
  }
}

interface Protocol {
  readonly scheme: string
  readonly listener: (accept: (socket: Duplex, send: Service["send"]) => void) => Server
}

export const tcp: Protocol = {
  scheme: "ws",
  listener: (accept) =>
    createServer((socket) => accept(socket, async (...pieces) => void socket.write(Buffer.concat(pieces))))
}

export const tls: Protocol = {
  scheme: "wss",
  listener: (accept) =>
    createServer((raw) => {
      const wire = new Wire(raw)
      const socket = new TLSSocket(wire, { isServer: true, key: certificate.key, cert: certificate.cert })
      accept(socket, async (...pieces) => {
        wire.hold()
        for (const piece of pieces) await new Promise<void>((written) => void socket.write(piece, () => written()))
        wire.release()
      })
    })
}

const answer = (key: string): Buffer => {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
  return Buffer.from([...lines, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n"))
}

/** `atOnce` comes in the segment of the answer, the first of it in its record. */
export const connected = async <A>(
  protocol: Protocol,
  open: (url: string) => WS.WebSocket,
  run: (client: Client, service: Service) => Promise<A>,
  atOnce: ReadonlyArray<Uint8Array> = []
): Promise<A> => {
  const http = createHttpServer()
  const services: Array<Service> = []
  const listener = protocol.listener((socket, send) => {
    socket.on("error", () => {})
    services.push({ socket, send })
    http.emit("connection", socket)
  })
  http.on("upgrade", ({ headers }, socket) => {
    const [first = Buffer.alloc(0), ...others] = atOnce
    void services.find((service) => service.socket === socket)!.send(
      Buffer.concat([answer(headers["sec-websocket-key"]!), first]),
      ...others
    )
    socket.resume()
  })
  listener.listen(0, "127.0.0.1")
  await once(listener, "listening")
  const socket = open(`${protocol.scheme}://127.0.0.1:${(listener.address() as { port: number }).port}`)
  const heard: Array<string> = []
  socket.addEventListener("message", ({ data }) => heard.push(String(data)))
  socket.on("error", ({ message }) => heard.push(message))
  socket.on("close", (code) => heard.push(`closed with ${code}`))
  await once(socket, "open")
  try {
    return await run({ socket, heard }, services[0]!)
  } finally {
    socket.terminate()
    services[0]!.socket.destroy()
    listener.close()
  }
}

export const hears = async ({ heard }: Pick<Client, "heard">, count: number): Promise<void> => {
  while (heard.length < count) await setImmediate()
}
