import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Bubble } from "./screen.js"

/**
 * A message as a user sends it: its `msgtype`, the payload under that name, and perhaps a `quote`. Any msgtype goes.
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
   * The `req_id` of the callback: the bot's answers carry it.
   */
  readonly reqId: string
  /**
   * Whether the callback went to a connection of the bot. A group message without a mention never does.
   */
  readonly delivered: boolean
}

/**
 * How a user does something.
 *
 * @since 0.1.0
 * @category people
 */
export interface SendOptions {
  /**
   * Whether to wait until the bot is subscribed. With `false` the message meets the bot as it is; `offlineMessages` says
   * what becomes of it when there is no connection. Default: `true`.
   */
  readonly wait?: boolean | undefined
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
 * What can be quoted: a bubble, or a `quote` as the callback carries it.
 *
 * @since 0.1.0
 * @category people
 */
export type Quotable = Bubble | { readonly msgtype: string; readonly [field: string]: unknown }

/**
 * Choices on a card: option ids by `question_key`.
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
   * `like`, `dislike`, or the withdrawal of either.
   */
  readonly type: "like" | "dislike" | "withdraw"
  /**
   * What the user wrote.
   */
  readonly content?: string | undefined
  /**
   * Reasons of a dislike: 1 off-topic, 2 incomplete, 3 wrong, 4 wrong analysis.
   */
  readonly reasons?: ReadonlyArray<number> | undefined
}

/**
 * A participant of a chat with the bot: what they see and what they can do. Their actions wait until the bot is subscribed,
 * unless an option says otherwise.
 *
 * @since 0.1.0
 * @category people
 */
export interface Participant {
  readonly userid: string
  /**
   * The chat as it looks now, oldest bubble first.
   */
  readonly screen: Effect.Effect<ReadonlyArray<Bubble>>
  /**
   * Every bubble as it appears or changes from now on.
   */
  readonly changes: Stream.Stream<Bubble>
  /**
   * Waits for a bubble, on the screen already or yet to come. Take care to say what is awaited: a stream that is still
   * growing satisfies `bubble.from === "bot"` but not `bubble.sealed`.
   */
  readonly awaitBubble: (predicate: (bubble: Bubble) => boolean) => Effect.Effect<Bubble>
  /**
   * Waits for the bot's answer to something sent before and returns it once it is sealed: the first bubble on that
   * `req_id`, the welcome to an `enter`, or the card that a `press` made the bot update. A push answers nothing; wait
   * for it with `awaitBubble`.
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
   * Chooses on a card and submits it. A list of option ids answers its first question.
   */
  readonly vote: (
    card: Bubble | string,
    selected: Selected | ReadonlyArray<string>,
    options?: SendOptions
  ) => Effect.Effect<Sent>
  /**
   * Rates a bubble, given itself or by feedback id. Dies when the bot gave the bubble no feedback id, for the chat shows
   * no rating there. The bot gets a `feedback_event`.
   */
  readonly feedback: (on: Bubble | string, feedback: Feedback, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * Makes the service push any other event, with its payload under its name.
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
   * Writes to the bot and waits for its answer: the first bubble on this message's `req_id`, once it is sealed. A bot
   * that answers with a push only is awaited in vain; use `sendText` and `awaitBubble` for it.
   */
  readonly say: (text: string) => Effect.Effect<Bubble>
  readonly sendText: (text: string, options?: SendOptions) => Effect.Effect<Sent>
  readonly sendImage: (image: MediaLink, options?: SendOptions) => Effect.Effect<Sent>
  readonly sendFile: (file: MediaLink, options?: SendOptions) => Effect.Effect<Sent>
  readonly sendVideo: (video: MediaLink, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * The service transcribes voice: the bot gets this text and nothing else.
   */
  readonly sendVoice: (transcript: string, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * A string is a text item, a link is an image item.
   */
  readonly sendMixed: (items: ReadonlyArray<string | MediaLink>, options?: SendOptions) => Effect.Effect<Sent>
  /**
   * Quotes something and writes below it.
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
   * Quotes something and mentions the bot below it: how a file or an image reaches a bot in a group.
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
   * Who is in it, by userid.
   */
  readonly members: Effect.Effect<ReadonlyArray<string>>
  /**
   * A member of the group, who joins it if necessary.
   */
  readonly member: (userid: string) => Member
  /**
   * The group's chat as it looks now, without the cards that an update showed to some members only.
   */
  readonly screen: Effect.Effect<ReadonlyArray<Bubble>>
  /**
   * Waits for a bubble, on the screen already or yet to come.
   */
  readonly awaitBubble: (predicate: (bubble: Bubble) => boolean) => Effect.Effect<Bubble>
}
