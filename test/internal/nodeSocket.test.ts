/** Beside `ws` itself: what is heard must be the same, by TCP and by TLS, with a socket of its own or by that of an agent. */
import { describe, expect, it } from "@effect/vitest"
import { once } from "node:events"
import { Agent as HttpAgent } from "node:http"
import { Agent as HttpsAgent } from "node:https"
import { connect, type Socket } from "node:net"
import { Readable } from "node:stream"
import { setImmediate, setTimeout } from "node:timers/promises"
import { connect as connectTls } from "node:tls"
import { vi } from "vitest"
import * as WS from "ws"
import * as nodeSocket from "../../src/internal/nodeSocket.js"
import { cert as ca } from "../gateway/certificate.js"
import { closeFrame, frame, text } from "../setup/serverFrames.js"
import { type Client, connected, hears, type Service, tcp, tls } from "../setup/upgraded.js"
import { Receiver } from "../setup/wsReceiver.js"

const ping = frame(9, Buffer.from("ping"))

interface Address {
  readonly host: string
  readonly port: number
}

/** As the agent of a proxy does: the socket knows nothing of the options of the request. */
const agentFor = (url: string) =>
  url.startsWith("wss")
    ? Object.assign(new HttpsAgent(), {
      createConnection: ({ host, port }: Address) => connectTls({ host, port, ca })
    })
    : Object.assign(new HttpAgent(), { createConnection: ({ host, port }: Address) => connect({ host, port }) })

const openOurs = (url: string) => nodeSocket.open(url, undefined, { ca }) as unknown as WS.WebSocket
const openByAgent = (url: string) =>
  nodeSocket.open(url, undefined, { ca, agent: agentFor(url) }) as unknown as WS.WebSocket
const openPlain = (url: string) => new WS.WebSocket(url, { ca, perMessageDeflate: false, skipUTF8Validation: true })

type Open = typeof openPlain

/** `once` of Node would take an error for the end. */
const closing = (socket: WS.WebSocket) => new Promise<unknown>((resolve) => socket.once("close", resolve))

const thenPause = (open: Open): Open => (url) => {
  const socket = open(url)
  socket.once("open", () => socket.pause())
  return socket
}

describe.each([tcp, tls])("$scheme", (protocol) => {
  const all = async <A>(
    run: (client: Client, service: Service) => Promise<A>,
    atOnce?: ReadonlyArray<Uint8Array>,
    change: (open: Open) => Open = (open) => open
  ): Promise<A> => {
    const heard = await connected(protocol, change(openPlain), run, atOnce)
    expect(await connected(protocol, change(openOurs), run, atOnce)).toEqual(heard)
    expect(await connected(protocol, change(openByAgent), run, atOnce)).toEqual(heard)
    return heard
  }

  it("a packet of texts comes neither to a stream nor to `ws`", () =>
    connected(protocol, openOurs, async (client, { send }) => {
      const write = vi.spyOn(Receiver.prototype, "write")
      const push = vi.spyOn(Readable.prototype, "push")
      await send(text("one"), text("two"))
      await hears(client, 2)
      expect(write).not.toHaveBeenCalled()
      const { port } = new URL(client.socket.url)
      expect(push.mock.contexts.filter((stream) => (stream as Socket).remotePort === Number(port))).toEqual([])
      push.mockRestore()
      const pinged = once(client.socket, "ping")
      await send(ping)
      await pinged
      expect(write).toHaveBeenCalledTimes(1)
      write.mockRestore()
    }))

  it("nothing is heard after a violation, in its packet or later", async () => {
    const heard = await all(async ({ heard, socket }, service) => {
      const closed = closing(socket)
      await service.send(text("before"), frame(3, Buffer.from("odd")), text("in its packet"))
      await once(service.socket, "data")
      await service.send(text("later"))
      service.socket.end()
      await closed
      return heard
    })
    expect(heard).toEqual(["before", "Invalid WebSocket frame: invalid opcode 3", "closed with 1006"])
  })

  it("what comes with the answer to the upgrade is heard, whole or cut", async () => {
    const inner = text("what looks like a frame")
    const bytes = Buffer.concat([text("one"), text(Buffer.concat([Buffer.from("two "), inner]))])
    const cutAt = bytes.length - inner.length
    const heard = await all(async (client, { send }) => {
      await hears(client, 1)
      await send(bytes.subarray(cutAt))
      await hears(client, 2)
      return [...client.heard]
    }, [bytes.subarray(0, cutAt)])
    expect(heard).toEqual(["one", `two ${inner}`])
  })

  it("a listener that ends the connection", async () => {
    for (const end of ["terminate", "close"] as const) {
      await all(async ({ heard, socket }, service) => {
        const closed = closing(socket)
        const noticed = once(service.socket, end === "close" ? "data" : "end")
        socket.addEventListener("message", () => socket[end]())
        await service.send(text("one"), text("two"))
        await noticed
        service.socket.end(closeFrame(1000))
        await closed
        return heard
      })
    }
  })

  it("a listener that leaves or brings another while all are told", async () => {
    const heard = await all(async (client, { send }) => {
      const { heard, socket } = client
      const leaving = ({ data }: WS.MessageEvent) => {
        heard.push(`leaving ${data}`)
        socket.removeEventListener("message", leaving)
        socket.addEventListener("message", ({ data }) => heard.push(`brought ${data}`))
      }
      socket.addEventListener("message", leaving)
      socket.addEventListener("message", ({ data }) => heard.push(`staying ${data}`))
      await send(text("one"), text("two"))
      await hears(client, 6)
      return [...heard]
    })
    expect(heard).toEqual(["one", "leaving one", "staying one", "two", "staying two", "brought two"])
  })

  it("nothing is heard after a close frame", async () => {
    const heard = await all(async ({ heard, socket }, service) => {
      const closed = closing(socket)
      const answered = once(service.socket, "data")
      await service.send(text("before"), closeFrame(1000), text("in its packet"))
      await answered
      service.socket.end(text("later"))
      await closed
      return heard
    })
    expect(heard).toEqual(["before", "closed with 1000"])
  })

  it("nothing is heard while paused, and all of it in its order after", async () => {
    const heard = await all(async (client, { send }) => {
      client.socket.pause()
      await send(text("one"), text("two"))
      await setTimeout(20)
      client.heard.push("resumed")
      client.socket.resume()
      await send(text("three"))
      await hears(client, 4)
      return [...client.heard]
    })
    expect(heard).toEqual(["resumed", "one", "two", "three"])
  })

  it("nor what comes in a later chunk than the one in which a listener has paused", async () => {
    const heard = await all(async (client, { send }) => {
      client.socket.once("message", () => client.socket.pause())
      await send(text("one"), text("two"), text("three"))
      await hears(client, 1)
      await setTimeout(20)
      client.heard.push("resumed")
      client.socket.resume()
      await hears(client, 4)
      return [...client.heard]
    })
    // In a chunk all are told, and by TLS each has a chunk of its own.
    expect(heard).toEqual(protocol === tls ? ["one", "resumed", "two", "three"] : ["one", "two", "three", "resumed"])
  })

  it("what waits behind the answer to the upgrade is not overtaken", async () => {
    const inner = text("what looks like a frame")
    const bytes = text(Buffer.concat([Buffer.from("cut "), inner]))
    const cutAt = bytes.length - inner.length
    const heard = await all(
      async (client) => {
        await setTimeout(20)
        client.heard.push("resumed")
        client.socket.resume()
        await hears(client, 3)
        return [...client.heard]
      },
      [bytes.subarray(0, cutAt), bytes.subarray(cutAt), text("next")],
      thenPause
    )
    expect(heard).toEqual(["resumed", `cut ${inner}`, "next"])
  })

  it("nor when a listener throws as it opens, and the process goes on", async () => {
    const others = process.rawListeners("uncaughtException") as Array<NodeJS.UncaughtExceptionListener>
    process.removeAllListeners("uncaughtException")
    const caught: Array<string> = []
    process.on("uncaughtException", ({ message }) => caught.push(message))
    const thenThrow = (open: Open): Open => (url) => {
      const socket = open(url)
      queueMicrotask(() =>
        socket.once("open", () => {
          throw new Error("thrown")
        })
      )
      return socket
    }
    try {
      const heard = await all(
        async (client) => {
          await hears(client, 3)
          return [...client.heard]
        },
        [text("one"), text("two"), text("three")],
        thenThrow
      )
      expect(heard).toEqual(["one", "two", "three"])
      expect(caught).toEqual(["thrown", "thrown", "thrown"])
    } finally {
      process.removeAllListeners("uncaughtException")
      for (const other of others) process.on("uncaughtException", other)
    }
  })

  it("what waits in a paused socket of an agent is heard when it closes", async () => {
    const run = async (client: Client, service: Service) => {
      await service.send(text("before"))
      await hears(client, 1)
      client.socket.pause()
      await service.send(Buffer.concat([text("one"), text("two")]).subarray(0, 8))
      const { _socket: below } = client.socket as unknown as { readonly _socket: Socket }
      while (below.readableLength === 0) await setImmediate()
      service.socket.destroy()
      client.socket.terminate()
      await once(client.socket, "close")
      return client.heard
    }
    const heard = await connected(protocol, openByAgent, run)
    expect(heard).toEqual(await connected(protocol, openPlain, run))
    expect(heard).toEqual(["before", "one", "closed with 1006"])
  })

  it("what one connection has read is its own, whatever others read meanwhile", () =>
    connected(protocol, openOurs, (one, toOne) =>
      connected(protocol, openOurs, async (other, toOther) => {
        const kept: Array<Buffer> = []
        one.socket.on("message", (data) => kept.push(data as Buffer))
        const bytes = Buffer.concat([text("whole"), text("cut in the middle")])
        await toOne.send(bytes.subarray(0, -7))
        await hears(one, 1)
        await toOther.send(text("#".repeat(1000)))
        await hears(other, 1)
        await toOne.send(bytes.subarray(-7))
        await hears(one, 2)
        expect(one.heard).toEqual(["whole", "cut in the middle"])
        expect(kept.map(String)).toEqual(one.heard)
      })))

  it("nor does what others read change what waits in a paused one", () =>
    connected(protocol, openOurs, (other, toOther) =>
      connected(
        protocol,
        thenPause(openOurs),
        async (paused) => {
          await toOther.send(text("#".repeat(1000)))
          await hears(other, 1)
          paused.socket.resume()
          await hears(paused, 1)
          expect(paused.heard).toEqual(["with the answer"])
        },
        [text("with the answer")]
      )))

  it("an agent that opens the socket of one for another: each hears what is sent to it", () => {
    const agent = protocol === tls ? new HttpsAgent({ maxSockets: 1, ca }) : new HttpAgent({ maxSockets: 1 })
    const openBy = (url: string) => nodeSocket.open(url, undefined, { agent }) as unknown as WS.WebSocket
    const heardByOther: Array<string> = []
    const openTwo = (url: string) => {
      const one = openBy(url)
      const other = openBy(url)
      other.addEventListener("message", ({ data }) => heardByOther.push(String(data)))
      other.on("error", ({ message }) => heardByOther.push(message))
      one.once("close", () => other.terminate())
      return one
    }
    return connected(protocol, openTwo, async (client) => {
      await hears(client, 1)
      await hears({ heard: heardByOther }, 1)
      expect([client.heard, heardByOther]).toEqual([["hello"], ["hello"]])
    }, [text("hello")])
  })

  it("listeners of every kind are told, and each once", async () => {
    const heard = await all(async (client, { send }) => {
      const { heard, socket } = client
      Object.assign(socket, {
        onmessage: ({ data, type }: WS.MessageEvent) => heard.push(`${type} by attribute ${data}`)
      })
      socket.addEventListener(
        "message",
        { handleEvent: ({ data }: WS.MessageEvent) => heard.push(`by object ${data}`) } as never
      )
      socket.addEventListener("message", ({ data }) => heard.push(`once ${data}`), { once: true })
      socket.on("message", (data, isBinary) => heard.push(`${isBinary} ${(data as Buffer).toString("latin1")}`))
      await send(text(Buffer.from([0xff])), text("two"), frame(2, Buffer.from("three")))
      await hears(client, 13)
      return [...heard]
    })
    expect(heard.filter((line) => line.endsWith("two"))).toEqual([
      "two",
      "message by attribute two",
      "by object two",
      "false two"
    ])
  })
})
