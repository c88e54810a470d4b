/**
 * One subscribed long connection to the service, kept up by the policies `Heartbeat` and `Reconnect`. No other service uses a
 * socket.
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
 * `Connecting` the socket opens, for the `attempt`-th time in a row · `Connected` the socket is open and the subscribe waits
 * for its ack · `Subscribed` ready, since this wall time in milliseconds · `Waiting` for the next attempt · `Draining` the bot
 * is closing · `Closed` for good; without a `reason` when the Scope of the bot closed it.
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
 * A message or event from the service, duplicates included.
 *
 * @since 0.1.0
 * @category models
 */
export type Callback =
  | { readonly _tag: "Message"; readonly message: Message.Message }
  | { readonly _tag: "Event"; readonly event: BotEvent.BotEvent }

/**
 * The failures of a request.
 *
 * @since 0.1.0
 * @category models
 */
export type RequestError = SendUnavailable | SendRejected | SendExpired | SendInvalid | DeliveryUnknown

/**
 * The options of a request.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions {
  /** When the window of the frame ends, in wall time. A frame that would be written later fails as `SendExpired`. */
  readonly expiresAt?: number | undefined
  /** The length of that window in milliseconds, for the error. */
  readonly windowMillis?: number | undefined
  /** How long its ack may take, in milliseconds. Default the bot's `ackTimeout`. For frames that take long to transmit. */
  readonly ackTimeoutMillis?: number | undefined
  /** Whether the frame is sent while the bot drains: for work that began before. */
  readonly passesDrain?: boolean | undefined
  /** Called when the frame is first written. */
  readonly onWritten?: (() => void) | undefined
  /** Called before the frame is written again, after a first copy that was certainly not delivered. Default always. */
  readonly isWanted?: (() => boolean) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Connection {
  /**
   * The connection as the other services use it.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Waits for a subscription, checks the deadline, writes the frame and calls back with its ack. Succeeds only when the
     * service acked this frame with 0. A frame that is refused with 846609 is written again after the next subscribe; no other
     * frame is written twice.
     *
     * For the hot path: no fiber, and `onExit` can be called synchronously. The returned function cancels the wait; a written
     * frame cannot be withdrawn.
     */
    readonly unsafeRequest: (
      request: Frame.Request,
      options: RequestOptions | undefined,
      onExit: (exit: Exit.Exit<Frame.Ack, RequestError>) => void
    ) => () => void
    /** All callbacks in order, for one consumer. Fails with the `ConnectionError` that closed the connection for good. */
    readonly callbacks: Mailbox.ReadonlyMailbox<Callback, ConnectionError>
    readonly status: Effect.Effect<Status>
    readonly statusChanges: Stream.Stream<Status>
    readonly unsafeStatus: () => Status
    /** Succeeds as soon as the connection is subscribed, and fails when it is closed for good before that. */
    readonly ready: Effect.Effect<void, ConnectionError>
    /** Fails when the connection is closed for good. Interrupted when the Scope of the bot closes it. */
    readonly closed: Effect.Effect<never, ConnectionError>
    /** Stops callbacks and new requests, except requests with `passesDrain`. `false` when there is no subscribed link. */
    readonly drain: Effect.Effect<boolean>
    /** Succeeds as soon as there is no subscribed link, at once when there is none now. */
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
 * `unsafeRequest` as an Effect. An interruption cancels the wait.
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
 * Starts to connect when it is built, and closes with its Scope.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  Connection,
  never,
  BotConfig.BotConfig | Crypto.Crypto | Heartbeat.Heartbeat | Reconnect.Reconnect | Socket.WebSocketConstructor
> = Layer.scoped(Connection, internal.ofContext)
