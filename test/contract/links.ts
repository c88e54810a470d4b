import { Effect, Fiber, Stream } from "effect"
import type { Connection } from "effect-wecom"
import { BotRouter, Chat, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { asked, collect } from "../support/messages.js"
import type { Harness } from "./harness.js"
import { expect, sentFrames } from "./harness.js"

const respond = "aibot_respond_msg"
const push = "aibot_send_msg"

const snapshot = (content: string, finish = false) => ({ id: "s", content, finish })

const contents = Effect.map(
  sentFrames,
  (frames) => frames.map((frame) => frame.body.stream?.content ?? frame.body.markdown?.content)
)

const isDown = TestGateway.awaitConnections((all) => all.every((connection) => connection.state === "closed"))

/** Leaves out what the status tells about times and delays. */
const outline = (status: Connection.Status) =>
  status._tag === "Connecting" || status._tag === "Waiting" ? `${status._tag} ${status.attempt}` : status._tag

export const links = ({ during, seconds, test }: Harness) => {
  const reconnected = Effect.zipRight(isDown, during(TestGateway.awaitSubscribed(), seconds(30)))

  test("a kick is final: Superseded reaches closed, the streams and the router, and nobody reconnects", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      const closed = yield* Effect.fork(Effect.flip(WecomBot.closed))
      const messages = yield* Effect.fork(Effect.flip(Stream.runDrain(WecomBot.messages)))
      const events = yield* Effect.fork(Effect.flip(Stream.runDrain(WecomBot.events)))
      const router = yield* Effect.fork(Effect.flip(BotRouter.run(BotRouter.empty)))
      yield* Effect.yieldNow()
      yield* TestGateway.faults.kick()
      for (const fiber of [closed, messages, events, router]) {
        expect((yield* Fiber.join(fiber))._tag).toBe("Superseded")
      }
      expect(yield* WecomBot.status).toMatchObject({ _tag: "Closed", reason: { _tag: "Superseded" } })
      expect((yield* Effect.flip(WecomBot.ready))._tag).toBe("Superseded")
      const late = yield* Effect.flip(WecomBot.replyStreamFrame(message, snapshot("x")))
      expect(late).toMatchObject({ _tag: "SendUnavailable", reason: "Closed" })
      expect((yield* isDown).length).toBe(1)
    }))

  for (const maxReconnectAttempts of [10, 0]) {
    test(
      `a takeover right after a frame was refused for it is final, with ${maxReconnectAttempts} attempts`,
      () =>
        Effect.gen(function*() {
          const { message } = yield* asked
          const closed = yield* Effect.fork(Effect.flip(WecomBot.closed))
          yield* TestGateway.faults.forgetSubscription()
          const sent = yield* Effect.fork(Effect.flip(WecomBot.replyStreamFrame(message, snapshot("x"))))
          yield* TestGateway.awaitReceived({ cmd: respond })
          yield* TestGateway.faults.pushRaw(JSON.stringify({
            cmd: "aibot_event_callback",
            headers: { req_id: "r" },
            body: { msgid: "m", msgtype: "event", event: { eventtype: "disconnected_event" } }
          }))
          expect((yield* during(Fiber.join(closed), seconds(1)))._tag).toBe("Superseded")
          expect(yield* Fiber.join(sent)).toMatchObject({ _tag: "SendUnavailable", reason: "Closed" })
          expect((yield* isDown).length).toBe(1)
        }),
      () => ({ bot: { maxReconnectAttempts } })
    )
  }

  test(
    "a bot that gives up after a frame was refused for want of a subscription leaves no socket",
    () =>
      Effect.gen(function*() {
        const { message } = yield* asked
        const closed = yield* Effect.fork(Effect.flip(WecomBot.closed))
        yield* TestGateway.faults.forgetSubscription()
        yield* Effect.fork(Effect.exit(WecomBot.replyStreamFrame(message, snapshot("x"))))
        expect((yield* during(Fiber.join(closed), seconds(1)))._tag).toBe("ReconnectExhausted")
        expect((yield* isDown).length).toBe(1)
      }),
    () => ({ bot: { maxReconnectAttempts: 0 } })
  )

  test("after a cut the bot reconnects, and messages flow again", () =>
    Effect.gen(function*() {
      const { alice, next } = yield* asked
      yield* TestGateway.faults.cut()
      expect(yield* reconnected).toBe(2)
      yield* alice.sendText("again")
      expect(yield* next).toMatchObject({ text: { content: "again" } })
    }))

  test("a snapshot without an ack when the link drops goes out again, and is delivered once", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      yield* TestGateway.acks.drop({ cmd: respond, times: 1 })
      const answer = yield* Effect.fork(WecomBot.replyStreamFrame(message, snapshot("half")))
      yield* TestGateway.awaitReceived({ cmd: respond })
      yield* TestGateway.faults.cut()
      yield* reconnected
      expect((yield* Fiber.join(answer)).errcode).toBe(0)
      expect(yield* contents).toEqual(["half", "half"])
      expect((yield* TestGateway.received).at(-1)!.connection).toBe(2)
      expect((yield* alice.screen).filter((bubble) => bubble.from === "bot")).toHaveLength(1)
    }))

  test("a final whose first copy arrived is delivered: the refusal of its second copy says so", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      yield* TestGateway.acks.drop({ cmd: respond, times: 1 })
      const answer = yield* Effect.fork(WecomBot.replyStreamFrame(message, snapshot("done", true)))
      yield* TestGateway.awaitReceived({ cmd: respond })
      yield* TestGateway.faults.cut()
      yield* reconnected
      expect((yield* Fiber.join(answer)).errcode).toBe(0)
      expect((yield* alice.screen).at(-1)).toMatchObject({ text: "done", sealed: true, history: ["done"] })
    }))

  test("what a second copy would show twice is not sent again: its delivery is unknown", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      yield* TestGateway.acks.drop()
      const pushed = yield* Effect.fork(Effect.flip(WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("push"))))
      const replied = yield* Effect.fork(Effect.flip(WecomBot.reply(message, Reply.markdown("reply"))))
      yield* TestGateway.awaitReceived({ cmd: push })
      yield* TestGateway.awaitReceived({ cmd: respond })
      yield* TestGateway.acks.clear
      yield* TestGateway.faults.cut()
      for (const fiber of [pushed, replied]) {
        expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "DeliveryUnknown", reason: "ConnectionLost" })
      }
      yield* reconnected
      expect((yield* alice.screen).filter((bubble) => bubble.from === "bot")).toHaveLength(2)
    }))

  test("846609 means nothing was delivered: the bot reconnects and the frame goes out again, a push too", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      yield* WecomBot.ready
      const statuses = yield* collect(WecomBot.statusChanges)
      yield* TestGateway.faults.forgetSubscription()
      const sends = yield* Effect.fork(Effect.all([
        WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("push")),
        WecomBot.replyStreamFrame(message, snapshot("reply", true))
      ], { concurrency: "unbounded" }))
      // The first stays open a little longer, for a word of a takeover.
      yield* during(TestGateway.awaitConnections((all) => all[1]?.state === "subscribed"), seconds(30))
      const acks = yield* Fiber.join(sends)
      expect(acks.map((ack) => ack.errcode)).toEqual([0, 0])
      const texts = (yield* alice.screen).filter((bubble) => bubble.from === "bot").map((bubble) => bubble.text)
      expect(texts.toSorted()).toEqual(["push", "reply"])
      expect((yield* TestGateway.connections)[0]!.state).toBe("closed")
      yield* statuses
      expect(yield* statuses).toMatchObject({ _tag: "Waiting", reason: { _tag: "NotSubscribed" } })
    }))

  test("frames written while the link is down wait for it, in order, and the snapshot in flight goes first", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      yield* TestGateway.acks.drop({ cmd: respond, times: 1 })
      const first = yield* Effect.fork(WecomBot.replyStreamFrame(message, snapshot("1")))
      yield* TestGateway.awaitReceived({ cmd: respond })
      yield* TestGateway.faults.cut()
      yield* isDown
      const rest = yield* Effect.forEach(
        ["12", "123"],
        (content) => Effect.fork(WecomBot.replyStreamFrame(message, snapshot(content, content === "123")))
      )
      yield* reconnected
      yield* Fiber.joinAll([first, ...rest])
      expect((yield* alice.screen).at(-1)!.history).toEqual(["1", "1", "12", "123"])
    }))

  test("the status tells the whole story of a connection", () =>
    Effect.gen(function*() {
      const changes = yield* collect(WecomBot.statusChanges)
      yield* TestGateway.awaitSubscribed()
      yield* TestGateway.faults.close(1000)
      yield* reconnected
      yield* TestGateway.faults.kick()
      yield* Effect.flip(WecomBot.closed)
      const story: Array<string> = []
      while (story.at(-1) !== "Closed") {
        const status = yield* changes
        story.push(outline(status))
        if (status._tag === "Waiting") expect(status.reason).toEqual({ _tag: "ClosedBy", code: 1000 })
      }
      expect(story.slice(story.indexOf("Subscribed"))).toEqual([
        "Subscribed",
        "Waiting 1",
        "Connecting 2",
        "Connected",
        "Subscribed",
        "Closed"
      ])
    }))

  test("however the other side closes, exactly one reconnect follows", () =>
    Effect.gen(function*() {
      yield* TestGateway.awaitSubscribed()
      let connection = 1
      for (const code of [1000, 1001, 1006, 1011, 1012, 4000]) {
        yield* code === 1006 ? TestGateway.faults.cut() : TestGateway.faults.close(code)
        expect(yield* reconnected).toBe(++connection)
      }
      const subscribes = (yield* TestGateway.received).filter((frame) => frame.cmd === "aibot_subscribe")
      expect(subscribes.map((frame) => frame.connection)).toEqual([1, 2, 3, 4, 5, 6, 7])
      expect(yield* TestGateway.connections).toHaveLength(7)
    }), ({ seconds }) => ({ bot: { reconnectInterval: seconds(0.2) } }))

  test("a link that nobody reads any more is noticed by its heartbeat", () =>
    Effect.gen(function*() {
      yield* WecomBot.ready
      const changes = yield* collect(WecomBot.statusChanges)
      yield* TestGateway.faults.halfOpen()
      expect(yield* during(TestGateway.awaitSubscribed(), seconds(42))).toBe(2)
      const reasons: Array<string> = []
      for (let status = yield* changes; status._tag !== "Connected"; status = yield* changes) {
        if (status._tag === "Waiting") reasons.push(status.reason._tag)
      }
      expect(reasons).toEqual(["HeartbeatLost"])
    }))

  test("wrong credentials end the bot as AuthRejected once their attempts are used up", () =>
    Effect.gen(function*() {
      yield* TestGateway.awaitSubscribed()
      yield* TestGateway.faults.refuseCredentials(true)
      yield* TestGateway.faults.cut()
      const error = yield* during(Effect.flip(WecomBot.closed), seconds(10))
      expect(error).toMatchObject({ _tag: "AuthRejected", errcode: 853000, attempts: 3 })
      expect(error.message).not.toContain("test-secret")
      const subscribed = (yield* isDown).map((connection) => connection.botId !== undefined)
      expect(subscribed).toEqual([true, false, false, false])
    }), () => ({ bot: { maxAuthFailureAttempts: 2 } }))
}
