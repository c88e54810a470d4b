import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Metric, TestClock } from "effect"
import { Chat, Reply, Telemetry, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { asked } from "../support/messages.js"

const bot = (options?: TestGateway.BotOptions) => TestGateway.layerBot({ sealTimeout: 0, ...options })

const outcome = <A, E extends { readonly _tag: string; readonly reason?: unknown }>(fiber: Fiber.Fiber<A, E>) =>
  Effect.map(
    Fiber.await(fiber),
    (exit) => Exit.isSuccess(exit) ? "delivered" : exit.cause._tag === "Fail" ? exit.cause.error._tag : "defect"
  )

const content = (text: string) => ({ where: (frame: TestGateway.Received) => frame.body.stream.content === text })

const copies = (text: string) =>
  Effect.map(
    TestGateway.received,
    (frames) => frames.filter((frame) => frame.text.includes(JSON.stringify(text))).length
  )

/** The link drops, and is back within the first delay and its jitter. */
const dropLink = Effect.gen(function*() {
  yield* TestGateway.faults.cut()
  yield* TestGateway.awaitConnections((all) => all.every(({ state }) => state === "closed"))
  yield* TestClock.adjust("3 seconds")
  yield* TestGateway.awaitSubscribed()
})

const surplus = Effect.map(Metric.value(Telemetry.surplusAcks), ({ count }) => count)

describe("a late ack", () => {
  for (const refusalAfter of ["100 millis", "400 millis"] as const) {
    it.scoped(`of A is never taken for the ack of the refused final B (B is refused after ${refusalAfter})`, () =>
      Effect.gen(function*() {
        const { message } = yield* asked
        yield* TestGateway.acks.delay("5200 millis", content("A"))
        yield* TestGateway.acks.refuse(846608, content("A and B"))
        yield* TestGateway.acks.delay(refusalAfter, content("A and B"))
        const a = yield* Effect.fork(WecomBot.replyStreamFrame(message, { id: "s", content: "A", finish: false }))
        yield* TestClock.adjust("5 seconds")
        expect(yield* outcome(a)).toBe("DeliveryUnknown")
        const b = yield* Effect.fork(WecomBot.replyStreamFrame(message, { id: "s", content: "A and B", finish: true }))
        yield* TestClock.adjust("1 seconds")
        expect(yield* outcome(b)).toBe("DeliveryUnknown")
        // Both acks are in: the lane is clean again.
        const c = yield* WecomBot.replyStreamFrame(message, { id: "t", content: "C", finish: true })
        expect(c.errcode).toBe(0)
      }).pipe(Effect.provide(bot())))
  }

  it.scoped("of A costs B no verdict once both are in and equal", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      yield* TestGateway.acks.delay("5200 millis", content("A"))
      yield* TestGateway.acks.delay("400 millis", content("B"))
      const a = yield* Effect.fork(WecomBot.replyStreamFrame(message, { id: "s", content: "A", finish: false }))
      yield* TestClock.adjust("5 seconds")
      expect(yield* outcome(a)).toBe("DeliveryUnknown")
      const b = yield* Effect.fork(WecomBot.replyStreamFrame(message, { id: "s", content: "B", finish: true }))
      yield* TestClock.adjust("399 millis")
      expect(b.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      expect(yield* outcome(b)).toBe("delivered")
    }).pipe(Effect.provide(bot())))
})

describe("a final sent again after the link dropped", () => {
  const final = (message: WecomBot.Answerable) =>
    WecomBot.replyStreamFrame(message, { id: "s", content: "final", finish: true })

  it.scoped("and refused with 846608 inside its window was delivered by its first copy", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      yield* WecomBot.replyStreamFrame(message, { id: "s", content: "first", finish: false })
      yield* TestClock.adjust("8 minutes")
      yield* TestGateway.acks.drop({ ...content("final"), times: 1 })
      const sending = yield* Effect.fork(final(message))
      yield* TestGateway.awaitReceived(content("final"))
      yield* dropLink
      expect(yield* outcome(sending)).toBe("delivered")
      expect(yield* copies("final")).toBe(2)
      const bubbles = (yield* alice.screen).filter(({ from }) => from === "bot")
      expect(bubbles).toMatchObject([{ text: "final", sealed: true }])
    }).pipe(Effect.provide(bot())))

  it.scoped("is delivered when the first copy never arrived", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      yield* TestGateway.acks.lose({ ...content("final"), times: 1 })
      const sending = yield* Effect.fork(final(message))
      yield* TestGateway.awaitReceived(content("final"))
      yield* dropLink
      expect(yield* outcome(sending)).toBe("delivered")
    }).pipe(Effect.provide(bot())))

  for (const [fault, what] of [["drop", "arrived"], ["lose", "got lost"]] as const) {
    it.scoped(`and refused with 846608 near the end of its window is unknown (the first copy ${what})`, () =>
      Effect.gen(function*() {
        const { message } = yield* asked
        yield* WecomBot.replyStreamFrame(message, { id: "s", content: "first", finish: false })
        yield* TestClock.adjust("9 minutes")
        yield* TestGateway.acks[fault]({ ...content("final"), times: 1 })
        yield* TestGateway.acks.refuse(846608, {
          where: (frame) => frame.connection === 2 && frame.body.stream.finish
        })
        const sending = yield* Effect.fork(final(message))
        yield* TestGateway.awaitReceived(content("final"))
        yield* dropLink
        expect(yield* copies("final")).toBe(2)
        expect(yield* outcome(sending)).toBe("DeliveryUnknown")
      }).pipe(Effect.provide(bot())))
  }

  it.scoped("is not sent again past its window", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      yield* WecomBot.replyStreamFrame(message, { id: "s", content: "first", finish: false })
      yield* TestClock.adjust("599 seconds")
      yield* TestGateway.acks.drop(content("final"))
      const sending = yield* Effect.fork(final(message))
      yield* TestGateway.awaitReceived(content("final"))
      yield* TestClock.adjust("2 seconds")
      yield* dropLink
      expect(yield* outcome(sending)).toBe("DeliveryUnknown")
      expect(yield* copies("final")).toBe(1)
    }).pipe(Effect.provide(bot())))

  it.scoped("is unknown after 846608 when another final of its stream was written before", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      yield* TestGateway.acks.drop(content("another"))
      const another = yield* Effect.fork(
        WecomBot.replyStreamFrame(message, { id: "s", content: "another", finish: true })
      )
      yield* TestClock.adjust("5 seconds")
      expect(yield* outcome(another)).toBe("DeliveryUnknown")
      yield* TestGateway.acks.lose({ ...content("final"), times: 1 })
      const sending = yield* Effect.fork(final(message))
      yield* TestGateway.awaitReceived(content("final"))
      yield* dropLink
      expect(yield* copies("final")).toBe(2)
      expect(yield* outcome(sending)).toBe("DeliveryUnknown")
    }).pipe(Effect.provide(bot())))

  for (const code of [6000, 846605, -1]) {
    it.scoped(`and refused with ${code} is unknown: the first copy may have arrived`, () =>
      Effect.gen(function*() {
        const { message } = yield* asked
        yield* TestGateway.acks.drop({ ...content("final"), times: 1 })
        yield* TestGateway.acks.refuse(code, { where: (frame) => frame.connection === 2 && frame.body.stream.finish })
        const sending = yield* Effect.fork(final(message))
        yield* TestGateway.awaitReceived(content("final"))
        yield* dropLink
        expect(yield* copies("final")).toBe(2)
        expect(yield* outcome(sending)).toBe("DeliveryUnknown")
      }).pipe(Effect.provide(bot())))
  }

  it.scoped("is unknown when it is a snapshot and its second copy gets 846608", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      yield* TestGateway.acks.drop({ ...content("snapshot"), times: 1 })
      yield* TestGateway.acks.refuse(846608, { where: (frame) => frame.connection === 2 && !frame.body.stream.finish })
      const sending = yield* Effect.fork(
        WecomBot.replyStreamFrame(message, { id: "s", content: "snapshot", finish: false })
      )
      yield* TestGateway.awaitReceived(content("snapshot"))
      yield* dropLink
      expect(yield* copies("snapshot")).toBe(2)
      expect(yield* outcome(sending)).toBe("DeliveryUnknown")
    }).pipe(Effect.provide(bot())))
})

it.scoped("an unknown command is written once, and unknown when the link drops before its ack", () =>
  Effect.gen(function*() {
    yield* WecomBot.ready
    const isIt = { where: (frame: TestGateway.Received) => frame.text.includes("once") }
    yield* TestGateway.acks.drop(isIt)
    const sending = yield* Effect.fork(WecomBot.command("aibot_send_biz_msg", { text: "once" }))
    yield* TestGateway.awaitReceived(isIt)
    yield* dropLink
    expect(yield* outcome(sending)).toBe("DeliveryUnknown")
    expect(yield* copies("once")).toBe(1)
  }).pipe(Effect.provide(bot())))

describe("surplus acks", () => {
  it.scoped("of a req_id used once are counted and dropped", () =>
    Effect.gen(function*() {
      yield* asked
      yield* TestGateway.acks.duplicate({ cmd: "aibot_send_msg" }, 3)
      const before = yield* surplus
      yield* WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("push"))
      yield* Effect.yieldNow()
      expect((yield* surplus) - before).toBe(2)
      yield* WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("push"))
      yield* Effect.yieldNow()
      expect((yield* surplus) - before).toBe(4)
    }).pipe(Effect.provide(bot())))

  it.scoped("on a lane with nothing in flight are counted and dropped, and the next frame has its own verdict", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      const before = yield* surplus
      yield* TestGateway.acks.duplicate(content("A"))
      yield* WecomBot.replyStreamFrame(message, { id: "s", content: "A", finish: false })
      yield* Effect.yieldNow()
      expect((yield* surplus) - before).toBe(1)
      yield* TestGateway.acks.refuse(40058, content("B"))
      const b = yield* Effect.flip(WecomBot.replyStreamFrame(message, { id: "s", content: "B", finish: false }))
      expect(b).toMatchObject({ _tag: "SendRejected", errcode: 40058 })
      expect((yield* surplus) - before).toBe(1)
    }).pipe(Effect.provide(bot())))
})
