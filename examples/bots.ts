/**
 * Many bots in one process: a Scope each, so a connection each. `WECOM_BOT_ID` and `WECOM_BOT_SECRET` are lists, with commas.
 * Run it with `npx tsx examples/bots.ts`.
 *
 * A bot that is closed for good, because its secret is wrong for example, ends alone.
 */
import { Array, Config, Effect } from "effect"
import { BotRouter, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { onGateway, speaker } from "./support/demo.js"
import { main } from "./support/main.js"

const routerOf = (botId: string) =>
  BotRouter.empty.pipe(
    BotRouter.onText((message) => WecomBot.replyStream(message, `This is ${botId}. You said: ${message.text.content}`))
  )

const bots = Config.all({
  ids: Config.array(Config.string(), "WECOM_BOT_ID"),
  secrets: Config.array(Config.redacted(), "WECOM_BOT_SECRET"),
  wsUrl: Config.withDefault(Config.string("WECOM_WS_URL"), undefined)
})

const program = Effect.gen(function*() {
  const { ids, secrets, wsUrl } = yield* bots
  yield* Effect.forEach(
    Array.zip(ids, secrets),
    ([botId, secret]) =>
      NodeWecomBot.make({ botId, secret, wsUrl, maxAuthFailureAttempts: 0 }).pipe(
        Effect.flatMap((bot) => Effect.provideService(BotRouter.run(routerOf(botId)), WecomBot.WecomBot, bot)),
        Effect.scoped,
        Effect.catchAll((error) => Effect.logError(`this bot is closed for good: ${error}`)),
        Effect.annotateLogs("bot", botId)
      ),
    { concurrency: "unbounded", discard: true }
  )
})

export const demo = onGateway(
  program,
  (alice) =>
    Effect.gen(function*() {
      yield* alice.says("hello")
      const same = yield* speaker("alice", { botId: "aib-sales", name: "sales" })
      yield* same.says("and hello")
      yield* Effect.sleep("1 second")
    }),
  {
    gateway: { otherBots: [{ botId: "aib-sales", secret: "secret-of-sales" }, { botId: "aib-old", secret: "new" }] },
    config: [
      ["WECOM_BOT_ID", `${TestGateway.defaultBotId},aib-sales,aib-old`],
      ["WECOM_BOT_SECRET", "test-secret,secret-of-sales,outdated"]
    ]
  }
)

main(import.meta.url, { demo, program })
