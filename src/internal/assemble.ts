/**
 * A bot from its options, service by service. The same composition as one of layers, which keeps what it memoizes for as long as
 * the bot lives: three times what the bot itself holds.
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.js"
import * as Connection from "../Connection.js"
import * as Crypto from "../Crypto.js"
import * as Dedupe from "../Dedupe.js"
import * as Governor from "../Governor.js"
import * as Heartbeat from "../Heartbeat.js"
import * as MediaDownload from "../MediaDownload.js"
import * as MediaUpload from "../MediaUpload.js"
import * as Reconnect from "../Reconnect.js"
import * as ReplyQueue from "../ReplyQueue.js"
import type { Policy, WecomBot } from "../WecomBot.js"
import * as connection from "./connection.js"
import * as download from "./download.js"
import * as replyQueue from "./replyQueue.js"
import * as upload from "./upload.js"
import * as wecomBot from "./wecomBot.js"

/** @internal */
export const assemble = <P extends Policy, E, R>(
  config: BotConfig.Resolved,
  policies: Layer.Layer<P, E, R>
): Effect.Effect<
  WecomBot.Service,
  E,
  Exclude<R, BotConfig.BotConfig> | HttpClient.HttpClient | Scope.Scope | Socket.WebSocketConstructor
> =>
  Effect.gen(function*() {
    const own = Context.make(BotConfig.BotConfig, config)
    const chosen = yield* Layer.build(policies).pipe(Effect.provide(own)) as Effect.Effect<
      Context.Context<never>,
      E,
      Exclude<R, BotConfig.BotConfig> | Scope.Scope
    >
    const policy = <I, S>(tag: Context.Tag<I, S>, otherwise: Effect.Effect<S>) =>
      Option.match(Context.getOption(chosen, tag), { onNone: () => otherwise, onSome: Effect.succeed })

    const decided = own.pipe(
      Context.add(Crypto.Crypto, yield* policy(Crypto.Crypto, Crypto.make)),
      Context.add(Dedupe.Dedupe, yield* policy(Dedupe.Dedupe, Dedupe.make())),
      Context.add(Governor.Governor, yield* policy(Governor.Governor, Governor.make())),
      Context.add(
        Heartbeat.Heartbeat,
        yield* policy(Heartbeat.Heartbeat, Effect.sync(() => Heartbeat.make(config.heartbeatInterval)))
      ),
      Context.add(Reconnect.Reconnect, yield* policy(Reconnect.Reconnect, Effect.sync(() => Reconnect.make(config))))
    )
    const connected = Context.add(
      decided,
      Connection.Connection,
      yield* Effect.provide(connection.make, decided)
    )
    const queue = yield* Effect.provide(replyQueue.make, connected)
    const uploads = yield* Effect.provide(upload.make, connected)
    const downloads = yield* Effect.provide(download.make, connected)
    return yield* Effect.provide(
      wecomBot.make,
      connected.pipe(
        Context.add(ReplyQueue.ReplyQueue, queue),
        Context.add(MediaUpload.MediaUpload, uploads),
        Context.add(MediaDownload.MediaDownload, downloads)
      )
    )
  })
