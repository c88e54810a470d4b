import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import { BotConfig, Heartbeat, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { layered } from "../examples/layers.js"

const { defaultBotId: botId, defaultSecret: secret } = TestGateway
const otherBots = [{ botId: "aib-other", secret: "other-secret" }]

const first = Layer.orDie(WecomBot.layer({ botId, secret, drainTimeout: 0 }))
const other = Layer.orDie(
  WecomBot.layer({ botId: "aib-other", secret: Redacted.make("other-secret"), drainTimeout: 0 })
)

class Other extends Context.Tag("test/Other")<Other, WecomBot.WecomBot.Service>() {}

const under = <R>(bot: Layer.Layer<WecomBot.WecomBot, never, R>) =>
  Layer.project(bot, WecomBot.WecomBot, Other, (_) => _)

const subscribedBots = Effect.map(
  TestGateway.connections,
  (all) => all.filter(({ state }) => state === "subscribed").map((connection) => connection.botId).toSorted()
)

const bothReady = Effect.gen(function*() {
  yield* WecomBot.ready
  yield* Effect.flatMap(Other, (bot) => bot.ready)
})

describe("in one graph of layers", () => {
  it.scoped("two bots of `layer` are two connections", () =>
    Effect.gen(function*() {
      yield* bothReady
      expect(yield* subscribedBots).toEqual(["aib-other", botId])
    }).pipe(
      Effect.provide(Layer.merge(first, under(other))),
      Effect.provide(TestGateway.layer({ otherBots }))
    ))

  it.scoped("one constant provided twice is one connection", () =>
    Effect.gen(function*() {
      yield* bothReady
      expect(yield* WecomBot.WecomBot).toBe(yield* Other)
      expect(yield* TestGateway.connections).toHaveLength(1)
    }).pipe(
      Effect.provide(Layer.merge(first, under(first))),
      Effect.provide(TestGateway.layer())
    ))

  const composed = (botId: string, secret: Redacted.Redacted) =>
    layered(Heartbeat.layer).pipe(Layer.provide(BotConfig.layer({ botId, secret, drainTimeout: 0 })), Layer.orDie)

  it.scoped("two bots composed of the layers of their services are two connections when each is fresh", () =>
    Effect.gen(function*() {
      yield* bothReady
      expect(yield* subscribedBots).toEqual(["aib-other", botId])
    }).pipe(
      Effect.provide(Layer.merge(
        Layer.fresh(composed(botId, secret)),
        under(Layer.fresh(composed("aib-other", Redacted.make("other-secret"))))
      )),
      Effect.provide(TestGateway.layer({ otherBots }))
    ))
})
