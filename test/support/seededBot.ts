/**
 * A bot on a gateway in memory whose every id comes from a seed.
 */
import type { HttpClient, Socket } from "@effect/platform"
import { Layer } from "effect"
import type { Redacted } from "effect"
import { type BotConfig, Crypto, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"

export const layerOnGateway = (
  seed: number | string,
  options?: Partial<BotConfig.Options>
): Layer.Layer<WecomBot.WecomBot, never, Socket.WebSocketConstructor | HttpClient.HttpClient> =>
  Layer.orDie(WecomBot.layer({
    ...options,
    botId: TestGateway.defaultBotId,
    secret: TestGateway.defaultSecret as Redacted.Redacted
  }, Crypto.layerDeterministic(seed)))

export const layer = (
  seed: number,
  bot?: Partial<BotConfig.Options>,
  gateway?: TestGateway.Options
): Layer.Layer<WecomBot.WecomBot | TestGateway.TestGateway | Socket.WebSocketConstructor | HttpClient.HttpClient> =>
  Layer.provideMerge(layerOnGateway(seed, bot), TestGateway.layer(gateway))
