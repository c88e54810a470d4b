import { expect, it } from "@effect/vitest"
import { BotRouter, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const bot = WecomBot.layer({
  botId: TestGateway.defaultBotId,
  secret: TestGateway.defaultSecret,
  drainTimeout: 0,
  sealTimeout: 0
}).pipe(Layer.provideMerge(TestGateway.layer()))
const router = BotRouter.empty.pipe(
  BotRouter.onText((message) => WecomBot.replyStream(message, Stream.make("you ", "said ", message.text.content))),
  BotRouter.onEvent("enter_chat", (event) => WecomBot.replyWelcome(event, Reply.text("您好！")))
)
it.scoped("echoes", () =>
  Effect.gen(function*() {
    const alice = yield* TestGateway.user("alice")
    yield* Effect.forkScoped(BotRouter.run(router))
    const shown = yield* alice.say("hi")
    expect(shown.text).toContain("hi")
  }).pipe(Effect.provide(bot)))
