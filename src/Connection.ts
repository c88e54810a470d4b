/**
 * The subscribed long connection to the service, maintained with the policies `Heartbeat` and `Reconnect`. No other
 * service knows that there is a socket.
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
 * The status of a connection:
 *
 * - `Connecting`: opening the socket, the `attempt`-th time in a row
 * - `Connected`: the socket is open and the subscribe is not acked yet
 * - `Subscribed`: ready, since this wall time in milliseconds
 * - `Waiting`: the next attempt follows after `delay`
 * - `Draining`: the bot is closing
 * - `Closed`: closed for good; `reason` is absent when the scope of the bot closed it
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
 * A callback of the service, before duplicates are removed.
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
  /** Wall time in milliseconds. A frame that is to be written later fails as `SendExpired`. */
  readonly expiresAt?: number | undefined
  /** The length of the window that ends at `expiresAt`, in milliseconds, for the error. */
  readonly windowMillis?: number | undefined
  /** How long to wait for the ack, in milliseconds; longer for large frames. Default: the `ackTimeout` of the bot. */
  readonly ackTimeoutMillis?: number | undefined
  /** Set for frames that complete an answer begun before the bot started to drain. */
  readonly passesDrain?: boolean | undefined
  /** Called when the frame is written for the first time. */
  readonly onWritten?: (() => void) | undefined
  /**
   * Called before the frame is written again, when the first copy is known to be undelivered. `false` cancels it.
   * Absent: it is always written again.
   */
  readonly isWanted?: (() => boolean) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Connection {
  /**
   * The interface that the services above the connection use.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Waits until the bot is subscribed, checks the deadline, writes the frame and calls `onExit` with its ack.
     * Succeeds only when the service acked this frame with 0. A frame answered with 846609 is written again after the
     * next subscribe; no other frame is written twice. This is the hot path: it uses no fiber, and `onExit` may be
     * called synchronously. The returned function stops waiting; a frame that was already written cannot be recalled.
     */
    readonly unsafeRequest: (
      request: Frame.Request,
      options: RequestOptions | undefined,
      onExit: (exit: Exit.Exit<Frame.Ack, RequestError>) => void
    ) => () => void
    /**
     * All callbacks, in order, for a single consumer. Fails with the `ConnectionError` that closed the connection for
     * good.
     */
    readonly callbacks: Mailbox.ReadonlyMailbox<Callback, ConnectionError>
    readonly status: Effect.Effect<Status>
    readonly statusChanges: Stream.Stream<Status>
    readonly unsafeStatus: () => Status
    /** Succeeds as soon as the connection is subscribed. Fails when it is closed for good before that. */
    readonly ready: Effect.Effect<void, ConnectionError>
    /** Fails when the connection is closed for good. Interrupted when the scope of the bot closes it. */
    readonly closed: Effect.Effect<never, ConnectionError>
    /**
     * Stops callbacks and new requests: from now on only frames with `passesDrain` are accepted. Returns `false` when
     * the link is down.
     */
    readonly drain: Effect.Effect<boolean>
    /** Succeeds as soon as there is no subscribed link, immediately when there is none now. */
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
 * `unsafeRequest` as an Effect. Interruption stops waiting.
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
 * Starts to connect when it is built, and closes with its scope.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  Connection,
  never,
  BotConfig.BotConfig | Crypto.Crypto | Heartbeat.Heartbeat | Reconnect.Reconnect | Socket.WebSocketConstructor
> = Layer.scoped(Connection, internal.ofContext)
