/**
 * @since 0.1.0
 * @category modules
 */
export * as Answer from "./Answer.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as BotConfig from "./BotConfig.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as BotEvent from "./BotEvent.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as BotRouter from "./BotRouter.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Chat from "./Chat.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Connection from "./Connection.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Crypto from "./Crypto.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Dedupe from "./Dedupe.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as ErrorCode from "./ErrorCode.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Frame from "./Frame.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Governor from "./Governor.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Heartbeat from "./Heartbeat.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Incoming from "./Incoming.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Limits from "./Limits.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Markdown from "./Markdown.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as MediaDownload from "./MediaDownload.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as MediaUpload from "./MediaUpload.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Message from "./Message.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Reconnect from "./Reconnect.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Reply from "./Reply.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as ReplyQueue from "./ReplyQueue.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as ReplyTarget from "./ReplyTarget.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as Telemetry from "./Telemetry.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as TemplateCard from "./TemplateCard.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as WecomBot from "./WecomBot.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as WecomCrypto from "./WecomCrypto.js"
/**
 * @since 0.1.0
 * @category modules
 */
export * as WecomError from "./WecomError.js"
