/**
 * The error codes of the long connection: the meaning of each, and how to react to it.
 *
 * Codes are matched by number only, because the service adds hints and addresses to `errmsg`.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import { adviceEn, cures } from "./internal/checks/cures.js"

/**
 * How to react to a code:
 *
 * - `none`: nothing, the frame succeeded
 * - `reconnect`: connect and subscribe again, then send again
 * - `push`: push a message, because the callback accepts no more replies
 * - `wait`: send again after a pause
 * - `split`: send smaller parts
 * - `resend`: send the latest snapshot again
 * - `fix`: correct the call
 * - `person`: an administrator must act in the WeCom admin console
 * - `terminal`: do not send it again, it cannot succeed
 *
 * @since 0.1.0
 * @category models
 */
export type Cure = "none" | "reconnect" | "push" | "wait" | "split" | "resend" | "fix" | "person" | "terminal"

/**
 * The languages of the texts.
 *
 * @since 0.1.0
 * @category models
 */
export type Language = "en" | "zh"

/**
 * One code. `meaning` and `advice` are sentences without a full stop, for log lines.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly code: number
  readonly cure: Cure
  readonly meaning: { readonly [L in Language]: string }
  readonly advice: { readonly [L in Language]: string }
}

/**
 * The frame was accepted.
 *
 * @since 0.1.0
 * @category codes
 */
export const ok = 0

/**
 * The backend is busy ("system error"). Also the answer to a burst of upload chunks.
 *
 * @since 0.1.0
 * @category codes
 */
export const systemError = -1

/**
 * Concurrent updates of one stream.
 *
 * @since 0.1.0
 * @category codes
 */
export const versionConflict = 6000

/**
 * The media_id is unknown or older than 3 days.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidMediaId = 40007

/**
 * The command does not accept this `msgtype`. `text` is for welcomes only.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidMsgType = 40008

/**
 * A card with no button, or with more than six.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidButtonCount = 40016

/**
 * A field has a value or type that the service does not accept.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidParameter = 40058

/**
 * The content check refused the text.
 *
 * @since 0.1.0
 * @category codes
 */
export const contentRefused = 40201

/**
 * More than 20480 bytes of content.
 *
 * @since 0.1.0
 * @category codes
 */
export const contentTooLarge = 45002

/**
 * Too many calls.
 *
 * @since 0.1.0
 * @category codes
 */
export const rateLimit = 45009

/**
 * Too many calls at once.
 *
 * @since 0.1.0
 * @category codes
 */
export const concurrencyLimit = 45033

/**
 * A push names no chat.
 *
 * @since 0.1.0
 * @category codes
 */
export const chatIdMissing = 86201

/**
 * The bot is not a member of the group.
 *
 * @since 0.1.0
 * @category codes
 */
export const notInGroup = 93001

/**
 * The chat does not exist, or its user has never written to the bot.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidChatId = 93006

/**
 * The bot id is unknown.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidBotId = 93019

/**
 * A push to this group is refused.
 *
 * @since 0.1.0
 * @category codes
 */
export const groupPushRefused = 600039

/**
 * The secret is wrong.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidSecret = 600041

/**
 * The window for answers to the callback has passed.
 *
 * @since 0.1.0
 * @category codes
 */
export const reqIdExpired = 846604

/**
 * The command cannot answer this `req_id`: it is unknown, or belongs to a callback of another kind.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidReqId = 846605

/**
 * The callback was already answered.
 *
 * @since 0.1.0
 * @category codes
 */
export const alreadyResponded = 846606

/**
 * Too many messages in the conversation: 30 a minute, 1000 an hour.
 *
 * @since 0.1.0
 * @category codes
 */
export const frequencyLimit = 846607

/**
 * The stream is older than 10 minutes, or sealed.
 *
 * @since 0.1.0
 * @category codes
 */
export const streamExpired = 846608

/**
 * The connection has no subscription.
 *
 * @since 0.1.0
 * @category codes
 */
export const notSubscribed = 846609

/**
 * Bot id or secret are wrong.
 *
 * @since 0.1.0
 * @category codes
 */
export const invalidCredentials = 853000

const entry = (
  code: number,
  meaningEn: string,
  meaningZh: string,
  adviceZh: string
): readonly [number, Entry] => {
  const [cure, adviceEn] = cures[code]!
  return [code, { code, cure, meaning: { en: meaningEn, zh: meaningZh }, advice: { en: adviceEn, zh: adviceZh } }]
}

const checkCredentialsZh = "请在企业微信管理后台核对 botId 与 secret"

const pushInsteadZh = "请改用 sendMessage 主动推送"

/**
 * Every known code: those of WeCom doc 101463, and codes observed on the live service.
 *
 * @since 0.1.0
 * @category table
 */
export const table: ReadonlyMap<number, Entry> = new Map([
  entry(ok, "ok", "成功", "无需处理"),
  entry(systemError, "the service is busy", "系统繁忙", "请稍候重试；上传分片时请降低并发"),
  entry(
    versionConflict,
    "racing updates of one stream",
    "同一流式消息的更新冲突",
    "请重新发送最新内容，同一 req_id 每次只发送一帧"
  ),
  entry(
    invalidMediaId,
    "the media_id is unknown or expired",
    "media_id 无效或已过期",
    "请重新上传文件：media_id 有效期为 3 天"
  ),
  entry(
    invalidMsgType,
    "this command does not take this msgtype",
    "该命令不支持此消息类型",
    "请更换 msgtype：text 仅用于欢迎语，回复和推送请使用 markdown"
  ),
  entry(invalidButtonCount, "wrong number of buttons", "按钮数量不合法", "请为卡片设置 1 至 6 个按钮"),
  entry(invalidParameter, "invalid parameter", "参数不合法", "请检查消息体：枚举须为整数，开关须为布尔值"),
  entry(contentRefused, "refused by the content check", "内容未通过安全审核", "相同内容会再次被拒绝，请更换内容"),
  entry(contentTooLarge, "the content is too large", "内容超出长度限制", "请拆分内容，每段不超过 20480 字节（UTF-8）"),
  entry(rateLimit, "too many calls", "调用频率超出限制", "请稍候再重新发送"),
  entry(concurrencyLimit, "too many calls at once", "调用并发超出限制", "请稍候重新发送，并降低并发"),
  entry(chatIdMissing, "the push names no chat", "缺少 chatid", "请填写 chatid：单聊填 userid，群聊填群的 chatid"),
  entry(notInGroup, "the bot is not in that group", "机器人不在该群聊中", "请先将机器人加入该群聊"),
  entry(
    invalidChatId,
    "there is no such chat, or its user never wrote to the bot",
    "会话不存在，或用户从未在该会话中向机器人发过消息",
    "请检查 chatid（区分大小写，单聊填 userid），并让用户先向机器人发送消息"
  ),
  entry(invalidBotId, "the bot id is unknown", "机器人 ID 不合法", checkCredentialsZh),
  entry(groupPushRefused, "a push to this group is refused", "不允许向该群主动推送", "请改为回复该群中的消息"),
  entry(invalidSecret, "the secret is wrong", "Secret 不正确", checkCredentialsZh),
  entry(reqIdExpired, "the callback can no longer be answered", "回调的回复时限已过", pushInsteadZh),
  entry(invalidReqId, "this command cannot answer this req_id", "该命令无法回复此 req_id", pushInsteadZh),
  entry(
    alreadyResponded,
    "the callback was answered before",
    "该回调已回复过",
    "同一回调只能回复一次，更多消息请用 sendMessage 推送"
  ),
  entry(
    frequencyLimit,
    "too many messages in this conversation",
    "该会话的消息频率超出限制",
    "请稍候重新发送：每个会话限 30 条/分钟、1000 条/小时"
  ),
  entry(
    streamExpired,
    "the stream is sealed or older than 10 minutes",
    "流式消息已结束或已超过 10 分钟",
    "请使用新的 stream id 继续，或用 sendMessage 推送剩余内容"
  ),
  entry(notSubscribed, "this connection is not subscribed", "该连接尚未订阅", "请重新连接并订阅，然后重新发送"),
  entry(
    invalidCredentials,
    "bot id or secret are wrong",
    "机器人 ID 或 Secret 不正确",
    checkCredentialsZh
  )
])

/**
 * The entry of a code, if it is known.
 *
 * @since 0.1.0
 * @category lookups
 */
export const lookup = (errcode: number): Option.Option<Entry> => Option.fromNullable(table.get(errcode))

/** At most 32 characters of a code; of any other value only its type. */
const shown = (errcode: unknown): string =>
  typeof errcode === "number" || typeof errcode === "string" ? String(errcode).slice(0, 32) : typeof errcode

/**
 * The meaning of a code in one sentence. For an unknown code the sentence names the code.
 *
 * @since 0.1.0
 * @category lookups
 */
export const meaning = (errcode: number, language: Language = "en"): string =>
  table.get(errcode)?.meaning[language === "zh" ? "zh" : "en"] ??
    (language === "zh" ? `未知错误码 ${shown(errcode)}` : `an unknown error code (${shown(errcode)})`)

/**
 * How to react to a code, in one sentence. For an unknown code the sentence names the page with all codes.
 *
 * @example
 * ```ts
 * import { ErrorCode } from "effect-wecom"
 *
 * ErrorCode.advice(846608) // "continue under a new stream id, or push the rest with sendMessage"
 * ErrorCode.advice(846608, "zh") // "请使用新的 stream id 继续，或用 sendMessage 推送剩余内容"
 * ```
 *
 * @since 0.1.0
 * @category lookups
 */
export const advice = (errcode: number, language: Language = "en"): string =>
  language === "zh"
    ? table.get(errcode)?.advice.zh ?? `未知错误码 ${shown(errcode)}，请在企业微信全局错误码文档中查询`
    : adviceEn(errcode, shown(errcode))
