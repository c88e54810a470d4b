/**
 * How an answer grows on the screen.
 */
import { expect } from "@effect/vitest"
import { Duration, Effect, Fiber, Stream } from "effect"
import { WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { asked, bubbles, bytes, frames, spaced, target, test, texts, timed, words } from "./harness.js"

test("the thinking animation shows before the first delta", () =>
  Effect.gen(function*() {
    const message = yield* asked
    const fiber = yield* Effect.fork(WecomBot.replyStream(message, spaced("1 minute", ["hello"])))
    yield* Effect.sleep("1 second")
    expect(yield* bubbles).toMatchObject([{ thinking: true, sealed: false, text: "<think></think>" }])
    yield* Fiber.join(fiber)
    expect(yield* bubbles).toMatchObject([{ thinking: false, sealed: true, text: "hello" }])
  }))

test("with openAtOnce off nothing shows before the first delta", () =>
  Effect.gen(function*() {
    const message = yield* asked
    const source = Stream.concat(
      spaced("1 minute", ["hello"]),
      Stream.drain(Stream.fromEffect(Effect.sleep("1 minute")))
    )
    const fiber = yield* Effect.fork(WecomBot.replyStream(message, source, { openAtOnce: false }))
    yield* Effect.sleep("30 seconds")
    expect(yield* bubbles).toEqual([])
    yield* Effect.sleep("1 minute")
    expect(yield* bubbles).toMatchObject([{ text: "hello", sealed: false }])
    yield* Fiber.join(fiber)
  }))

test("a whole string is one frame", () =>
  Effect.gen(function*() {
    const receipt = yield* WecomBot.replyStream(yield* asked, "all of it")
    expect(yield* bubbles).toMatchObject([{ text: "all of it", sealed: true, history: ["all of it"] }])
    expect(receipt).toMatchObject({ frames: 1, bytes: 9, conflated: 0 })
  }))

test("the feedback id goes with the first frame of the first bubble only", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* WecomBot.replyStream(message, spaced("3 minutes", words(5)), { feedback: { id: "rate-me" } })
    const ids = (yield* frames).map((frame) => frame.body.stream.feedback?.id)
    expect(ids[0]).toBe("rate-me")
    expect(ids.slice(1).every((id) => id === undefined)).toBe(true)
    expect((yield* bubbles).map((bubble) => bubble.feedbackId)).toEqual(["rate-me", undefined])
  }))

test("a first frame that was refused does not take the feedback id with it", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.refuse(45009, { cmd: "aibot_respond_msg", times: 1 })
    yield* WecomBot.replyStream(message, spaced("5 seconds", ["hello"]), { feedback: { id: "rate-me" } })
    expect(yield* bubbles).toMatchObject([{ text: "hello", feedbackId: "rate-me" }])
  }))

test("the latest wins: deltas conflate while an ack is out, and one frame is in flight", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.delay("1 second", { cmd: "aibot_respond_msg" })
    const receipt = yield* WecomBot.replyStream(message, spaced("100 millis", words(50)))
    const sent = yield* frames
    // 5 s of deltas, 1 s per ack: the animation, a snapshot a second, and the final.
    expect(sent.length).toBeLessThanOrEqual(8)
    expect(receipt.frames).toBe(sent.length)
    expect(receipt.conflated).toBeGreaterThan(40)
    for (let i = 1; i < sent.length; i++) expect(sent[i]!.at - sent[i - 1]!.at).toBeGreaterThanOrEqual(1000)
    expect(yield* texts).toEqual([words(50).join("")])
  }), { gateway: { refuseConcurrentFrames: true } })

test("200 snapshots at once, 100 ms per ack: the final is acked in under 300 ms", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.delay("100 millis", { cmd: "aibot_respond_msg" })
    const [receipt, millis] = yield* timed(WecomBot.replyStream(message, Stream.fromIterable(words(200))))
    expect(millis).toBeLessThan(300)
    expect(yield* frames).toHaveLength(2)
    expect(receipt.conflated).toBe(199)
    expect(yield* texts).toEqual([words(200).join("")])
  }))

test("maxFramesPerSecond bounds the snapshots, and the final does not wait for it", () =>
  Effect.gen(function*() {
    const message = yield* asked
    const source = spaced("10 millis", words(200))
    const [, millis] = yield* timed(WecomBot.replyStream(message, source, { maxFramesPerSecond: 2 }))
    expect((yield* frames).length).toBeLessThanOrEqual(6)
    expect(millis).toBeLessThan(2_050)
    expect(yield* texts).toEqual([words(200).join("")])
  }))

test("a source that is too far ahead of the screen is held back, and nothing is dropped", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.delay("1 second", { cmd: "aibot_respond_msg" })
    let pulled = 0
    let furthest = 0
    const piece = "x".repeat(99) + "\n"
    const source = Stream.range(1, 1000).pipe(
      Stream.rechunk(1),
      Stream.tap(() =>
        Effect.flatMap(texts, (shown) =>
          Effect.sync(() => {
            pulled += piece.length
            furthest = Math.max(furthest, pulled - shown.reduce((sum, text) => sum + bytes(text), 0))
          }))
      ),
      Stream.map(() => piece)
    )
    yield* WecomBot.replyStream(message, source, { maxBuffered: 5_000 })
    // What is on its way, and one delta more than what may wait.
    expect(furthest).toBeLessThan(2 * 5_200)
    expect((yield* texts).join("").replace(/\n/g, "").length).toBe(1000 * 99)
  }))

test("an answer of nothing shows its placeholder, and a sealed bubble never keeps the animation", () =>
  Effect.gen(function*() {
    yield* WecomBot.replyStream(yield* target, Stream.empty)
    yield* WecomBot.replyStream(yield* target, "  \n", { emptyText: "no answer" })
    yield* WecomBot.replyStream(yield* target, Stream.make({ _tag: "Thinking" as const, text: "hm" }))
    yield* WecomBot.replyStream(yield* target, "", { emptyText: "" })
    const shown = yield* bubbles
    expect(shown).toHaveLength(4)
    expect(shown.every((bubble) => bubble.sealed && !bubble.thinking)).toBe(true)
    expect(shown[1]!.text).toContain("no answer")
  }))

test("the receipt is true to what stands in the chat", () =>
  Effect.gen(function*() {
    const message = yield* asked
    yield* TestGateway.acks.delay("200 millis", { cmd: "aibot_respond_msg" })
    const receipt = yield* WecomBot.replyStream(message, spaced("1 second", ["你好", "😀"]))
    const [bubble] = yield* bubbles
    expect(receipt).toMatchObject({
      parts: [{ _tag: "Stream", bytes: 10, streamId: bubble!.streamId }],
      bytes: 10,
      frames: 4,
      conflated: 0,
      firstAfter: 200,
      lastAfter: 2400
    })
    expect(Duration.toMillis(receipt.waited)).toBe(0)
    expect((yield* frames).length).toBe(receipt.frames)
  }))

test("reasoning folds, and text that mentions the tag is defused wherever the deltas are cut", () =>
  Effect.gen(function*() {
    const text = "use <think> and </THINK> like 👨‍👩‍👧 this"
    for (const size of [1, 2, 3, 5, 100]) {
      const pieces = Array.from(
        { length: Math.ceil(text.length / size) },
        (_, i) => text.slice(i * size, (i + 1) * size)
      )
      yield* WecomBot.replyStream(
        yield* target,
        Stream.concat(
          Stream.make<Array<WecomBot.AnswerPart>>({ _tag: "Thinking", text: "</think> is a tag" }),
          Stream.map(Stream.fromIterable(pieces), (text) => ({ _tag: "Text" as const, text }))
        )
      )
    }
    const shown = yield* texts
    expect(new Set(shown).size).toBe(1)
    const [, thought, said] = /^<think>([\s\S]*?)<\/think>([\s\S]*)$/.exec(shown[0]!)!
    expect(thought).toContain("is a tag")
    expect(said).toContain("👨‍👩‍👧 this")
    expect(said).not.toMatch(/<\/?think/i)
  }))

test("an unclosed <think> or fence is closed", () =>
  Effect.gen(function*() {
    yield* WecomBot.replyStream(yield* target, "hm\n\n```ts\nconst a = 1")
    yield* WecomBot.replyStream(yield* target, "<think>never ending")
    const [code, thought] = yield* bubbles
    expect(code!.text.match(/```/g)).toHaveLength(2)
    expect(thought!.text).toContain("</think>")
    expect(thought!.thinking).toBe(false)
  }))
