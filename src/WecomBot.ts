/**
 * A bot: one long connection, messages and events in, replies and pushes out.
 *
 * A layer is a connection. Bind it to a constant: two layers, or one layer built twice, are two connections with the same bot
 * id, of which the service ends the older.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Socket from "@effect/platform/Socket"
import type * as Cause from "effect/Cause"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type {
  Addressable,
  Answerable,
  AnswerPart,
  LateOptions,
  Receipt,
  ReplyOptions,
  ReplyStreamOptions,
  SplitOptions
} from "./Answer.js"
import * as BotConfig from "./BotConfig.js"
import * as BotEvent from "./BotEvent.js"
import type * as Connection from "./Connection.js"
import type * as Crypto from "./Crypto.js"
import type * as Dedupe from "./Dedupe.js"
import type * as Frame from "./Frame.js"
import type * as Governor from "./Governor.js"
import type * as Heartbeat from "./Heartbeat.js"
import * as compose from "./internal/bot/compose.js"
import { unwrap } from "./internal/checks/unwrap.js"
import type * as MediaDownload from "./MediaDownload.js"
import * as MediaUpload from "./MediaUpload.js"
import * as Message from "./Message.js"
import type * as Reconnect from "./Reconnect.js"
import type * as Reply from "./Reply.js"
import type * as ReplyQueue from "./ReplyQueue.js"
import type * as ReplyTarget from "./ReplyTarget.js"
import type * as TemplateCard from "./TemplateCard.js"
import type {
  ConnectionError,
  DecryptFailed,
  DownloadFailed,
  SendError,
  SendInvalid,
  UploadFailed
} from "./WecomError.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Addressable,
  /**
   * @since 0.1.0
   * @category models
   */
  Answerable,
  /**
   * @since 0.1.0
   * @category models
   */
  AnswerPart,
  /**
   * @since 0.1.0
   * @category models
   */
  DeliveredPart,
  /**
   * @since 0.1.0
   * @category models
   */
  LateOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  Receipt,
  /**
   * @since 0.1.0
   * @category models
   */
  ReplyOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  ReplyStreamOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  SplitOptions
} from "./Answer.js"

/**
 * How long to wait.
 *
 * @since 0.1.0
 * @category models
 */
export interface AwaitOptions {
  /** How long to wait before failing with a `TimeoutException`. Default 5 minutes. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace WecomBot {
  /**
   * A bot as a value. The functions of this module have the same names, with the bot as a requirement, and document each
   * member.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly messages: Stream.Stream<Message.Message, ConnectionError>
    readonly events: Stream.Stream<BotEvent.BotEvent, ConnectionError>
    readonly status: Effect.Effect<Connection.Status>
    readonly statusChanges: Stream.Stream<Connection.Status>
    readonly ready: Effect.Effect<void, ConnectionError>
    readonly closed: Effect.Effect<never, ConnectionError>
    readonly forkHandler: <A, E, R>(
      handler: Effect.Effect<A, E, R>
    ) => Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R>
    readonly awaitReply: (
      from: Addressable,
      predicate?: (message: Message.Message) => boolean,
      options?: AwaitOptions
    ) => Effect.Effect<Message.Message, Cause.TimeoutException | ConnectionError | SendInvalid>
    readonly awaitCardAction: (
      taskId: string,
      options?: AwaitOptions
    ) => Effect.Effect<BotEvent.TemplateCardEvent, Cause.TimeoutException | ConnectionError | SendInvalid>
    readonly command: (
      cmd: string,
      body?: unknown,
      options?: { readonly reqId?: string | undefined }
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly reply: (
      to: Answerable,
      body: Reply.ReplyBody,
      options?: ReplyOptions
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly replyStream: <E = never, R = never>(
      to: Answerable,
      content: string | Stream.Stream<AnswerPart, E, R>,
      options?: ReplyStreamOptions<E>
    ) => Effect.Effect<Receipt, SendError | E, R>
    readonly replyStreamFrame: (to: Answerable, frame: Reply.StreamOptions) => Effect.Effect<Frame.Ack, SendError>
    readonly replyStreamFrameIfIdle: (
      to: Answerable,
      frame: Reply.StreamOptions
    ) => Effect.Effect<Option.Option<Frame.Ack>, SendError>
    readonly replyStreamWithCard: (
      to: Answerable,
      frame: Reply.StreamWithCardOptions
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly replyTemplateCard: (
      to: Answerable,
      card: TemplateCard.TemplateCard,
      options?: LateOptions & { readonly feedback?: Reply.Feedback | undefined }
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly replyWelcome: (
      to: BotEvent.EnterChat | ReplyTarget.EnterChatTarget,
      body: Reply.WelcomeBody,
      options?: LateOptions
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly updateTemplateCard: (
      to: BotEvent.TemplateCardEvent | ReplyTarget.CardTarget,
      card: TemplateCard.TemplateCard,
      options?: LateOptions & { readonly userids?: ReadonlyArray<string> | undefined }
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly sendMessage: (
      to: Addressable,
      body: Reply.PushBody,
      options?: SplitOptions
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly downloadFile: MediaDownload.MediaDownload.Service["download"]
    readonly uploadMedia: MediaUpload.MediaUpload.Service["upload"]
    readonly replyMedia: (
      to: Answerable,
      media: MediaUpload.Sendable,
      options?: MediaUpload.VideoOptions
    ) => Effect.Effect<Frame.Ack, SendError>
    readonly sendMediaMessage: (
      to: Addressable,
      media: MediaUpload.Sendable,
      options?: MediaUpload.VideoOptions
    ) => Effect.Effect<Frame.Ack, SendError>
  }
}

/**
 * The bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class WecomBot extends Context.Tag("effect-wecom/WecomBot")<WecomBot, WecomBot.Service>() {}

/**
 * Every message, in order and without duplicates. Messages before the first subscription are held (at most `inboxSize`) for it.
 * A subscriber that lags behind by more than `inboxSize` loses the oldest messages, which are counted. Fails when the bot is
 * closed for good.
 *
 * @since 0.1.0
 * @category incoming
 */
export const messages: Stream.Stream<Message.Message, ConnectionError, WecomBot> = Stream.unwrap(
  Effect.map(WecomBot, (bot) => bot.messages)
)

/**
 * `messages` of one type. Each use is a subscription of its own.
 *
 * @example
 * ```ts
 * import { Stream } from "effect"
 * import { WecomBot } from "effect-wecom"
 *
 * const program = Stream.runForEach(
 *   WecomBot.messagesOf("text"),
 *   (message) => WecomBot.replyStream(message, message.text.content)
 * )
 * ```
 *
 * @since 0.1.0
 * @category incoming
 */
export const messagesOf = <T extends Message.MsgType>(
  msgtype: T
): Stream.Stream<Message.OfType<T>, ConnectionError, WecomBot> => Stream.filter(messages, Message.isType(msgtype))

/**
 * Every event, in order and without duplicates; held and dropped like `messages`.
 *
 * @since 0.1.0
 * @category incoming
 */
export const events: Stream.Stream<BotEvent.BotEvent, ConnectionError, WecomBot> = Stream.unwrap(
  Effect.map(WecomBot, (bot) => bot.events)
)

/**
 * `events` of one type. Each use is a subscription of its own.
 *
 * @since 0.1.0
 * @category incoming
 */
export const eventsOf = <T extends BotEvent.EventType>(
  eventtype: T
): Stream.Stream<BotEvent.OfType<T>, ConnectionError, WecomBot> => Stream.filter(events, BotEvent.isType(eventtype))

/**
 * The status of the connection.
 *
 * @since 0.1.0
 * @category connection
 */
export const status: Effect.Effect<Connection.Status, never, WecomBot> = Effect.flatMap(WecomBot, (bot) => bot.status)

/**
 * The status of the connection now, then every change.
 *
 * @since 0.1.0
 * @category connection
 */
export const statusChanges: Stream.Stream<Connection.Status, never, WecomBot> = Stream.unwrap(
  Effect.map(WecomBot, (bot) => bot.statusChanges)
)

/**
 * Succeeds as soon as the bot is subscribed, and fails when it is closed for good before that. A send needs no `ready`: it
 * waits by itself, for `unavailableTimeout`. After the Scope of the bot has closed, an effect that waits is interrupted.
 *
 * @since 0.1.0
 * @category connection
 */
export const ready: Effect.Effect<void, ConnectionError, WecomBot> = Effect.flatMap(WecomBot, (bot) => bot.ready)

/**
 * Fails when the bot is closed for good. Run it beside handlers that run in layers: a layer does not fail when a fiber that it
 * forked fails.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { BotRouter, WecomBot } from "effect-wecom"
 *
 * declare const router: BotRouter.BotRouter
 *
 * // The program ends when the bot does.
 * const program = Effect.provide(WecomBot.closed, BotRouter.layer(router))
 * ```
 *
 * @since 0.1.0
 * @category connection
 */
export const closed: Effect.Effect<never, ConnectionError, WecomBot> = Effect.flatMap(WecomBot, (bot) => bot.closed)

/**
 * Forks a handler that the close of the bot waits for: it can run and send for up to `drainTimeout`. `BotRouter` runs every
 * handler this way.
 *
 * @since 0.1.0
 * @category connection
 */
export const forkHandler = <A, E, R>(
  handler: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, WecomBot | R> =>
  Effect.flatMap(WecomBot, (bot) => bot.forkHandler(handler))

/**
 * Waits for the next message of a conversation, or the next that a predicate takes, so that a handler can ask a question. The
 * message is taken: streams and routes do not get it, so that a handler in a queue cannot wait for itself.
 *
 * @since 0.1.0
 * @category incoming
 */
export const awaitReply: {
  <A extends Message.Message>(
    from: Addressable,
    refinement: (message: Message.Message) => message is A,
    options?: AwaitOptions
  ): Effect.Effect<A, Cause.TimeoutException | ConnectionError | SendInvalid, WecomBot>
  (
    from: Addressable,
    predicate?: (message: Message.Message) => boolean,
    options?: AwaitOptions
  ): Effect.Effect<Message.Message, Cause.TimeoutException | ConnectionError | SendInvalid, WecomBot>
} = (
  from: Addressable,
  predicate?: (message: Message.Message) => boolean,
  options?: AwaitOptions
): Effect.Effect<never, Cause.TimeoutException | ConnectionError | SendInvalid, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.awaitReply(from, predicate, options)) as Effect.Effect<
    never,
    Cause.TimeoutException | ConnectionError | SendInvalid,
    WecomBot
  >

/**
 * Waits for the next press on the card with this `task_id`. The event is taken: streams and routes do not get it.
 *
 * @example
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { type Message, type TemplateCard, WecomBot } from "effect-wecom"
 *
 * const decide = (message: Message.Message, card: TemplateCard.ButtonInteraction) =>
 *   Effect.gen(function*() {
 *     // Waits before the card is there, so that no press can be missed.
 *     const press = yield* Effect.fork(WecomBot.awaitCardAction(card.task_id, { timeout: "10 minutes" }))
 *     yield* WecomBot.replyTemplateCard(message, card)
 *     return (yield* Fiber.join(press)).event.template_card_event.event_key
 *   })
 * ```
 *
 * @since 0.1.0
 * @category incoming
 */
export const awaitCardAction = (
  taskId: string,
  options?: AwaitOptions
): Effect.Effect<BotEvent.TemplateCardEvent, Cause.TimeoutException | ConnectionError | SendInvalid, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.awaitCardAction(taskId, options))

/**
 * Sends any command, and succeeds with its ack. The body is not checked. Frames of one `reqId` are sent in order. Without one a
 * new id is made.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const command = (
  cmd: string,
  body?: unknown,
  options?: { readonly reqId?: string | undefined }
): Effect.Effect<Frame.Ack, SendError, WecomBot> => Effect.flatMap(WecomBot, (bot) => bot.command(cmd, body, options))

/**
 * Answers a message with a body from `Reply`, within 24 h. Plain text is for welcomes only (40008): use `Reply.markdown`. A
 * message takes one such answer (846606), so the further pieces of a split one are pushed. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const reply = (
  to: Answerable,
  body: Reply.ReplyBody,
  options?: ReplyOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> => Effect.flatMap(WecomBot, (bot) => bot.reply(to, body, options))

/**
 * Answers a message with a bubble that grows with the Stream and is sealed however the Stream ends: with success, a failure, an
 * interruption, or the close of the bot. While a frame waits for its ack later deltas are joined, so the final waits for one
 * snapshot at most.
 *
 * An answer of more than 20480 bytes of UTF-8 or ten minutes continues in the next bubble. When the service takes no more
 * frames of it, the text that is not certainly on screen is pushed to the same chat. Temporary refusals are retried.
 *
 * Succeeds with a receipt only when every part was acked with 0, and fails as `DeliveryUnknown` when that cannot be known. A
 * failure of the Stream stays in the error channel, after the bubble is sealed with a notice. WeCom doc 101031.
 *
 * @example
 * ```ts
 * import { Schedule, Stream } from "effect"
 * import { type Message, WecomBot } from "effect-wecom"
 *
 * declare const message: Message.Message
 *
 * const words = Stream.schedule(Stream.make("one ", "two ", "three"), Schedule.spaced("1 second"))
 * const answer = WecomBot.replyStream(message, words, { feedback: { id: message.msgid } })
 * ```
 *
 * @since 0.1.0
 * @category outgoing
 */
export const replyStream = <E = never, R = never>(
  to: Answerable,
  content: string | Stream.Stream<AnswerPart, E, R>,
  options?: ReplyStreamOptions<E>
): Effect.Effect<Receipt, SendError | NoInfer<E>, WecomBot | NoInfer<R>> =>
  Effect.flatMap(WecomBot, (bot) => bot.replyStream(to, content, options))

/**
 * Sends one frame of a stream: its whole content so far, at most 20480 bytes. The first frame of an `id` opens the bubble;
 * `finish: true` seals it and needs a visible character. A stream takes frames for ten minutes. WeCom doc 101031.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const replyStreamFrame = (
  to: Answerable,
  frame: Reply.StreamOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> => Effect.flatMap(WecomBot, (bot) => bot.replyStreamFrame(to, frame))

/**
 * `replyStreamFrame` that sends nothing, and succeeds with `None`, while an earlier frame of this message waits for its ack. A
 * frame with `finish: true` is always sent.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const replyStreamFrameIfIdle = (
  to: Answerable,
  frame: Reply.StreamOptions
): Effect.Effect<Option.Option<Frame.Ack>, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.replyStreamFrameIfIdle(to, frame))

/**
 * Sends one frame of a stream together with a card, which a message takes once. The official SDK offers this; the
 * documentation calls it unsupported on the long connection (WeCom doc 101031).
 *
 * @since 0.1.0
 * @category outgoing
 */
export const replyStreamWithCard = (
  to: Answerable,
  frame: Reply.StreamWithCardOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.replyStreamWithCard(to, frame))

/**
 * Answers a message with a template card. WeCom doc 101032.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const replyTemplateCard = (
  to: Answerable,
  card: TemplateCard.TemplateCard,
  options?: LateOptions & { readonly feedback?: Reply.Feedback | undefined }
): Effect.Effect<Frame.Ack, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.replyTemplateCard(to, card, options))

/**
 * Greets a user who opened the chat, with `Reply.text` or `Reply.templateCard`, within 5 s of the event. WeCom doc 101027.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const replyWelcome = (
  to: BotEvent.EnterChat | ReplyTarget.EnterChatTarget,
  body: Reply.WelcomeBody,
  options?: LateOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.replyWelcome(to, body, options))

/**
 * Replaces the card that was pressed, within 5 s of the event, for all users or for `userids`. The new card must have the
 * `task_id` of the event, which is filled in when absent. WeCom doc 101032.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { type BotEvent, TemplateCard, WecomBot } from "effect-wecom"
 *
 * const thank = (event: BotEvent.TemplateCardEvent) =>
 *   Effect.gen(function*() {
 *     const card = yield* TemplateCard.textNotice({
 *       main_title: { title: "Thank you" },
 *       card_action: { type: 1, url: "https://example.com" }
 *     })
 *     yield* WecomBot.updateTemplateCard(event, card)
 *   })
 * ```
 *
 * @since 0.1.0
 * @category outgoing
 */
export const updateTemplateCard = (
  to: BotEvent.TemplateCardEvent | ReplyTarget.CardTarget,
  card: TemplateCard.TemplateCard,
  options?: LateOptions & { readonly userids?: ReadonlyArray<string> | undefined }
): Effect.Effect<Frame.Ack, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.updateTemplateCard(to, card, options))

/**
 * Pushes a message to a chat in which a user has written to the bot before: markdown, a card, or media. A push cannot be
 * recalled or edited, so after a lost connection it is not sent again but fails as `DeliveryUnknown`. WeCom doc 101463.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Chat, Reply, WecomBot } from "effect-wecom"
 *
 * const notify = WecomBot.sendMessage(Chat.group("chatid"), Reply.markdown("**Deployed.**")).pipe(
 *   Effect.catchTag("DeliveryUnknown", () => Effect.logWarning("it may have arrived: not sent again"))
 * )
 * ```
 *
 * @since 0.1.0
 * @category outgoing
 */
export const sendMessage = (
  to: Addressable,
  body: Reply.PushBody,
  options?: SplitOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.sendMessage(to, body, options))

/**
 * Requests an image, file or video that a user sent, given as the message, as its media, or as a link with its key. Succeeds
 * when the headers have arrived; the result reads the decrypted content as a Stream, as bytes, or into a file. A link lives
 * five minutes. See `MediaDownload`. WeCom doc 100719.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { type Message, WecomBot } from "effect-wecom"
 *
 * const save = (message: Message.FileMessage) =>
 *   Effect.flatMap(WecomBot.downloadFile(message), (file) => file.writeTo(`/tmp/${file.filename ?? "file"}`))
 * ```
 *
 * @since 0.1.0
 * @category media
 */
export const downloadFile = (
  source: MediaDownload.Source,
  options?: MediaDownload.Options
): Effect.Effect<MediaDownload.Download, DownloadFailed | DecryptFailed, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.downloadFile(source, options))

/**
 * Uploads bytes, or a Stream with its size, and succeeds with a media id that can be sent for three days. A file that the
 * service would refuse fails as `SendInvalid` before the first frame. See `MediaUpload`. WeCom doc 101463.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { type Message, WecomBot } from "effect-wecom"
 *
 * const sendReport = (message: Message.Message) =>
 *   Effect.gen(function*() {
 *     const bytes = new TextEncoder().encode("day,visits\n1,100\n")
 *     const media = yield* WecomBot.uploadMedia(bytes, { type: "file", filename: "report.csv" })
 *     yield* WecomBot.replyMedia(message, media)
 *   })
 * ```
 *
 * @since 0.1.0
 * @category media
 */
export const uploadMedia = <E = never, R = never, E2 = never, R2 = never>(
  source: MediaUpload.Source<E, R>,
  options: MediaUpload.Options<E2, R2>
): Effect.Effect<
  MediaUpload.Uploaded,
  UploadFailed | SendInvalid | NoInfer<E | E2>,
  WecomBot | NoInfer<R | R2>
> => Effect.flatMap(WecomBot, (bot) => bot.uploadMedia(source, options))

/** Options that cannot be read are passed on to the upload, which refuses them. */
const named = <E, R>(
  options: Omit<MediaUpload.Options<E, R>, "filename"> & { readonly filename?: string | undefined },
  path: string
): MediaUpload.Options<E, R> => {
  if (typeof options !== "object") return options
  try {
    const read = { ...options }
    return { ...read, filename: read.filename ?? MediaUpload.basename(path) }
  } catch {
    return options as MediaUpload.Options<E, R>
  }
}

/**
 * `uploadMedia` for a file, chunk by chunk. Without a `filename` it is the last segment of the path.
 *
 * @since 0.1.0
 * @category media
 */
export const uploadMediaFile = <E = never, R = never>(
  path: string,
  options: Omit<MediaUpload.Options<E, R>, "filename"> & { readonly filename?: string | undefined }
): Effect.Effect<
  MediaUpload.Uploaded,
  UploadFailed | SendInvalid | PlatformError | NoInfer<E>,
  WecomBot | FileSystem.FileSystem | NoInfer<R>
> =>
  Effect.flatMap(
    MediaUpload.fromFile(path),
    (source) => uploadMedia(source, named(options, path))
  )

/**
 * `uploadMedia` as a Stream of its progress. The last element has the result, as `media`. Ending the Stream ends the upload.
 *
 * @since 0.1.0
 * @category media
 */
export const uploadMediaProgress = <E = never, R = never, E2 = never, R2 = never>(
  source: MediaUpload.Source<E, R>,
  options: MediaUpload.Options<E2, R2>
): Stream.Stream<MediaUpload.Step, UploadFailed | SendInvalid | NoInfer<E | E2>, WecomBot | NoInfer<R | R2>> =>
  MediaUpload.steps(options, (options) => uploadMedia(source, options))

/**
 * Answers a message with an uploaded file. A video takes a title and a description. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const replyMedia = (
  to: Answerable,
  media: MediaUpload.Sendable,
  options?: MediaUpload.VideoOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.replyMedia(to, media, options))

/**
 * Pushes an uploaded file to a chat, as `sendMessage` does. WeCom doc 101463.
 *
 * @since 0.1.0
 * @category media
 */
export const sendMediaMessage = (
  to: Addressable,
  media: MediaUpload.Sendable,
  options?: MediaUpload.VideoOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> =>
  Effect.flatMap(WecomBot, (bot) => bot.sendMediaMessage(to, media, options))

/**
 * A bot over its services, each of which can be replaced. With the `layer` of each of them it is the bot of `layer`.
 *
 * The layers of the services are constants, and a graph of layers builds a constant once, so two bots in one graph would share
 * a connection. Wrap each in `Layer.fresh`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithoutDependencies: Layer.Layer<
  WecomBot,
  never,
  | BotConfig.BotConfig
  | Connection.Connection
  | Crypto.Crypto
  | Dedupe.Dedupe
  | Governor.Governor
  | MediaDownload.MediaDownload
  | MediaUpload.MediaUpload
  | ReplyQueue.ReplyQueue
> = Layer.scoped(WecomBot, compose.ofContext)

/**
 * The services that can be replaced by policies. Each has a default `layer`. Layers that replace them are built for each bot
 * alone, and are not shared with the rest of the program.
 *
 * @since 0.1.0
 * @category layers
 */
export type Policy =
  | Crypto.Crypto
  | Dedupe.Dedupe
  | Governor.Governor
  | Heartbeat.Heartbeat
  | Reconnect.Reconnect

const open = <E, P extends Policy, E1, R1>(
  config: Effect.Effect<BotConfig.Resolved, E>,
  policies: Layer.Layer<P, E1, R1> | undefined
): Effect.Effect<WecomBot.Service, E | E1, Requirements | Exclude<R1, BotConfig.BotConfig> | Scope.Scope> =>
  Effect.flatMap(
    Effect.all([config, compose.networkOfContext]),
    ([config, network]) => compose.make(config, network, policies)
  )

type Requirements = Socket.WebSocketConstructor | HttpClient.HttpClient

/**
 * A bot as a value with the lifetime of its Scope, over any WebSocket and any HTTP client. For programs with many bots, or with
 * bots that come and go: a layer keeps a memo map, which is a third of the memory of an idle bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make(
  options: BotConfig.Options
): Effect.Effect<WecomBot.Service, ConfigError.ConfigError, Requirements | Scope.Scope>
/**
 * With these policies instead of the default ones.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make<P extends Policy, E, R>(
  options: BotConfig.Options,
  policies: Layer.Layer<P, E, R>
): Effect.Effect<
  WecomBot.Service,
  ConfigError.ConfigError | E,
  Requirements | Exclude<R, BotConfig.BotConfig> | Scope.Scope
>
export function make(options: BotConfig.Options, policies?: Layer.Layer<never, any, any>) {
  return open(Effect.suspend(() => BotConfig.resolve(options)), policies)
}

/**
 * A bot with these options, over any WebSocket and any HTTP client. An invalid option fails the layer with a `ConfigError`. The
 * second argument replaces default policies.
 *
 * @example
 * ```ts
 * import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
 * import * as Socket from "@effect/platform/Socket"
 * import { Layer, Redacted } from "effect"
 * import { Governor, WecomBot } from "effect-wecom"
 *
 * // The WebSocket and the fetch of the runtime: without ws, CA and proxy, and without a quota.
 * const bot = WecomBot.layer({ botId: "aib…", secret: Redacted.make("…") }, Governor.layerUnlimited).pipe(
 *   Layer.provide([Socket.layerWebSocketConstructorGlobal, FetchHttpClient.layer])
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export function layer(options: BotConfig.Options): Layer.Layer<WecomBot, ConfigError.ConfigError, Requirements>
/**
 * With these policies instead of the default ones.
 *
 * @since 0.1.0
 * @category layers
 */
export function layer<P extends Policy, E, R>(
  options: BotConfig.Options,
  policies: Layer.Layer<P, E, R>
): Layer.Layer<WecomBot, ConfigError.ConfigError | E, Requirements | Exclude<R, BotConfig.BotConfig>>
export function layer(options: BotConfig.Options, policies?: Layer.Layer<never, any, any>) {
  return Layer.scoped(WecomBot, open(Effect.suspend(() => BotConfig.resolve(options)), policies))
}

/**
 * A bot whose options come from `Config`, over any WebSocket and any HTTP.
 *
 * @since 0.1.0
 * @category layers
 */
export function layerConfig(
  options: Config.Config.Wrap<BotConfig.Options>
): Layer.Layer<WecomBot, ConfigError.ConfigError, Requirements>
/**
 * With these policies instead of the default ones.
 *
 * @since 0.1.0
 * @category layers
 */
export function layerConfig<P extends Policy, E, R>(
  options: Config.Config.Wrap<BotConfig.Options>,
  policies: Layer.Layer<P, E, R>
): Layer.Layer<WecomBot, ConfigError.ConfigError | E, Requirements | Exclude<R, BotConfig.BotConfig>>
export function layerConfig(
  options: Config.Config.Wrap<BotConfig.Options>,
  policies?: Layer.Layer<never, any, any>
) {
  return Layer.scoped(WecomBot, open(Effect.flatMap(unwrap(options), BotConfig.resolve), policies))
}
