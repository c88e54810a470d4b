import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"

/** @internal */
export const defaultBotId = "aib-test-bot"

/** @internal */
export const defaultSecret: Redacted.Redacted = Redacted.make("test-secret")

/**
 * The options of the gateway, all of them optional. The switches are for behaviour of the real service that is undocumented or
 * differs between sources, so that a bot can be tried against both.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /**
   * The bot id that the gateway accepts. Default: `TestGateway.defaultBotId`.
   */
  readonly botId?: string | undefined
  /**
   * The secret of `botId`. Default: `TestGateway.defaultSecret`.
   */
  readonly secret?: Redacted.Redacted | string | undefined
  /**
   * The name users see and mention in groups (`@Bot …`). Default: `"Bot"`.
   */
  readonly botName?: string | undefined
  /**
   * Further bots of the same gateway. `TestGateway.user("alice", { botId })` writes to one of them. Default: none.
   */
  readonly otherBots?:
    | ReadonlyArray<{
      readonly botId: string
      readonly secret: Redacted.Redacted | string
      readonly botName?: string | undefined
    }>
    | undefined
  /**
   * The delay of every ack. With zero the gateway answers synchronously, so that a test need not advance its clock. Default:
   * zero (the real service: 0.25 to 0.45 s).
   */
  readonly ackDelay?: Duration.DurationInput | undefined
  /**
   * How long a superseded connection stays half alive before it is closed without a close frame.
   * Default: 30 seconds (the real service: 2 to 313 s).
   */
  readonly supersededCloseAfter?: Duration.DurationInput | undefined
  /**
   * Closes a connection without a close frame after this time without a client frame. Default: never (the real limit is
   * unknown).
   */
  readonly idleLimit?: Duration.DurationInput | undefined
  /**
   * Pushes `{ cmd: "ping" }` to subscribed connections at this interval. Default: never (seen by one source).
   */
  readonly serverPing?: Duration.DurationInput | undefined
  /**
   * Whether a message that a user sends while the bot has no connection is lost, or delivered after the next subscribe.
   * Default: `"drop"`.
   */
  readonly offlineMessages?: "drop" | "redeliver" | undefined
  /**
   * Whether a callback can be answered over another connection. With `false` such answers are refused with 846605.
   * Default: `true`.
   */
  readonly reqIdSurvivesReconnect?: boolean | undefined
  /**
   * Whether a second frame on a `req_id` is refused with 6000 while the first one is not acked, which needs a
   * delayed ack (`ackDelay`, `acks.delay`, `acks.hold`). Default: `false`.
   */
  readonly refuseConcurrentFrames?: boolean | undefined
  /**
   * Whether a second answer to one `req_id` that is no stream is refused with 846606, as one source says, or accepted, as live
   * captures show. Default: `"accept"`.
   */
  readonly secondNonStreamResponse?: "refuse" | "accept" | undefined
  /**
   * Whether the final frame of a stream may carry images (`msg_item`). They are accepted and not shown, as live captures show.
   * With `false` they are refused with 40058. Default: `true`.
   */
  readonly acceptMsgItem?: boolean | undefined
  /**
   * Whether `stream_with_template_card` is accepted. The documentation says no, the official SDK offers it. With
   * `false` it is refused with 40008. Default: `true`.
   */
  readonly acceptStreamWithCard?: boolean | undefined
  /**
   * Whether a `media_id` that this bot has not uploaded, or more than 3 days ago, is refused with 40007 or accepted.
   * Default: `"refuse"`.
   */
  readonly unknownMedia?: "refuse" | "accept" | undefined
  /**
   * Whether messages have a `create_time`, which no live capture has. Default: `false`.
   */
  readonly createTime?: boolean | undefined
  /**
   * Whether `created_at` of an upload is a number, as in live captures, or a string, as in an example of the documentation.
   * Default: `"number"`.
   */
  readonly createdAt?: "number" | "string" | undefined
  /**
   * Whether refusals with 40058 come without `headers`, so that they name no frame. One live capture shows them so. Default:
   * `false`.
   */
  readonly unnamedRefusals?: boolean | undefined
  /**
   * Whether acks and callbacks are sent as binary frames, as some gateways in between do. Default: `false`.
   */
  readonly binaryFrames?: boolean | undefined
  /**
   * The longest text of a user in characters. A longer one arrives in several messages, as the client splits it near 4,000.
   * Default: any length.
   */
  readonly longestText?: number | undefined
  /**
   * Whether a `task_id` that one of the bot's cards already has is refused with 40058. Default: `true`.
   */
  readonly refuseRepeatedTaskId?: boolean | undefined
  /**
   * Whether every frame of a stream counts against the quota of its conversation, not only the first. Default: `false`.
   */
  readonly streamRefreshCounts?: boolean | undefined
  /**
   * Whether quotas are enforced: 30 messages a minute and 1000 an hour for each conversation, replies and pushes
   * together, and as many uploads for each bot.
   * Default: `true`.
   */
  readonly quotas?: boolean | undefined
  /**
   * How many chunks of uploads may be unacked on one connection. A further one is refused with -1, "system error". This needs
   * delayed acks (`ackDelay`). Default: any number.
   */
  readonly uploadBurstLimit?: number | undefined
  /**
   * Leaves `errcode`, or `errcode` and `errmsg`, out of the acks of accepted frames. Default: `"nothing"`.
   */
  readonly omitFromAcks?: "nothing" | "errcode" | "errcode and errmsg" | undefined
  /**
   * How many client frames `received` keeps, the newest. Default: 10000.
   */
  readonly receivedLimit?: number | undefined
}

/** @internal */
export interface ResolvedOptions {
  readonly bots: ReadonlyArray<{ readonly botId: string; readonly secret: string; readonly botName: string }>
  readonly ackDelay: number
  readonly supersededCloseAfter: number
  readonly idleLimit: number | undefined
  readonly serverPing: number | undefined
  readonly offlineMessages: "drop" | "redeliver"
  readonly reqIdSurvivesReconnect: boolean
  readonly refuseConcurrentFrames: boolean
  readonly secondNonStreamResponse: "refuse" | "accept"
  readonly acceptMsgItem: boolean
  readonly acceptStreamWithCard: boolean
  readonly unknownMedia: "refuse" | "accept"
  readonly createTime: boolean
  readonly createdAt: "number" | "string"
  readonly unnamedRefusals: boolean
  readonly binaryFrames: boolean
  readonly longestText: number
  readonly refuseRepeatedTaskId: boolean
  readonly streamRefreshCounts: boolean
  readonly quotas: boolean
  readonly uploadBurstLimit: number | undefined
  readonly omitFromAcks: "nothing" | "errcode" | "errcode and errmsg"
  readonly receivedLimit: number
}

const plain = (secret: Redacted.Redacted | string): string =>
  typeof secret === "string" ? secret : Redacted.value(secret)

const millisOrNever = (duration: Duration.DurationInput | undefined): number | undefined =>
  duration === undefined ? undefined : Duration.toMillis(duration)

/** @internal */
export const resolve = (options: Options = {}): ResolvedOptions => ({
  bots: [
    {
      botId: options.botId ?? defaultBotId,
      secret: plain(options.secret ?? defaultSecret),
      botName: options.botName ?? "Bot"
    },
    ...(options.otherBots ?? []).map((bot) => ({
      botId: bot.botId,
      secret: plain(bot.secret),
      botName: bot.botName ?? bot.botId
    }))
  ],
  ackDelay: Duration.toMillis(options.ackDelay ?? 0),
  supersededCloseAfter: Duration.toMillis(options.supersededCloseAfter ?? "30 seconds"),
  idleLimit: millisOrNever(options.idleLimit),
  serverPing: millisOrNever(options.serverPing),
  offlineMessages: options.offlineMessages ?? "drop",
  reqIdSurvivesReconnect: options.reqIdSurvivesReconnect ?? true,
  refuseConcurrentFrames: options.refuseConcurrentFrames ?? false,
  secondNonStreamResponse: options.secondNonStreamResponse ?? "accept",
  acceptMsgItem: options.acceptMsgItem ?? true,
  acceptStreamWithCard: options.acceptStreamWithCard ?? true,
  unknownMedia: options.unknownMedia ?? "refuse",
  createTime: options.createTime ?? false,
  createdAt: options.createdAt ?? "number",
  unnamedRefusals: options.unnamedRefusals ?? false,
  binaryFrames: options.binaryFrames ?? false,
  longestText: options.longestText ?? Infinity,
  refuseRepeatedTaskId: options.refuseRepeatedTaskId ?? true,
  streamRefreshCounts: options.streamRefreshCounts ?? false,
  quotas: options.quotas ?? true,
  uploadBurstLimit: options.uploadBurstLimit,
  omitFromAcks: options.omitFromAcks ?? "nothing",
  receivedLimit: options.receivedLimit ?? 10_000
})
