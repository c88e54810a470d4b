/**
 * The bot for Node: `WecomBot` over the `ws` package.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as WS from "ws"
import type * as BotConfig from "./BotConfig.js"
import * as WecomBot from "./WecomBot.js"

/**
 * `ws` as the WebSocket of the platform. It can be terminated, which a link that counts as dead needs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWebSocketConstructor: Layer.Layer<Socket.WebSocketConstructor> = Layer.succeed(
  Socket.WebSocketConstructor,
  (url, protocols) => new WS.WebSocket(url, protocols) as unknown as globalThis.WebSocket
)

/**
 * A bot with these options. An option that makes no sense fails the layer as a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: BotConfig.Options
): Layer.Layer<WecomBot.WecomBot, ConfigError.ConfigError> =>
  Layer.provide(WecomBot.layer(options), layerWebSocketConstructor)

const fromEnvironment: Config.Config.Wrap<BotConfig.Options> = {
  botId: Config.string("WECOM_BOT_ID"),
  secret: Config.redacted("WECOM_BOT_SECRET"),
  wsUrl: Config.map(Config.option(Config.string("WECOM_WS_URL")), Option.getOrUndefined)
}

/**
 * A bot whose options come from `Config`; without an argument from `WECOM_BOT_ID`, `WECOM_BOT_SECRET` and, if there is one,
 * `WECOM_WS_URL`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<BotConfig.Options> = fromEnvironment
): Layer.Layer<WecomBot.WecomBot, ConfigError.ConfigError> =>
  Layer.provide(WecomBot.layerConfig(options), layerWebSocketConstructor)
