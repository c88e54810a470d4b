import { describe, expect, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Stream } from "effect"
import { Governor, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { alice, bubbles, chat, target, test, timed } from "./answer/harness.js"
import { card } from "./support/card.js"
import { epochMillis } from "./support/clock.js"
import * as Sim from "./support/simulation.js"

const sim = (name: string, program: (governor: Governor.Governor.Service) => Effect.Effect<void>) =>
  it(name, () => Sim.runPromise(1, Effect.flatMap(Governor.make(), program)))

const now = Effect.map(Clock.currentTimeMillis, (millis) => (millis - epochMillis) / 1000)

describe("Governor", () => {
  sim("30 go at once, the next when the minute and its second to spare are over", (governor) =>
    Effect.gen(function*() {
      for (let i = 0; i < 30; i++) expect(Duration.toMillis(yield* governor.take("a", "message"))).toBe(0)
      expect(governor.unsafeTryTake("a")).toBe(false)
      expect(Duration.toSeconds(yield* governor.take("a", "message"))).toBe(61)
      expect(yield* now).toBe(61)
    }))

  sim("conversations do not wait for each other", (governor) =>
    Effect.gen(function*() {
      for (let i = 0; i < 30; i++) yield* governor.take("a", "message")
      expect(governor.unsafeTryTake("b")).toBe(true)
      expect(Duration.toMillis(yield* governor.take("c", "message"))).toBe(0)
    }))

  sim(
    "never more than 30 in any minute, nor 1000 in any hour, and nobody is dropped",
    (governor) =>
      Effect.gen(function*() {
        const times: Array<number> = []
        yield* Effect.forEach(
          Array.from({ length: 1500 }),
          () => Effect.zipRight(governor.take("a", "message"), Effect.map(now, (at) => times.push(at))),
          { concurrency: "unbounded" }
        )
        expect(times).toHaveLength(1500)
        for (let i = 30; i < times.length; i++) expect(times[i]! - times[i - 30]!).toBeGreaterThan(60)
        for (let i = 1000; i < times.length; i++) expect(times[i]! - times[i - 1000]!).toBeGreaterThan(3600)
        // And no slower than that: one hour is full and the next has begun.
        expect(times.at(-1)).toBeLessThan(3601 + 17 * 61)
      })
  )

  sim("those who wait go in their order, finals first", (governor) =>
    Effect.gen(function*() {
      for (let i = 0; i < 30; i++) {
        yield* governor.take("a", "message")
        yield* Effect.sleep("1 second")
      }
      const order: Array<string> = []
      const enter = (name: string, priority: Governor.Priority) =>
        Effect.fork(Effect.andThen(governor.take("a", priority), Effect.sync(() => order.push(name)))).pipe(
          Effect.tap(Effect.sleep("1 second"))
        )
      const waiting = [
        yield* enter("message 1", "message"),
        yield* enter("message 2", "message"),
        yield* enter("final 1", "final"),
        yield* enter("final 2", "final")
      ]
      // Nobody passes those who wait, though a place may be free in this very moment.
      yield* Effect.sleep("28 seconds")
      expect(governor.unsafeTryTake("a")).toBe(false)
      yield* Fiber.joinAll(waiting)
      expect(order).toEqual(["final 1", "final 2", "message 1", "message 2"])
    }))

  sim("whoever is interrupted gives up its place", (governor) =>
    Effect.gen(function*() {
      for (let i = 0; i < 30; i++) yield* governor.take("a", "message")
      const first = yield* Effect.fork(governor.take("a", "final"))
      const second = yield* Effect.fork(governor.take("a", "message"))
      const third = yield* Effect.fork(governor.take("a", "message"))
      yield* Effect.sleep("30 seconds")
      yield* Fiber.interrupt(first)
      yield* Fiber.interrupt(third)
      expect(Duration.toSeconds(yield* Fiber.join(second))).toBe(61)
      expect(yield* now).toBe(61)
    }))
})

describe("a bot", () => {
  test(
    "replies, cards, pushes and the openings of streams share one quota; refreshes do not count",
    () =>
      Effect.gen(function*() {
        const message = yield* target
        for (let i = 0; i < 10; i++) {
          yield* WecomBot.sendMessage(chat, Reply.markdown(`${i}`))
          const frame = { id: `stream${i}`, content: "hm" }
          yield* WecomBot.replyStreamFrame(message, frame)
          for (let refresh = 0; refresh < 5; refresh++) yield* WecomBot.replyStreamFrame(message, frame)
          yield* WecomBot.replyStreamFrame(message, { ...frame, content: "done", finish: true })
          yield* WecomBot.reply(message, Reply.markdown("me too"))
        }
        expect(yield* bubbles).toHaveLength(30)
        const [, millis] = yield* timed(WecomBot.sendMessage(chat, Reply.markdown("31st")))
        expect(millis).toBe(61_000)
        expect((yield* TestGateway.received).every((frame) => frame.errcode === 0)).toBe(true)
      }),
    { gateway: { secondNonStreamResponse: "accept" } }
  )

  test("the wait of an answer is in its receipt, and one that ends passes those that begin", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* target, yield* target]
      for (let i = 0; i < 30; i++) yield* WecomBot.sendMessage(chat, Reply.markdown(`${i}`))
      const pushed = yield* Effect.fork(timed(WecomBot.sendMessage(chat, Reply.markdown("31st"))))
      yield* Effect.sleep("100 millis")
      const [receipt] = yield* Effect.all([
        WecomBot.replyStream(first, "whole"),
        WecomBot.replyStream(second, Stream.make("whole", " too"))
      ], { concurrency: 2 })
      expect(Duration.toMillis(receipt!.waited)).toBe(60_900)
      yield* Fiber.join(pushed)
      const shown = (yield* bubbles).slice(30).map((bubble) => bubble.text)
      expect(shown.slice(0, 2).toSorted()).toEqual(["whole", "whole too"])
      expect(shown[2]).toBe("31st")
    }))

  test("welcomes, card updates and seals never wait", () =>
    Effect.gen(function*() {
      const user = yield* alice
      const message = yield* target
      yield* WecomBot.sendMessage(chat, Reply.templateCard(card))
      yield* WecomBot.replyStreamFrame(message, { id: "open", content: "hm" })
      for (let i = 0; i < 27; i++) yield* WecomBot.sendMessage(chat, Reply.markdown(`${i}`))
      yield* user.enter
      yield* user.press((yield* bubbles)[0]!, "yes")
      const events = yield* Stream.runCollect(Stream.take(WecomBot.events, 2))
      const [, millis] = yield* timed(Effect.gen(function*() {
        for (const event of events) {
          if (event.eventtype === "enter_chat") yield* WecomBot.replyWelcome(event as any, Reply.text("hi"))
          else yield* WecomBot.updateTemplateCard(event as any, { ...card, main_title: { title: "Done" } })
        }
        yield* WecomBot.replyStreamFrame(message, { id: "open", content: "done", finish: true })
      }))
      expect(millis).toBe(0)
      // The welcome counted all the same.
      expect(yield* bubbles).toHaveLength(30)
      const [, waited] = yield* timed(WecomBot.sendMessage(chat, Reply.markdown("31st")))
      expect(waited).toBe(61_000)
    }))
})
