/** Starts a bot on a gateway, talks to it, stops it: run in a project that has installed the package. */
import { Effect, Redacted } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { spawn } from "node:child_process"
import { once } from "node:events"

const program = Effect.gen(function*() {
  const bot = spawn(process.execPath, [process.argv[2]], {
    stdio: "inherit",
    env: {
      WECOM_BOT_ID: TestGateway.defaultBotId,
      WECOM_BOT_SECRET: Redacted.value(TestGateway.defaultSecret),
      WECOM_WS_URL: yield* NodeGateway.url
    }
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => bot.kill("SIGKILL")))
  const alice = yield* TestGateway.user("alice")
  const { text } = yield* alice.say("hi")
  if (text !== "You said: hi") throw new Error(`the bot said: ${text}`)
  bot.kill("SIGTERM")
  const [code] = yield* Effect.promise(() => once(bot, "exit"))
  if (code !== 0) throw new Error(`the bot ended with ${code}`)
})

await Effect.runPromise(
  program.pipe(Effect.scoped, Effect.timeout("20 seconds"), Effect.provide(NodeGateway.layer()))
)
