/**
 * The lanes of a bot. A lane is the queue of one `req_id`: its frames are sent one at a time, in order, each after
 * the ack of the one before. Lanes do not wait for each other. The queue decides which frames are sent again after a
 * reconnect.
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
 * The options of a frame in a lane.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Connection.RequestOptions {
  /**
   * What to do when the link is lost before the ack. `"resend"` is for snapshots, which show the same content however
   * often they arrive. `"fail"`, the default, is for frames of which a second copy would be shown twice.
   */
  readonly onConnectionLost?: "resend" | "fail" | undefined
  /**
   * The stream of which this frame is a snapshot, and whether the frame is final. `expiresAt` and `windowMillis` give
   * the time at which the message arrived. A final frame that is sent again and refused with 846608 counts as
   * delivered only if that time is known and not before this queue began; otherwise its delivery is unknown.
   */
  readonly stream?: { readonly id: string; readonly finish: boolean } | undefined
}

/**
 * The failures of a frame in a lane.
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
   * The interface that the bot uses.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Adds a frame to the end of its lane. `onExit` may be called synchronously. The returned function stops waiting:
     * a frame that is not written yet is never sent; a written frame keeps its place in the lane until its ack.
     */
    readonly unsafeOffer: (
      request: Frame.Request,
      options: Options | undefined,
      onExit: (exit: Exit.Exit<Frame.Ack, QueueError>) => void
    ) => () => void
    /** Whether no frame of this `req_id` waits or is in flight. */
    readonly unsafeIsIdle: (reqId: Frame.ReqId) => boolean
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
 * `unsafeOffer` as an Effect. Interruption stops waiting.
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
 * The lanes of a bot over its connection.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ReplyQueue, never, BotConfig.BotConfig | Connection.Connection> = Layer.effect(
  ReplyQueue,
  internal.ofContext
)
