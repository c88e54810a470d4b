/**
 * A bot composed of the layers of its services, with a heartbeat of its own. Any service is swapped in the same way: a Layer for
 * its tag in the place of its `layer`. Run it with `npx tsx examples/layers.ts`.
 *
 * To swap only a policy, the second argument of `NodeWecomBot.layer` is shorter.
 */
import { Config, Effect, Layer, Option, Schedule } from "effect"
import {
  BotConfig,
  BotRouter,
  Connection,
  Crypto,
  Dedupe,
  Governor,
  Heartbeat,
  MediaDownload,
  MediaUpload,
  Reconnect,
  ReplyQueue,
  WecomBot
} from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"

/** The heartbeat as it comes: `Heartbeat.layer` could stand here. */
const heartbeat = Layer.succeed(Heartbeat.Heartbeat, {
  run: (ping) => Effect.asVoid(Effect.repeat(ping, Schedule.jittered(Schedule.spaced("20 seconds"))))
})

/**
 * What is left open is the configuration and the way to the service. The layers are constants, so two bots in one graph of layers
 * need `Layer.fresh` around this.
 */
export const layered = (heartbeatLayer: Layer.Layer<Heartbeat.Heartbeat, never, BotConfig.BotConfig>) =>
  WecomBot.layerWithoutDependencies.pipe(
    Layer.provide([ReplyQueue.layer, MediaUpload.layer, MediaDownload.layer, Dedupe.layer, Governor.layer]),
    Layer.provide(Connection.layer),
    Layer.provide([heartbeatLayer, Reconnect.layer, Crypto.layer])
  )

const options = Effect.gen(function*() {
  return {
    botId: yield* Config.string("WECOM_BOT_ID"),
    secret: yield* Config.redacted("WECOM_BOT_SECRET"),
    wsUrl: Option.getOrUndefined(yield* Config.option(Config.string("WECOM_WS_URL")))
  }
})

const bot = Layer.unwrapEffect(Effect.map(options, (options) =>
  layered(heartbeat).pipe(
    Layer.provide([
      BotConfig.layer(options),
      NodeWecomBot.layerWebSocketConstructor(options.wsUrl ?? BotConfig.defaultWsUrl),
      NodeWecomBot.layerHttpClient(options)
    ])
  )))

const router = BotRouter.empty.pipe(
  BotRouter.onText((message) => WecomBot.replyStream(message, `You said: ${message.text.content}`))
)

const program = BotRouter.run(router).pipe(Effect.provide(bot))

export const demo = onGateway(program, (alice) => alice.says("hello, layer by layer"))

main(import.meta.url, { demo, program })
