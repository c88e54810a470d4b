import * as Socket from "@effect/platform/Socket"
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Fiber, TestClock } from "effect"
import { BotRouter, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { faultSuite } from "./gateway/faultSuite.js"
import { test } from "./gateway/memory.js"
import { connect, respond, stream, subscribed } from "./gateway/rawClient.js"
import { asked } from "./gateway/seam.js"
import { wireSuite } from "./gateway/wireSuite.js"

const echo = BotRouter.empty.pipe(
  BotRouter.onText((message) => WecomBot.replyStream(message, `you said ${message.text.content}`)),
  BotRouter.onEvent("enter_chat", (event) => WecomBot.replyWelcome(event, Reply.text("welcome")))
)

describe("layerBot", () => {
  it.scoped("is a bot that nothing is left to provide for", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* Effect.forkScoped(BotRouter.run(echo))
      expect((yield* alice.say("hi")).text).toBe("you said hi")
      expect((yield* alice.awaitAnswer(yield* alice.enter)).text).toBe("welcome")
      const team = yield* TestGateway.group("team")
      expect((yield* team.member("bob").mention("hi")).text).toContain("hi")
    }).pipe(Effect.provide(TestGateway.layerBot())))

  it.scoped("takes the options of both, and shares the credentials", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkScoped(BotRouter.run(echo))
      const alice = yield* TestGateway.user("alice")
      const saying = yield* Effect.fork(alice.say("hi"))
      yield* TestClock.adjust("10 seconds")
      expect((yield* Fiber.join(saying)).text).toBe("you said hi")
      yield* TestGateway.faults.cut()
      yield* TestGateway.awaitConnections((all) => all.every((_) => _.state === "closed"))
      yield* TestClock.adjust("2 seconds")
      expect(yield* TestGateway.awaitSubscribed()).toBe(2)
      expect(fiber.unsafePoll()).toBeNull()
    }).pipe(Effect.provide(TestGateway.layerBot({
      botId: "aib-mine",
      secret: "s3cret",
      ackDelay: "300 millis",
      reconnectInterval: "1 second"
    }))))

  it.scoped("closes at once under TestClock, with a handler still running", () =>
    Effect.gen(function*() {
      yield* Effect.gen(function*() {
        const alice = yield* TestGateway.user("alice")
        yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(BotRouter.onText(() => Effect.never))))
        yield* alice.sendText("hi")
      }).pipe(Effect.provide(TestGateway.layerBot()), Effect.scoped)
    }))
})

describe("TestGateway", () => {
  describe("on the wire", () => wireSuite(TestGateway.layer))
  describe("when told to fail", () => faultSuite(TestGateway.layer))

  describe("the socket", () => {
    test("nothing happens inside the constructor or inside send", () =>
      Effect.gen(function*() {
        const construct = yield* Socket.WebSocketConstructor
        const ws = construct("wss://example.invalid")
        const seen: Array<string> = []
        ws.addEventListener("open", () => seen.push("open"))
        ws.addEventListener("message", () => seen.push("message"))
        expect(ws.readyState).toBe(0)
        expect(() => ws.send("x")).toThrow("CONNECTING")
        yield* Effect.promise(() => Promise.resolve())
        expect(seen).toEqual(["open"])
        ws.send("{\"cmd\":\"ping\",\"headers\":{\"req_id\":\"p\"}}")
        expect(seen).toEqual(["open"])
        yield* Effect.promise(() => Promise.resolve())
        expect(seen).toEqual(["open", "message"])
        ws.close()
        ws.send("ignored")
        yield* Effect.promise(() => Promise.resolve())
        expect(ws.readyState).toBe(3)
        ws.send("ignored, too")
        expect((yield* TestGateway.received).length).toBe(1)
      }))

    test("terminate reads nothing more", () =>
      Effect.gen(function*() {
        const client = yield* subscribed()
        // No microtask runs between the two, so the ack of the ping is on its way but not read yet.
        yield* Effect.zipRight(client.write("ping", "p"), Effect.sync(() => client.ws.terminate()))
        expect((yield* client.closed).code).toBe(1006)
        expect(yield* client.unread).toEqual([])
      }))

    test("a close that nobody answers takes 30 seconds", () =>
      Effect.gen(function*() {
        const client = yield* subscribed()
        yield* TestGateway.faults.halfOpen()
        client.ws.close(1000)
        yield* TestClock.adjust("29 seconds")
        expect(client.ws.readyState).toBe(2)
        yield* TestClock.adjust("1 seconds")
        expect((yield* client.closed).code).toBe(1006)
      }))

    test("effect's Socket runs over it", () =>
      Effect.gen(function*() {
        const socket = yield* Socket.makeWebSocket("wss://example.invalid", { closeCodeIsError: () => true })
        const write = yield* socket.writer
        const reading = yield* Effect.fork(socket.runRaw((data) => write(`echo ${String(data)}`)))
        yield* TestGateway.faults.pushRaw("hi")
        yield* TestGateway.awaitReceived({ where: (frame) => frame.text === "echo hi" })
        yield* TestGateway.faults.close(1011)
        const exit = yield* Fiber.await(reading)
        expect(JSON.stringify(exit)).toContain("1011")
      }))

    it.scoped("the end of the gateway's scope ends its connections and refuses new ones", () =>
      Effect.gen(function*() {
        const { client, construct } = yield* Effect.scoped(
          Effect.gen(function*() {
            const construct = yield* Socket.WebSocketConstructor
            const ws = construct("wss://example.invalid")
            const codes: Array<number> = []
            ws.addEventListener("close", (event) => codes.push(event.code))
            yield* Effect.promise(() => Promise.resolve())
            expect(ws.readyState).toBe(1)
            return { client: { ws, codes }, construct }
          }).pipe(Effect.provide(TestGateway.layer({ idleLimit: "1 hour" })))
        )
        yield* Effect.promise(() => Promise.resolve())
        expect(client.codes).toEqual([1006])
        const late = yield* connect().pipe(Effect.provideService(Socket.WebSocketConstructor, construct))
        expect((yield* late.nextEvent).type).toBe("error")
      }))
  })

  test("received frames tell what the gateway made of them", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      yield* TestGateway.acks.lose({ cmd: "ping" })
      yield* TestGateway.acks.drop({ cmd: respond })
      yield* client.write(respond, reqId, stream("s", "x", true))
      yield* client.write(respond, reqId, stream("s", "x", true))
      yield* client.write("ping", "p")
      const judged = yield* TestGateway.received
      expect(judged.map(({ cmd, errcode }) => [cmd, errcode])).toEqual([
        ["aibot_subscribe", 0],
        [respond, 0],
        [respond, 846608],
        ["ping", undefined]
      ])
    }))

  test("received frames carry the time of Effect's clock and their connection", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 minute")
      const client = yield* subscribed()
      yield* client.request("ping", "p")
      const now = yield* Clock.currentTimeMillis
      expect((yield* TestGateway.received).map(({ at, cmd, connection, reqId }) => ({ at, cmd, connection, reqId })))
        .toEqual([
          { at: now, cmd: "aibot_subscribe", connection: 1, reqId: "sub" },
          { at: now, cmd: "ping", connection: 1, reqId: "p" }
        ])
    }))
})
