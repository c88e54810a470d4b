import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Filter } from "./ackRules.js"
import type { HandshakeAnswer } from "./engine.js"
import type { Ack } from "./frames.js"

/**
 * An active rule.
 *
 * @since 0.1.0
 * @category acks
 */
export interface Rule {
  /**
   * The number of frames that have matched so far.
   */
  readonly hits: Effect.Effect<number>
  /**
   * Ends the rule.
   */
  readonly remove: Effect.Effect<void>
}

/**
 * Acks that are held until they are released. Their frames are executed at once.
 *
 * @since 0.1.0
 * @category acks
 */
export interface HeldAcks extends Rule {
  /**
   * The number of held acks.
   */
  readonly count: Effect.Effect<number>
  /**
   * Waits until at least this many acks are held.
   */
  readonly awaitCount: (count: number) => Effect.Effect<void>
  /**
   * Sends the held acks in the order in which they came. With `order` sends those at the given indices of it, in the given
   * order, and holds the others.
   */
  readonly release: (order?: ReadonlyArray<number>) => Effect.Effect<void>
}

/**
 * Rules for acks. Rules combine: a delayed ack can be a refusal and be sent twice. A rule ends when it is removed, or after as
 * many matches as the `times` of its filter.
 *
 * @since 0.1.0
 * @category acks
 */
export interface Acks {
  /**
   * Delays acks by `delay`, or by a random duration in a range.
   */
  readonly delay: (
    delay: Duration.DurationInput | { readonly min: Duration.DurationInput; readonly max: Duration.DurationInput },
    filter?: Filter
  ) => Effect.Effect<Rule>
  /**
   * Executes the frame and never sends its ack.
   */
  readonly drop: (filter?: Filter) => Effect.Effect<Rule>
  /**
   * Neither executes the frame nor sends an ack, as if it had never arrived.
   */
  readonly lose: (filter?: Filter) => Effect.Effect<Rule>
  /**
   * Does not execute the frame and acks it with `errcode`.
   */
  readonly refuse: (errcode: number, filter?: Filter) => Effect.Effect<Rule>
  /**
   * Sends each ack `copies` times (default 2).
   */
  readonly duplicate: (filter?: Filter, copies?: number) => Effect.Effect<Rule>
  /**
   * Collects `size` acks (default 2) and sends them in reverse or random order.
   */
  readonly reorder: (
    filter?: Filter,
    options?: { readonly size?: number | undefined; readonly order?: "reverse" | "shuffle" | undefined }
  ) => Effect.Effect<Rule>
  /**
   * Holds acks until they are released.
   */
  readonly hold: (filter?: Filter) => Effect.Effect<HeldAcks>
  /**
   * Sends the result of `rewrite` instead of the ack: a JSON value, or a string as it is.
   */
  readonly rewrite: (rewrite: (ack: Ack) => unknown, filter?: Filter) => Effect.Effect<Rule>
  /**
   * Ends all rules and sends the held acks.
   */
  readonly clear: Effect.Effect<void>
}

/**
 * The connection of a fault.
 *
 * @since 0.1.0
 * @category faults
 */
export interface Target {
  /**
   * Its number, counted from 1. Default: the newest open connection. The fault waits until there is one.
   */
  readonly connection?: number | undefined
}

/**
 * Faults of connections.
 *
 * @since 0.1.0
 * @category faults
 */
export interface Faults {
  /**
   * Ends the connection without a close frame (1006), as connections to WeCom normally end.
   */
  readonly cut: (target?: Target) => Effect.Effect<void>
  /**
   * Closes the connection with a close frame. Default code: 1000.
   */
  readonly close: (code?: number, reason?: string, target?: Target) => Effect.Effect<void>
  /**
   * Silences both directions of a connection that stays open. The service still counts it as subscribed.
   */
  readonly halfOpen: (target?: Target) => Effect.Effect<void>
  /**
   * Another client subscribes with this bot id: the connection gets `disconnected_event` and is only half alive until the bot
   * subscribes again. Waits for a subscription. Default: the default bot.
   */
  readonly kick: (botId?: string) => Effect.Effect<void>
  /**
   * Makes the service forget the subscription: every frame on the connection is refused with 846609, and a subscribe as a
   * second one.
   */
  readonly forgetSubscription: (target?: Target) => Effect.Effect<void>
  /**
   * Sends any text or bytes to the bot.
   */
  readonly pushRaw: (data: string | Uint8Array, target?: Target) => Effect.Effect<void>
  /**
   * Pushes a callback again, with the same `msgid` and `req_id`. Waits until the bot is subscribed. Dies when there was no such
   * callback.
   */
  readonly redeliver: (msgid: string) => Effect.Effect<void>
  /**
   * Never acks pings.
   */
  readonly mutePongs: Effect.Effect<Rule>
  /**
   * Ignores subscribes.
   */
  readonly muteSubscribe: Effect.Effect<Rule>
  /**
   * Refuses all credentials (853000), or no longer. Existing subscriptions stay.
   */
  readonly refuseCredentials: (on: boolean) => Effect.Effect<void>
  /**
   * Refuses connections (`ECONNREFUSED`), or answers the upgrade with an HTTP status, headers and body, which a gateway in
   * memory does not show. Existing connections stay.
   */
  readonly refuseConnections: (on: boolean | HandshakeAnswer) => Effect.Effect<void>
  /**
   * Accepts new connections but never answers the upgrade.
   */
  readonly neverOpen: (on: boolean) => Effect.Effect<void>
}

/**
 * One connection to the gateway.
 *
 * @since 0.1.0
 * @category connections
 */
export interface Connection {
  /**
   * Counted from 1.
   */
  readonly number: number
  /**
   * `open` not subscribed yet · `subscribed` · `superseded` by a newer one · `forgotten`: the service lost the
   * subscription · `closed`.
   */
  readonly state: "open" | "subscribed" | "superseded" | "forgotten" | "closed"
  /**
   * Whether `faults.halfOpen` made it silent.
   */
  readonly halfOpen: boolean
  /**
   * The bot that is subscribed on it.
   */
  readonly botId: string | undefined
  /**
   * In milliseconds of Effect's Clock.
   */
  readonly openedAt: number
  /**
   * In milliseconds of Effect's Clock.
   */
  readonly closedAt: number | undefined
  /**
   * The close code; 1006 without a close frame.
   */
  readonly closeCode: number | undefined
}
