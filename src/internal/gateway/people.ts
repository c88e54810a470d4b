import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type * as Frame from "../../Frame.js"
import type { Bubble } from "./screen.js"

/**
 * A message as a user sends it: its `msgtype`, the payload under that name, and optionally a `quote`. Any `msgtype` is
 * accepted.
 *
 * @since 0.1.0
 * @category people
 */
export interface UserMessage {
  readonly msgtype: string
  readonly quote?: unknown
  readonly [field: string]: unknown
}

/**
 * The callback that an action of a user caused.
 *
 * @since 0.1.0
 * @category people
 */
export interface Sent {
  /**
   * The `msgid` of the callback, for `faults.redeliver`.
   */
  readonly msgid: string
  /**
   * The `req_id` of the callback, which the bot's answers have too.
   */
  readonly reqId: Frame.ReqId
  /**
   * Whether the callback went to a connection of the bot. A group message without a mention never goes there.
   */
  readonly delivered: boolean
}

/**
 * Options of an action of a user.
 *
 * @since 0.1.0
 * @category people
 */
export interface SendOptions {
  /**
   * Whether to wait until the bot is subscribed. With `false` the message is sent at once, and without a connection
   * `offlineMessages` decides what happens to it. Default: `true`.
   */
  readonly wait?: boolean | undefined
  /**
   * The `req_id` of the callback, which can be a number, or `null` for a callback without one, which is answered under an empty
   * `req_id`. Default: a new one.
   */
  readonly reqId?: Frame.ReqId | null | undefined
  /**
   * Whether the callback names no sender, as the service sends some files of groups. In a group such a message reaches the bot
   * without a mention. Default: `false`.
   */
  readonly anonymous?: boolean | undefined
}

/**
 * The link of an image, file or video. Give an `aeskey` (base64 of 32 bytes) when the bytes behind `url` are encrypted.
 *
 * @since 0.1.0
 * @category people
 */
export interface MediaLink {
  readonly url: string
  readonly aeskey?: string | undefined
  readonly [field: string]: unknown
}

/**
 * What a message can quote: a bubble, or a `quote` as it is in the callback.
 *
 * @since 0.1.0
 * @category people
 */
export type Quotable = Bubble | { readonly msgtype: string; readonly [field: string]: unknown }

/**
 * The selected options of a card: option ids by `question_key`.
 *
 * @since 0.1.0
 * @category people
 */
export interface Selected {
  readonly [questionKey: string]: ReadonlyArray<string>
}

/**
 * Feedback on a bubble.
 *
 * @since 0.1.0
 * @category people
 */
export interface Feedback {
  /**
   * A `like`, a `dislike`, or the withdrawal of one.
   */
  readonly type: "like" | "dislike" | "withdraw"
  /**
   * The text that the user wrote.
   */
  readonly content?: string | undefined
  /**
   * Reasons of a dislike: 1 off-topic, 2 incomplete, 3 wrong, 4 wrong analysis.
   */
  readonly reasons?: ReadonlyArray<number> | undefined
}

/**
 * A participant of a chat with the bot: their screen and their actions. Actions wait until the bot is subscribed, unless
 * `wait` is `false`.
 *
 * @since 0.1.0
 * @category people
 */
export interface Participant {
  readonly userid: string
  /**
   * The bubbles of the chat at present, oldest first.
   */
  readonly screen: Effect.Effect<ReadonlyArray<Bubble>>
  /**
   * Each bubble that appears or changes from now on.
   */
  readonly changes: Stream.Stream<Bubble>
  /**
   * Waits for a bubble that is on the screen already or appears later. The predicate should be exact: a stream that is
   * still growing satisfies `bubble.from === "bot"` but not `bubble.sealed`.
   */
  readonly awaitBubble: (predicate: (bubble: Bubble) => boolean) => Effect.Effect<Bubble>
  /**
   * Waits for the bot's answer to an earlier action and returns it once it is sealed: the first bubble on that `req_id`, the
   * welcome after `enter`, or the updated card after `press`. A push has no `req_id`: wait for it with `awaitBubble`.
   */
  readonly awaitAnswer: (to: Sent) => Effect.Effect<Bubble>
  /**
   * Sends any message and does not wait for an answer.
   */
  readonly send: (message: UserMessage, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * Presses a button, a menu entry or the submit button of a card, given as a bubble or by `task_id`. The bot gets a
   * `template_card_event`. Dies when the card has no such key.
   */
  readonly press: (
    card: Bubble | string,
    eventKey: string,
    options?: SendOptions & { readonly selected?: Selected | undefined }
  ) => Effect.Effect<Sent>
  /**
   * Selects options of a card and submits it. A list of option ids is for its first question.
   */
  readonly vote: (
    card: Bubble | string,
    selected: Selected | ReadonlyArray<string>,
    options?: SendOptions
  ) => Effect.Effect<Sent>
  /**
   * Rates a bubble, given as a bubble or by feedback id. The bot gets a `feedback_event`. Dies when the bubble has no feedback
   * id, because the chat shows no rating then.
   */
  readonly feedback: (on: Bubble | string, feedback: Feedback, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * Makes the service push any other event, with the payload under the name of the event.
   */
  readonly sendEvent: (
    eventtype: string,
    payload?: { readonly [field: string]: unknown },
    options?: SendOptions
  ) => Effect.Effect<Sent>
}

/**
 * A user in their single chat with the bot.
 *
 * @since 0.1.0
 * @category people
 */
export interface User extends Participant {
  /**
   * Writes to the bot and waits for its answer: the first bubble on the `req_id` of this message, once it is sealed. When
   * the bot answers with a push only, this never ends: use `sendText` and `awaitBubble` then.
   */
  readonly say: (text: string) => Effect.Effect<Bubble>
  readonly sendText: (text: string, options?: SendOptions) => Effect.Effect<Sent>
  readonly sendImage: (image: MediaLink, options?: SendOptions) => Effect.Effect<Sent>
  readonly sendFile: (file: MediaLink, options?: SendOptions) => Effect.Effect<Sent>
  readonly sendVideo: (video: MediaLink, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * The service transcribes voice, so the bot gets this text only.
   */
  readonly sendVoice: (transcript: string, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * A string is a text item, a link is an image item.
   */
  readonly sendMixed: (items: ReadonlyArray<string | MediaLink>, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * Writes a text with a quote.
   */
  readonly sendQuote: (quoted: Quotable, text: string, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * Opens the chat for the first time today: the bot gets `enter_chat` and has 5 seconds for a welcome, which
   * `awaitAnswer` returns.
   */
  readonly enter: Effect.Effect<Sent>
}

/**
 * A member of a group with the bot. Only texts, mixed messages and quotes that mention the bot reach it; other messages stay
 * among the members.
 *
 * @since 0.1.0
 * @category people
 */
export interface Member extends Participant {
  /**
   * Writes `@Bot text` and waits for the answer, as `User.say` does.
   */
  readonly mention: (text: string) => Effect.Effect<Bubble>
  /**
   * Writes `@Bot text` and does not wait.
   */
  readonly sendMention: (text: string, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * A mixed message that mentions the bot. A string is a text item, a link is an image item.
   */
  readonly sendMixed: (items: ReadonlyArray<string | MediaLink>, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * Mentions the bot in a text with a quote. In a group a file or an image reaches the bot this way only.
   */
  readonly sendQuote: (quoted: Quotable, text: string, options?: SendOptions) => Effect.Effect<Sent>
}

/**
 * A group the bot is in.
 *
 * @since 0.1.0
 * @category people
 */
export interface Group {
  readonly chatid: string
  /**
   * The userids of its members.
   */
  readonly members: Effect.Effect<ReadonlyArray<string>>
  /**
   * A member of the group, who joins it if necessary.
   */
  readonly member: (userid: string) => Member
  /**
   * The bubbles of the group at present, without the cards that an update showed to some members only.
   */
  readonly screen: Effect.Effect<ReadonlyArray<Bubble>>
  /**
   * Waits for a bubble that is on the screen already or appears later.
   */
  readonly awaitBubble: (predicate: (bubble: Bubble) => boolean) => Effect.Effect<Bubble>
}
