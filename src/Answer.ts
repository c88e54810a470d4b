/**
 * The types of answers: targets, parts, options and receipts.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import type * as BotEvent from "./BotEvent.js"
import type * as Chat from "./Chat.js"
import type * as Message from "./Message.js"
import type * as Reply from "./Reply.js"
import type * as ReplyTarget from "./ReplyTarget.js"
import type { SendError } from "./WecomError.js"

/**
 * What the `reply*` functions answer: a message, or the stored target of one.
 *
 * @since 0.1.0
 * @category models
 */
export type Answerable = Message.Message | ReplyTarget.MessageTarget

/**
 * Where the `send*` functions push: a chat, or a message, event or target that names one.
 *
 * @since 0.1.0
 * @category models
 */
export type Addressable = Chat.Chat | Message.Message | BotEvent.BotEvent | ReplyTarget.ReplyTarget

/**
 * A delta of an answer: a plain string, or text marked as answer or as reasoning. Clients fold reasoning. In marked
 * text a literal `<think>` is escaped.
 *
 * @since 0.1.0
 * @category models
 */
export type AnswerPart =
  | string
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Thinking"; readonly text: string }

/**
 * How an answer is shown, and what happens when it cannot be delivered or shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyStreamOptions<E = never> {
  /** Lets the user rate the answer. The rating arrives as a `feedback_event`. */
  readonly feedback?: Reply.Feedback | undefined
  /** Shows the thinking animation before the first delta. Default true. */
  readonly openAtOnce?: boolean | undefined
  /** When a bubble without new deltas reaches its ten minutes, opens the next one at once. Default true. */
  readonly keepAlive?: boolean | undefined
  /**
   * Folds what stands before a `</think>` that was never opened: models that are prefilled with `<think>` write only the closing
   * tag. For plain strings; a tag in code is text. Default true.
   */
  readonly foldStrayThinking?: boolean | undefined
  /** The maximum number of snapshots per second. The final frame does not wait. Default: limited by acks only. */
  readonly maxFramesPerSecond?: number | undefined
  /** How many bytes of UTF-8 the source may be ahead of the screen before it is paused. Default 1 MiB. */
  readonly maxBuffered?: number | undefined
  /** The text shown to the user when the answer fails. The default names no internals. */
  readonly failureText?: ((cause: Cause.Cause<E | SendError>) => string) | undefined
  /** The text shown to the user when the answer is interrupted or the bot closes. */
  readonly cutOffText?: string | undefined
  /** The text shown to the user when the answer has no visible character. */
  readonly emptyText?: string | undefined
  /** When the 24 h for replies are over before the answer begins: fail as `SendExpired`, or push. Default `"fail"`. */
  readonly onExpired?: "fail" | "push" | undefined
  /** When the service accepts no more frames of the answer: push the missing text, or fail. Default `"push"`. */
  readonly onGone?: "push" | "fail" | undefined
}

/**
 * One part of an answer in the chat: a bubble, or a pushed message.
 *
 * @since 0.1.0
 * @category models
 */
export type DeliveredPart =
  | { readonly _tag: "Stream"; readonly bytes: number; readonly streamId?: string | undefined }
  | { readonly _tag: "Push"; readonly bytes: number }

/**
 * How an answer was delivered. A receipt exists only when the service acked every part with 0.
 *
 * @since 0.1.0
 * @category models
 */
export interface Receipt {
  readonly parts: ReadonlyArray<DeliveredPart>
  /** Bytes of UTF-8 in all parts. */
  readonly bytes: number
  /** Frames sent, including final ones. */
  readonly frames: number
  /** Deltas that were merged into a later frame. */
  readonly conflated: number
  /** How long the answer waited for the quota of its conversation. */
  readonly waited: Duration.Duration
  /** Milliseconds until the first ack. */
  readonly firstAfter: number
  /** Milliseconds until the last ack. */
  readonly lastAfter: number
}

/**
 * What happens to an answer whose window has passed.
 *
 * @since 0.1.0
 * @category models
 */
export interface LateOptions {
  /**
   * When the window passes before the frame is written: fail as `SendExpired`, or push the same content to the chat
   * of the message or event. Default `"fail"`.
   */
  readonly onExpired?: "fail" | "push" | undefined
}

/**
 * What happens to markdown that is too long for one message.
 *
 * @since 0.1.0
 * @category models
 */
export interface SplitOptions {
  /**
   * Sends markdown of more than 20480 bytes of UTF-8 in pieces, in order, each valid by itself (`Markdown.split`),
   * and succeeds with the last ack. When a piece fails, the pieces before it stay in the chat. Default false: the
   * body is refused as `SendInvalid`.
   */
  readonly split?: boolean | undefined
}

/**
 * What happens to an answer that is late or too long.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyOptions extends LateOptions, SplitOptions {}
