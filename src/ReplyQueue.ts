/**
 * Frames of one `req_id` leave one at a time, in order, each after the ack of the one before; frames of different `req_id`s do
 * not wait for each other. Knows what may be sent again after a reconnect.
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
 * What a frame may say about itself, and what a lost link means for it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Connection.RequestOptions {
  /**
   * What to do when the link drops before the ack. `"resend"` is for snapshots, which show the same thing however often they
   * arrive; `"fail"`, the default, for what a second copy would show twice.
   */
  readonly onConnectionLost?: "resend" | "fail" | undefined
  /**
   * The stream this frame is a snapshot of, and whether it is the last one. `expiresAt` and `windowMillis` tell when the message
   * came in that it answers; without them, or when that was before this queue began, 846608 to a second copy of the last one
   * leaves its delivery unknown.
   */
  readonly stream?: { readonly id: string; readonly finish: boolean } | undefined
}

/**
 * What can become of a frame that did not succeed.
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
   * What the bot uses of them.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Puts a frame at the end of its lane. `onExit` may be called synchronously. The returned function gives up waiting: a
     * frame that was not written yet never leaves; one that was keeps its place until its ack.
     */
    readonly unsafeOffer: (
      request: Frame.Request,
      options: Options | undefined,
      onExit: (exit: Exit.Exit<Frame.Ack, QueueError>) => void
    ) => () => void
    /** Nothing of this `req_id` waits or is in flight. */
    readonly unsafeIsIdle: (reqId: string) => boolean
    /** Waits until every lane is empty. */
    readonly flushed: Effect.Effect<void>
    /** How many frames wait or are in flight. */
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
 * `unsafeOffer` as an Effect. Interruption gives up waiting.
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
 * Over the connection of the bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<ReplyQueue, never, BotConfig.BotConfig | Connection.Connection> = Layer.effect(
  ReplyQueue,
  internal.ofContext
)
