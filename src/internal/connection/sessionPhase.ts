/**
 * The phases of one session, as a function over plain data: what an event means in a phase, and what has to be done about it.
 * `session.ts` carries it out.
 */
import * as Cause from "effect/Cause"
import * as ErrorCode from "../../ErrorCode.js"
import type * as Frame from "../../Frame.js"
import type { LinkFailure } from "../../WecomError.js"
import { cures } from "../checks/cures.js"

/** @internal */
export type Phase =
  /** The socket is opening. */
  | "Opening"
  /** The subscribe waits for its ack. */
  | "Subscribing"
  /** Frames may be written, and no ping of the session's own is out. */
  | "Subscribed"
  /** Frames may be written, and a ping of the session's own waits for its ack. */
  | "Pinging"
  /** Lost, and not closed yet. Nothing is written any more, but what is read still counts. */
  | "Lost"
  | "Closed"

/** @internal */
export type Event =
  | { readonly _tag: "Opened" }
  /** The ack of the subscribe, or of a ping of the session's own. */
  | { readonly _tag: "Acked"; readonly ack: Frame.Ack }
  /** The timer has run down. */
  | { readonly _tag: "Due" }
  /** The service pings. */
  | { readonly _tag: "PingReceived"; readonly reqId: Frame.ReqId }
  /** Another instance has subscribed. */
  | { readonly _tag: "TakenOver" }
  /** The socket, the heartbeat or a step of the session failed. */
  | { readonly _tag: "Failed"; readonly cause: Cause.Cause<LinkFailure> }
  | { readonly _tag: "Close" }

/** @internal */
export type Action =
  | { readonly _tag: "ReportOpen" }
  /** Write the subscribe, and start its timeout. */
  | { readonly _tag: "Subscribe" }
  | { readonly _tag: "ReportReady" }
  /** Start the pause before the next ping, or the heartbeat's own policy. */
  | { readonly _tag: "KeepAlive" }
  /** Write a ping, and start its timeout. */
  | { readonly _tag: "Ping" }
  | { readonly _tag: "ReportPingAcked" }
  | { readonly _tag: "Pong"; readonly reqId: Frame.ReqId }
  | { readonly _tag: "StopTimer" }
  | { readonly _tag: "ReportLost"; readonly cause: Cause.Cause<LinkFailure> }
  /** The session was lost before, and now the service tells why. */
  | { readonly _tag: "ReportTakenOver" }

type Next = readonly [Phase, ReadonlyArray<Action>]

const stopTimer: Action = { _tag: "StopTimer" }
const keepAlive: Action = { _tag: "KeepAlive" }

const lostFor = (cause: Cause.Cause<LinkFailure>): Next => ["Lost", [stopTimer, { _tag: "ReportLost", cause }]]

const lost = (failure: LinkFailure): Next => lostFor(Cause.fail(failure))

/** No retry cures these. */
const permanent: ReadonlySet<ErrorCode.Cure | undefined> = new Set(["fix", "person", "split", "terminal"])

const subscribeAcked = ({ errcode, errmsg }: Frame.Ack): Next => {
  if (errcode === ErrorCode.ok) return ["Subscribed", [stopTimer, { _tag: "ReportReady" }, keepAlive]]
  const isPermanent = permanent.has(cures[errcode]?.[0])
  return lost({ _tag: isPermanent ? "CredentialsRefused" : "SubscribeRefused", errcode, errmsg })
}

/** A refused ping keeps the session up, but is not reported, so that it does not reset the delays of reconnects. */
const pingAcked = ({ errcode }: Frame.Ack): Next => [
  "Subscribed",
  errcode === ErrorCode.ok ? [stopTimer, { _tag: "ReportPingAcked" }, keepAlive] : [stopTimer, keepAlive]
]

const due = (phase: Phase): Next => {
  switch (phase) {
    case "Opening":
      return lost({ _tag: "OpenTimeout" })
    case "Subscribing":
      return lost({ _tag: "SubscribeTimeout" })
    case "Subscribed":
      return ["Pinging", [{ _tag: "Ping" }]]
    case "Pinging":
      return lost({ _tag: "HeartbeatLost" })
    default:
      return [phase, []]
  }
}

/**
 * Whether frames may be written. The subscribe is the first frame, and nothing follows it before its ack.
 *
 * @internal
 */
export const mayWrite = (phase: Phase): boolean => phase === "Subscribed" || phase === "Pinging"

/**
 * Whether what is read counts.
 *
 * @internal
 */
export const mayRead = (phase: Phase): boolean => phase !== "Closed"

/** @internal */
export const isUp = (phase: Phase): boolean => phase !== "Lost" && phase !== "Closed"

/**
 * The next phase, and the actions in order. When an action causes an event that changes the phase, the rest is skipped.
 *
 * @internal
 */
export const sessionPhase = (phase: Phase, event: Event): Next => {
  if (phase === "Closed") return [phase, []]
  switch (event._tag) {
    case "Opened":
      return phase === "Opening" ? ["Subscribing", [{ _tag: "ReportOpen" }, { _tag: "Subscribe" }]] : [phase, []]
    case "Acked":
      return phase === "Subscribing"
        ? subscribeAcked(event.ack)
        : phase === "Pinging"
        ? pingAcked(event.ack)
        : [phase, []]
    case "Due":
      return due(phase)
    case "PingReceived":
      return [phase, mayWrite(phase) ? [{ _tag: "Pong", reqId: event.reqId }] : []]
    case "TakenOver":
      return phase === "Lost" ? [phase, [{ _tag: "ReportTakenOver" }]] : lost({ _tag: "TakenOver" })
    case "Failed":
      // The first reason stands: a close that follows a takeover is no cause to reconnect.
      return phase === "Lost" ? [phase, []] : lostFor(event.cause)
    case "Close":
      return ["Closed", [stopTimer]]
  }
}
