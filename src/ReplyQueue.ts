/**
 * One lane per `req_id`: its frames are sent one at a time, in order, each after the ack of the one before. Lanes do not wait
 * for each other. Decides what is sent again after a reconnect.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as BotConfig from "./BotConfig.js"
import type * as Connection from "./Connection.js"
import type * as Frame from "./Frame.js"
import * as internal from "./internal/sending/lanes.js"
import type { ReplyQueueFull } from "./WecomError.js"

/**
 * The options of a frame.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Connection.RequestOptions {
  /**
   * What to do when the link is lost before the ack. `"resend"` is for snapshots, which show the same content however often
   * they arrive; `"fail"`, the default, for frames that a second copy would show twice.
   */
  readonly onConnectionLost?: "resend" | "fail" | undefined
  /**
   * The stream of this snapshot, and whether it is the final. `expiresAt` and `windowMillis` tell when its message was
   * received. Without them, or when the message is older than this queue, a second copy of a final that is refused with 846608
   * is `DeliveryUnknown`.
   */
  readonly stream?: { readonly id: string; readonly finish: boolean } | undefined
}

/**
 * The failures of a frame.
 *
 * @since 0.1.0
 * @category models
 */
export type QueueError = Connection.RequestError | ReplyQueueFull

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace ReplyQueue {
  /**
   * The lanes as the bot uses them.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Appends a frame to its lane. `onExit` can be called synchronously. The returned function cancels: a frame that is not
     * written yet is removed, a written one stays in its lane until its ack.
     */
    readonly unsafeOffer: (
      request: Frame.Request,
      options: Options | undefined,
      onExit: (exit: Exit.Exit<Frame.Ack, QueueError>) => void
    ) => () => void
    /** Whether no frame of this `req_id` waits or is in flight. */
    readonly unsafeIsIdle: (reqId: string) => boolean
    /** Waits until every lane is empty. */
    readonly flushed: Effect.Effect<void>
    /** The number of frames that wait or are in flight. */
    readonly unsafeSize: () => number
  }
}

/**
 * The lanes of a bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class ReplyQueue extends Context.Tag("effect-wecom/ReplyQueue")<ReplyQueue, ReplyQueue.Service>() {}

/**
 * `unsafeOffer` as an Effect. An interruption cancels.
 *
 * @since 0.1.0
 * @category accessors
 */
export const offer = (
  request: Frame.Request,
  options?: Options
): Effect.Effect<Frame.Ack, QueueError, ReplyQueue> =>
  Effect.flatMap(ReplyQueue, (queue) =>
    Effect.async((resume) => {
      const giveUp = queue.unsafeOffer(request, options, resume)
      return Effect.sync(giveUp)
    }))

/**
 * Lanes over the connection of the bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ReplyQueue, never, BotConfig.BotConfig | Connection.Connection> = Layer.effect(
  ReplyQueue,
  internal.ofContext
)
