/**
 * What follows the loss of a session, as functions over plain data: which policy of `Reconnect` applies, how much of it is
 * used up, and whether the connection ends. `connection.ts` carries it out.
 */
import * as Option from "effect/Option"
import type * as Reconnect from "../../Reconnect.js"
import { AuthRejected, ReconnectExhausted, Superseded } from "../../WecomError.js"
import type { ConnectionError, LinkFailure } from "../../WecomError.js"

/** @internal */
export type PolicyName = keyof Reconnect.Reconnect.Service

/** How far a policy is used up. */
interface Used {
  /** Failures in a row. */
  readonly failures: number
  /** The state of its Schedule; none before the first delay. */
  readonly schedule: Option.Option<unknown>
}

/** @internal */
export interface Reconnecting {
  readonly progress: { readonly [K in PolicyName]: Used }
  /** When the first subscribe after the last takeover was acked, in monotonic milliseconds; absent before it. */
  readonly heldSince: number | undefined
}

/** @internal */
export type Decision =
  | { readonly _tag: "Retry"; readonly policy: PolicyName; readonly attempt: number }
  | { readonly _tag: "GiveUp"; readonly error: ConnectionError }

/** A takeover this long after the bot was taken back starts a new count. */
const settledMillis = 10 * 60 * 1000

const unused: Used = { failures: 0, schedule: Option.none() }

/** @internal */
export const initial: Reconnecting = {
  progress: { lost: unused, refused: unused, superseded: unused },
  heldSince: undefined
}

const policyOf = (failure: LinkFailure): PolicyName => {
  switch (failure._tag) {
    case "TakenOver":
      return "superseded"
    case "CredentialsRefused":
      return "refused"
    default:
      return "lost"
  }
}

const terminal = (failure: LinkFailure, failures: number): ConnectionError => {
  switch (failure._tag) {
    case "TakenOver":
      return new Superseded()
    case "CredentialsRefused":
      return new AuthRejected({ errcode: failure.errcode, errmsg: failure.errmsg, attempts: failures })
    default:
      // The last failure was not followed by an attempt.
      return new ReconnectExhausted({ attempts: failures - 1, last: failure })
  }
}

const changed = (state: Reconnecting, policy: PolicyName, change: Partial<Used>): Reconnecting => ({
  ...state,
  progress: { ...state.progress, [policy]: { ...state.progress[policy], ...change } }
})

const restarted = (state: Reconnecting, policy: PolicyName): Reconnecting =>
  state.progress[policy].failures === 0 ? state : changed(state, policy, { failures: 0 })

const rescheduled = (state: Reconnecting, policy: PolicyName): Reconnecting =>
  Option.isNone(state.progress[policy].schedule) ? state : changed(state, policy, { schedule: Option.none() })

/**
 * The number of the connection attempt that begins now: one more than the failures of links and credentials in a row.
 *
 * @internal
 */
export const attempt = ({ progress }: Reconnecting): number => progress.lost.failures + progress.refused.failures + 1

/** @internal */
export const subscribed = (state: Reconnecting, at: number): Reconnecting => ({
  ...restarted(restarted(state, "lost"), "refused"),
  heldSince: state.heldSince ?? at
})

/**
 * Resets the delays. A subscribe does not, because a service can accept connections and drop them again and again.
 *
 * @internal
 */
export const pingAcked = (state: Reconnecting): Reconnecting => rescheduled(rescheduled(state, "lost"), "refused")

/**
 * A refused frame may be the first sign of a takeover, whose callback is still on its way. The socket is listened to before
 * the next attempt, which would take the bot from the other instance.
 *
 * @internal
 */
export const mayBeTakenOver = (failure: LinkFailure): boolean => failure._tag === "NotSubscribed"

const isSettled = (state: Reconnecting, at: number): boolean =>
  state.heldSince !== undefined && at - state.heldSince >= settledMillis

const takenOver = (state: Reconnecting, at: number): Reconnecting => ({
  ...(isSettled(state, at) ? changed(state, "superseded", unused) : state),
  heldSince: undefined
})

/** @internal */
export const lost = (
  state: Reconnecting,
  failure: LinkFailure,
  at: number,
  policies: Reconnect.Reconnect.Service
): readonly [Reconnecting, Decision] => {
  const policy = policyOf(failure)
  const before = policy === "superseded" ? takenOver(state, at) : state
  const failures = before.progress[policy].failures + 1
  return [
    changed(before, policy, { failures }),
    failures > policies[policy].maxAttempts
      ? { _tag: "GiveUp", error: terminal(failure, failures) }
      : { _tag: "Retry", policy, attempt: failures }
  ]
}

/**
 * The Schedule of the policy has no further delay.
 *
 * @internal
 */
export const exhausted = (state: Reconnecting, failure: LinkFailure): ConnectionError =>
  terminal(failure, state.progress[policyOf(failure)].failures)

/** @internal */
export const scheduled = (state: Reconnecting, policy: PolicyName, schedule: unknown): Reconnecting =>
  changed(state, policy, { schedule: Option.some(schedule) })
