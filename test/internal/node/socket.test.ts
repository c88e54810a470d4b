/** Against the server of `ws`, over TCP and TLS, with a socket of its own and with one that an agent makes. */
import { describe, expect, it } from "@effect/vitest"
import { once } from "node:events"
import { Agent as HttpAgent, createServer as createHttpServer } from "node:http"
import { Agent as HttpsAgent, createServer as createHttpsServer } from "node:https"
import { type AddressInfo, connect, type Socket } from "node:net"
import { Duplex } from "node:stream"
import { setImmediate } from "node:timers/promises"
import { connect as connectTls } from "node:tls"
import * as WS from "ws"
import * as nodeSocket from "../../../src/internal/node/socket.js"
import { cert, key } from "../../gateway/certificate.js"

/** A socket that counts how often it is written to. */
class Counting extends Duplex {
  writes = 0
  private readonly raw: Socket

  constructor(raw: Socket) {
    super()
    this.raw = raw
    raw.on("data", (chunk) => this.push(chunk))
    raw.on("end", () => this.push(null))
    raw.on("error", (error) => this.destroy(error))
    raw.on("close", () => this.destroy())
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.writes++
    this.raw.write(chunk, done)
  }

  override _writev(chunks: Array<{ chunk: Buffer }>, done: (error?: Error | null) => void): void {
    this.writes++
    this.raw.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: () => void): void {
    this.raw.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.raw.destroy()
    done(error)
  }
}

interface Address {
  readonly host: string
  readonly port: number
}

const agents = {
  ws: (wrap: (raw: Socket) => Duplex) =>
    Object.assign(new HttpAgent(), { createConnection: ({ host, port }: Address) => wrap(connect({ host, port })) }),
  wss: (wrap: (raw: Socket) => Duplex) =>
    Object.assign(new HttpsAgent(), {
      createConnection: ({ host, port }: Address) =>
        connectTls({ socket: wrap(connect({ host, port })), ca: cert, host })
    })
}

type Scheme = keyof typeof agents
type Open = (url: string) => globalThis.WebSocket

const openAlone: Open = (url) => nodeSocket.open(url, undefined, { ca: cert })
const openByAgent = (scheme: Scheme): Open => (url) =>
  nodeSocket.open(url, undefined, { agent: agents[scheme]((raw) => raw) as HttpAgent })

interface Pair {
  readonly client: globalThis.WebSocket
  readonly server: WS.WebSocket
  /** The client's side. */
  readonly heard: Array<unknown>
  /** The server's side. */
  readonly seen: Array<string>
}

const listening = async <A>(scheme: Scheme, run: (url: string, service: WS.WebSocketServer) => Promise<A>) => {
  const http = scheme === "ws" ? createHttpServer() : createHttpsServer({ cert, key })
  const service = new WS.WebSocketServer({ server: http, perMessageDeflate: true })
  await once(http.listen(0, "127.0.0.1"), "listening")
  try {
    return await run(`${scheme}://127.0.0.1:${(http.address() as AddressInfo).port}`, service)
  } finally {
    for (const each of service.clients) each.terminate()
    service.close()
    http.close()
  }
}

const listenTo = (client: globalThis.WebSocket): Array<unknown> => {
  const heard: Array<unknown> = []
  client.binaryType = "arraybuffer"
  client.addEventListener("message", ({ data }) => heard.push(data))
  client.addEventListener("close", ({ code }) => heard.push(`closed with ${code}`))
  return heard
}

const watch = (server: WS.WebSocket): Array<string> => {
  const seen: Array<string> = []
  server.on("message", (data, isBinary) => seen.push(isBinary ? `binary ${data}` : String(data)))
  server.on("close", (code) => seen.push(`closed with ${code}`))
  return seen
}

const connected = (scheme: Scheme, open: Open, run: (pair: Pair) => Promise<void>) =>
  listening(scheme, async (url, service) => {
    const accepted = once(service, "connection")
    const client = open(url)
    const heard = listenTo(client)
    const hasOpened = new Promise((resolve) => client.addEventListener("open", resolve))
    const [server] = await accepted as [WS.WebSocket]
    const seen = watch(server)
    await hasOpened
    await run({ client, server, heard, seen })
  })

const until = async (isTrue: () => boolean) => {
  while (!isTrue()) await setImmediate()
}

describe.each(
  (["ws", "wss"] as const).flatMap((scheme) => [
    { scheme, by: "its own socket", open: openAlone },
    { scheme, by: "an agent's", open: openByAgent(scheme) }
  ])
)("$scheme by $by", ({ open, scheme }) => {
  it("all frames arrive in their order, of one turn or of many", () =>
    connected(scheme, open, async ({ client, seen }) => {
      const texts = Array.from({ length: 500 }, (_, n) => `text ${n}`)
      for (const [n, text] of texts.entries()) {
        client.send(text)
        if (n % 7 === 0) await setImmediate()
      }
      client.send(new Uint8Array([104, 105]))
      await until(() => seen.length > 500)
      expect(seen).toEqual([...texts, "binary hi"])
    }))

  it("frames of all lengths, there and back", () =>
    connected(scheme, open, async ({ client, heard, seen, server }) => {
      server.on("message", (data: Buffer) => server.send(String(data)))
      const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_001, 1_000_000]
      const texts = lengths.flatMap((length) => ["x".repeat(length), "字".repeat(Math.floor(length / 3))])
      for (const text of texts) client.send(text)
      await until(() => heard.length === texts.length)
      // A difference of megabytes would take minutes to print.
      expect(seen.map((text, n) => text === texts[n])).toEqual(texts.map(() => true))
      expect(heard.map((text, n) => text === texts[n])).toEqual(texts.map(() => true))
    }))

  it("bytes that are not UTF-8 are read with replacement characters", () =>
    connected(scheme, open, async ({ heard, server }) => {
      server.send(Buffer.from([0x61, 0xff, 0x62]), { binary: false })
      server.send("next")
      server.send(Buffer.from("bytes"))
      await until(() => heard.length === 3)
      expect(heard.slice(0, 2)).toEqual(["a\ufffdb", "next"])
      expect(heard[2]).toBeInstanceOf(ArrayBuffer)
    }))

  it("compression is not asked for", () =>
    connected(scheme, open, async ({ client }) => {
      expect(client.extensions).toBe("")
    }))

  it("what was sent before a close arrives before it", () =>
    connected(scheme, open, async ({ client, heard, seen }) => {
      client.send("a")
      client.send("b")
      client.close(1000)
      client.send("too late")
      await until(() => heard.length > 0 && seen.length === 3)
      expect(seen).toEqual(["a", "b", "closed with 1000"])
      expect(heard).toEqual(["closed with 1000"])
    }))

  it("what was sent in the turn of a termination is dropped, and nothing breaks", () =>
    connected(scheme, open, async ({ client, seen }) => {
      client.send("a")
      ;(client as unknown as WS.WebSocket).terminate()
      await until(() => seen.length > 0)
      expect(seen).toEqual(["closed with 1006"])
    }))

  it("what is sent before it is open throws", () =>
    listening(scheme, async (url) => {
      const client = open(url)
      expect(() => client.send("too early")).toThrow("not open")
      await new Promise((resolve) => client.addEventListener("open", resolve))
    }))

  it("a service that does not answer a close frame is let go of after a second", () =>
    connected(scheme, open, async ({ client, heard, server }) => {
      server.pause()
      const since = performance.now()
      client.close(1000)
      await until(() => heard.length > 0)
      expect(heard).toEqual(["closed with 1006"])
      expect(performance.now() - since).toBeLessThan(10_000)
    }))
})

describe.each(["ws", "wss"] as const)("%s", (scheme) => {
  it("the frames of one turn leave in one write", () => {
    const sockets: Array<Counting> = []
    const agent = agents[scheme]((raw) => {
      const counting = new Counting(raw)
      sockets.push(counting)
      return counting
    })
    const open: Open = (url) => nodeSocket.open(url, undefined, { agent: agent as HttpAgent })
    return connected(scheme, open, async ({ client, seen }) => {
      const [socket] = sockets
      // Over TLS, tickets of the session may still come.
      await setImmediate()
      const send = async (count: number) => {
        const before = socket!.writes
        const already = seen.length
        // Each in a microtask of its own, as fibers send.
        for (let n = 0; n < count; n++) void Promise.resolve().then(() => client.send(`text ${n}`))
        await until(() => seen.length === already + count)
        return socket!.writes - before
      }
      expect(await send(50)).toBe(1)
      expect(await send(1)).toBe(1)
      expect(await send(50)).toBe(1)
    })
  })

  it("two connections that share an agent with one socket at a time keep to themselves", () =>
    listening(scheme, async (url, service) => {
      service.on("connection", (server) => server.on("message", (data) => server.send(`${data} back`)))
      const agent = scheme === "ws" ? new HttpAgent({ maxSockets: 1 }) : new HttpsAgent({ maxSockets: 1, ca: cert })
      const pairs = ["one", "other"].map((name) => {
        const client = nodeSocket.open(url, undefined, { agent })
        client.addEventListener("open", () => client.send(name))
        return { client, heard: listenTo(client) }
      })
      await until(() => pairs[0]!.heard.length === 1)
      pairs[0]!.client.close()
      await until(() => pairs[1]!.heard.length === 1)
      expect(pairs.map(({ heard }) => heard[0])).toEqual(["one back", "other back"])
    }))
})
