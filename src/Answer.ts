/**
 * What an answer is: whom it answers, the parts it is made of, the options of how it is shown, and the receipt of how it was
 * delivered.
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
 * What `reply*` answer: a message, or what was kept of one.
 *
 * @since 0.1.0
 * @category models
 */
export type Answerable = Message.Message | ReplyTarget.MessageTarget

/**
 * Where `send*` push to: a chat, or anything that came from one.
 *
 * @since 0.1.0
 * @category models
 */
export type Addressable = Chat.Chat | Message.Message | BotEvent.BotEvent | ReplyTarget.ReplyTarget

/**
 * A delta of an answer: text as it is, or marked as text or reasoning. Reasoning folds in the chat; marked text that merely
 * mentions `<think>` is defused.
 *
 * @since 0.1.0
 * @category models
 */
export type AnswerPart =
  | string
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Thinking"; readonly text: string }

/**
 * How a whole answer is shown, and what becomes of it when it cannot be.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyStreamOptions<E = never> {
  /** Lets the user rate the answer; the rating comes back as a `feedback_event`. */
  readonly feedback?: Reply.Feedback | undefined
  /** Shows the thinking animation before the first delta. Default true. */
  readonly openAtOnce?: boolean | undefined
  /** When a quiet answer outlives its bubble's ten minutes, opens the next one at once. Default true. */
  readonly keepAlive?: boolean | undefined
  /** How many snapshots per second at most; the final never waits. Default no limit but the acks. */
  readonly maxFramesPerSecond?: number | undefined
  /** How many bytes of UTF-8 the source may be ahead of the screen before it is held back. Default 1 MiB. */
  readonly maxBuffered?: number | undefined
  /** What the user reads when the answer fails. The default names no internals. */
  readonly failureText?: ((cause: Cause.Cause<E | SendError>) => string) | undefined
  /** What the user reads when the answer is interrupted or the bot goes away. */
  readonly cutOffText?: string | undefined
  /** What the user reads when the answer turns out to have nothing visible. */
  readonly emptyText?: string | undefined
  /** When the 24 h for replies are over before it begins: fail as `SendExpired`, or push. Default `"fail"`. */
  readonly onExpired?: "fail" | "push" | undefined
  /** When the service takes no more frames of the answer: push what is missing, or fail. Default `"push"`. */
  readonly onGone?: "push" | "fail" | undefined
}

/**
 * One part of an answer as it stands in the chat: a bubble, or a pushed message.
 *
 * @since 0.1.0
 * @category models
 */
export type DeliveredPart =
  | { readonly _tag: "Stream"; readonly bytes: number; readonly streamId?: string | undefined }
  | { readonly _tag: "Push"; readonly bytes: number }

/**
 * How an answer was delivered. There is a receipt only when the service acked every part of it with 0.
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
  /** Deltas that went out together with a later one. */
  readonly conflated: number
  /** How long the answer waited for the quota of its conversation. */
  readonly waited: Duration.Duration
  /** Milliseconds until the first ack, and until the last. */
  readonly firstAfter: number
  readonly lastAfter: number
}

/**
 * What becomes of an answer whose window is over.
 *
 * @since 0.1.0
 * @category models
 */
export interface LateOptions {
  /**
   * When the window of the answer is over before it leaves: fail as `SendExpired`, or push the same to the chat it came from.
   * Default `"fail"`.
   */
  readonly onExpired?: "fail" | "push" | undefined
}

/**
 * What becomes of markdown that is too long for one message.
 *
 * @since 0.1.0
 * @category models
 */
export interface SplitOptions {
  /**
   * Sends markdown of more than 20480 bytes of UTF-8 in pieces, in order, each valid by itself (`Markdown.split`), and succeeds
   * with the last ack. When a piece fails, those before it stand in the chat. Default false: it is refused as `SendInvalid`.
   */
  readonly split?: boolean | undefined
}

/**
 * What becomes of an answer that is late or too long.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplyOptions extends LateOptions, SplitOptions {}
