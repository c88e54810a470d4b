/**
 * What a bot is put together from.
 */
import type * as Clock from "effect/Clock"
import type * as Runtime from "effect/Runtime"
import type * as BotConfig from "../BotConfig.js"
import type * as ConnectionModule from "../Connection.js"
import type * as Crypto from "../Crypto.js"
import type * as Dedupe from "../Dedupe.js"
import type * as Governor from "../Governor.js"
import type * as Heartbeat from "../Heartbeat.js"
import type * as MediaDownload from "../MediaDownload.js"
import type * as MediaUpload from "../MediaUpload.js"
import type * as Reconnect from "../Reconnect.js"
import type * as ReplyQueue from "../ReplyQueue.js"
import type * as Deadlines from "./deadlines.js"

/**
 * A connection whose callbacks go somewhere already.
 *
 * @internal
 */
export type Connection = Omit<ConnectionModule.Connection.Service, "callbacks">

interface Common {
  readonly config: BotConfig.Resolved
  readonly crypto: Crypto.Crypto.Service
  readonly clock: Clock.Clock
  readonly deadlines: Deadlines.Deadlines
  /** For what it starts by itself: with the loggers, the tracer and the scheduler of whoever made it. */
  readonly runtime: Runtime.Runtime<never>
}

/** @internal */
export interface OfConnection extends Common {
  readonly heartbeat: Heartbeat.Heartbeat.Service
  readonly reconnect: Reconnect.Reconnect.Service
  readonly webSocket: (url: string) => globalThis.WebSocket
}

/** @internal */
export interface OfBot extends Common {
  readonly connection: Connection
  readonly dedupe: Dedupe.Dedupe.Service
  readonly governor: Governor.Governor.Service
  readonly queue: ReplyQueue.ReplyQueue.Service
  readonly uploads: MediaUpload.MediaUpload.Service
  readonly downloads: MediaDownload.MediaDownload.Service
}
