import { expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { BotRouter, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"

const answer = (text: string) => Stream.make("you ", "said ", text)

const router = BotRouter.empty.pipe(
  BotRouter.onText((message) => WecomBot.replyStream(message, answer(message.text.content))),
  BotRouter.onEvent("enter_chat", (event) => WecomBot.replyWelcome(event, Reply.text("您好！")))
)

it.scoped("echoes", () =>
  Effect.gen(function*() {
    const alice = yield* TestGateway.user("alice")
    yield* Effect.forkScoped(BotRouter.run(router))
    const shown = yield* alice.say("hi") // what alice sees once the bubble is sealed
    expect(shown.text).toContain("hi")
  }).pipe(Effect.provide(TestGateway.layerBot())))
