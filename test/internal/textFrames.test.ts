import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { once } from "node:events"
import { setImmediate } from "node:timers/promises"
import * as WS from "ws"
import * as nodeSocket from "../../src/internal/nodeSocket.js"
import * as TextFrames from "../../src/internal/textFrames.js"
import { Receiver } from "../setup/wsReceiver.js"

const read = (frames: Uint8Array): ReadonlyArray<string> => {
  const receiver = new Receiver({ isServer: true })
  const texts: Array<string> = []
  receiver.on("message", (data: Buffer, isBinary: boolean) => texts.push(isBinary ? "binary" : String(data)))
  receiver.on("error", (error: unknown) => texts.push(String(error)))
  receiver.write(frames)
  return texts
}

/** What lone halves of surrogate pairs become on every wire. */
const onTheWire = (text: string) => String(Buffer.from(text))

it("a server reads every text as it was, in order", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme", maxLength: 200 }))
  fc.assert(fc.property(fc.array(text, { minLength: 1, maxLength: 40 }), (texts) => {
    expect(read(TextFrames.join(texts))).toEqual(texts.map(onTheWire))
  }))
})

it("the lengths at which a header grows", () => {
  for (
    const length of [
      0,
      1,
      41,
      42,
      125,
      126,
      127,
      255,
      256,
      375,
      378,
      21_845,
      21_846,
      65_535,
      65_536,
      70_001,
      20 * 1024 * 1024
    ]
  ) {
    const texts = ["before", "x".repeat(length), "字".repeat(Math.floor(length / 3)), "behind"]
    expect(read(TextFrames.join(texts)).map((text) => text.length)).toEqual(texts.map((text) => text.length))
  }
})

it("what is still to be written stays as it is, whatever is put together meanwhile", () => {
  const batches = Array.from({ length: 3000 }, (_, n) => [`${n}`, "x".repeat(n % 200), "字".repeat(n * 7 % 2500)])
  const frames = batches.map((texts) => TextFrames.join(texts))
  expect(frames.map(read)).toEqual(batches)
})

it("each frame has a mask of its own", () => {
  const masks = new Set<string>()
  for (let n = 0; n < 5000; n++) masks.add(TextFrames.join(["x"]).toString("hex", 2, 6))
  // A few of 5,000 numbers of 32 bits may be the same.
  expect(masks.size).toBeGreaterThan(4990)
})

const connected = async (run: (client: WebSocket, server: WS.WebSocket, seen: Array<string>) => Promise<void>) => {
  const service = new WS.WebSocketServer({ port: 0, host: "127.0.0.1" })
  await once(service, "listening")
  const accepted = once(service, "connection")
  const client = nodeSocket.open(`ws://127.0.0.1:${(service.address() as { port: number }).port}`)
  const [server] = await accepted as [WS.WebSocket]
  const seen: Array<string> = []
  server.on("message", (data) => seen.push(String(data)))
  server.on("close", (code) => seen.push(`closed with ${code}`))
  if (client.readyState !== WS.WebSocket.OPEN) await once(client as unknown as WS.WebSocket, "open")
  try {
    await run(client, server, seen)
  } finally {
    service.close()
    for (const each of service.clients) each.terminate()
  }
}

it("what was sent before a close arrives before it", () =>
  connected(async (client, server, seen) => {
    client.send("a")
    client.send("b")
    client.close(1000)
    client.send("too late")
    await once(server, "close")
    expect(seen).toEqual(["a", "b", "closed with 1000"])
  }))

it("what was sent in the turn of a termination is dropped, and nothing breaks", () =>
  connected(async (client, server, seen) => {
    client.send("a")
    ;(client as unknown as WS.WebSocket).terminate()
    await once(server, "close")
    await setImmediate()
    expect(seen).toEqual(["closed with 1006"])
  }))

it("binary frames and those of many turns keep coming", () =>
  connected(async (client, server, seen) => {
    const texts = Array.from({ length: 500 }, (_, n) => `text ${n}`)
    for (const [n, text] of texts.entries()) {
      client.send(text)
      if (n % 7 === 0) await setImmediate()
    }
    client.send(new Uint8Array([104, 105]))
    while (seen.length < 501) await once(server, "message")
    expect(seen.slice(0, 500)).toEqual(texts)
    expect(seen[500]).toBe("hi")
  }))
