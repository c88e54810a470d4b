/**
 * The services and options that a connection and its sessions use.
 */
import type * as Clock from "effect/Clock"
import type * as Runtime from "effect/Runtime"
import type * as BotConfig from "../../BotConfig.js"
import type * as Crypto from "../../Crypto.js"
import type * as Heartbeat from "../../Heartbeat.js"
import type * as Reconnect from "../../Reconnect.js"
import type * as Deadlines from "../time/deadlines.js"

/** @internal */
export interface OfConnection {
  readonly config: BotConfig.Resolved
  readonly crypto: Crypto.Crypto.Service
  readonly clock: Clock.Clock
  readonly deadlines: Deadlines.Deadlines
  /** The runtime of the program, with its loggers, tracer and scheduler, for the fibers of the connection. */
  readonly runtime: Runtime.Runtime<never>
  readonly heartbeat: Heartbeat.Heartbeat.Service
  readonly reconnect: Reconnect.Reconnect.Service
  readonly webSocket: (url: string) => globalThis.WebSocket
}
