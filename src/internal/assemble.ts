/**
 * A bot from its options. The same composition as one of layers, which would keep what they memoize for as long as the bot lives,
 * and would make all of it at once; here whatever an idle bot has no use for is made when it is first asked for.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.js"
import * as Crypto from "../Crypto.js"
import * as Dedupe from "../Dedupe.js"
import * as Governor from "../Governor.js"
import * as Heartbeat from "../Heartbeat.js"
import type * as MediaDownload from "../MediaDownload.js"
import type * as MediaUpload from "../MediaUpload.js"
import * as Reconnect from "../Reconnect.js"
import type * as ReplyQueue from "../ReplyQueue.js"
import type { Policy, WecomBot } from "../WecomBot.js"
import * as bot from "./bot.js"
import { Link } from "./connection.js"
import type * as Deadlines from "./deadlines.js"
import * as download from "./download.js"
import { Inbox } from "./inbox.js"
import type * as Parts from "./parts.js"
import * as replyQueue from "./replyQueue.js"
import * as SharedDeadlines from "./sharedDeadlines.js"
import * as upload from "./upload.js"

/**
 * How a bot reaches the service.
 *
 * @internal
 */
export interface Network {
  readonly webSocket: Parts.OfConnection["webSocket"]
  readonly http: HttpClient.HttpClient
  /** After the bot has closed. */
  close(): Effect.Effect<void>
}

/** @internal */
export const networkOfContext: Effect.Effect<Network, never, HttpClient.HttpClient | Socket.WebSocketConstructor> =
  Effect
    .map(Effect.all([Socket.WebSocketConstructor, HttpClient.HttpClient]), ([webSocket, http]) => ({
      webSocket,
      http,
      close: () => Effect.void
    }))

class Assembled implements Parts.OfConnection, Parts.OfBot {
  readonly config: BotConfig.Resolved
  readonly clock: Clock.Clock
  readonly runtime: Runtime.Runtime<never>
  readonly connection: Link
  private readonly policies: Context.Context<never>
  private readonly network: Network
  private readonly kept: SharedDeadlines.Kept
  private readonly startedAt: number
  private readonly bot: bot.Bot
  private readonly inbox: Inbox
  private madeCrypto: Crypto.Crypto.Service | undefined = undefined
  private madeDedupe: Dedupe.Dedupe.Service | undefined = undefined
  private madeGovernor: Governor.Governor.Service | undefined = undefined
  private madeQueue: ReplyQueue.ReplyQueue.Service | undefined = undefined
  private madeUploads: MediaUpload.MediaUpload.Service | undefined = undefined
  private madeDownloads: MediaDownload.MediaDownload.Service | undefined = undefined

  constructor(
    config: BotConfig.Resolved,
    clock: Clock.Clock,
    runtime: Runtime.Runtime<never>,
    policies: Context.Context<never>,
    network: Network,
    kept: SharedDeadlines.Kept
  ) {
    this.config = config
    this.clock = clock
    this.runtime = runtime
    this.policies = policies
    this.network = network
    this.kept = kept
    this.startedAt = clock.unsafeCurrentTimeMillis()
    this.bot = new bot.Bot(this)
    this.inbox = new Inbox(this.bot)
    this.connection = new Link(this, this.inbox)
  }

  private policy<I, S>(tag: Context.Tag<I, S>, otherwise: () => Effect.Effect<S>): S {
    return Option.getOrElse(Context.getOption(this.policies, tag), () => Runtime.runSync(this.runtime)(otherwise()))
  }

  get deadlines(): Deadlines.Deadlines {
    return this.kept.deadlines
  }

  get webSocket(): Parts.OfConnection["webSocket"] {
    return this.network.webSocket
  }

  get crypto(): Crypto.Crypto.Service {
    return this.madeCrypto ??= this.policy(Crypto.Crypto, () => Crypto.make)
  }

  get heartbeat(): Heartbeat.Heartbeat.Service {
    return this.policy(Heartbeat.Heartbeat, () => Effect.sync(() => Heartbeat.make(this.config.heartbeatInterval)))
  }

  get reconnect(): Reconnect.Reconnect.Service {
    return this.policy(Reconnect.Reconnect, () => Effect.sync(() => Reconnect.make(this.config)))
  }

  get dedupe(): Dedupe.Dedupe.Service {
    return this.madeDedupe ??= this.policy(Dedupe.Dedupe, () => Dedupe.make())
  }

  get governor(): Governor.Governor.Service {
    return this.madeGovernor ??= this.policy(Governor.Governor, () => Governor.make())
  }

  get queue(): ReplyQueue.ReplyQueue.Service {
    const { clock, config, connection } = this
    return this.madeQueue ??= replyQueue.over(connection, config, () => clock.unsafeCurrentTimeMillis(), this.startedAt)
  }

  get uploads(): MediaUpload.MediaUpload.Service {
    return this.madeUploads ??= upload.over(this.connection, this.crypto, this.clock)
  }

  get downloads(): MediaDownload.MediaDownload.Service {
    return this.madeDownloads ??= download.over(this.config, this.crypto, this.network.http)
  }

  get service(): WecomBot.Service {
    return bot.service(this.bot)
  }

  close(): Effect.Effect<void> {
    return this.inbox.stop().pipe(
      Effect.zipRight(this.bot.close()),
      Effect.ensuring(this.connection.close()),
      Effect.ensuring(SharedDeadlines.leave(this.clock, this.kept)),
      Effect.ensuring(this.network.close())
    )
  }
}

const none: Effect.Effect<Context.Context<never>> = Effect.succeed(Context.empty())

/** What policies may need of the bot they are for. */
const around = (config: BotConfig.Resolved, { http, webSocket }: Network) =>
  Context.make(BotConfig.BotConfig, config).pipe(
    Context.add(Socket.WebSocketConstructor, webSocket),
    Context.add(HttpClient.HttpClient, http)
  )

/** @internal */
export const assemble = <P extends Policy, E, R>(
  config: BotConfig.Resolved,
  network: Network,
  policies: Layer.Layer<P, E, R> | undefined
): Effect.Effect<WecomBot.Service, E, Exclude<R, BotConfig.BotConfig> | Scope.Scope> =>
  Effect.gen(function*() {
    const chosen = policies === undefined
      ? yield* none
      : yield* Layer.build(policies).pipe(Effect.provide(around(config, network))) as Effect.Effect<
        Context.Context<never>,
        E,
        Exclude<R, BotConfig.BotConfig> | Scope.Scope
      >
    const clock = yield* Effect.clock
    const runtime = yield* Effect.runtime<never>()
    const parts = yield* Effect.acquireRelease(
      Effect.map(SharedDeadlines.enter(clock), (kept) => {
        const parts = new Assembled(config, clock, runtime, chosen, network, kept)
        parts.connection.connect()
        return parts
      }),
      (parts) => parts.close()
    )
    return parts.service
  })
