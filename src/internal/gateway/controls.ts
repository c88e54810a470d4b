import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Filter } from "./ackRules.js"
import type { Ack } from "./frames.js"

/**
 * A rule that is in force.
 *
 * @since 0.1.0
 * @category acks
 */
export interface Rule {
  /**
   * How many frames it met so far.
   */
  readonly hits: Effect.Effect<number>
  /**
   * Ends it.
   */
  readonly remove: Effect.Effect<void>
}

/**
 * Acks that are held back until they are released. The frames themselves were executed when they came.
 *
 * @since 0.1.0
 * @category acks
 */
export interface HeldAcks extends Rule {
  /**
   * How many acks are held now.
   */
  readonly count: Effect.Effect<number>
  /**
   * Waits until at least so many are held.
   */
  readonly awaitCount: (count: number) => Effect.Effect<void>
  /**
   * Sends the held acks: all in the order they came, or those at the given places of that order (counted from 0) in the
   * order given, the others staying held.
   */
  readonly release: (order?: ReadonlyArray<number>) => Effect.Effect<void>
}

/**
 * What happens to acks. Rules add up: a delayed ack can be a refusal and come twice. Every rule stays until it is
 * removed, or until it met as many frames as its filter's `times` says.
 *
 * @since 0.1.0
 * @category acks
 */
export interface Acks {
  /**
   * Acks come later by `delay`; between two durations, by chance.
   */
  readonly delay: (
    delay: Duration.DurationInput | { readonly min: Duration.DurationInput; readonly max: Duration.DurationInput },
    filter?: Filter
  ) => Effect.Effect<Rule>
  /**
   * The frame is executed and its ack never sent.
   */
  readonly drop: (filter?: Filter) => Effect.Effect<Rule>
  /**
   * The frame is not executed and nothing is sent, as though it never arrived.
   */
  readonly lose: (filter?: Filter) => Effect.Effect<Rule>
  /**
   * The frame is not executed and acked with `errcode`.
   */
  readonly refuse: (errcode: number, filter?: Filter) => Effect.Effect<Rule>
  /**
   * Acks come `copies` times (default 2).
   */
  readonly duplicate: (filter?: Filter, copies?: number) => Effect.Effect<Rule>
  /**
   * Acks are collected, `size` at a time (default 2), and sent in reverse or in an order of chance.
   */
  readonly reorder: (
    filter?: Filter,
    options?: { readonly size?: number | undefined; readonly order?: "reverse" | "shuffle" | undefined }
  ) => Effect.Effect<Rule>
  /**
   * Acks are held back until they are released by hand.
   */
  readonly hold: (filter?: Filter) => Effect.Effect<HeldAcks>
  /**
   * Acks are sent as `rewrite` returns them: any JSON value, or a string that is sent as it is.
   */
  readonly rewrite: (rewrite: (ack: Ack) => unknown, filter?: Filter) => Effect.Effect<Rule>
  /**
   * Ends all rules; acks that are held are sent.
   */
  readonly clear: Effect.Effect<void>
}

/**
 * Which connection a fault is for.
 *
 * @since 0.1.0
 * @category faults
 */
export interface Target {
  /**
   * Its number, counted from 1. Default: the newest that is up; the fault waits until there is one.
   */
  readonly connection?: number | undefined
}

/**
 * What can go wrong with connections.
 *
 * @since 0.1.0
 * @category faults
 */
export interface Faults {
  /**
   * The connection dies without a close frame (1006), as connections to WeCom normally do.
   */
  readonly cut: (target?: Target) => Effect.Effect<void>
  /**
   * The service closes the connection with a close frame. Default code: 1000.
   */
  readonly close: (code?: number, reason?: string, target?: Target) => Effect.Effect<void>
  /**
   * Both directions go silent while the connection looks alive. The service still counts it as subscribed.
   */
  readonly halfOpen: (target?: Target) => Effect.Effect<void>
  /**
   * Another client subscribes with this bot id: the connection gets `disconnected_event` and is only half alive until the bot
   * subscribes again. Waits for a subscription. Default: the default bot.
   */
  readonly kick: (botId?: string) => Effect.Effect<void>
  /**
   * The service forgets the subscription: from now on the connection answers 846609 to everything but a subscribe, which
   * it refuses as a second one.
   */
  readonly forgetSubscription: (target?: Target) => Effect.Effect<void>
  /**
   * Any text or bytes, from the service to the bot.
   */
  readonly pushRaw: (data: string | Uint8Array, target?: Target) => Effect.Effect<void>
  /**
   * Pushes a callback once more, with the same `msgid` and `req_id`. Waits until the bot is subscribed. Dies when there
   * was no such callback.
   */
  readonly redeliver: (msgid: string) => Effect.Effect<void>
  /**
   * Pings are executed but never acked.
   */
  readonly mutePongs: Effect.Effect<Rule>
  /**
   * Subscribes are neither executed nor acked.
   */
  readonly muteSubscribe: Effect.Effect<Rule>
  /**
   * All credentials are wrong (853000), or right again. Present subscriptions stay.
   */
  readonly refuseCredentials: (on: boolean) => Effect.Effect<void>
  /**
   * Connections are refused (`ECONNREFUSED`), or the upgrade is answered with an HTTP status. Existing connections stay.
   */
  readonly refuseConnections: (on: boolean | { readonly status: number }) => Effect.Effect<void>
  /**
   * New connections are accepted but the upgrade is never answered.
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
   * The bot it subscribed.
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
