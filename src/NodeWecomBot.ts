/**
 * `WecomBot` for Node, over the `ws` package and undici.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Agent } from "node:http"
import * as Tls from "node:tls"
import * as BotConfig from "./BotConfig.js"
import * as compose from "./internal/bot/compose.js"
import { required } from "./internal/checks/arguments.js"
import { unwrap } from "./internal/checks/unwrap.js"
import * as nodeHttp from "./internal/node/http.js"
import * as proxy from "./internal/node/proxy.js"
import * as nodeSocket from "./internal/node/socket.js"
import * as WecomBot from "./WecomBot.js"

/**
 * How Node connects to the service.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetworkOptions {
  /** PEM certificates to trust in addition to those of Node, for a private deployment with a private CA. */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  /**
   * The URL of a CONNECT proxy, with credentials if it requires them; `false` for no proxy. Default: the environment
   * variables `HTTPS_PROXY` (`HTTP_PROXY` for `ws://`), `ALL_PROXY` and `NO_PROXY`. A proxy requires the package
   * `https-proxy-agent`.
   */
  readonly proxy?: Redacted.Redacted | false | undefined
}

/**
 * The options of a bot, and how Node connects to the service.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends BotConfig.Options, NetworkOptions {}

const isList = (ca: NonNullable<NetworkOptions["ca"]>): ca is ReadonlyArray<string | Uint8Array> => Array.isArray(ca)

/** The option `ca` of Node replaces its root certificates, so they are included. */
const trusted = (ca: NetworkOptions["ca"]): Array<string | Buffer> | undefined =>
  ca === undefined ? undefined : [
    ...Tls.rootCertificates,
    ...(isList(ca) ? ca : [ca]).map((one) => typeof one === "string" ? one : Buffer.from(one))
  ]

const loadProxyAgent = Effect.tryPromise({
  try: () => import("https-proxy-agent"),
  catch: () =>
    ConfigError.MissingData(
      ["proxy"],
      "a proxy is configured: install the package https-proxy-agent, or set proxy: false"
    )
})

const proxyFor = (url: string, options: NetworkOptions): string | undefined =>
  proxy.forUrl(url, Redacted.isRedacted(options.proxy) ? Redacted.value(options.proxy) : options.proxy, process.env)

const agentFor = (url: string, options: NetworkOptions): Effect.Effect<Agent | undefined, ConfigError.ConfigError> =>
  Effect.gen(function*() {
    if (!URL.canParse(url)) return undefined
    const proxyUrl = proxyFor(url, options)
    if (proxyUrl === undefined) return undefined
    if (!URL.canParse(proxyUrl)) {
      return yield* Effect.fail(ConfigError.InvalidData(["proxy"], "must be an http:// or https:// URL"))
    }
    const { HttpsProxyAgent } = yield* loadProxyAgent
    return new HttpsProxyAgent(proxyUrl) as unknown as Agent
  })

const makeWebSocketConstructor = (wsUrl: string, options: NetworkOptions) =>
  Effect.map(
    agentFor(wsUrl, options),
    (agent): (url: string, protocols?: string | Array<string>) => globalThis.WebSocket => {
      const ca = trusted(options.ca)
      const settings = { ...(agent === undefined ? {} : { agent }), ...(ca === undefined ? {} : { ca }) }
      return (url, protocols) => nodeSocket.open(url, protocols, settings)
    }
  )

/**
 * `ws` as the `WebSocketConstructor`. It can be terminated, which a dead link requires, writes the frames of one turn
 * together, and supports private CAs and proxies. The proxy is chosen for the address `wsUrl`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWebSocketConstructor = (
  wsUrl: string,
  options: NetworkOptions = {}
): Layer.Layer<Socket.WebSocketConstructor, ConfigError.ConfigError> =>
  Layer.effect(
    Socket.WebSocketConstructor,
    Effect.catchAllDefect(makeWebSocketConstructor(wsUrl, options), () =>
      Effect.fail(ConfigError.InvalidData(["wsUrl"], "must be a URL; the option ca must hold PEM certificates")))
  )

const httpOptions = (options: NetworkOptions & Pick<BotConfig.Options, "allowPrivateAddresses" | "wsUrl">) => {
  const ca = trusted(options.ca)
  return {
    allowPrivateAddresses: options.allowPrivateAddresses ?? !BotConfig.isPublicService(options.wsUrl),
    proxyFor: (url: string) => proxyFor(url, options),
    ...(ca === undefined ? {} : { ca })
  }
}

/**
 * undici as the `HttpClient` for downloads. Unless `allowPrivateAddresses` is set, it refuses host names that resolve
 * to a private address when the connection is opened, so a link cannot reach the network of the bot. Names that a
 * proxy resolves cannot be checked. It supports private CAs and proxies.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient: (
  options?: NetworkOptions & Pick<BotConfig.Options, "allowPrivateAddresses" | "wsUrl">
) => Layer.Layer<HttpClient.HttpClient> = required(
  "options",
  "an object, with PEM certificates as ca",
  (options: NetworkOptions & Pick<BotConfig.Options, "allowPrivateAddresses" | "wsUrl"> = {}) =>
    nodeHttp.layer(httpOptions(options))
)

const makeNetwork = (
  wsUrl: string,
  options: Options
): Effect.Effect<compose.Network, ConfigError.ConfigError, Scope.Scope> =>
  Effect.gen(function*() {
    const http = yield* Effect.try({
      try: () => httpOptions(options),
      catch: () => ConfigError.InvalidData(["ca"], "must be PEM certificates, as text or bytes")
    })
    return { webSocket: yield* makeWebSocketConstructor(wsUrl, options), http: yield* nodeHttp.make(http) }
  })

const open = (options: Options, policies: Layer.Layer<never, any, any> | undefined) =>
  Effect.gen(function*() {
    const config = yield* BotConfig.resolve(options)
    const network = yield* makeNetwork(config.wsUrl, options)
    return yield* compose.make(config, network, policies)
  })

/**
 * A bot as a value that lives as long as its Scope: the bot that `layer` makes. Use it in programs that hold many
 * bots, or open and close them at run time: what a layer retains for sharing takes a third of the memory of an idle
 * bot.
 *
 * @example
 * ```ts
 * import { BotRouter, WecomBot } from "effect-wecom"
 * import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
 * import { Effect } from "effect"
 *
 * const run = (options: NodeWecomBot.Options) =>
 *   NodeWecomBot.make(options).pipe(
 *     Effect.flatMap((bot) => Effect.provideService(BotRouter.run(BotRouter.empty), WecomBot.WecomBot, bot)),
 *     Effect.scoped
 *   )
 *
 * declare const bots: ReadonlyArray<NodeWecomBot.Options>
 * const program = Effect.forEach(bots, run, { concurrency: "unbounded", discard: true })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function make(
  options: Options
): Effect.Effect<WecomBot.WecomBot.Service, ConfigError.ConfigError, Scope.Scope>
/**
 * The same, with these policies instead of the default ones.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make<P extends WecomBot.Policy, E, R>(
  options: Options,
  policies: Layer.Layer<P, E, R>
): Effect.Effect<WecomBot.WecomBot.Service, ConfigError.ConfigError | E, Exclude<R, Provided> | Scope.Scope>
export function make(options: Options, policies?: Layer.Layer<never, any, any>) {
  return open(options, policies)
}

/**
 * A bot with these options. An invalid option fails the layer with a `ConfigError`. The second argument replaces
 * default policies, for example with `Dedupe.layerKeyValueStore()`.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
 * import { readFileSync } from "node:fs"
 *
 * // Bound to a constant: each layer opens one connection.
 * const bot = NodeWecomBot.layer({
 *   botId: "aib…",
 *   secret: Redacted.make(process.env.WECOM_BOT_SECRET ?? ""),
 *   wsUrl: "wss://wecom.example.com",
 *   ca: readFileSync("/etc/ssl/private-ca.pem")
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export function layer(options: Options): Layer.Layer<WecomBot.WecomBot, ConfigError.ConfigError>
/**
 * The same, with these policies instead of the default ones.
 *
 * @since 0.1.0
 * @category layers
 */
export function layer<P extends WecomBot.Policy, E, R>(
  options: Options,
  policies: Layer.Layer<P, E, R>
): Layer.Layer<WecomBot.WecomBot, ConfigError.ConfigError | E, Exclude<R, Provided>>
export function layer(options: Options, policies?: Layer.Layer<never, any, any>) {
  return Layer.scoped(WecomBot.WecomBot, open(options, policies))
}

type Provided = BotConfig.BotConfig | Socket.WebSocketConstructor | HttpClient.HttpClient

const fromEnvironment: Config.Config.Wrap<Options> = {
  botId: Config.string("WECOM_BOT_ID"),
  secret: Config.redacted("WECOM_BOT_SECRET"),
  wsUrl: Config.map(Config.option(Config.string("WECOM_WS_URL")), Option.getOrUndefined)
}

/**
 * A bot whose options come from `Config`. Without an argument they are `WECOM_BOT_ID`, `WECOM_BOT_SECRET` and, if
 * set, `WECOM_WS_URL`.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
 *
 * const bot = NodeWecomBot.layerConfig({
 *   botId: Config.string("WECOM_BOT_ID"),
 *   secret: Config.redacted("WECOM_BOT_SECRET"),
 *   maxReconnectAttempts: Config.succeed(Infinity)
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export function layerConfig(
  options?: Config.Config.Wrap<Options>
): Layer.Layer<WecomBot.WecomBot, ConfigError.ConfigError>
/**
 * The same, with these policies instead of the default ones.
 *
 * @since 0.1.0
 * @category layers
 */
export function layerConfig<P extends WecomBot.Policy, E, R>(
  options: Config.Config.Wrap<Options>,
  policies: Layer.Layer<P, E, R>
): Layer.Layer<WecomBot.WecomBot, ConfigError.ConfigError | E, Exclude<R, Provided>>
export function layerConfig(
  options: Config.Config.Wrap<Options> = fromEnvironment,
  policies?: Layer.Layer<never, any, any>
) {
  return Layer.scoped(WecomBot.WecomBot, Effect.flatMap(unwrap(options), (options) => open(options, policies)))
}
