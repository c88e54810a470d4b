/**
 * The bot: one long connection that receives messages and events, and sends replies and pushes.
 *
 * Each layer opens one connection. Bind the layer to a constant: two layers, or one layer provided twice, open two
 * connections with the same bot id, and the service keeps only the newer one.
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
 * The options of `awaitReply` and `awaitCardAction`.
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
   * The bot as a value. Each member is documented at the function of this module with the same name.
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
      options?: { readonly reqId?: Frame.ReqId | undefined }
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
 * Every message, in order, each once. Messages that arrive before the first subscription are held, at most
 * `inboxSize` of them, and go to the first subscriber. A subscriber that lags behind by more than `inboxSize`
 * messages loses the oldest, and the loss is counted. Fails when the bot is closed for good.
 *
 * @since 0.1.0
 * @category incoming
 */
export const messages: Stream.Stream<Message.Message, ConnectionError, WecomBot> = Stream.unwrap(
  Effect.map(WecomBot, (bot) => bot.messages)
)

/**
 * The messages of one type. It is a subscription to `messages` that skips the other types.
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
 * Every event, in order, each once. Events are held and dropped as `messages` are.
 *
 * @since 0.1.0
 * @category incoming
 */
export const events: Stream.Stream<BotEvent.BotEvent, ConnectionError, WecomBot> = Stream.unwrap(
  Effect.map(WecomBot, (bot) => bot.events)
)

/**
 * The events of one type. It is a subscription to `events` that skips the other types.
 *
 * @since 0.1.0
 * @category incoming
 */
export const eventsOf = <T extends BotEvent.EventType>(
  eventtype: T
): Stream.Stream<BotEvent.OfType<T>, ConnectionError, WecomBot> => Stream.filter(events, BotEvent.isType(eventtype))

/**
 * The current status of the connection.
 *
 * @since 0.1.0
 * @category connection
 */
export const status: Effect.Effect<Connection.Status, never, WecomBot> = Effect.flatMap(WecomBot, (bot) => bot.status)

/**
 * The current status of the connection, then every change.
 *
 * @since 0.1.0
 * @category connection
 */
export const statusChanges: Stream.Stream<Connection.Status, never, WecomBot> = Stream.unwrap(
  Effect.map(WecomBot, (bot) => bot.statusChanges)
)

/**
 * Succeeds as soon as the bot is subscribed. Fails when the bot is closed for good before that. Sends do not need it:
 * they wait for the subscription themselves, for at most `unavailableTimeout`. When the Scope of the bot closes,
 * fibers that wait here are interrupted.
 *
 * @since 0.1.0
 * @category connection
 */
export const ready: Effect.Effect<void, ConnectionError, WecomBot> = Effect.flatMap(WecomBot, (bot) => bot.ready)

/**
 * Fails when the bot is closed for good. Use it beside handlers that run in layers: the failure of a fiber forked by
 * a layer is not reported anywhere else.
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
 * Forks a handler that the bot waits for when it closes: the handler may run for another `drainTimeout`, and its
 * frames are still sent. `BotRouter` runs every handler this way.
 *
 * @since 0.1.0
 * @category connection
 */
export const forkHandler = <A, E, R>(
  handler: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, WecomBot | R> =>
  Effect.flatMap(WecomBot, (bot) => bot.forkHandler(handler))

/**
 * Waits for the next message of a conversation, or for the next one that satisfies a predicate, so that a handler can
 * ask a question and continue. Only the waiting fiber receives the message: it does not reach streams or routes, so a
 * handler does not block itself under the overlap `"queue"`.
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
 * Waits for the next press on the card with this `task_id`. Only the waiting fiber receives the event.
 *
 * @example
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { type Message, type TemplateCard, WecomBot } from "effect-wecom"
 *
 * const decide = (message: Message.Message, card: TemplateCard.ButtonInteraction) =>
 *   Effect.gen(function*() {
 *     // Waits before the card is sent, so that no press is missed.
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
 * Sends a command this library does not know, and returns its ack. The body is not checked. Frames with the same
 * `reqId` are sent in order; without a `reqId` a new one is generated.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const command = (
  cmd: string,
  body?: unknown,
  options?: { readonly reqId?: Frame.ReqId | undefined }
): Effect.Effect<Frame.Ack, SendError, WecomBot> => Effect.flatMap(WecomBot, (bot) => bot.command(cmd, body, options))

/**
 * Answers a message with a body from `Reply`, within 24 h. Plain text is for welcomes only (40008): use
 * `Reply.markdown`. A message can be answered this way once (846606), so with `split` the first piece is the reply
 * and the others are pushed. WeCom doc 101463.
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
 * Answers a message with a bubble that grows with the Stream. The bubble is sealed however the answer ends: done,
 * failed, interrupted, or because the bot closes. While a snapshot waits for its ack, deltas are merged into the next
 * one, so the final frame waits for at most one snapshot.
 *
 * When a bubble reaches 20480 bytes of UTF-8 or ten minutes, the answer continues in a new bubble. When the service
 * accepts no more frames of the answer, the text that is known to be missing on screen is pushed to the same chat.
 * Temporary refusals are retried after a pause.
 *
 * Succeeds with a receipt only when the service acked every part with 0. Fails as `DeliveryUnknown` when the delivery
 * cannot be known. A failure of the Stream stays in the error channel; before that, the bubble is sealed with a
 * notice. WeCom doc 101031.
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
 * Sends one frame of a stream. `content` is the whole text so far, at most 20480 bytes of UTF-8. The first frame of
 * an `id` opens the bubble. `finish: true` seals it and requires a visible character. A stream accepts frames for ten
 * minutes. WeCom doc 101031.
 *
 * @since 0.1.0
 * @category outgoing
 */
export const replyStreamFrame = (
  to: Answerable,
  frame: Reply.StreamOptions
): Effect.Effect<Frame.Ack, SendError, WecomBot> => Effect.flatMap(WecomBot, (bot) => bot.replyStreamFrame(to, frame))

/**
 * `replyStreamFrame`, unless an earlier frame for this message still waits for its ack: then nothing is sent and the
 * result is `None`. A frame with `finish: true` is always sent.
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
 * Sends one frame of a stream together with a card. A message accepts one card this way. The official SDK offers this
 * command; the documentation says that the long connection does not support it (WeCom doc 101031).
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
 * Welcomes a user who opened the chat. The body is from `Reply.text` or `Reply.templateCard`. Accepted within 5 s of the
 * event. WeCom doc 101027.
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
 * Replaces the card that was pressed, within 5 s of the event, for all users or for `userids` only. The new card must
 * keep the `task_id` of the event, which is filled in when absent. WeCom doc 101032.
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
 * Pushes a message to a chat in which a user has written to the bot before: markdown, a card, or media. A push cannot
 * be recalled or edited, so it is not sent again after a lost connection but fails as `DeliveryUnknown`. WeCom doc
 * 101463.
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
 * Requests an image, file or video that a user sent, given as the message, as its media, or as a link with its key.
 * Succeeds when the response headers arrive. The result is read as a Stream, as bytes, or into a file, and decrypted
 * while it is read. A link is valid for five minutes. See `MediaDownload`. WeCom doc 100719.
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
 * Uploads bytes, or a Stream of known size, and succeeds with a media id that can be sent for three days. An upload
 * that breaks a limit of the service fails as `SendInvalid` before the first frame. See `MediaUpload`. WeCom doc
 * 101463.
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

/** Options that throw when they are read pass through: the upload refuses them. */
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
 * `uploadMedia` for a file, read chunk by chunk. The default `filename` is the last segment of the path.
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
 * `uploadMedia` as a Stream of its progress. The last element carries the result as `media`. Ending the Stream ends
 * the upload.
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
 * Answers a message with uploaded media. A video takes a title and a description. WeCom doc 101463.
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
 * Pushes uploaded media to a chat, as `sendMessage` does. WeCom doc 101463.
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
 * The bot with all of its services left open, so that each can be replaced. Provided with the `layer` of each
 * service, it is the bot that `layer` makes.
 *
 * The layers of the services are constants, and a constant is built once in a graph of layers: two bots in one graph
 * would share one connection. Wrap each bot, with its services, in `Layer.fresh`.
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
 * The services that can be replaced by a layer in the second argument of `make` and `layer`. Each has a default
 * `layer`. A layer given there is built for this bot alone and shared with nothing else in the program.
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
 * A bot as a value that lives as long as its Scope, over any WebSocket and any HTTP client: the bot that `layer`
 * makes. Use it in programs that hold many bots, or open and close them at run time: what a layer retains for sharing
 * takes a third of the memory of an idle bot.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make(
  options: BotConfig.Options
): Effect.Effect<WecomBot.Service, ConfigError.ConfigError, Requirements | Scope.Scope>
/**
 * The same, with these policies instead of the default ones.
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
 * A bot with these options, over any WebSocket and any HTTP client. An invalid option fails the layer with a
 * `ConfigError`. The second argument replaces default policies.
 *
 * @example
 * ```ts
 * import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
 * import * as Socket from "@effect/platform/Socket"
 * import { Layer, Redacted } from "effect"
 * import { Governor, WecomBot } from "effect-wecom"
 *
 * // The WebSocket and the fetch of the runtime: no ws, no CA, no proxy. Sends do not wait for quotas.
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
 * The same, with these policies instead of the default ones.
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
 * A bot whose options come from `Config`, over any WebSocket and any HTTP client.
 *
 * @since 0.1.0
 * @category layers
 */
export function layerConfig(
  options: Config.Config.Wrap<BotConfig.Options>
): Layer.Layer<WecomBot, ConfigError.ConfigError, Requirements>
/**
 * The same, with these policies instead of the default ones.
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
