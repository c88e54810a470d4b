/**
 * The types of an answer: its target, its parts, its options, and the receipt of its delivery.
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
 * The target of `reply*`: a message, or a stored `ReplyTarget` of one.
 *
 * @since 0.1.0
 * @category models
 */
export type Answerable = Message.Message | ReplyTarget.MessageTarget

/**
 * The target of `send*`: a chat, or a message, event or `ReplyTarget` of one.
 *
 * @since 0.1.0
 * @category models
 */
export type Addressable = Chat.Chat | Message.Message | BotEvent.BotEvent | ReplyTarget.ReplyTarget

/**
 * A delta of an answer: a string, or text or reasoning with a tag. Reasoning is folded in the chat. `<think>` inside tagged
 * text is escaped.
 *
 * @since 0.1.0
 * @category models
 */
export type AnswerPart =
  | string
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Thinking"; readonly text: string }

/**
 * How an answer is shown, and what happens when it cannot be.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyStreamOptions<E = never> {
  /** Lets the user rate the answer: a `feedback_event` follows. */
  readonly feedback?: Reply.Feedback | undefined
  /** Shows the thinking animation before the first delta. Default true. */
  readonly openAtOnce?: boolean | undefined
  /** Opens the next bubble at once when the ten minutes of a quiet answer's bubble are over. Default true. */
  readonly keepAlive?: boolean | undefined
  /** The most snapshots per second. The final does not count. Default no limit but the acks. */
  readonly maxFramesPerSecond?: number | undefined
  /** How many bytes of UTF-8 the source may run ahead of the screen before it is slowed down. Default 1 MiB. */
  readonly maxBuffered?: number | undefined
  /** The notice when the answer fails. The default contains no details. */
  readonly failureText?: ((cause: Cause.Cause<E | SendError>) => string) | undefined
  /** The notice when the answer is interrupted or the bot closes. */
  readonly cutOffText?: string | undefined
  /** The text of an answer that shows nothing. */
  readonly emptyText?: string | undefined
  /**
   * What to do when the 24 h for replies are over before the answer begins: fail as `SendExpired`, or push. Default `"fail"`.
   */
  readonly onExpired?: "fail" | "push" | undefined
  /** What to do when the service takes no more frames of the answer: push the rest, or fail. Default `"push"`. */
  readonly onGone?: "push" | "fail" | undefined
}

/**
 * One delivered part of an answer: a bubble, or a pushed message.
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
  /** Frames sent, finals included. */
  readonly frames: number
  /** Deltas that were sent together with a later one. */
  readonly conflated: number
  /** How long the answer waited for the quota of its conversation. */
  readonly waited: Duration.Duration
  /** Milliseconds until the first ack, and until the last. */
  readonly firstAfter: number
  readonly lastAfter: number
}

/**
 * What to do with a late answer.
 *
 * @since 0.1.0
 * @category models
 */
export interface LateOptions {
  /**
   * What to do when the window of the answer is over before it is sent: fail as `SendExpired`, or push the same content to the
   * chat of its target. Default `"fail"`.
   */
  readonly onExpired?: "fail" | "push" | undefined
}

/**
 * What to do with markdown that is too long for one message.
 *
 * @since 0.1.0
 * @category models
 */
export interface SplitOptions {
  /**
   * Whether to send markdown of more than 20480 bytes of UTF-8 in pieces, in order, each valid by itself (`Markdown.split`).
   * Succeeds with the last ack. When a piece fails, the pieces before it are in the chat. Default false: it is refused as
   * `SendInvalid`.
   */
  readonly split?: boolean | undefined
}

/**
 * What to do with an answer that is late or too long.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyOptions extends LateOptions, SplitOptions {}
