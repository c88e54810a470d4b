/**
 * One subscribed long connection to the service, kept up by the policies `Heartbeat` and `Reconnect`. The only service that
 * knows a socket exists.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Mailbox from "effect/Mailbox"
import type * as Stream from "effect/Stream"
import type * as BotConfig from "./BotConfig.js"
import type * as BotEvent from "./BotEvent.js"
import type * as Crypto from "./Crypto.js"
import type * as Frame from "./Frame.js"
import type * as Heartbeat from "./Heartbeat.js"
import * as internal from "./internal/connection/connection.js"
import type * as Message from "./Message.js"
import type * as Reconnect from "./Reconnect.js"
import type {
  ConnectionError,
  DeliveryUnknown,
  LinkFailure,
  SendExpired,
  SendInvalid,
  SendRejected,
  SendUnavailable
} from "./WecomError.js"

/**
 * `Connecting` opening the socket, for the `attempt`-th time in a row · `Connected` the socket is open, the subscribe is not
 * acknowledged · `Subscribed` ready, since this wall time in milliseconds · `Waiting` for the next attempt · `Draining` the
 * bot is closing · `Closed` for good; `reason` is absent when the bot's own scope closed it.
 *
 * @since 0.1.0
 * @category models
 */
export type Status =
  | { readonly _tag: "Connecting"; readonly attempt: number }
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Subscribed"; readonly since: number }
  | {
    readonly _tag: "Waiting"
    readonly attempt: number
    readonly delay: Duration.Duration
    readonly reason: LinkFailure
  }
  | { readonly _tag: "Draining" }
  | { readonly _tag: "Closed"; readonly reason?: ConnectionError | undefined }

/**
 * What the service told us, before anybody asked whether it was told before.
 *
 * @since 0.1.0
 * @category models
 */
export type Callback =
  | { readonly _tag: "Message"; readonly message: Message.Message }
  | { readonly _tag: "Event"; readonly event: BotEvent.BotEvent }

/**
 * What can become of a request that did not succeed.
 *
 * @since 0.1.0
 * @category models
 */
export type RequestError = SendUnavailable | SendRejected | SendExpired | SendInvalid | DeliveryUnknown

/**
 * What a request may say about itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions {
  /** Wall time in milliseconds; when it has passed as the frame is to be written, it fails as `SendExpired`. */
  readonly expiresAt?: number | undefined
  /** The length of that window, for the error. */
  readonly windowMillis?: number | undefined
  /** How long its ack may take, in milliseconds; absent: the bot's `ackTimeout`. For frames that take long to be sent. */
  readonly ackTimeoutMillis?: number | undefined
  /** Set for frames that finish what was begun before the bot started to drain. */
  readonly passesDrain?: boolean | undefined
  /** Called when the frame is written; not called again when it has to be written again. */
  readonly onWritten?: (() => void) | undefined
  /** Asked before the frame is written again, when the first copy certainly was not delivered. Absent: always. */
  readonly isWanted?: (() => boolean) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Connection {
  /**
   * What the services above the connection use of it.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Waits until subscribed, checks the deadline, writes the frame and settles with its ack. Succeeds only when the service
     * acked this frame with 0. Frames answered with 846609 go out again after the next subscribe; nothing else is sent twice.
     * For the hot path: no fiber, and `onExit` may be called synchronously. The returned function gives up waiting; what was
     * already written cannot be taken back.
     */
    readonly unsafeRequest: (
      request: Frame.Request,
      options: RequestOptions | undefined,
      onExit: (exit: Exit.Exit<Frame.Ack, RequestError>) => void
    ) => () => void
    /** All callbacks in order; one consumer. Fails with the `ConnectionError` that closed the connection for good. */
    readonly callbacks: Mailbox.ReadonlyMailbox<Callback, ConnectionError>
    readonly status: Effect.Effect<Status>
    readonly statusChanges: Stream.Stream<Status>
    readonly unsafeStatus: () => Status
    /** Succeeds as soon as the connection is subscribed; fails when it is closed for good before that. */
    readonly ready: Effect.Effect<void, ConnectionError>
    /** Fails when the connection is closed for good. Interrupted when the bot's own scope closes it. */
    readonly closed: Effect.Effect<never, ConnectionError>
    /** Stops callbacks and new requests; from here on only frames with `passesDrain` are taken. `false`: the link is down. */
    readonly drain: Effect.Effect<boolean>
    /** Ends as soon as there is no subscribed link; at once when there is none now. */
    readonly down: Effect.Effect<void>
  }
}

/**
 * The long connection of a bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class Connection extends Context.Tag("effect-wecom/Connection")<Connection, Connection.Service>() {}

/**
 * `unsafeRequest` as an Effect. Interruption stops the waiting.
 *
 * @since 0.1.0
 * @category accessors
 */
export const request: (
  request: Frame.Request,
  options?: RequestOptions
) => Effect.Effect<Frame.Ack, RequestError, Connection> = (request, options) =>
  Effect.flatMap(Connection, (connection) =>
    Effect.async((resume) => {
      const giveUp = connection.unsafeRequest(request, options, resume)
      return Effect.sync(giveUp)
    }))

/**
 * Begins to connect when it is built, and closes with its scope.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  Connection,
  never,
  BotConfig.BotConfig | Crypto.Crypto | Heartbeat.Heartbeat | Reconnect.Reconnect | Socket.WebSocketConstructor
> = Layer.scoped(Connection, internal.ofContext)
