/**
 * The options of a bot. They are resolved once: defaults are filled in, and every option is checked before anything
 * is opened.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { total } from "./internal/checks/arguments.js"
import { unwrap } from "./internal/checks/unwrap.js"
import * as Limits from "./Limits.js"

/**
 * The options of a bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The id of the bot, from the WeCom admin console (`aib…`). */
  readonly botId: string
  /** The secret of the long connection of the bot, from the same page. */
  readonly secret: Redacted.Redacted
  /** The address of the service; private deployments have their own. Default `wss://openws.work.weixin.qq.com`. */
  readonly wsUrl?: string | undefined
  /** The first delay before a reconnect. Delays grow exponentially up to 30 s, with jitter. Default 1 second. */
  readonly reconnectInterval?: Duration.DurationInput | undefined
  /** How many reconnects in a row may fail; `Infinity` or -1 for no limit. Default 10. */
  readonly maxReconnectAttempts?: number | undefined
  /** How many times in a row the credentials may be refused; `Infinity` or -1 for no limit. Default 5. */
  readonly maxAuthFailureAttempts?: number | undefined
  /** The time between pings. Default 30 seconds. */
  readonly heartbeatInterval?: Duration.DurationInput | undefined
  /** How long to wait for the ack of a ping before the link counts as dead. Default 10 seconds. */
  readonly pingTimeout?: Duration.DurationInput | undefined
  /** How long opening the socket and subscribing may take. Default 10 seconds each. */
  readonly subscribeTimeout?: Duration.DurationInput | undefined
  /** How long to wait for the ack of a frame before its delivery counts as unknown. Default 5 seconds. */
  readonly ackTimeout?: Duration.DurationInput | undefined
  /**
   * The latest time at which an ack can arrive, counted from its frame. Until then a frame that timed out can make
   * the delivery of later frames of its `req_id` unknown. Default 30 seconds.
   */
  readonly ackHorizon?: Duration.DurationInput | undefined
  /** How long a send waits for a subscribed connection. Default 30 seconds. */
  readonly unavailableTimeout?: Duration.DurationInput | undefined
  /** HTTP: how long to wait for the headers of a response, and between its bytes. Default 10 seconds. */
  readonly requestTimeout?: Duration.DurationInput | undefined
  /** The maximum size of a downloaded file in bytes. Default 100 MB, the most that a user can send to a bot. */
  readonly maxDownloadBytes?: number | undefined
  /**
   * Whether downloads may access loopback and private addresses. Link-local and metadata addresses are always
   * refused. Default `false` with the public service, `true` with any other `wsUrl`.
   */
  readonly allowPrivateAddresses?: boolean | undefined
  /** How long handlers may continue to run when the bot closes. Default 10 seconds. */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /** How long sealing open bubbles and flushing replies may take when the bot closes. Default 5 seconds. */
  readonly sealTimeout?: Duration.DurationInput | undefined
  /** How many frames of one `req_id` may wait. Default 500. */
  readonly maxReplyQueueSize?: number | undefined
  /** How many callbacks may wait to be processed, and by how many each subscriber may lag behind. Default 1024. */
  readonly inboxSize?: number | undefined
  /**
   * What to do when another instance subscribes with this bot id. `"fail"` closes the bot with `Superseded`.
   * `"retake"` subscribes again after 5 to 10 seconds, and fails when the bot is superseded once more within ten
   * minutes, so that two instances with `"retake"` do not alternate forever. Default `"fail"`.
   */
  readonly onSuperseded?: "fail" | "retake" | undefined
  /** The undocumented `scene` field of the subscribe. */
  readonly scene?: number | undefined
  /** The undocumented `plug_version` field of the subscribe. */
  readonly plugVersion?: string | undefined
}

/**
 * The options with defaults filled in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resolved {
  readonly botId: string
  readonly secret: Redacted.Redacted
  readonly wsUrl: string
  readonly reconnectInterval: Duration.Duration
  readonly maxReconnectAttempts: number
  readonly maxAuthFailureAttempts: number
  readonly heartbeatInterval: Duration.Duration
  readonly pingTimeout: Duration.Duration
  readonly subscribeTimeout: Duration.Duration
  readonly ackTimeout: Duration.Duration
  readonly ackHorizon: Duration.Duration
  readonly unavailableTimeout: Duration.Duration
  readonly requestTimeout: Duration.Duration
  readonly maxDownloadBytes: number
  readonly allowPrivateAddresses: boolean
  readonly drainTimeout: Duration.Duration
  readonly sealTimeout: Duration.Duration
  readonly maxReplyQueueSize: number
  readonly inboxSize: number
  readonly onSuperseded: "fail" | "retake"
  readonly scene: number | undefined
  readonly plugVersion: string | undefined
}

/**
 * The resolved options of the bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class BotConfig extends Context.Tag("effect-wecom/BotConfig")<BotConfig, Resolved>() {}

/**
 * The address of the public service (WeCom doc 101463).
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultWsUrl = "wss://openws.work.weixin.qq.com"

/**
 * Whether this `wsUrl` is the public service rather than a private deployment. Determines which addresses downloads
 * may access.
 *
 * @since 0.1.0
 * @category constants
 */
export const isPublicService: (wsUrl: string | undefined) => boolean = total(
  // A value that is no URL counts as public, which is the strict case.
  (wsUrl: string | undefined) =>
    wsUrl === undefined || !URL.canParse(wsUrl) || new URL(wsUrl).host === new URL(defaultWsUrl).host,
  true
)

const invalid = (option: string, problem: string) => ConfigError.InvalidData([option], problem)

/** `Duration` decodes negative values as zero, which is valid for some options and means something else. */
const isNegative = (input: unknown): boolean =>
  typeof input === "number"
    ? !(input >= 0)
    : typeof input === "bigint"
    ? input < 0n
    : typeof input === "string" && input.trim().startsWith("-")

/** Shared by all bots. */
const defaults = {
  reconnectInterval: Duration.seconds(1),
  heartbeatInterval: Duration.seconds(30),
  pingTimeout: Duration.seconds(10),
  subscribeTimeout: Duration.seconds(10),
  ackTimeout: Duration.seconds(5),
  ackHorizon: Duration.seconds(30),
  unavailableTimeout: Duration.seconds(30),
  requestTimeout: Duration.seconds(10),
  drainTimeout: Duration.seconds(10),
  sealTimeout: Duration.seconds(5)
}

const duration = (
  option: string,
  input: Duration.DurationInput | undefined,
  fallback: Duration.Duration,
  allowZero = false
): Either.Either<Duration.Duration, ConfigError.ConfigError> => {
  const decoded = isNegative(input) ? Option.none() : Duration.decodeUnknown(input ?? fallback)
  if (decoded._tag === "None") {
    return Either.left(invalid(option, "must be a non-negative duration, such as \"10 seconds\""))
  }
  const millis = Duration.toMillis(decoded.value)
  return Number.isFinite(millis) && (millis > 0 || allowZero && millis === 0)
    ? Either.right(decoded.value)
    : Either.left(invalid(option, `must be finite and ${allowZero ? "at least zero" : "longer than zero"}`))
}

const attempts = (option: string, input: number | undefined, fallback: number) => {
  const count = input === -1 ? Infinity : input ?? fallback
  return count === Infinity || Number.isInteger(count) && count >= 0
    ? Either.right(count)
    : Either.left(invalid(option, "must be an integer of at least 0, or Infinity or -1 for no limit"))
}

const size = (option: string, input: number | undefined, fallback: number) => {
  const count = input ?? fallback
  return Number.isInteger(count) && count >= 1
    ? Either.right(count)
    : Either.left(invalid(option, "must be an integer of at least 1"))
}

const text = (option: string, input: unknown) =>
  typeof input === "string" && input.trim() !== ""
    ? Either.right(input)
    : Either.left(invalid(option, "must be a non-empty string"))

const webSocketUrl = (input: string | undefined) => {
  const url = input === undefined || input === "" ? defaultWsUrl : input
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined
  return parsed !== undefined && (parsed.protocol === "ws:" || parsed.protocol === "wss:") && parsed.hash === ""
    ? Either.right(url)
    : Either.left(invalid("wsUrl", "must be a ws:// or wss:// URL"))
}

const oneOf = <A extends string>(option: string, input: A | undefined, fallback: A, allowed: ReadonlyArray<A>) => {
  const chosen = input ?? fallback
  return allowed.includes(chosen)
    ? Either.right(chosen)
    : Either.left(invalid(option, `must be one of ${allowed.join(", ")}`))
}

/**
 * Fills in the defaults. An invalid option fails with a `ConfigError` that names the option and never contains its
 * value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const resolve = (options: Options): Either.Either<Resolved, ConfigError.ConfigError> => {
  try {
    return resolveUnsafe(options)
  } catch {
    return Either.left(invalid("options", "must be an object whose properties can be read"))
  }
}

/** Throws when a property of the options throws. */
const resolveUnsafe = (options: Options): Either.Either<Resolved, ConfigError.ConfigError> =>
  Either.gen(function*() {
    const botId = yield* text("botId", options.botId)
    const secret = options.secret
    if (!Redacted.isRedacted(secret)) return yield* Either.left(invalid("secret", "must be a Redacted string"))
    yield* text("secret", Redacted.value(secret))
    const wsUrl = yield* webSocketUrl(options.wsUrl)
    return {
      botId,
      secret,
      wsUrl,
      reconnectInterval: yield* duration("reconnectInterval", options.reconnectInterval, defaults.reconnectInterval),
      maxReconnectAttempts: yield* attempts("maxReconnectAttempts", options.maxReconnectAttempts, 10),
      maxAuthFailureAttempts: yield* attempts("maxAuthFailureAttempts", options.maxAuthFailureAttempts, 5),
      heartbeatInterval: yield* duration("heartbeatInterval", options.heartbeatInterval, defaults.heartbeatInterval),
      pingTimeout: yield* duration("pingTimeout", options.pingTimeout, defaults.pingTimeout),
      subscribeTimeout: yield* duration("subscribeTimeout", options.subscribeTimeout, defaults.subscribeTimeout),
      ackTimeout: yield* duration("ackTimeout", options.ackTimeout, defaults.ackTimeout),
      ackHorizon: yield* duration("ackHorizon", options.ackHorizon, defaults.ackHorizon),
      unavailableTimeout: yield* duration(
        "unavailableTimeout",
        options.unavailableTimeout,
        defaults.unavailableTimeout,
        true
      ),
      requestTimeout: yield* duration("requestTimeout", options.requestTimeout, defaults.requestTimeout),
      maxDownloadBytes: yield* size("maxDownloadBytes", options.maxDownloadBytes, Limits.downloadBytes),
      allowPrivateAddresses: options.allowPrivateAddresses ?? !isPublicService(wsUrl),
      drainTimeout: yield* duration("drainTimeout", options.drainTimeout, defaults.drainTimeout, true),
      sealTimeout: yield* duration("sealTimeout", options.sealTimeout, defaults.sealTimeout, true),
      maxReplyQueueSize: yield* size("maxReplyQueueSize", options.maxReplyQueueSize, 500),
      inboxSize: yield* size("inboxSize", options.inboxSize, 1024),
      onSuperseded: yield* oneOf("onSuperseded", options.onSuperseded, "fail", ["fail", "retake"]),
      scene: options.scene,
      plugVersion: options.plugVersion
    }
  })

/**
 * The options of a bot. An invalid option fails with a `ConfigError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<BotConfig, ConfigError.ConfigError> =>
  Layer.effect(BotConfig, Effect.suspend(() => resolve(options)))

/**
 * `layer` with options from `Config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<BotConfig, ConfigError.ConfigError> => Layer.effect(BotConfig, Effect.flatMap(unwrap(options), resolve))
