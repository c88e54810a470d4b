/**
 * @since 0.1.0
 */
export * as BotConfig from "./BotConfig.js"
/**
 * @since 0.1.0
 */
export * as BotEvent from "./BotEvent.js"
/**
 * @since 0.1.0
 */
export * as BotRouter from "./BotRouter.js"
/**
 * @since 0.1.0
 */
export * as Chat from "./Chat.js"
/**
 * @since 0.1.0
 */
export * as Connection from "./Connection.js"
/**
 * @since 0.1.0
 */
export * as Crypto from "./Crypto.js"
/**
 * @since 0.1.0
 */
export * as Dedupe from "./Dedupe.js"
/**
 * @since 0.1.0
 */
export * as ErrorCode from "./ErrorCode.js"
/**
 * @since 0.1.0
 */
export * as Frame from "./Frame.js"
/**
 * @since 0.1.0
 */
export * as Governor from "./Governor.js"
/**
 * @since 0.1.0
 */
export * as Heartbeat from "./Heartbeat.js"
/**
 * @since 0.1.0
 */
export * as Incoming from "./Incoming.js"
/**
 * @since 0.1.0
 */
export * as Limits from "./Limits.js"
/**
 * @since 0.1.0
 */
export * as Markdown from "./Markdown.js"
/**
 * @since 0.1.0
 */
export * as MediaDownload from "./MediaDownload.js"
/**
 * @since 0.1.0
 */
export * as MediaUpload from "./MediaUpload.js"
/**
 * @since 0.1.0
 */
export * as Message from "./Message.js"
/**
 * @since 0.1.0
 */
export * as Reconnect from "./Reconnect.js"
/**
 * @since 0.1.0
 */
export * as Reply from "./Reply.js"
/**
 * @since 0.1.0
 */
export * as ReplyQueue from "./ReplyQueue.js"
/**
 * @since 0.1.0
 */
export * as ReplyTarget from "./ReplyTarget.js"
/**
 * @since 0.1.0
 */
export * as Telemetry from "./Telemetry.js"
/**
 * @since 0.1.0
 */
export * as TemplateCard from "./TemplateCard.js"
/**
 * @since 0.1.0
 */
export * as WecomBot from "./WecomBot.js"
/**
 * @since 0.1.0
 */
export * as WecomCrypto from "./WecomCrypto.js"
/**
 * @since 0.1.0
 */
export * as WecomError from "./WecomError.js"
