/**
 * However an answer ends, its bubble is sealed with something to read, and its caller is told the truth.
 */
import { expect } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Stream } from "effect"
import { WecomBot } from "effect-wecom"
import type { ReplyTarget } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Bot from "../support/seededBot.js"
import { alice, asked, bubbles, chat, frames, spaced, stream, target, test, texts, timed, words } from "./harness.js"

const cmd = "aibot_respond_msg"
const isFinal = (frame: TestGateway.Received) => stream(frame)?.finish === true

class ModelFailed {
  readonly _tag = "ModelFailed"
}

const failing = Stream.concat(spaced("1 second", words(3)), Stream.fail(new ModelFailed()))

test("a failure stays in the error channel, after the bubble was sealed with a notice that names no internals", () =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(WecomBot.replyStream(yield* asked, failing))
    expect(exit).toEqual(Exit.fail(new ModelFailed()))
    const [bubble] = yield* bubbles
    expect(bubble).toMatchObject({ sealed: true, text: "w0 w1 w2 \n\n抱歉，回答未能完成。" })
    expect(bubble!.text).not.toContain("ModelFailed")
  }))

test("failureText says what the user reads, and one that throws does no harm", () =>
  Effect.gen(function*() {
    yield* Effect.exit(WecomBot.replyStream(yield* target, failing, {
      failureText: (cause) => `sorry: ${Option.getOrThrow(Cause.failureOption(cause))._tag}`
    }))
    yield* Effect.exit(WecomBot.replyStream(yield* target, failing, {
      failureText: () => {
        throw new Error("in the callback")
      }
    }))
    expect(yield* texts).toEqual(["w0 w1 w2 \n\nsorry: ModelFailed", "w0 w1 w2 \n\n抱歉，回答未能完成。"])
    expect((yield* bubbles).every((bubble) => bubble.sealed)).toBe(true)
  }))

test("a failure before the first delta is read by the user too", () =>
  Effect.gen(function*() {
    yield* Effect.exit(WecomBot.replyStream(yield* target, Stream.fail(new ModelFailed())))
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: "抱歉，回答未能完成。" }])
  }))

test("a failure inside a fence or a thought leaves both closed", () =>
  Effect.gen(function*() {
    const parts = Stream.make<Array<WecomBot.AnswerPart>>({ _tag: "Thinking", text: "let me see" })
    yield* Effect.exit(WecomBot.replyStream(yield* target, Stream.concat(parts, Stream.fail("no"))))
    yield* Effect.exit(
      WecomBot.replyStream(yield* target, Stream.concat(Stream.make("```ts\ncode"), Stream.fail("no")))
    )
    const [thought, code] = yield* texts
    expect(thought).toMatch(/^<think>let me see<\/think>\s*抱歉/)
    expect(code).toMatch(/^```ts\ncode\n```\s*抱歉/)
  }))

test("a defect seals and stays a defect", () =>
  Effect.gen(function*() {
    const exit = yield* Effect.exit(
      WecomBot.replyStream(yield* asked, Stream.concat(Stream.make("hm"), Stream.die("bug")))
    )
    expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: "hm\n\n抱歉，回答未能完成。" }])
  }))

test("an interrupted answer hands its bubble over and returns at once", () =>
  Effect.gen(function*() {
    const message = yield* asked
    const fiber = yield* Effect.fork(WecomBot.replyStream(message, Stream.concat(Stream.make("hm"), Stream.never)))
    yield* Effect.sleep("1 second")
    yield* TestGateway.acks.delay("3 seconds", { cmd })
    const [exit, millis] = yield* timed(Fiber.interrupt(fiber))
    expect(Exit.isInterrupted(exit)).toBe(true)
    expect(millis).toBe(0)
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: "hm\n\n（回答已中断）" }])
  }))

test("the seal of an interrupted answer keeps its place before the next answer's frames", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.delay("1 second", { cmd })
    const first = yield* Effect.fork(WecomBot.replyStream(message, Stream.concat(Stream.make("one"), Stream.never)))
    yield* Effect.sleep("500 millis")
    yield* Fiber.interrupt(first)
    yield* WecomBot.replyStream(message, "two")
    expect((yield* frames).map((frame) => stream(frame).content)).toEqual([
      "one",
      "one\n\n（回答已中断）",
      "two"
    ])
    expect((yield* bubbles).every((bubble) => bubble.sealed)).toBe(true)
  }))

test("interrupted while its final is refused for now, it is sealed all the same, with all it had to say", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.refuse(45009, { cmd, where: isFinal, times: 2 })
    const fiber = yield* Effect.fork(WecomBot.replyStream(message, "hello"))
    yield* TestGateway.awaitReceived({ where: isFinal })
    yield* Fiber.interrupt(fiber)
    yield* Effect.sleep("1 minute")
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: "hello" }])
  }))

test("a link that is lost and comes back costs nothing", () =>
  Effect.gen(function*() {
    const message = yield* asked
    const fiber = yield* Effect.fork(WecomBot.replyStream(message, spaced("1 second", words(60))))
    for (let turn = 0; turn < 3; turn++) {
      yield* Effect.sleep("15 seconds")
      yield* TestGateway.faults.cut()
    }
    const receipt = yield* Fiber.join(fiber)
    expect(receipt.parts).toHaveLength(1)
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: words(60).join("") }])
  }))

test("an outage of minutes in the middle of an answer is survived", () =>
  Effect.gen(function*() {
    const message = yield* asked
    const fiber = yield* Effect.fork(WecomBot.replyStream(message, spaced("5 seconds", words(60))))
    yield* Effect.sleep("30 seconds")
    yield* TestGateway.faults.cut()
    yield* TestGateway.faults.refuseConnections(true)
    yield* Effect.sleep("3 minutes")
    yield* TestGateway.faults.refuseConnections(false)
    yield* Fiber.join(fiber)
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: words(60).join("") }])
  }), { bot: { maxReconnectAttempts: -1 } })

test(
  "a final that cannot leave in time fails, and the bubble is sealed when the link is back",
  () =>
    Effect.gen(function*() {
      const message = yield* asked
      const fiber = yield* Effect.fork(WecomBot.replyStream(message, spaced("10 seconds", words(2))))
      yield* Effect.sleep("15 seconds")
      yield* TestGateway.faults.cut()
      yield* TestGateway.faults.refuseConnections(true)
      const exit = yield* Fiber.await(fiber)
      expect(exit).toMatchObject(Exit.fail({ _tag: "SendUnavailable", reason: "NotSubscribed" }))
      yield* Effect.sleep("1 minute")
      yield* TestGateway.faults.refuseConnections(false)
      yield* Effect.sleep("1 minute")
      const [bubble] = yield* bubbles
      expect(bubble!.sealed).toBe(true)
      expect(bubble!.text).toMatch(/^w0 \s*抱歉/)
    }),
  { bot: { maxReconnectAttempts: -1 } }
)

test("a final whose ack is lost is DeliveryUnknown, with what certainly stands in the chat", () =>
  Effect.gen(function*() {
    const message = yield* asked
    let finals = 0
    yield* TestGateway.acks.drop({ cmd, where: (frame) => isFinal(frame) && ++finals === 2 })
    const long = Array.from({ length: 400 }, (_, index) => `${index}:${"x".repeat(60)}\n`)
    const exit = yield* Effect.exit(WecomBot.replyStream(message, Stream.fromIterable(long)))
    const shown = yield* bubbles
    expect(exit).toMatchObject(Exit.fail({
      _tag: "DeliveryUnknown",
      bytesOnScreen: shown.filter((_, index) => index !== 1).reduce((sum, b) => sum + Buffer.byteLength(b.text), 0)
    }))
  }))

test("a final that never arrived is sent once more, so that the bubble does not stay open", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.lose({ cmd, where: isFinal, times: 1 })
    const exit = yield* Effect.exit(WecomBot.replyStream(message, spaced("1 second", ["hello"])))
    expect(exit).toMatchObject(Exit.fail({ _tag: "DeliveryUnknown" }))
    yield* Effect.sleep("1 minute")
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: "hello" }])
  }))

test("a snapshot whose ack is lost does no harm once its ack can come no more", () =>
  Effect.gen(function*() {
    const isSecond = (frame: TestGateway.Received) => stream(frame).content === "w0 w1 "
    yield* TestGateway.acks.drop({ cmd, where: isSecond, times: 1 })
    yield* WecomBot.replyStream(yield* target, spaced("40 seconds", words(5)))
    expect(yield* bubbles).toMatchObject([{ sealed: true, text: words(5).join("") }])
    // Until then one ack may be the other's, and nobody can know.
    yield* TestGateway.acks.drop({ cmd, where: isSecond, times: 1 })
    const exit = yield* Effect.exit(WecomBot.replyStream(yield* target, spaced("2 seconds", words(4))))
    expect(exit).toMatchObject(Exit.fail({ _tag: "DeliveryUnknown" }))
    expect((yield* bubbles)[1]).toMatchObject({ sealed: true, text: words(4).join("") })
  }))

test("the layer closes while streaming: sealed, though the fibers that answer are nobody's", () =>
  Effect.gen(function*() {
    const user = yield* alice
    const fibers = yield* Effect.gen(function*() {
      const sent = yield* user.sendText("question")
      const to: ReplyTarget.MessageTarget = {
        kind: "message",
        reqId: sent.reqId,
        chat,
        receivedAt: Date.UTC(2026, 0, 1)
      }
      const answer = WecomBot.replyStream(to, Stream.concat(Stream.make("hm"), Stream.never))
      const daemon = yield* Effect.forkDaemon(answer)
      const handler = yield* WecomBot.forkHandler(answer)
      yield* Effect.sleep("1 second")
      return [daemon, handler]
    }).pipe(Effect.provide(Bot.layerOnGateway(2, { drainTimeout: 0 })))
    expect(yield* bubbles).toMatchObject([
      { sealed: true, text: "hm\n\n（回答已中断）" },
      { sealed: true, text: "hm\n\n（回答已中断）" }
    ])
    const [daemon, handler] = yield* Effect.forEach(fibers, Fiber.await)
    expect(daemon).toMatchObject(Exit.fail({ _tag: "SendUnavailable", reason: "Draining" }))
    expect(Exit.isInterrupted(handler!)).toBe(true)
  }))

test("closing takes no longer than sealTimeout when nothing is acked", () =>
  Effect.gen(function*() {
    const user = yield* alice
    const [, millis] = yield* timed(
      Effect.gen(function*() {
        const sent = yield* user.sendText("question")
        const to: ReplyTarget.MessageTarget = {
          kind: "message",
          reqId: sent.reqId,
          chat,
          receivedAt: Date.UTC(2026, 0, 1)
        }
        yield* Effect.forkDaemon(WecomBot.replyStream(to, Stream.concat(Stream.make("hm"), Stream.never)))
        yield* Effect.sleep("1 second")
        yield* TestGateway.acks.drop({ cmd })
      }).pipe(Effect.provide(Bot.layerOnGateway(2, { drainTimeout: 0, sealTimeout: "2 seconds" })))
    )
    expect(millis).toBeGreaterThanOrEqual(3000)
    expect(millis).toBeLessThan(4500)
    expect(yield* bubbles).toMatchObject([{ sealed: true }])
  }))
