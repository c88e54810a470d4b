/** What the network does to a bot, on real sockets; the gateway behind the wires is well. */
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import type { WecomError } from "effect-wecom"
import { WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import Dns from "node:dns"
import { describe, expect, vi } from "vitest"
import * as ServerFrames from "../setup/serverFrames.js"
import * as RawService from "./rawService.js"
import type { TcpProxy } from "./tcpProxy.js"
import type { Options, World } from "./world.js"
import { botLayer, describeLoss, fault, isQuick, make, recoveredIn, repeated, secret, sleepUntil } from "./world.js"

const between = (min: number, max: number) => min + Math.floor(Math.random() * (max - min + 1))

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)

describe.concurrent("a slow or odd network loses nothing and ends nothing", () => {
  const bearable = (
    name: string,
    options: { readonly quick?: boolean; readonly people?: number },
    spoil: (wires: TcpProxy) => void
  ) =>
    fault(name, options, (row) =>
      Effect.gen(function*() {
        // Patience as by default: nobody may lose it over these.
        const world = yield* make({
          bot: { ackTimeout: "5 seconds", pingTimeout: "10 seconds", subscribeTimeout: "10 seconds" }
        })
        spoil(world.wires)
        const people = options.people ?? 10
        row.times = people
        yield* world.ask(people)
        yield* world.push(3)
        const loss = yield* world.judge
        expect(loss).toMatchObject({ lost: 0, unknown: 0 })
        expect(world.reasons()).toEqual([])
        row.lost = describeLoss(loss)
      }))

  bearable("latency of 150 ms and jitter of 300 ms each way", { quick: true }, ({ down, up }) => {
    Object.assign(up, { latency: 150, jitter: 300 })
    Object.assign(down, { latency: 150, jitter: 300 })
  })
  bearable("1 kB/s each way", { people: 3 }, ({ down, up }) => {
    Object.assign(up, { bytesPerSecond: 1_000 })
    Object.assign(down, { bytesPerSecond: 1_000 })
  })
  bearable("one byte at a time each way", { quick: true }, ({ down, up }) => {
    Object.assign(up, { pieceSize: () => 1 })
    Object.assign(down, { pieceSize: () => 1 })
  })
  bearable("frames split at random", { quick: true, people: 30 }, ({ down, up }) => {
    Object.assign(up, { pieceSize: () => between(1, 40) })
    Object.assign(down, { pieceSize: () => between(1, 40) })
  })
  bearable("frames merged, all of 100 ms at once", { quick: true, people: 30 }, ({ down, up }) => {
    Object.assign(up, { mergeFor: 100 })
    Object.assign(down, { mergeFor: 100 })
  })
})

describe.concurrent("a link that breaks is made again", () => {
  for (const direction of ["up", "down"] as const) {
    fault(
      `reset in the middle of a frame (${direction})`,
      { quick: true, bound: 2_000 },
      (row) =>
        repeated(row, 10, {}, (world) =>
          Effect.gen(function*() {
            const asking = yield* Effect.fork(Effect.zip(world.ask(5), world.push(2), { concurrent: true }))
            yield* world.recovery(Effect.sync(() => world.wires[direction].resetAfter = between(100, 1_500)))
            expect(world.reasons()[0]!._tag).toMatch(/Network|ClosedBy/)
            yield* Fiber.join(asking)
            return recoveredIn(world)
          }))
    )
  }

  fault(
    "reset between frames",
    { quick: true, bound: 2_000 },
    (row) =>
      repeated(row, 10, {}, (world) =>
        Effect.gen(function*() {
          const asking = yield* Effect.fork(Effect.zip(world.ask(5), world.push(2), { concurrent: true }))
          yield* Effect.sleep(between(10, 200))
          yield* world.recovery(Effect.sync(world.wires.reset))
          yield* Fiber.join(asking)
          return recoveredIn(world)
        }))
  )

  fault(
    "half open, silent both ways, noticed at a tenth of the defaults",
    { quick: true, bound: 4_000 + 1_000 },
    (row) =>
      repeated(row, 5, {}, (world) =>
        Effect.gen(function*() {
          // The pushes that are under way come out as unknown, the answers arrive.
          yield* world.ask(2)
          const asking = yield* Effect.fork(world.ask(3))
          yield* Effect.sleep(between(30, 200))
          const { noticed, recovered } = yield* world.recovery(Effect.sync(world.wires.silence))
          expect(noticed).toBeLessThanOrEqual(4_000 + 500)
          expect(world.reasons()).toEqual([{ _tag: "HeartbeatLost" }])
          yield* Fiber.join(asking)
          return recovered
        }))
  )

  fault(
    "half open, silent both ways, noticed at the defaults",
    { timeout: 60_000, bound: 45_000 },
    (row) =>
      Effect.gen(function*() {
        const defaults = { heartbeatInterval: undefined, pingTimeout: undefined, reconnectInterval: undefined }
        yield* repeated(row, 3, { bot: defaults }, (world, round) =>
          Effect.gen(function*() {
            yield* Effect.sleep((round + 1) * 400)
            const { noticed, recovered } = yield* world.recovery(Effect.sync(world.wires.silence))
            expect(noticed).toBeLessThanOrEqual(40_000)
            expect(world.reasons()).toEqual([{ _tag: "HeartbeatLost" }])
            return recovered
          }))
      })
  )
})

describe.concurrent("a service that cannot be reached is tried again until it can", () => {
  /** Links that cannot be made, for a while. */
  const unreachable = (
    name: string,
    options: { readonly quick?: boolean; readonly worlds?: Options; readonly timeout?: number },
    begin: (world: World) => Effect.Effect<unknown>,
    end: (world: World) => Effect.Effect<unknown>,
    reason: WecomError.LinkFailure
  ) =>
    fault(
      name,
      { quick: true, bound: 4_000, ...options },
      (row) =>
        repeated(row, 3, { bot: { subscribeTimeout: "1 second" }, ...options.worlds }, (world, round) =>
          Effect.gen(function*() {
            yield* begin(world)
            const asking = yield* Effect.fork(world.ask(2))
            yield* Effect.sync(world.wires.reset)
            yield* sleepUntil(() =>
              world.reasons().filter(({ _tag }) =>
                _tag === reason._tag
              ).length > round
            )
            expect(world.reasons().filter(({ _tag }) => _tag === reason._tag)[0]).toEqual(reason)
            yield* end(world)
            const over = performance.now()
            const recovered = (yield* world.awaitStatus("Subscribed", over)) - over
            yield* Fiber.join(asking)
            return recovered
          }))
    )

  unreachable(
    "refused connections",
    {},
    (world) => world.wires.listen(false),
    (world) => world.wires.listen(true),
    { _tag: "Refused", code: "ECONNREFUSED" }
  )
  unreachable(
    "a server that accepts and never upgrades",
    {},
    (world) => world.service.faults.neverOpen(true),
    (world) => world.service.faults.neverOpen(false),
    { _tag: "OpenTimeout" }
  )
  unreachable(
    "a server that accepts and says nothing at all",
    {},
    (world) => Effect.sync(() => world.wires.up.isSilent = true),
    (world) => Effect.sync(world.wires.heal),
    { _tag: "OpenTimeout" }
  )
  unreachable(
    "a server that upgrades and never acks the subscribe",
    {},
    (world) => world.service.faults.muteSubscribe,
    (world) => world.service.acks.clear,
    { _tag: "SubscribeTimeout" }
  )
  for (const status of [403, 409, 502]) {
    unreachable(
      `the handshake is answered with ${status}`,
      {},
      (world) => world.service.faults.refuseConnections({ status }),
      (world) => world.service.faults.refuseConnections(false),
      { _tag: "Handshake", status }
    )
  }

  fault("a name that does not resolve", { quick: true, bound: 2_000 }, (row) =>
    Effect.gen(function*() {
      let fails = true
      // A label this long is refused without asking anybody, so no query leaves the machine.
      const impossible = `${"x".repeat(64)}.localhost`
      const real = Dns.lookup
      const lookup = vi.spyOn(Dns, "lookup").mockImplementation(
        ((host: string, ...rest: ReadonlyArray<never>) =>
          (real as Function)(host === "wecom.localhost" ? fails ? impossible : "127.0.0.1" : host, ...rest)) as never
      )
      yield* Effect.addFinalizer(() => Effect.sync(() => lookup.mockRestore()))
      const gateway = yield* Layer.build(NodeGateway.layer({ secret }))
      const { port } = Context.get(gateway, NodeGateway.NodeGateway)
      const bot = Context.get(
        yield* Layer.build(botLayer(`ws://wecom.localhost:${port}`)),
        WecomBot.WecomBot
      )
      const reasons: Array<WecomError.LinkFailure> = []
      yield* bot.statusChanges.pipe(
        Stream.runForEach((status) =>
          Effect.sync(() => status._tag === "Waiting" ? reasons.push(status.reason) : undefined)
        ),
        Effect.forkScoped
      )
      yield* sleepUntil(() => reasons.length >= 3)
      expect(reasons.map(({ _tag }) => _tag)).toEqual(["Dns", "Dns", "Dns"])
      fails = false
      const over = performance.now()
      yield* bot.ready
      row.times = reasons.length
      row.recoveries.push(performance.now() - over)
    }))

  fault("attempts are spent", { quick: true }, (row) =>
    Effect.gen(function*() {
      const world = yield* make({ bot: { maxReconnectAttempts: 3, reconnectInterval: "20 millis" } })
      yield* world.awaitStatus("Subscribed")
      yield* world.wires.listen(false)
      yield* Effect.sync(world.wires.reset)
      const error = yield* Effect.flip(world.bot.closed)
      expect(error).toMatchObject({ _tag: "ReconnectExhausted", attempts: 3, last: { _tag: "Refused" } })
      row.times = 4
      row.lost = "the bot, as ReconnectExhausted"
    }))
})

describe.concurrent("frames that no service should send", () => {
  const push = (content: string) =>
    JSON.stringify({
      cmd: "aibot_msg_callback",
      headers: { req_id: "raw" },
      body: {
        msgid: `raw-${content.length}-${content.slice(0, 20)}`,
        aibotid: "b",
        chattype: "single",
        from: { userid: "somebody" },
        // Nobody answers voice messages here.
        msgtype: "voice",
        voice: { content }
      }
    })

  /** They end nothing: the link stays up, and what comes after is heard. */
  const harmless = (name: string, frames: ReadonlyArray<Uint8Array>, bound?: number) =>
    fault(name, { quick: true, ...(bound === undefined ? {} : { bound }) }, (row) =>
      Effect.gen(function*() {
        const world = yield* make()
        yield* world.awaitStatus("Subscribed")
        for (const bytes of frames) {
          const since = performance.now()
          world.wires.inject(bytes)
          row.times++
          yield* world.ask(1)
          if (bound !== undefined) row.recoveries.push(performance.now() - since)
        }
        expect(world.reasons()).toEqual([])
        row.lost = describeLoss(yield* world.judge)
      }))

  harmless("binary frames", [
    ServerFrames.frame(2, Buffer.from(push("binary"))),
    ServerFrames.frame(2, Buffer.alloc(100_000, 0xff)),
    ServerFrames.frame(2, Buffer.alloc(0))
  ])
  harmless("invalid UTF-8", [
    ServerFrames.text(Buffer.from([0xff, 0xfe, 0x80])),
    ServerFrames.text(Buffer.concat([Buffer.from(push("x").slice(0, -4)), Buffer.from([0xc3]), Buffer.from("\"}}}")])),
    ServerFrames.text(Buffer.from([0xed, 0xa0, 0x80]))
  ])
  harmless("frames of 1 and 20 MB", [
    ServerFrames.text(push("x".repeat(1_000_000))),
    ServerFrames.text(Buffer.alloc(20_000_000, "x"))
  ])
  harmless("20 MB of control characters", [
    ServerFrames.text(push("?").replace("?", "\u0001".repeat(20_000_000)))
  ], 1_500)
  harmless("empty frames, pings, pongs and fragments", [
    ServerFrames.text(""),
    ServerFrames.frame(9, Buffer.from("ping")),
    ServerFrames.frame(10, Buffer.from("pong")),
    Buffer.concat([
      ServerFrames.frame(1, Buffer.from("{\"cmd\":"), 0),
      ServerFrames.frame(9, Buffer.alloc(0)),
      ServerFrames.frame(0, Buffer.from("\"x\"}"))
    ])
  ])

  /** What breaks WebSocket itself costs the link, and nothing else. */
  const fatal: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["a frame that claims 200 MB", ServerFrames.claim(200_000_000)],
    ["a frame that claims 2^63 bytes", Buffer.from([0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ["a masked frame", Buffer.from([0x81, 0x81, 1, 2, 3, 4, 5])],
    ["a reserved bit", ServerFrames.frame(1, Buffer.from("x"), 0xc0)],
    ["an unknown opcode", ServerFrames.frame(3, Buffer.from("x"))],
    ["a continuation of nothing", ServerFrames.frame(0, Buffer.from("x"))],
    ["a ping in fragments", ServerFrames.frame(9, Buffer.from("x"), 0)],
    ["a ping of 126 bytes", ServerFrames.frame(9, Buffer.alloc(126))],
    ["a close frame of one byte", ServerFrames.frame(8, Buffer.from([3]))],
    ["no WebSocket at all", Buffer.from("HTTP/1.1 500 Internal Server Error\r\n\r\n")]
  ]
  fault(
    "bytes that break WebSocket",
    { quick: true, bound: 2_000 },
    (row) =>
      repeated(row, fatal.length, {}, (world, round) =>
        Effect.gen(function*() {
          const { recovered } = yield* world.recovery(Effect.sync(() => world.wires.inject(fatal[round]![1])))
          yield* world.ask(1)
          expect(world.reasons().length, fatal[round]![0]).toBe(1)
          return recovered
        }))
  )
})

describe.concurrent("close frames", () => {
  const sample = [...range(1000, 1015), 1016, 2999, 3000, 3001, 3999, 4000, 4999, 0, 999, 5000, 65535]
  const codes = isQuick ? sample : [...new Set([...sample, ...range(3000, 4999)])]

  fault(`close with ${isQuick ? "a sample of the codes" : "every code of 1000-1015 and 3000-4999"}`, {
    quick: true,
    timeout: 120_000,
    bound: 3_000
  }, (row) =>
    Effect.gen(function*() {
      const service = yield* RawService.make(({ botId, number, socket }) => {
        if (number > 1) return
        // One that is not allowed on the wire is sent all the same.
        socket.write(ServerFrames.closeFrame(Number(botId)))
        socket.end()
      })
      yield* Effect.forEach(codes, (code) =>
        Effect.gen(function*() {
          const layer = botLayer(service.url, { botId: String(code), reconnectInterval: "10 millis" })
          const bot = Context.get(yield* Layer.build(layer), WecomBot.WecomBot)
          const statuses = yield* bot.statusChanges.pipe(
            Stream.map((status) => ({ status, at: performance.now() })),
            Stream.dropWhile(({ status }) => status._tag !== "Waiting"),
            Stream.takeUntil(({ status }) => status._tag === "Subscribed"),
            Stream.runCollect
          )
          const all = Array.from(statuses)
          const reason = all[0]!.status._tag === "Waiting" ? all[0]!.status.reason : undefined
          expect(["ClosedBy", "Network"]).toContain(reason?._tag)
          if (reason?._tag === "ClosedBy") expect([code, 1006]).toContain(reason.code)
          expect(all.at(-1)!.status._tag).toBe("Subscribed")
          row.recoveries.push(all.at(-1)!.at - all[0]!.at)
          row.times++
        }).pipe(Effect.scoped), { concurrency: 10, discard: true })
    }))

  fault(
    "a close frame of the service, after which its socket stays open",
    { quick: true, bound: 3_000 },
    (row) =>
      Effect.gen(function*() {
        const service = yield* RawService.make(({ number, socket }) => {
          if (number > 1) return
          socket.write(ServerFrames.closeFrame(1000))
          // Deaf from now on, to the close frame that comes back and to the end of the connection.
          socket.removeAllListeners()
          socket.on("error", () => {})
          socket.pause()
        })
        const bot = Context.get(yield* Layer.build(botLayer(service.url)), WecomBot.WecomBot)
        yield* bot.ready
        const started = performance.now()
        yield* bot.statusChanges.pipe(
          Stream.dropWhile((status) => status._tag !== "Waiting"),
          Stream.takeUntil((status) => status._tag === "Subscribed"),
          Stream.runDrain
        )
        row.times = 1
        row.recoveries.push(performance.now() - started)
      })
  )

  fault(
    "the bot's own close frame is ignored",
    { quick: true, bound: 1_500 },
    (row) =>
      repeated(row, 3, {}, (world) =>
        Effect.gen(function*() {
          yield* world.ask(1)
          yield* world.judge
          yield* Effect.sync(world.wires.silence)
          const started = performance.now()
          yield* world.close
          return performance.now() - started
        }))
  )
})
