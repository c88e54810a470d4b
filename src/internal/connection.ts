/**
 * Session after session by the policy of `Reconnect`, until one failure is terminal; and the requests that wait for a session.
 */
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as BotConfig from "../BotConfig.js"
import type { Callback, Connection, Status } from "../Connection.js"
import * as Crypto from "../Crypto.js"
import * as Heartbeat from "../Heartbeat.js"
import * as Reconnect from "../Reconnect.js"
import * as Telemetry from "../Telemetry.js"
import type { ConnectionError, LinkFailure } from "../WecomError.js"
import { AuthRejected, describeLinkFailure, ReconnectExhausted, Superseded } from "../WecomError.js"
import * as Backoff from "./backoff.js"
import type * as codec from "./codec.js"
import * as Deadlines from "./deadlines.js"
import * as Requests from "./requests.js"
import * as session from "./session.js"

/** A retaker that kept the bot this long starts its budget anew: the earlier fight is over. */
const settledMillis = 10 * 60 * 1000

interface Counter {
  readonly policy: Reconnect.Policy
  attempts: number
  /** Absent until its first delay, and after a reset. */
  backoff: Backoff.Backoff | undefined
}

const counter = (policy: Reconnect.Policy): Counter => ({ policy, attempts: 0, backoff: undefined })

const nextDelay = (count: Counter): Backoff.Backoff => count.backoff ??= Backoff.make(count.policy.delays)

const terminal = (failure: LinkFailure, attempts: number): ConnectionError => {
  switch (failure._tag) {
    case "TakenOver":
      return new Superseded()
    case "CredentialsRefused":
      return new AuthRejected({ errcode: failure.errcode, errmsg: failure.errmsg, attempts })
    default:
      // The last attempt that failed was not followed by another.
      return new ReconnectExhausted({ attempts: attempts - 1, last: failure })
  }
}

/** @internal */
export const make: Effect.Effect<
  Connection.Service,
  never,
  | BotConfig.BotConfig
  | Crypto.Crypto
  | Heartbeat.Heartbeat
  | Reconnect.Reconnect
  | Scope.Scope
  | Socket.WebSocketConstructor
> = Effect.gen(function*() {
  const config = yield* BotConfig.BotConfig
  const crypto = yield* Crypto.Crypto
  const heartbeat = yield* Heartbeat.Heartbeat
  const policies = yield* Reconnect.Reconnect
  const webSocket = yield* Socket.WebSocketConstructor
  const clock = yield* Effect.clock
  const runFork = Runtime.runFork(yield* Effect.runtime())

  const callbacks = yield* Mailbox.make<Callback, ConnectionError>({
    capacity: config.inboxSize,
    strategy: "dropping"
  })
  const statusRef = yield* SubscriptionRef.make<Status>({ _tag: "Connecting", attempt: 1 })
  const subscribed = yield* Effect.makeLatch(false)
  const down = yield* Effect.makeLatch(true)
  const closed = yield* Deferred.make<never, ConnectionError>()
  let status: Status = { _tag: "Connecting", attempt: 1 }
  let isDraining = false
  /** When the close must be over, in monotonic time. */
  let closeBy = Infinity

  const wallTime = () => clock.unsafeCurrentTimeMillis()
  const deadlines = yield* Deadlines.shared
  const requests = Requests.make(config, deadlines, wallTime)

  const setStatus = (next: Status): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (isDraining && next._tag !== "Draining" && next._tag !== "Closed") return Effect.void
      status = next
      return SubscriptionRef.set(statusRef, next)
    })

  const lost = counter(policies.lost)
  const refused = counter(policies.refused)
  const superseded = counter(policies.superseded)

  const onCallback = (inbound: codec.Inbound): void => {
    switch (inbound._tag) {
      case "Message":
      case "Event": {
        if (isDraining || !callbacks.unsafeOffer(inbound)) Telemetry.unsafeIncrement(Telemetry.inboxDropped)
        return
      }
      case "Unknown": {
        Telemetry.unsafeIncrement(Telemetry.unknownCommands)
        runFork(Effect.logDebug("ignored a frame with an unknown command"))
        return
      }
      case "Undecodable": {
        Telemetry.unsafeIncrement(Metric.tagged(Telemetry.undecodable, "reason", inbound.reason))
        runFork(
          Effect.annotateLogs(Effect.logWarning("ignored a frame that could not be read"), "reason", inbound.reason)
        )
        return
      }
      default:
    }
  }

  /** In monotonic time; absent when this session has not come so far. */
  let subscribedAt: number | undefined
  const monotonic = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

  const environment: session.Environment = {
    config,
    crypto,
    heartbeat,
    webSocket,
    deadlines,
    wallTime,
    onCallback,
    millisToClose: () => closeBy - monotonic(),
    onOpen: Effect.suspend(() => setStatus({ _tag: "Connected" })),
    onReady: (current) =>
      Effect.gen(function*() {
        lost.attempts = 0
        refused.attempts = 0
        subscribedAt = monotonic()
        yield* setStatus({ _tag: "Subscribed", since: wallTime() })
        yield* Effect.logInfo("subscribed")
        requests.begin(current)
        yield* down.close
        yield* subscribed.open
      }),
    onPingAcked: () => {
      lost.backoff = undefined
      refused.backoff = undefined
    }
  }

  const counterOf = (failure: LinkFailure): Counter => {
    switch (failure._tag) {
      case "TakenOver": {
        if (subscribedAt !== undefined && monotonic() - subscribedAt >= settledMillis) {
          superseded.attempts = 0
          superseded.backoff = undefined
        }
        return superseded
      }
      case "CredentialsRefused":
        return refused
      default:
        return lost
    }
  }

  const live = Effect.gen(function*() {
    while (true) {
      yield* setStatus({ _tag: "Connecting", attempt: lost.attempts + refused.attempts + 1 })
      subscribedAt = undefined
      const failure = yield* Effect.flip(session.run(environment))
      requests.suspend()
      yield* down.open
      yield* subscribed.close
      if (isDraining) return yield* Effect.never
      const count = counterOf(failure)
      count.attempts++
      const delay = count.attempts > count.policy.maxAttempts ? undefined : yield* nextDelay(count)
      if (delay === undefined) return yield* terminal(failure, count.attempts)
      yield* Metric.increment(Metric.tagged(Telemetry.reconnects, "reason", failure._tag))
      yield* Effect.logWarning(
        `${describeLinkFailure(failure)}; attempt ${count.attempts} to reconnect in ${Duration.format(delay)}`
      )
      yield* setStatus({ _tag: "Waiting", attempt: count.attempts, delay, reason: failure })
      yield* clock.sleep(delay)
      if (isDraining) return yield* Effect.never
    }
  })

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      requests.close()
      yield* callbacks.end
      if (status._tag !== "Closed") yield* setStatus({ _tag: "Closed" })
      yield* Deferred.interrupt(closed)
    })
  )
  yield* live.pipe(
    // A defect, of a policy for example, ends the bot as loudly as a failure does.
    Effect.catchAllCause((cause) =>
      Effect.gen(function*() {
        requests.close()
        yield* setStatus({ _tag: "Closed", reason: Option.getOrUndefined(Cause.failureOption(cause)) })
        yield* callbacks.failCause(cause)
        yield* Deferred.failCause(closed, cause)
      })
    ),
    Effect.annotateLogs("module", "effect-wecom/Connection"),
    Effect.interruptible,
    Effect.forkScoped
  )

  return {
    unsafeRequest: requests.submit,
    callbacks,
    status: SubscriptionRef.get(statusRef),
    get statusChanges() {
      return statusRef.changes
    },
    unsafeStatus: () => status,
    closed: Deferred.await(closed),
    ready: Effect.raceFirst(subscribed.await, Deferred.await(closed)),
    drain: Effect.suspend(() => {
      if (status._tag === "Closed") return Effect.succeed(false)
      isDraining = true
      closeBy = monotonic() + Duration.toMillis(Duration.sum(config.drainTimeout, config.sealTimeout))
      requests.drain()
      return Effect.as(setStatus({ _tag: "Draining" }), requests.isOpen())
    }),
    down: down.await
  }
})
