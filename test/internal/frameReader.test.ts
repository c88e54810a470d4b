import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { Agent, createServer } from "node:http"
import { connect, type Socket, type TcpNetConnectOpts } from "node:net"
import { Readable } from "node:stream"
import { setImmediate, setTimeout } from "node:timers/promises"
import { vi } from "vitest"
import * as WS from "ws"
import { FrameReader } from "../../src/internal/frameReader.js"
import * as nodeSocket from "../../src/internal/nodeSocket.js"
import { closeFrame, frame, masked, text } from "../setup/serverFrames.js"
import { Receiver } from "../setup/wsReceiver.js"

const options = { skipUTF8Validation: true, maxFragments: 5 }

type Heard = ReadonlyArray<string>

const listen = (receiver: NodeJS.WritableStream): Array<string> => {
  const heard: Array<string> = []
  receiver.on("message", (data: Buffer, isBinary: boolean) => heard.push(`${isBinary ? "binary" : "text"} ${data}`))
  receiver.on("ping", (data: Buffer) => heard.push(`ping ${data}`))
  receiver.on("pong", (data: Buffer) => heard.push(`pong ${data}`))
  receiver.on("conclude", (code: number) => heard.push(`conclude ${code}`))
  receiver.on("error", (error: Error) => heard.push(error.message))
  return heard
}

/** As `ws` does when nobody reads before it: what comes behind an end is not written. */
const readByWs = async (chunks: ReadonlyArray<Buffer>): Promise<Heard> => {
  const receiver = new Receiver(options)
  const heard = listen(receiver)
  let hasEnded = false
  for (const event of ["conclude", "error"]) {
    receiver.on(event, () => {
      hasEnded = true
    })
  }
  for (const chunk of chunks) {
    if (!hasEnded) receiver.write(chunk)
    await setImmediate()
  }
  return heard
}

const readByBoth = async (chunks: ReadonlyArray<Buffer>): Promise<{ readonly heard: Heard; readonly left: number }> => {
  const receiver = new Receiver(options)
  const heard = listen(receiver)
  receiver.on("error", () => reader.stop())
  let left = 0
  const reader = new FrameReader({
    onText: (chunk, start, end) => heard.push(`text ${chunk.subarray(start, end)}`),
    onOther: (bytes) => {
      left += bytes.length
      receiver.write(bytes)
    }
  })
  for (const chunk of chunks) {
    reader.read(chunk, chunk.length)
    await setImmediate()
  }
  return { heard, left }
}

const textPayload = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000).map((length) => Buffer.alloc(length, "x"))
)
const short = fc.uint8Array({ maxLength: 125 })
const plain = textPayload.map((payload) => [text(payload)])
const control = fc.tuple(fc.constantFrom(9, 10), short).map(([opcode, payload]) => frame(opcode, payload))
const fragmented = fc.tuple(fc.constantFrom(1, 2), fc.array(fc.tuple(short, fc.option(control)), { minLength: 1 })).map(
  ([kind, parts]) => [
    ...parts.flatMap(([payload, between], n) => [
      frame(n === 0 ? kind : 0, payload, 0),
      ...between === null ? [] : [between]
    ]),
    frame(0, Buffer.from("the last"))
  ]
)
const binary = short.map((payload) => [frame(2, payload)])
const closing = fc.constantFrom(
  frame(8, Buffer.alloc(0)),
  closeFrame(1000),
  frame(8, Buffer.from([3]))
)
/** Opcodes and bits that are not in use, masks, a continuation of nothing, control frames in fragments; or a mere beginning. */
const violation = fc.tuple(fc.constantFrom(0, 1, 3, 9, 11), fc.constantFrom(0, 0x80, 0xa0, 0xc0), short, fc.boolean())
  .map(([opcode, flags, payload, isMasked]) => {
    const bytes = frame(opcode, payload, flags)
    return isMasked ? masked(bytes) : bytes
  })
const peaceful = fc.oneof(
  { arbitrary: plain, weight: 6 },
  { arbitrary: fragmented, weight: 1 },
  { arbitrary: binary, weight: 1 },
  { arbitrary: control.map((frame) => [frame]), weight: 1 }
)
const ping = frame(9, Buffer.from("ping"))
const unfinished = short.map((payload) => [frame(1, payload, 0), ping, text(payload)])
const ends = fc.oneof(
  fc.constant([]),
  closing.map((frame) => [frame]),
  violation.map((frame) => [frame]),
  unfinished
)
const frames = fc.tuple(fc.array(peaceful), ends, fc.array(peaceful, { maxLength: 3 })).map((parts) =>
  Buffer.concat(parts.flat(2))
)

const cut = (bytes: Buffer, places: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((one, other) => one - other),
    bytes.length
  ]
  return at.slice(1).map((end, n) => bytes.subarray(at[n], end)).filter(({ length }) => length > 0)
}

it("whatever comes in whatever pieces is heard as `ws` alone hears it, in its order", () =>
  fc.assert(
    fc.asyncProperty(frames, fc.array(fc.nat(), { maxLength: 12 }), async (bytes, places) => {
      const chunks = cut(bytes, places)
      expect((await readByBoth(chunks)).heard).toEqual(await readByWs(chunks))
    }),
    { numRuns: 1000 }
  ))

it("the same, one byte at a time", () =>
  fc.assert(
    fc.asyncProperty(
      fc.tuple(
        fc.array(fc.oneof(fragmented, binary, short.map((payload) => [text(payload)])), {
          maxLength: 3
        }),
        ends
      ),
      async (parts) => {
        const chunks = [...Buffer.concat(parts.flat(2))].map((byte) => Buffer.from([byte]))
        expect((await readByBoth(chunks)).heard).toEqual(await readByWs(chunks))
      }
    ),
    { numRuns: 40 }
  ))

it("a length that looks like the beginning of a text", async () => {
  const bytes = Buffer.concat([text(Buffer.alloc(0x8101, "x")), text("y")])
  for (const at of [1, 2, 3]) {
    const { heard } = await readByBoth(cut(bytes, [at]))
    expect(heard).toEqual([`text ${"x".repeat(0x8101)}`, "text y"])
  }
})

it("of texts in chunks of 64 KiB only those that a cut goes through are left to `ws`", async () => {
  const texts = Array.from({ length: 5000 }, (_, n) => `{"number":${n},"text":"${"字".repeat(n % 100)}"}`)
  const bytes = Buffer.concat(texts.map(text))
  const places = Array.from({ length: Math.floor(bytes.length / 65_536) }, (_, n) => (n + 1) * 65_536)
  const { heard, left } = await readByBoth(cut(bytes, places))
  expect(heard).toEqual(texts.map((text) => `text ${text}`))
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(places.length * 400)
})

type Run<A> = (client: WS.WebSocket, server: Socket, heard: Array<string>) => Promise<A>

/** A service that opens the connection, and then sends what a test writes and nothing else. */
const connected = async <A>(
  open: (url: string) => WS.WebSocket,
  run: Run<A>,
  atOnce: Uint8Array = Buffer.alloc(0)
): Promise<A> => {
  const service = createServer()
  service.on("upgrade", ({ headers }, socket) => {
    const accept = createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    const head = [...lines, `Sec-WebSocket-Accept: ${accept.digest("base64")}`, "", ""].join("\r\n")
    socket.write(Buffer.concat([Buffer.from(head), atOnce]))
  })
  service.listen(0, "127.0.0.1")
  await once(service, "listening")
  const upgraded = once(service, "upgrade")
  const client = open(`ws://127.0.0.1:${(service.address() as { port: number }).port}`)
  const heard: Array<string> = []
  client.addEventListener("message", ({ data }) => heard.push(String(data)))
  client.on("error", ({ message }) => heard.push(message))
  client.on("close", (code) => heard.push(`closed with ${code}`))
  const opened = once(client, "open")
  const [, server] = await upgraded as [unknown, Socket]
  server.on("error", () => {}).resume()
  await opened
  try {
    return await run(client, server, heard)
  } finally {
    client.terminate()
    server.destroy()
    service.close()
  }
}

const openOurs = (url: string) => nodeSocket.open(url) as unknown as WS.WebSocket

/** As the agent of a proxy does: the socket knows nothing of the options of the request. */
class OwnSockets extends Agent {
  override createConnection({ host, port }: TcpNetConnectOpts): Socket {
    return connect({ host, port } as TcpNetConnectOpts)
  }
}

const openByAgent = (url: string) =>
  nodeSocket.open(url, undefined, { agent: new OwnSockets() }) as unknown as WS.WebSocket
const openPlain = (url: string) => new WS.WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true })

const both = async <A>(
  run: Run<A>,
  atOnce?: Uint8Array
): Promise<A> => {
  const heard = await connected(openPlain, run, atOnce)
  expect(await connected(openOurs, run, atOnce)).toEqual(heard)
  expect(await connected(openByAgent, run, atOnce)).toEqual(heard)
  return heard
}

it("nothing is heard after an error that the end of a cut frame brings", async () => {
  const fragments = Array.from(
    { length: options.maxFragments + 1 },
    (_, n) => frame(n === 0 ? 1 : 0, Buffer.from("part"), n === options.maxFragments ? 0x80 : 0)
  )
  const bytes = Buffer.concat([...fragments, text("behind it")])
  const chunks = cut(bytes, [Buffer.concat(fragments).length - 2])
  expect((await readByBoth(chunks)).heard).toEqual(await readByWs(chunks))
})

it("a host that throws is told nothing more: what is in a payload never passes for a frame", () => {
  const heard: Array<string> = []
  const hear = (said: string) => {
    heard.push(said)
    if (said === "throw") throw new Error("thrown")
  }
  const inner = text("forged")
  for (const opcode of [1, 2]) {
    const reader = new FrameReader({
      onText: (chunk, start, end) => hear(chunk.toString("utf8", start, end)),
      onOther: (bytes) => hear(bytes.includes("throw") ? "throw" : "other")
    })
    const outer = text(Buffer.concat([Buffer.alloc(20, "x"), inner]))
    const cutAt = outer.length - inner.length
    const first = Buffer.concat([frame(opcode, Buffer.from("throw")), outer.subarray(0, cutAt)])
    expect(() => reader.read(first, first.length)).toThrow("thrown")
    reader.read(outer.subarray(cutAt), inner.length)
  }
  expect(heard).toEqual(["throw", "throw"])
})

it("a packet of texts comes neither to a stream nor to `ws`", () =>
  connected(openOurs, async (client, server, heard) => {
    const write = vi.spyOn(Receiver.prototype, "write")
    const push = vi.spyOn(Readable.prototype, "push")
    server.write(Buffer.concat([text("one"), text("two")]))
    while (heard.length < 2) await setImmediate()
    expect(write).not.toHaveBeenCalled()
    expect(push.mock.contexts.filter((stream) => (stream as Socket).remotePort === server.localPort)).toEqual([])
    push.mockRestore()
    server.write(ping)
    await once(client, "ping")
    expect(write).toHaveBeenCalledTimes(1)
    write.mockRestore()
  }))

it("nothing is heard after a violation, in its packet or later", async () => {
  const heard = await both(async (client, server, heard) => {
    server.write(Buffer.concat([text("before"), frame(3, Buffer.from("odd")), text("in its packet")]))
    while (heard.length < 2) await setImmediate()
    server.write(text("later"))
    await once(server, "data")
    server.end()
    await once(client, "close")
    return heard
  })
  expect(heard).toEqual(["before", "Invalid WebSocket frame: invalid opcode 3", "closed with 1006"])
})

it("what comes with the answer to the upgrade is heard, whole or cut", async () => {
  const inner = text("what looks like a frame")
  const bytes = Buffer.concat([text("one"), text(Buffer.concat([Buffer.from("two "), inner]))])
  const cutAt = bytes.length - inner.length
  const heard = await both(async (client, server, heard) => {
    while (heard.length < 1) await setImmediate()
    server.write(bytes.subarray(cutAt))
    while (heard.length < 2) await setImmediate()
    return [...heard]
  }, bytes.subarray(0, cutAt))
  expect(heard).toEqual(["one", `two ${inner}`])
})

it("a listener that ends the connection", async () => {
  for (const end of ["terminate", "close"] as const) {
    await both(async (client, server, heard) => {
      const closed = once(client, "close")
      client.addEventListener("message", () => client[end]())
      server.write(Buffer.concat([text("one"), text("two")]))
      await once(server, end === "close" ? "data" : "end")
      server.end(closeFrame(1000))
      await closed
      return heard
    })
  }
})

it("a listener that leaves or brings another while all are told", async () => {
  const heard = await both(async (client, server, heard) => {
    const leaving = ({ data }: WS.MessageEvent) => {
      heard.push(`leaving ${data}`)
      client.removeEventListener("message", leaving)
      client.addEventListener("message", ({ data }) => heard.push(`brought ${data}`))
    }
    client.addEventListener("message", leaving)
    client.addEventListener("message", ({ data }) => heard.push(`staying ${data}`))
    server.write(Buffer.concat([text("one"), text("two")]))
    while (heard.length < 6) await setImmediate()
    return [...heard]
  })
  expect(heard).toEqual(["one", "leaving one", "staying one", "two", "staying two", "brought two"])
})

it("nothing is heard after a close frame", async () => {
  const heard = await both(async (client, server, heard) => {
    server.write(Buffer.concat([text("before"), closeFrame(1000), text("in its packet")]))
    await once(server, "data")
    server.end(text("later"))
    await once(client, "close")
    return heard
  })
  expect(heard).toEqual(["before", "closed with 1000"])
})

it("what waits in the socket of an agent is heard when it closes", async () => {
  const run: Run<ReadonlyArray<string>> = async (client, server, heard) => {
    server.write(text("before"))
    while (heard.length < 1) await setImmediate()
    client.pause()
    const bytes = Buffer.concat([text("one"), text("two")])
    server.write(bytes.subarray(0, 8))
    await setTimeout(20)
    server.destroy()
    await setTimeout(20)
    client.terminate()
    await once(client, "close")
    return heard
  }
  const heard = await connected(openByAgent, run)
  expect(heard).toEqual(await connected(openPlain, run))
  expect(heard).toEqual(["before", "one", "closed with 1006"])
})

it("nothing is read while paused, and all of it after", async () => {
  const heard = await both(async (client, server, heard) => {
    client.pause()
    server.write(text("one"))
    await setTimeout(20)
    heard.push("resumed")
    client.resume()
    server.write(text("two"))
    while (heard.length < 3) await setImmediate()
    return [...heard]
  })
  expect(heard).toEqual(["resumed", "one", "two"])
})

it("what one connection has read is its own, whatever others read meanwhile", () =>
  connected(openOurs, (one, toOne, heardByOne) =>
    connected(openOurs, async (other, toOther, heardByOther) => {
      const kept: Array<Buffer> = []
      one.on("message", (data) => kept.push(data as Buffer))
      const bytes = Buffer.concat([text("whole"), text("cut in the middle")])
      toOne.write(bytes.subarray(0, -7))
      while (heardByOne.length < 1) await setImmediate()
      toOther.write(text("#".repeat(1000)))
      while (heardByOther.length < 1) await setImmediate()
      toOne.write(bytes.subarray(-7))
      while (heardByOne.length < 2) await setImmediate()
      expect(heardByOne).toEqual(["whole", "cut in the middle"])
      expect(kept.map(String)).toEqual(heardByOne)
    })))

it("what came with the answer to the upgrade is kept while paused, whatever others read meanwhile", () => {
  const openPaused = (url: string) => {
    const client = openOurs(url)
    client.once("open", () => client.pause())
    return client
  }
  return connected(openOurs, (_, toOther, heardByOther) =>
    connected(openPaused, async (paused, _, heard) => {
      toOther.write(text("#".repeat(1000)))
      while (heardByOther.length < 1) await setImmediate()
      paused.resume()
      while (heard.length < 1) await setImmediate()
      expect(heard).toEqual(["with the answer"])
    }, text("with the answer")))
})

it("listeners of every kind are told, and each once", async () => {
  const heard = await both(async (client, server, heard) => {
    Object.assign(client, {
      onmessage: ({ data, type }: WS.MessageEvent) => heard.push(`${type} by attribute ${data}`)
    })
    client.addEventListener(
      "message",
      { handleEvent: ({ data }: WS.MessageEvent) => heard.push(`by object ${data}`) } as never
    )
    client.addEventListener("message", ({ data }) => heard.push(`once ${data}`), { once: true })
    client.on("message", (data, isBinary) => heard.push(`${isBinary} ${(data as Buffer).toString("latin1")}`))
    server.write(Buffer.concat([text(Buffer.from([0xff])), text("two"), frame(2, Buffer.from("three"))]))
    while (heard.length < 13) await setImmediate()
    return [...heard]
  })
  expect(heard.filter((line) => line.endsWith("two"))).toEqual([
    "two",
    "message by attribute two",
    "by object two",
    "false two"
  ])
})
