/**
 * A private deployment: an address of its own, a CA of its own, and a proxy in between. `WECOM_CA_FILE` is a PEM file, and
 * `WECOM_PROXY` the URL of a CONNECT proxy, with credentials if it asks for them; both are optional. Run it with
 * `WECOM_WS_URL=wss://wecom.example.com npx tsx examples/network.ts`.
 *
 * The same two settings hold for downloads. Without `WECOM_PROXY` the environment decides: `HTTPS_PROXY` and `NO_PROXY`.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { Config, Effect, Layer, Option } from "effect"
import { BotRouter, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"
import { connectProxy, privateCa, writeCa } from "./support/network.js"

const bot = Layer.unwrapEffect(Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const caFile = yield* Config.option(Config.string("WECOM_CA_FILE"))
  return NodeWecomBot.layer({
    botId: yield* Config.string("WECOM_BOT_ID"),
    secret: yield* Config.redacted("WECOM_BOT_SECRET"),
    wsUrl: yield* Config.withDefault(Config.string("WECOM_WS_URL"), undefined),
    // Trusted beside the CAs that Node knows, not in their place.
    ca: Option.isSome(caFile) ? yield* fs.readFileString(caFile.value) : undefined,
    // Redacted, for it may hold a password.
    proxy: yield* Config.withDefault(Config.redacted("WECOM_PROXY"), undefined)
  })
})).pipe(Layer.provide(NodeFileSystem.layer))

const router = BotRouter.empty.pipe(
  BotRouter.onText((message) => WecomBot.replyStream(message, `You said: ${message.text.content}`))
)

const program = BotRouter.run(router).pipe(Effect.provide(bot))

export const demo = Effect.gen(function*() {
  const proxy = yield* connectProxy
  const caFile = yield* writeCa
  yield* onGateway(program, (alice) => alice.says("hello, through the proxy"), {
    gateway: { tls: privateCa },
    config: [["WECOM_CA_FILE", caFile], ["WECOM_PROXY", proxy]]
  })
}).pipe(Effect.scoped)

main(import.meta.url, { demo, program })
