import { describe, expect, it } from "@effect/vitest"
import {
  Clock,
  type Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Metric,
  Scheduler,
  TestClock,
  TestContext
} from "effect"
import { Crypto, Heartbeat, Telemetry } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { readdirSync, readFileSync } from "node:fs"
import { counting } from "./contract/harness.js"
import { hostile } from "./contract/incoming.js"
import { gateway, noop, open, reasons, request, seeded, Watch, withNoop } from "./contract/wired.js"
import { withWall } from "./support/clock.js"

const { acks, faults } = TestGateway

const frames = Effect.map(
  TestGateway.received,
  (all) => all.filter((frame) => frame.cmd !== "aibot_subscribe" && frame.cmd !== "ping")
)

describe("readiness: ready means subscribed, and every step has a deadline", () => {
  it.scoped("nothing but the subscribe leaves before the subscribe ack", () =>
    Effect.gen(function*() {
      const held = yield* acks.hold({ cmd: "aibot_subscribe" })
      const { service } = yield* open()
      const ready = yield* Effect.fork(service.ready)
      const waiting = yield* Effect.forEach(["a", "b", "c"], (reqId) => Effect.fork(request(service, noop, reqId)))
      yield* withNoop
      yield* held.awaitCount(1)
      yield* faults.pushRaw("{\"cmd\":\"ping\",\"headers\":{\"req_id\":\"p\"}}")
      yield* TestClock.adjust("9 seconds")
      expect((yield* service.status)._tag).toBe("Connected")
      expect(ready.unsafePoll()).toBeNull()
      expect(yield* frames).toHaveLength(0)
      yield* held.release()
      yield* Fiber.join(ready)
      yield* Fiber.joinAll(waiting)
      expect((yield* frames).map((frame) => frame.reqId)).toEqual(["a", "b", "c"])
    }).pipe(Effect.provide(gateway())))

  it.scoped("a subscribe that is never acked has a deadline of 10 s, counted from the open socket", () =>
    Effect.gen(function*() {
      yield* faults.neverOpen(true)
      yield* faults.muteSubscribe
      const { history, service } = yield* open({ reconnectInterval: "10 millis" })
      yield* TestClock.adjust("9999 millis")
      expect((yield* service.status)._tag).toBe("Connecting")
      yield* faults.neverOpen(false)
      yield* TestClock.adjust("11 millis")
      yield* TestClock.adjust("9989 millis")
      expect((yield* service.status)._tag).toBe("Connected")
      yield* TestClock.adjust("12 millis")
      expect(reasons(yield* history).map((reason) => reason._tag)).toEqual(["OpenTimeout", "SubscribeTimeout"])
    }).pipe(Effect.provide(gateway())))

  it.scoped("an ack has a deadline of 5 s, and not a moment less", () =>
    Effect.gen(function*() {
      yield* withNoop
      yield* acks.drop({ cmd: noop })
      const { service } = yield* open()
      yield* service.ready
      const fiber = yield* Effect.fork(Effect.flip(request(service, noop, "r")))
      yield* TestClock.adjust("4999 millis")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "DeliveryUnknown", reason: "AckTimeout" })
      expect((yield* service.status)._tag).toBe("Subscribed")
    }).pipe(Effect.provide(gateway())))

  it.scoped("a wait for a subscription has a deadline of 30 s, also over several reconnects", () =>
    Effect.gen(function*() {
      const { service } = yield* open()
      yield* service.ready
      yield* faults.refuseConnections(true)
      yield* faults.cut()
      const fiber = yield* Effect.fork(Effect.flip(request(service, noop, "r")))
      yield* TestClock.adjust("29 seconds")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1001 millis")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "SendUnavailable", reason: "NotSubscribed" })
    }).pipe(Effect.provide(gateway())))

  it.scoped("a frame that is answered 846609 again and again does not wait for ever", () =>
    Effect.gen(function*() {
      yield* withNoop
      yield* acks.refuse(846609, { cmd: noop })
      const { service } = yield* open({ reconnectInterval: "1 second" })
      yield* service.ready
      const fiber = yield* Effect.fork(Effect.flip(request(service, noop, "r")))
      yield* TestClock.adjust("29 seconds")
      expect(fiber.unsafePoll()).toBeNull()
      yield* TestClock.adjust("2 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "SendUnavailable", reason: "NotSubscribed" })
    }).pipe(Effect.provide(gateway())))

  it.scoped("an uninterruptible ping that cannot be written does not hold up the next session", () =>
    Effect.gen(function*() {
      const heartbeat = Layer.succeed(Heartbeat.Heartbeat, {
        run: (ping) => Effect.forever(Effect.delay(Effect.uninterruptible(ping), "5 seconds"))
      })
      const { service } = yield* open({}, { heartbeat })
      yield* service.ready
      const { ws } = (yield* Watch).all[0]!
      // In CLOSING, without an event.
      Object.defineProperty(ws, "readyState", { value: 2 })
      yield* TestClock.adjust("5 seconds")
      yield* TestClock.adjust("5 seconds")
      expect((yield* TestGateway.connections).length).toBe(2)
      expect(service.unsafeStatus()._tag).toBe("Subscribed")
    }).pipe(Effect.provide(gateway())))

  it.scoped("a wall clock that jumps makes the bot ask at once whether the link is still there", () =>
    Effect.gen(function*() {
      const { clock, jump } = withWall(yield* TestClock.testClock())
      const { service } = yield* Effect.withClock(open({}, { heartbeat: Heartbeat.layer }), clock)
      yield* service.ready
      const pings = Effect.map(TestGateway.received, (all) => all.filter((frame) => frame.cmd === "ping").length)
      yield* TestClock.adjust("6 seconds")
      expect(yield* pings).toBe(0)
      jump(8 * 60 * 60 * 1000)
      yield* TestClock.adjust("5 seconds")
      expect(yield* pings).toBe(1)
      yield* TestClock.adjust("25 seconds")
      expect(yield* pings).toBe(1)
      jump(-8 * 60 * 60 * 1000)
      yield* TestClock.adjust("5 seconds")
      expect(yield* pings).toBe(2)
    }).pipe(Effect.provide(gateway())))
})

describe("a dead socket is terminated, a live one is closed politely", () => {
  it.scoped("dead", () =>
    Effect.gen(function*() {
      const { service } = yield* open({ drainTimeout: "10 seconds" })
      yield* service.ready
      yield* faults.halfOpen()
      yield* TestClock.adjust("40 seconds")
      expect((yield* Watch).all[0]!.goodbyes).toEqual(["terminate"])
    }).pipe(Effect.provide(gateway())))

  it.scoped("without a terminate it is closed, and nobody waits for that", () =>
    Effect.gen(function*() {
      const sockets = yield* Watch
      sockets.tamper = (ws) => Object.assign(ws, { terminate: undefined })
      const { service } = yield* open()
      yield* service.ready
      yield* faults.halfOpen()
      yield* TestClock.adjust("40 seconds")
      expect(sockets.all[0]!.goodbyes).toEqual(["close"])
      yield* TestClock.adjust("1 second")
      expect(sockets.all).toHaveLength(2)
    }).pipe(Effect.provide(gateway())))

  it.scoped("live, when the bot closes", () =>
    Effect.gen(function*() {
      const { close, service } = yield* open({ drainTimeout: "10 seconds" })
      yield* service.ready
      yield* close
      const [socket] = (yield* Watch).all
      expect(socket!.goodbyes[0]).toBe("close")
      expect(yield* TestGateway.connections).toMatchObject([{ state: "closed", closeCode: 1000 }])
      expect(["open", "message", "close"].map(socket!.listeners)).toEqual([0, 0, 0])
    }).pipe(Effect.provide(gateway())))
})

describe("a peer that has fallen silent when the bot closes", () => {
  /** Closes after the silence, and is through with it so many milliseconds later and not before. */
  const closesWithin = (millis: number, silence: Duration.DurationInput) =>
    Effect.gen(function*() {
      const { close, service } = yield* open({ drainTimeout: "10 seconds" })
      yield* service.ready
      yield* faults.halfOpen()
      yield* TestClock.adjust(silence)
      const closing = yield* Effect.fork(close)
      yield* TestClock.adjust(millis - 1)
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust(1)
      yield* Fiber.join(closing)
      expect((yield* Watch).all[0]!.goodbyes).toEqual(["close", "terminate"])
    }).pipe(Effect.provide(gateway()))

  it.scoped("has a second for its close frame", () => closesWithin(1000, 0))

  it.scoped("has a second when it owes a pong that is due later", () => closesWithin(1000, "35 seconds"))

  it.scoped("has no more time for its close frame than for the pong it owes", () => closesWithin(100, "39900 millis"))
})

describe("a heartbeat of one's own that forgives", () => {
  const every30Seconds = (pings: <E>(ping: Effect.Effect<void, E>) => Effect.Effect<unknown, E>) =>
    Layer.succeed(Heartbeat.Heartbeat, {
      run: (ping) => Effect.forever(Effect.zipRight(Effect.sleep("30 seconds"), pings(ping)))
    })

  const policies = {
    "a pong that is missed": every30Seconds((ping) => Effect.ignore(ping)),
    "a pong for which it does not wait": every30Seconds((ping) => Effect.timeoutOption(ping, "2 seconds"))
  }

  for (const [what, heartbeat] of Object.entries(policies)) {
    it.scoped(`${what} is held against nobody when the bot closes`, () =>
      Effect.gen(function*() {
        const { close, service } = yield* open({ drainTimeout: "10 seconds" }, { heartbeat })
        yield* service.ready
        const held = yield* acks.hold({ cmd: "ping" })
        yield* TestClock.adjust("41 seconds")
        yield* held.release()
        yield* TestClock.adjust("4 seconds")
        yield* close
        expect((yield* Watch).all[0]!.goodbyes[0]).toBe("close")
        expect(yield* TestGateway.connections).toMatchObject([{ closeCode: 1000 }])
      }).pipe(Effect.provide(gateway())))
  }
})

describe("closing at an awkward moment", () => {
  const waitingFor = (duration: Duration.DurationInput) =>
    Effect.gen(function*() {
      const sockets = yield* Watch
      const opened = yield* open()
      yield* TestClock.adjust(duration)
      const before = sockets.attempts
      const pending = yield* Effect.fork(Effect.flip(request(opened.service, noop, "r")))
      const ready = yield* Effect.fork(opened.service.ready)
      yield* Effect.yieldNow()
      yield* opened.close
      expect((yield* Fiber.join(pending))._tag).toMatch(/SendUnavailable|DeliveryUnknown/)
      expect((yield* opened.service.status)._tag).toBe("Closed")
      expect(Exit.isFailure(yield* Fiber.await(ready))).toBe(true)
      expect(yield* Effect.flip(request(opened.service, noop, "late"))).toMatchObject({
        _tag: "SendUnavailable",
        reason: "Closed"
      })
      yield* TestClock.adjust("5 minutes")
      expect(sockets.attempts).toBe(before)
      expect(sockets.all.every(({ ws }) => ws.readyState === 3)).toBe(true)
    })

  it.scoped("while it waits to reconnect", () =>
    Effect.zipRight(faults.refuseConnections(true), waitingFor("100 millis")).pipe(Effect.provide(gateway())))

  it.scoped("while the socket opens", () =>
    Effect.zipRight(faults.neverOpen(true), waitingFor("1 second")).pipe(Effect.provide(gateway())))

  it.scoped("while it subscribes", () =>
    Effect.zipRight(faults.muteSubscribe, waitingFor("1 second")).pipe(Effect.provide(gateway())))

  it.scoped("a connection that drains while it waits does not connect again", () =>
    Effect.gen(function*() {
      yield* faults.refuseConnections(true)
      const { service } = yield* open()
      yield* TestClock.adjust("100 millis")
      const waiting = yield* Effect.fork(Effect.flip(request(service, noop, "r", {}, { passesDrain: true })))
      yield* Effect.yieldNow()
      expect(yield* service.drain).toBe(false)
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "SendUnavailable", reason: "Draining" })
      yield* faults.refuseConnections(false)
      yield* TestClock.adjust("1 minute")
      expect((yield* Watch).attempts).toBe(1)
      expect((yield* service.status)._tag).toBe("Draining")
    }).pipe(Effect.provide(gateway())))

  it.scoped("while it drains, only frames that finish something pass, and callbacks no longer", () =>
    Effect.gen(function*() {
      yield* withNoop
      const { service } = yield* open()
      yield* service.ready
      expect(yield* service.drain).toBe(true)
      expect(yield* Effect.flip(request(service, noop, "r"))).toMatchObject({ reason: "Draining" })
      expect((yield* request(service, noop, "r", {}, { passesDrain: true })).errcode).toBe(0)
      const dropped = yield* counting(Telemetry.inboxDropped)
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("too late")
      yield* Effect.yieldNow()
      expect(yield* dropped).toBe(1)
      yield* faults.cut()
      yield* TestClock.adjust("1 minute")
      expect((yield* Watch).attempts).toBe(1)
      expect(yield* Effect.flip(request(service, noop, "r", {}, { passesDrain: true }))).toMatchObject({
        reason: "Draining"
      })
    }).pipe(Effect.provide(gateway())))
})

describe("846609", () => {
  it.scoped("several frames in flight are refused together: all go out again, none is in doubt", () =>
    Effect.gen(function*() {
      yield* withNoop
      const { service } = yield* open()
      yield* service.ready
      const held = yield* acks.hold({ cmd: noop })
      const sends = yield* Effect.forEach(["a", "b", "c"], (reqId) => Effect.fork(request(service, noop, reqId)))
      yield* Effect.yieldNow()
      yield* acks.clear
      for (const fiber of sends) expect((yield* Fiber.join(fiber)).errcode).toBe(0)
      yield* acks.refuse(846609, { cmd: noop, times: 3 })
      const again = yield* Effect.forEach(["a", "b", "c"], (reqId) => Effect.fork(request(service, noop, reqId)))
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.joinAll(again)).map((ack) => ack.errcode)).toEqual([0, 0, 0])
      expect(yield* held.count).toBe(0)
      expect((yield* TestGateway.connections).map((connection) => connection.state)).toEqual(["closed", "subscribed"])
    }).pipe(Effect.provide(gateway())))

  it.scoped("a frame whose caller went away does not go out again", () =>
    Effect.gen(function*() {
      yield* withNoop
      const { queue, service } = yield* open()
      yield* service.ready
      yield* acks.refuse(846609, { cmd: noop, times: 1 })
      const giveUp = queue.unsafeOffer({ cmd: noop, headers: { req_id: "r" } }, undefined, () => {})
      let later = "waits"
      queue.unsafeOffer({ cmd: noop, headers: { req_id: "r" }, body: "next" }, undefined, (exit) => {
        later = exit._tag
      })
      yield* faults.refuseConnections(true)
      yield* TestClock.adjust("100 millis")
      giveUp()
      yield* faults.refuseConnections(false)
      yield* TestClock.adjust("10 seconds")
      expect(later).toBe("Success")
      expect((yield* frames).map((frame) => frame.body)).toEqual([undefined, "next"])
    }).pipe(Effect.provide(gateway())))
})

describe("bounded, and nothing incoming is fatal", () => {
  it.scoped("a full inbox drops the newest callbacks and counts them", () =>
    Effect.gen(function*() {
      const dropped = yield* counting(Telemetry.inboxDropped)
      const { service } = yield* open({ inboxSize: 3 })
      const alice = yield* TestGateway.user("alice")
      for (const text of ["1", "2", "3", "4", "5"]) yield* alice.sendText(text)
      yield* TestClock.adjust(0)
      const [callbacks] = yield* service.callbacks.takeAll
      expect([...callbacks].map((callback: any) => callback.message.text.content)).toEqual(["1", "2", "3"])
      expect(yield* dropped).toBe(2)
      yield* alice.sendText("6")
      expect([...(yield* service.callbacks.takeAll)[0]]).toHaveLength(1)
    }).pipe(Effect.provide(gateway())))

  it.scoped("a logger that throws is not heard in the socket's callback", () =>
    Effect.gen(function*() {
      const breaking = Logger.make(({ message }) => {
        if (!String(message).includes("subscribed")) throw new Error("broken logger")
      })
      const listeners: Array<(event: object) => void> = []
      ;(yield* Watch).tamper = (ws: any) => {
        const { addEventListener } = ws
        ws.addEventListener = (kind: string, listener: (event: object) => void) => {
          if (kind === "message") listeners.push(listener)
          addEventListener.call(ws, kind, listener)
        }
      }
      const { service } = yield* open().pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, breaking)),
        Logger.withMinimumLogLevel(LogLevel.Debug)
      )
      yield* service.ready
      expect(listeners).toHaveLength(1)
      for (const data of ["garbage", "{\"cmd\":\"unheard_of\",\"headers\":{\"req_id\":\"r\"}}"]) {
        expect(() => listeners[0]!({ data })).not.toThrow()
      }
      expect((yield* service.status)._tag).toBe("Subscribed")
    }).pipe(Effect.provide(gateway())))

  it.scoped("callbacks wait with the scheduler of whoever made the connection", () =>
    Effect.gen(function*() {
      const scheduler = new Scheduler.MixedScheduler(2048)
      const { service } = yield* Effect.withScheduler(open(), scheduler)
      expect((service.callbacks as any).scheduler).toBe(scheduler)
    }).pipe(Effect.provide(gateway())))

  it.scoped("every unreadable frame is counted by its reason", () =>
    Effect.gen(function*() {
      const { service } = yield* open()
      yield* service.ready
      const reasons = ["NotText", "NotJson", "NotAnEnvelope", "BadMessage", "BadEvent"]
      const counts = yield* Effect.forEach(reasons, (reason) =>
        counting(Metric.tagged(Telemetry.undecodable, "reason", reason)))
      const all = [...hostile, "{\"cmd\":\"aibot_event_callback\",\"headers\":{\"req_id\":\"x\"}}"]
      for (const frame of all) {
        yield* faults.pushRaw(frame)
      }
      yield* TestClock.adjust(0)
      const counted = yield* Effect.all(counts)
      expect(counted.every((count) =>
        count > 0
      )).toBe(true)
      // Three are messages of unknown types, and one is a ping in a binary frame.
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(all.length - 4)
      expect((yield* service.status)._tag).toBe("Subscribed")
    }).pipe(Effect.provide(gateway())))
})

describe("time and chance are Effect's", () => {
  const story = Effect.gen(function*() {
    yield* withNoop
    const { service } = yield* open({ onSuperseded: "retake" }, { crypto: Crypto.layerDeterministic("ids") })
    yield* service.ready
    yield* acks.delay({ min: "10 millis", max: "6 seconds" }, { cmd: noop })
    yield* Effect.forkScoped(Effect.forever(Effect.gen(function*() {
      yield* Effect.ignore(request(service, noop, `r-${yield* Clock.currentTimeMillis}`))
      yield* Effect.sleep("1 second")
    })))
    yield* TestClock.adjust("31 seconds")
    yield* faults.cut()
    yield* TestClock.adjust("10 seconds")
    yield* faults.kick()
    yield* TestClock.adjust("40 seconds")
    yield* faults.refuseConnections(true)
    yield* faults.cut()
    yield* TestClock.adjust("20 seconds")
    yield* faults.refuseConnections(false)
    yield* TestClock.adjust("30 seconds")
    return (yield* TestGateway.received).map((frame) => `${frame.at} ${frame.connection} ${frame.text}`)
  }).pipe(Effect.provide(gateway()), Effect.scoped, Effect.provide(TestContext.TestContext))

  it.effect("the same seed replays the same history, byte for byte and moment for moment", () =>
    Effect.gen(function*() {
      const first = yield* seeded("a")(story)
      expect(yield* seeded("a")(story)).toEqual(first)
      expect(yield* seeded("b")(story)).not.toEqual(first)
      expect(first.length).toBeGreaterThan(20)
    }))

  it("no source file asks the machine for the time, a timer or chance", () => {
    const files = readdirSync(new URL("../src", import.meta.url), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
    expect(files.length).toBeGreaterThan(40)
    const forbidden =
      /\b(setTimeout|setInterval|setImmediate|Math\.random|Date\.now|new Date\b|performance\.now|process\.hrtime|Clock\.make|node:timers)/
    const found = files.filter((file) =>
      forbidden.test(
        readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")
      )
    )
    expect(found).toEqual([])
  })
})
