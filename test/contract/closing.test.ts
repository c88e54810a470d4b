import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import { BotRouter, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import type { SendError } from "effect-wecom/WecomError"

/** A bot whose program can be interrupted while the gateway lives on. */
const bot = WecomBot.layer({ botId: TestGateway.defaultBotId, secret: TestGateway.defaultSecret })

const running = (router: BotRouter.BotRouter<SendError, WecomBot.WecomBot>) =>
  Effect.fork(BotRouter.run(router).pipe(Effect.provide(bot)))

describe("a program that is interrupted (Ctrl-C) closes as politely as one that ends", () => {
  it.scoped("handlers get their time, and what they still send arrives", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const program = yield* running(BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.zipRight(Effect.sleep("3 seconds"), WecomBot.replyStream(message, "just in time"))
        )
      ))
      const sent = yield* alice.sendText("hi")
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.fork(Fiber.interrupt(program))
      yield* TestClock.adjust("1 second")
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 second")
      expect((yield* alice.awaitAnswer(sent)).text).toBe("just in time")
      yield* Fiber.join(closing)
      expect(yield* TestGateway.connections).toMatchObject([{ state: "closed", closeCode: 1000 }])
    }).pipe(Effect.provide(TestGateway.layer())))

  it.scoped("handlers that need longer are cut off, and their bubbles sealed", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const program = yield* running(BotRouter.empty.pipe(
        BotRouter.onText((message) => WecomBot.replyStream(message, Stream.concat(Stream.make("so far"), Stream.never)))
      ))
      const sent = yield* alice.sendText("hi")
      yield* alice.awaitBubble((bubble) => bubble.text === "so far")
      const closing = yield* Effect.fork(Fiber.interrupt(program))
      yield* TestClock.adjust("9 seconds")
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
      expect((yield* alice.awaitAnswer(sent)).text).toContain("so far")
      expect(yield* TestGateway.connections).toMatchObject([{ state: "closed", closeCode: 1000 }])
    }).pipe(Effect.provide(TestGateway.layer())))

  it.scoped("a final whose ack is slow is waited for", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* TestGateway.acks.delay("2 seconds", { cmd: "aibot_respond_msg" })
      const program = yield* running(BotRouter.empty.pipe(
        BotRouter.onText((message) => WecomBot.replyStream(message, "whole"))
      ))
      yield* alice.sendText("hi")
      yield* TestGateway.awaitReceived({ cmd: "aibot_respond_msg" })
      const closing = yield* Effect.fork(Fiber.interrupt(program))
      yield* TestClock.adjust("1 second")
      expect(closing.unsafePoll()).toBeNull()
      yield* TestClock.adjust("8 seconds")
      yield* Fiber.join(closing)
      expect((yield* alice.screen).at(-1)).toMatchObject({ text: "whole", sealed: true })
    }).pipe(Effect.provide(TestGateway.layer())))
})
