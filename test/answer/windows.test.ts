/**
 * Long answers, late answers, and answers whose stream the service no longer takes.
 */
import { expect } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { Limits, Reply, WecomBot, WecomError } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { card } from "../support/card.js"
import { alice, asked, bubbles, bytes, frames, spaced, stream, target, test, texts, words } from "./harness.js"

const cmd = "aibot_respond_msg"

const joined = Effect.map(texts, (all) => all.join("").replace(/[\s…]/g, ""))

test("an answer of any length goes on in the next bubble, and none is too long", () =>
  Effect.gen(function*() {
    const paragraphs = Array.from({ length: 600 }, (_, index) => `第${index}段：${"字".repeat(60)}。\n\n`)
    const receipt = yield* WecomBot.replyStream(yield* asked, Stream.fromIterable(paragraphs))
    const shown = yield* bubbles
    expect(shown.length).toBeGreaterThan(5)
    expect(shown.every((bubble) => bubble.sealed && bytes(bubble.text) <= Limits.contentBytes)).toBe(true)
    expect((yield* frames).every((frame) => bytes(stream(frame).content) <= Limits.contentBytes)).toBe(true)
    expect(yield* joined).toBe(paragraphs.join("").replace(/\s/g, ""))
    expect(receipt.parts.map((part) => part.bytes)).toEqual(shown.map((bubble) => bytes(bubble.text)))
  }))

test("deltas that come while a part is being sealed are not lost", () =>
  Effect.gen(function*() {
    yield* TestGateway.acks.delay("1 second", { cmd })
    const deltas = Array.from({ length: 300 }, (_, index) => `${index}:${"x".repeat(300)}\n`)
    yield* WecomBot.replyStream(yield* asked, spaced("30 millis", deltas))
    expect(yield* joined).toBe(deltas.join("").replace(/\s/g, ""))
  }))

test("a stream of one hour shows as a chain of sealed bubbles with nothing lost between them", () =>
  Effect.gen(function*() {
    const deltas = words(720)
    const receipt = yield* WecomBot.replyStream(yield* asked, spaced("5 seconds", deltas))
    const shown = yield* bubbles
    expect(shown.length).toBeGreaterThanOrEqual(6)
    expect(shown.every((bubble) => bubble.sealed && !bubble.thinking)).toBe(true)
    expect(yield* joined).toBe(deltas.join("").replace(/\s/g, ""))
    expect(receipt.parts).toHaveLength(shown.length)
    // No bubble was written to outside its window, and all are on one req_id.
    for (const frame of yield* frames) expect(frame.errcode).toBe(0)
    expect(new Set(shown.map((bubble) => bubble.reqId)).size).toBe(1)
  }))

test("a quiet source keeps a bubble open by default, and does not when told so", () =>
  Effect.gen(function*() {
    const quiet = () => Stream.concat(Stream.make("one"), spaced("25 minutes", ["two"]))
    const alive = yield* Effect.fork(WecomBot.replyStream(yield* target, quiet()))
    yield* Effect.sleep("12 minutes")
    expect((yield* bubbles).filter((bubble) => !bubble.sealed)).toHaveLength(1)
    yield* Fiber.join(alive)
    const before = (yield* bubbles).length
    const still = yield* Effect.fork(WecomBot.replyStream(yield* target, quiet(), { keepAlive: false }))
    yield* Effect.sleep("12 minutes")
    expect((yield* bubbles).slice(before)).toMatchObject([{ text: "one", sealed: true }])
    yield* Fiber.join(still)
    expect((yield* texts).slice(before)).toEqual(["one", "two"])
  }))

for (const errcode of [846608, 846604, 846605]) {
  test(`after ${errcode} what is not on screen is pushed`, () =>
    Effect.gen(function*() {
      const message = yield* asked
      let seen = 0
      yield* TestGateway.acks.refuse(errcode, { cmd, where: () => ++seen > 4 })
      const receipt = yield* WecomBot.replyStream(message, spaced("1 second", words(10)))
      const [bubble, push] = yield* bubbles
      expect(bubble!.text).toBe("w0 w1 w2 ")
      expect(push).toMatchObject({ kind: "markdown", text: "w3 w4 w5 w6 w7 w8 w9 ", reqId: undefined })
      expect(receipt.parts).toEqual([
        { _tag: "Stream", bytes: 9, streamId: bubble!.streamId },
        { _tag: "Push", bytes: 21 }
      ])
    }))
}

test("a final that is refused with 846608 is pushed, unless the caller wants to fail", () =>
  Effect.gen(function*() {
    yield* TestGateway.acks.refuse(846608, { cmd, where: (frame) => stream(frame).finish })
    yield* WecomBot.replyStream(yield* target, "the answer")
    expect(yield* texts).toEqual(["the answer"])
    const exit = yield* Effect.exit(WecomBot.replyStream(yield* target, "the answer", { onGone: "fail" }))
    expect(exit).toMatchObject(Exit.fail({ _tag: "SendRejected", errcode: 846608 }))
    expect(yield* texts).toEqual(["the answer"])
  }))

test("846608 to a final that was sent again after a reconnect means that the first copy arrived", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.drop({ cmd, where: (frame) => stream(frame).finish, times: 1 })
    const fiber = yield* Effect.fork(WecomBot.replyStream(message, spaced("1 second", ["hello"])))
    yield* TestGateway.awaitReceived({ where: (frame) => stream(frame)?.finish === true })
    yield* TestGateway.faults.cut()
    const receipt = yield* Fiber.join(fiber)
    const finals = (yield* frames).filter((frame) => stream(frame).finish)
    expect(finals.map((frame) => frame.errcode)).toEqual([0, 846608])
    expect(receipt.parts).toMatchObject([{ _tag: "Stream", bytes: 5 }])
    // Nothing on top.
    expect(yield* texts).toEqual(["hello"])
  }))

test("6000 sends the latest again, without losing any", () =>
  Effect.gen(function*() {
    yield* TestGateway.acks.refuse(6000, { cmd, where: (frame) => frame.body.stream.content.length > 3, times: 3 })
    yield* WecomBot.replyStream(yield* asked, spaced("1 second", words(5)))
    expect(yield* bubbles).toMatchObject([{ text: words(5).join(""), sealed: true }])
  }))

for (const errcode of [846607, 45009, 45033, -1]) {
  test(`${errcode} to a final waits and tries again`, () =>
    Effect.gen(function*() {
      yield* TestGateway.acks.refuse(errcode, { cmd, where: (frame) => stream(frame).finish, times: 4 })
      const receipt = yield* WecomBot.replyStream(yield* asked, "hello")
      expect(yield* bubbles).toMatchObject([{ text: "hello", sealed: true }])
      expect(receipt.frames).toBe(5)
    }))
}

test("a final that the service does not want at all fails, and the bubble is sealed with what stood there", () =>
  Effect.gen(function*() {
    yield* TestGateway.acks.refuse(40201, { cmd, where: (frame) => stream(frame).content.includes("w3") })
    const exit = yield* Effect.exit(WecomBot.replyStream(yield* asked, spaced("1 second", words(4))))
    expect(exit).toMatchObject(Exit.fail({ _tag: "SendRejected", errcode: 40201 }))
    const [bubble] = yield* bubbles
    expect(bubble!.sealed).toBe(true)
    expect(bubble!.text).toMatch(/^w0 w1 w2 \s*抱歉/)
  }))

test("a target whose 24 h are over fails without touching the wire, or is pushed when the caller chose so", () =>
  Effect.gen(function*() {
    const late = yield* target
    yield* Effect.sleep("25 hours")
    const before = (yield* TestGateway.received).filter((frame) => frame.cmd !== "ping").length
    expect(yield* Effect.exit(WecomBot.replyStream(late, "hello"))).toMatchObject(Exit.fail({ _tag: "SendExpired" }))
    expect(yield* Effect.exit(WecomBot.reply(late, Reply.markdown("hello")))).toMatchObject(
      Exit.fail({ _tag: "SendExpired" })
    )
    expect((yield* TestGateway.received).filter((frame) => frame.cmd !== "ping")).toHaveLength(before)
    const receipt = yield* WecomBot.replyStream(late, "hello", { onExpired: "push" })
    expect(receipt.parts).toEqual([{ _tag: "Push", bytes: 5 }])
    yield* WecomBot.replyStream(late, "", { onExpired: "push" })
    yield* WecomBot.reply(late, Reply.markdown("me too"), { onExpired: "push" })
    expect((yield* bubbles).map(({ kind, text }) => [kind, text])).toEqual([
      ["markdown", "hello"],
      ["markdown", "（没有内容）"],
      ["markdown", "me too"]
    ])
  }))

test("a welcome and a card update after their 5 s likewise", () =>
  Effect.gen(function*() {
    const user = yield* alice
    yield* user.enter
    const [entered] = yield* Stream.runCollect(Stream.take(WecomBot.eventsOf("enter_chat"), 1))
    yield* WecomBot.sendMessage(yield* target, Reply.templateCard(card))
    yield* user.press((yield* bubbles)[0]!, "yes")
    const [pressed] = yield* Stream.runCollect(Stream.take(WecomBot.eventsOf("template_card_event"), 1))
    yield* Effect.sleep("6 seconds")
    expect(yield* Effect.exit(WecomBot.replyWelcome(entered!, Reply.text("hi")))).toMatchObject(
      Exit.fail({ _tag: "SendExpired" })
    )
    const { task_id: _, ...updated } = card
    expect(yield* Effect.exit(WecomBot.updateTemplateCard(pressed!, updated as typeof card))).toMatchObject(
      Exit.fail({ _tag: "SendExpired" })
    )
    yield* WecomBot.replyWelcome(entered!, Reply.text("hi"), { onExpired: "push" })
    expect((yield* bubbles).at(-1)).toMatchObject({ kind: "markdown", text: "hi" })
    expect(WecomError.SendExpired).toBeDefined()
  }))

test("markdown that is too long is refused, and goes out in pieces by option", () =>
  Effect.gen(function*() {
    const message = yield* target
    const text = Array.from({ length: 3000 }, (_, index) => `line ${index}\n`).join("")
    expect(yield* Effect.exit(WecomBot.sendMessage(message, Reply.markdown(text)))).toMatchObject(
      Exit.fail({ _tag: "SendInvalid" })
    )
    const badFeedback = Reply.markdown(text, { feedback: { id: "x".repeat(257) } })
    for (const send of [WecomBot.sendMessage, WecomBot.reply]) {
      expect(yield* Effect.flip(send(message, badFeedback, { split: true }))).toMatchObject({
        _tag: "SendInvalid",
        field: "markdown.feedback.id"
      })
    }
    expect(yield* bubbles).toEqual([])
    yield* WecomBot.sendMessage(message, Reply.markdown(text), { split: true })
    const pushed = yield* bubbles
    expect(pushed.length).toBeGreaterThan(1)
    expect(pushed.map((bubble) => bubble.text).join("\n").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""))
    yield* WecomBot.reply(message, Reply.markdown(text), { split: true })
    const replied = (yield* bubbles).slice(pushed.length)
    expect(replied[0]!.reqId).toBe(message.reqId)
    expect(replied.map((bubble) => bubble.text).join("\n").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""))
  }))
