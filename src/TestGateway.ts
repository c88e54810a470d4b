/**
 * The WeCom service in memory, for tests of bots. It replaces the WebSocket: it acks, refuses and times out as the
 * real service does, records what users would see on their screens, and injects faults on request.
 *
 * Time and randomness are Effect's, so windows of minutes pass with `TestClock.adjust`. With its default options the
 * gateway answers in the same turn, so a test does not need to adjust the clock for it. Behaviour of the service that
 * is undocumented or disputed is an option in {@link Options}.
 *
 * It implements subscribe, ping, replies, welcomes, card updates, pushes and uploads with their windows, quotas,
 * sizes and rules for cards (WeCom docs 101463, 101031, 101032), and serves encrypted files. Some error codes are
 * documented nowhere; the gateway then answers 846604 to a reply after its window, 45009 to a second subscribe on one
 * connection and to too many uploads, and 40058 to unknown commands and invalid uploads.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as BotConfig from "./BotConfig.js"
import { required } from "./internal/checks/arguments.js"
import type { Filter } from "./internal/gateway/ackRules.js"
import type { Acks, Connection, Faults, HeldAcks, Rule, Target } from "./internal/gateway/controls.js"
import * as Downloads from "./internal/gateway/downloads.js"
import type { DownloadRequest, ServedFile } from "./internal/gateway/downloads.js"
import * as Engine from "./internal/gateway/engine.js"
import type { HandshakeAnswer } from "./internal/gateway/engine.js"
import type { Ack, Received } from "./internal/gateway/frames.js"
import * as MemoryHttp from "./internal/gateway/memoryHttp.js"
import * as MemorySocket from "./internal/gateway/memorySocket.js"
import * as Opts from "./internal/gateway/options.js"
import type { Options } from "./internal/gateway/options.js"
import type {
  Feedback,
  Group,
  MediaLink,
  Member,
  Participant,
  Quotable,
  Selected,
  SendOptions,
  Sent,
  User,
  UserMessage
} from "./internal/gateway/people.js"
import type { Bubble } from "./internal/gateway/screen.js"
import * as Service from "./internal/gateway/service.js"
import type { UploadedMedia } from "./internal/gateway/uploads.js"
import * as WecomBot from "./WecomBot.js"

export type {
  Ack,
  Acks,
  Bubble,
  Connection,
  DownloadRequest,
  Faults,
  Feedback,
  Filter,
  Group,
  HandshakeAnswer,
  HeldAcks,
  MediaLink,
  Member,
  Options,
  Participant,
  Quotable,
  Received,
  Rule,
  Selected,
  SendOptions,
  Sent,
  ServedFile,
  Target,
  UploadedMedia,
  User,
  UserMessage
}

/**
 * The gateway as a test controls it: {@link user} and {@link group} act as people, {@link received} and {@link
 * connections} show what the bot did, {@link acks} and {@link faults} inject faults.
 *
 * @since 0.1.0
 * @category tags
 */
export class TestGateway extends Context.Tag("effect-wecom/TestGateway")<TestGateway, TestGateway.Service>() {}

/**
 * @since 0.1.0
 * @category tags
 */
export declare namespace TestGateway {
  /**
   * The controls as a value. The functions of this module are the same with the gateway as a requirement.
   *
   * @since 0.1.0
   * @category models
   */
  export type Service = Service.Service
}

/**
 * The bot id that a gateway accepts by default.
 *
 * @since 0.1.0
 * @category options
 */
export const defaultBotId: string = Opts.defaultBotId

/**
 * The secret that a gateway accepts by default.
 *
 * @since 0.1.0
 * @category options
 */
export const defaultSecret: Redacted.Redacted = Opts.defaultSecret

const resolved = required("options", "an object of TestGateway.Options, or nothing", Opts.resolve)

/**
 * The gateway in memory, and a `WebSocketConstructor` that connects to it whatever the URL. Provide it to a bot with
 * `Layer.provideMerge`, or use {@link layerBot}.
 *
 * The sockets behave as those of the `ws` package, including `terminate`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<TestGateway | Socket.WebSocketConstructor | HttpClient.HttpClient> =>
  Layer.scopedContext(Effect.map(
    Engine.make(resolved(options)),
    (engine) => {
      const downloads = Downloads.make(engine)
      return Context.make(TestGateway, Service.make(engine, downloads, () => Effect.void)).pipe(
        Context.add(Socket.WebSocketConstructor, (url) => MemorySocket.make(engine, url)),
        Context.add(HttpClient.HttpClient, MemoryHttp.make(downloads))
      )
    }
  ))

/**
 * The options of the gateway and of a bot connected to it, which share `botId` and `secret`.
 *
 * @since 0.1.0
 * @category options
 */
export interface BotOptions extends Options, Partial<Omit<BotConfig.Options, "botId" | "secret">> {}

/**
 * A bot connected to a gateway in memory, without requirements.
 *
 * By default `drainTimeout` and `sealTimeout` are zero, so the bot closes without waiting for handlers and acks:
 * under `TestClock` the clock does not advance while a scope closes.
 *
 * @example
 * ```ts
 * import { BotRouter, WecomBot } from "effect-wecom"
 * import * as TestGateway from "effect-wecom/TestGateway"
 * import { Effect } from "effect"
 *
 * const router = BotRouter.empty.pipe(
 *   BotRouter.onText((message) => WecomBot.replyStream(message, `you said ${message.text.content}`))
 * )
 *
 * const test = Effect.gen(function*() {
 *   const alice = yield* TestGateway.user("alice")
 *   yield* Effect.forkScoped(BotRouter.run(router))
 *   return (yield* alice.say("hi")).text
 * }).pipe(Effect.scoped, Effect.provide(TestGateway.layerBot()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBot: (
  options?: BotOptions
) => Layer.Layer<
  WecomBot.WecomBot | TestGateway | Socket.WebSocketConstructor | HttpClient.HttpClient
> = required("options", "an object of TestGateway.BotOptions, or nothing", (options?: BotOptions) => {
  const secret = options?.secret ?? defaultSecret
  return WecomBot.layer({
    ...options,
    drainTimeout: options?.drainTimeout ?? 0,
    sealTimeout: options?.sealTimeout ?? 0,
    botId: options?.botId ?? defaultBotId,
    secret: typeof secret === "string" ? Redacted.make(secret) : secret
  }).pipe(
    Layer.orDie,
    Layer.provideMerge(layer(options))
  )
})

/**
 * A user in the single chat with the bot. Two calls with the same userid return the same user.
 *
 * @example
 * ```ts
 * import * as TestGateway from "effect-wecom/TestGateway"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const alice = yield* TestGateway.user("alice")
 *   const shown = yield* alice.say("hi")
 *   return shown.text
 * })
 * ```
 *
 * @since 0.1.0
 * @category people
 */
export const user = (
  userid: string,
  options?: { readonly botId?: string | undefined }
): Effect.Effect<User, never, TestGateway> => Effect.flatMap(TestGateway, (gateway) => gateway.user(userid, options))

/**
 * A group that the bot is a member of. Two calls with the same chatid return the same group.
 *
 * @since 0.1.0
 * @category people
 */
export const group = (
  chatid: string,
  options?: { readonly members?: ReadonlyArray<string> | undefined; readonly botId?: string | undefined }
): Effect.Effect<Group, never, TestGateway> => Effect.flatMap(TestGateway, (gateway) => gateway.group(chatid, options))

/**
 * Every frame received from clients so far, in order. `receivedLimit` limits their number.
 *
 * @since 0.1.0
 * @category received frames
 */
export const received: Effect.Effect<ReadonlyArray<Received>, never, TestGateway> = Effect.flatMap(
  TestGateway,
  (gateway) => gateway.received
)

/**
 * Waits for a client frame that matches, including frames already received. `skip` is the number of matching frames
 * to skip.
 *
 * @since 0.1.0
 * @category received frames
 */
export const awaitReceived = (
  filter: Pick<Filter, "cmd" | "reqId" | "where">,
  options?: { readonly skip?: number | undefined }
): Effect.Effect<Received, never, TestGateway> =>
  Effect.flatMap(TestGateway, (gateway) => gateway.awaitReceived(filter, options))

/**
 * Every connection so far, in the order of opening.
 *
 * @since 0.1.0
 * @category connections
 */
export const connections: Effect.Effect<ReadonlyArray<Connection>, never, TestGateway> = Effect.flatMap(
  TestGateway,
  (gateway) => gateway.connections
)

/**
 * Waits until the connections satisfy a predicate, and returns them.
 *
 * @since 0.1.0
 * @category connections
 */
export const awaitConnections = (
  predicate: (connections: ReadonlyArray<Connection>) => boolean
): Effect.Effect<ReadonlyArray<Connection>, never, TestGateway> =>
  Effect.flatMap(TestGateway, (gateway) => gateway.awaitConnections(predicate))

/**
 * Waits until the bot is subscribed on a connection that is not half open, and returns the number of that connection.
 *
 * @since 0.1.0
 * @category connections
 */
export const awaitSubscribed = (
  options?: { readonly botId?: string | undefined }
): Effect.Effect<number, never, TestGateway> =>
  Effect.flatMap(TestGateway, (gateway) => gateway.awaitSubscribed(options))

/**
 * Adds a command to the gateway, or replaces the answer to a known command. The handler receives frames of subscribed
 * connections only.
 *
 * @since 0.1.0
 * @category received frames
 */
export const answerCommand = (
  cmd: string,
  handler: (frame: Received) => { readonly errcode?: number | undefined; readonly body?: unknown }
): Effect.Effect<void, never, TestGateway> =>
  Effect.flatMap(TestGateway, (gateway) => gateway.answerCommand(cmd, handler))

/**
 * The controls `T` as functions of this module, with the gateway as a requirement.
 *
 * @since 0.1.0
 * @category models
 */
export type Accessors<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer Args) => Effect.Effect<infer A>
    ? (...args: Args) => Effect.Effect<A, never, TestGateway>
    : T[K] extends Effect.Effect<infer A> ? Effect.Effect<A, never, TestGateway>
    : never
}

/** The member `key` of a group of controls. Its type comes from the objects below. */
const accessor =
  (group: "acks" | "faults", key: string) =>
  (...args: ReadonlyArray<unknown>): Effect.Effect<any, never, TestGateway> =>
    Effect.flatMap(TestGateway, (gateway) => (gateway[group] as any)[key](...args))

const ack = (key: keyof Acks) => accessor("acks", key)

/**
 * Serves a file behind a link that a user can send. The file is encrypted, the link is valid for five minutes, and
 * faults can be injected.
 *
 * @example
 * ```ts
 * import * as TestGateway from "effect-wecom/TestGateway"
 * import { Effect } from "effect"
 *
 * const test = Effect.gen(function*() {
 *   const alice = yield* TestGateway.user("alice")
 *   const link = yield* TestGateway.serveFile({ bytes: new Uint8Array(1000), filename: "report.pdf" })
 *   return yield* alice.sendFile(link)
 * })
 * ```
 *
 * @since 0.1.0
 * @category media
 */
export const serveFile = (file: ServedFile): Effect.Effect<MediaLink, never, TestGateway> =>
  Effect.flatMap(TestGateway, (gateway) => gateway.serveFile(file))

/**
 * Every request for a served file so far, in order.
 *
 * @since 0.1.0
 * @category media
 */
export const downloads: Effect.Effect<ReadonlyArray<DownloadRequest>, never, TestGateway> = Effect.flatMap(
  TestGateway,
  (gateway) => gateway.downloads
)

/**
 * Every finished upload so far, with its bytes, in order.
 *
 * @since 0.1.0
 * @category media
 */
export const uploads: Effect.Effect<ReadonlyArray<UploadedMedia>, never, TestGateway> = Effect.flatMap(
  TestGateway,
  (gateway) => gateway.uploads
)

/**
 * Controls of acks, for example `TestGateway.acks.delay("5 seconds")`.
 *
 * @since 0.1.0
 * @category acks
 */
export const acks: Accessors<Acks> = {
  delay: ack("delay"),
  drop: ack("drop"),
  lose: ack("lose"),
  refuse: ack("refuse"),
  duplicate: ack("duplicate"),
  reorder: ack("reorder"),
  hold: ack("hold"),
  rewrite: ack("rewrite"),
  clear: Effect.flatMap(TestGateway, (gateway) => gateway.acks.clear)
}

const fault = (key: keyof Faults) => accessor("faults", key)

/**
 * Faults of connections, for example `TestGateway.faults.cut()`.
 *
 * @since 0.1.0
 * @category faults
 */
export const faults: Accessors<Faults> = {
  cut: fault("cut"),
  close: fault("close"),
  halfOpen: fault("halfOpen"),
  kick: fault("kick"),
  forgetSubscription: fault("forgetSubscription"),
  pushRaw: fault("pushRaw"),
  redeliver: fault("redeliver"),
  mutePongs: Effect.flatMap(TestGateway, (gateway) => gateway.faults.mutePongs),
  muteSubscribe: Effect.flatMap(TestGateway, (gateway) => gateway.faults.muteSubscribe),
  refuseCredentials: fault("refuseCredentials"),
  refuseConnections: fault("refuseConnections"),
  neverOpen: fault("neverOpen")
}
