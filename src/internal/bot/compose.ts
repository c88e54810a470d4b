/**
 * Composes a bot from its services. This is the only composition: `WecomBot.make` and `WecomBot.layer` use the default services
 * that are made here, `WecomBot.layerWithoutDependencies` those of its environment.
 *
 * It is a function and no graph of layers, because layers are memoized by reference, so that two bots of one graph would share
 * a connection; and a graph takes several times the memory of an idle bot.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../../BotConfig.js"
import * as Connection from "../../Connection.js"
import * as Crypto from "../../Crypto.js"
import * as Dedupe from "../../Dedupe.js"
import * as Governor from "../../Governor.js"
import * as Heartbeat from "../../Heartbeat.js"
import * as MediaDownload from "../../MediaDownload.js"
import * as MediaUpload from "../../MediaUpload.js"
import * as Reconnect from "../../Reconnect.js"
import * as ReplyQueue from "../../ReplyQueue.js"
import type { layerWithoutDependencies, Policy, WecomBot } from "../../WecomBot.js"
import * as Bubbles from "../answer/bubbles.js"
import * as connection from "../connection/connection.js"
import * as Handlers from "../handlers/handlers.js"
import * as download from "../media/download.js"
import * as upload from "../media/upload.js"
import * as Dispatch from "../receiving/dispatch.js"
import * as Lanes from "../sending/lanes.js"
import * as SharedDeadlines from "../time/sharedDeadlines.js"
import * as lifecycle from "./lifecycle.js"
import * as Operations from "./operations.js"

/** @internal */
export interface Services {
  readonly config: BotConfig.Resolved
  readonly connection: Connection.Connection.Service
  readonly crypto: Crypto.Crypto.Service
  readonly dedupe: Dedupe.Dedupe.Service
  readonly downloads: MediaDownload.MediaDownload.Service
  readonly governor: Governor.Governor.Service
  readonly queue: ReplyQueue.ReplyQueue.Service
  readonly uploads: MediaUpload.MediaUpload.Service
}

/**
 * A bot over these services. When its Scope closes, the bot drains before its services close.
 *
 * @internal
 */
export const compose = (services: Services): Effect.Effect<WecomBot.Service, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { config, connection, dedupe, queue } = services
    const clock = yield* Effect.clock
    const deadlines = yield* SharedDeadlines.shared
    const dispatch = Dispatch.make(config, connection, dedupe)
    const handlers = Handlers.make()
    const bubbles = Bubbles.make({
      queue,
      deadlines,
      wallTime: () => clock.unsafeCurrentTimeMillis(),
      ackHorizon: config.ackHorizon
    })
    yield* Effect.addFinalizer(() => lifecycle.close({ bubbles, config, connection, handlers, dispatch, queue }))
    yield* Effect.forkScoped(Effect.interruptible(dispatch.run(connection.callbacks)))
    return {
      ...Operations.make({ ...services, bubbles, clock, handlers, dispatch }),
      closed: connection.closed,
      ready: connection.ready,
      status: connection.status,
      statusChanges: connection.statusChanges
    }
  })

/** @internal */
export const ofContext: Effect.Effect<
  WecomBot.Service,
  never,
  Layer.Layer.Context<typeof layerWithoutDependencies> | Scope.Scope
> = Effect.flatMap(
  Effect.all({
    config: BotConfig.BotConfig,
    connection: Connection.Connection,
    crypto: Crypto.Crypto,
    dedupe: Dedupe.Dedupe,
    downloads: MediaDownload.MediaDownload,
    governor: Governor.Governor,
    queue: ReplyQueue.ReplyQueue,
    uploads: MediaUpload.MediaUpload
  }),
  compose
)

/**
 * The network access of a bot.
 *
 * @internal
 */
export interface Network {
  readonly webSocket: (url: string) => globalThis.WebSocket
  readonly http: HttpClient.HttpClient
}

/** @internal */
export const networkOfContext: Effect.Effect<Network, never, HttpClient.HttpClient | Socket.WebSocketConstructor> =
  Effect.all({ webSocket: Socket.WebSocketConstructor, http: HttpClient.HttpClient })

/** Builds the given policies for this bot alone. They can use its options and its network. */
const build = <P, E, R>(
  policies: Layer.Layer<P, E, R> | undefined,
  config: BotConfig.Resolved,
  { http, webSocket }: Network
): Effect.Effect<Context.Context<never>, E, Exclude<R, BotConfig.BotConfig> | Scope.Scope> => {
  if (policies === undefined) return Effect.succeed(Context.empty())
  const own = Context.make(BotConfig.BotConfig, config).pipe(
    Context.add(Socket.WebSocketConstructor, webSocket),
    Context.add(HttpClient.HttpClient, http)
  )
  return Layer.build(policies).pipe(Effect.provide(own)) as Effect.Effect<
    Context.Context<never>,
    E,
    Exclude<R, BotConfig.BotConfig> | Scope.Scope
  >
}

/**
 * A bot with the given policies and default services.
 *
 * @internal
 */
export const make = <P extends Policy, E, R>(
  config: BotConfig.Resolved,
  network: Network,
  policies: Layer.Layer<P, E, R> | undefined
): Effect.Effect<WecomBot.Service, E, Exclude<R, BotConfig.BotConfig> | Scope.Scope> =>
  Effect.gen(function*() {
    const given = yield* build(policies, config, network)
    const policy = <I, S>(tag: Context.Tag<I, S>, otherwise: Effect.Effect<S>): Effect.Effect<S> =>
      Option.match(Context.getOption(given, tag), { onNone: () => otherwise, onSome: Effect.succeed })
    const crypto = yield* policy(Crypto.Crypto, Crypto.make)
    const connectionService = yield* connection.make({
      config,
      crypto,
      heartbeat: yield* policy(Heartbeat.Heartbeat, Effect.sync(() => Heartbeat.make(config.heartbeatInterval))),
      reconnect: yield* policy(Reconnect.Reconnect, Effect.sync(() => Reconnect.make(config))),
      webSocket: network.webSocket
    })
    return yield* compose({
      config,
      connection: connectionService,
      crypto,
      dedupe: yield* policy(Dedupe.Dedupe, Dedupe.make()),
      downloads: download.make(config, crypto, network.http),
      governor: yield* policy(Governor.Governor, Governor.make()),
      queue: yield* Lanes.make(connectionService, config),
      uploads: yield* upload.make(connectionService, crypto)
    })
  })
