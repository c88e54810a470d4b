/**
 * Testing a bot: the service in memory, with people who talk to the bot, time that the test moves, and faults on request. Run it
 * with `npx vitest run examples/testing.test.ts`.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Stream, TestClock } from "effect"
import { BotRouter, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"

/** The bot under test. */
const router = BotRouter.empty.pipe(
  BotRouter.onCommand(
    "/slow",
    (message) =>
      WecomBot.replyStream(
        message,
        Stream.concat(Stream.make("wait "), Stream.fromEffect(Effect.delay(later, "15 minutes")))
      )
  ),
  BotRouter.onCommand("/ask", (message) =>
    Effect.gen(function*() {
      yield* WecomBot.replyStream(message, "Which colour?")
      const reply = yield* WecomBot.awaitReply(message, (reply) => reply.msgtype === "text", { timeout: "1 minute" })
      yield* WecomBot.reply(reply, Reply.markdown("A good choice."))
    }).pipe(Effect.catchTag("TimeoutException", () => WecomBot.sendMessage(message, Reply.markdown("Never mind."))))),
  BotRouter.onText((message) => WecomBot.replyStream(message, `You said: ${message.text.content}`))
)

const later = Effect.succeed("done")

const withBot = <A, E, R>(test: Effect.Effect<A, E, R>) =>
  Effect.forkScoped(BotRouter.run(router, { overlap: "concurrent" })).pipe(
    Effect.zipRight(test),
    Effect.provide(TestGateway.layerBot())
  )

describe("a bot", () => {
  it.scoped("answers what it is told", () =>
    withBot(Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.say("hi")).text).toBe("You said: hi")
    })))

  it.scoped("asks, and takes the next message for the answer", () =>
    withBot(Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.say("/ask")).text).toBe("Which colour?")
      expect((yield* alice.say("blue")).text).toBe("A good choice.")
    })))

  it.scoped("gives up asking after a minute, which takes no minute here", () =>
    withBot(Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* alice.say("/ask")
      yield* TestClock.adjust("1 minute")
      yield* alice.awaitBubble((bubble) => bubble.text === "Never mind.")
    })))

  it.scoped("finishes an answer that takes a quarter of an hour in two bubbles, for each lives ten minutes", () =>
    withBot(Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("/slow")
      yield* Effect.repeatN(TestClock.adjust("5 minutes"), 3)
      const shown = yield* alice.awaitBubble((bubble) => bubble.sealed && bubble.text.endsWith("done"))
      expect(shown.text).toContain("done")
      const stuck = (yield* alice.screen).filter((bubble) => bubble.from === "bot" && !bubble.sealed)
      expect(stuck).toEqual([])
    })))

  it.scoped("goes on after its connection was cut", () =>
    withBot(Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* alice.say("hi")
      yield* TestGateway.faults.cut()
      yield* TestClock.adjust("2 seconds")
      expect((yield* alice.say("still there?")).text).toBe("You said: still there?")
      expect(yield* TestGateway.connections).toHaveLength(2)
    })))

  it.scoped("is told when the service refuses what it says", () =>
    withBot(Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* TestGateway.acks.refuse(40058, { cmd: "aibot_send_msg" })
      const error = yield* Effect.flip(
        WecomBot.sendMessage({ _tag: "User", userid: alice.userid }, Reply.markdown("hi"))
      )
      expect(error).toMatchObject({ _tag: "SendRejected", errcode: 40058 })
    })))
})
