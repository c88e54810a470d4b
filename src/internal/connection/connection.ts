/**
 * Session after session by the policy of `Reconnect`, until one failure is terminal; and the requests that wait for a session.
 * While a session is up nothing runs here: it calls back when it is lost, and a fiber lives from then until the next begins.
 */
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Mailbox from "effect/Mailbox"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as BotConfig from "../../BotConfig.js"
import type { Callback, Connection, RequestError, RequestOptions, Status } from "../../Connection.js"
import * as Crypto from "../../Crypto.js"
import type * as Frame from "../../Frame.js"
import * as Heartbeat from "../../Heartbeat.js"
import * as Reconnect from "../../Reconnect.js"
import * as Telemetry from "../../Telemetry.js"
import type { ConnectionError, LinkFailure } from "../../WecomError.js"
import { AuthRejected, describeLinkFailure, ReconnectExhausted, Superseded } from "../../WecomError.js"
import * as SharedDeadlines from "../time/sharedDeadlines.js"
import type * as codec from "../wire/codec.js"
import * as Backoff from "./backoff.js"
import type * as Parts from "./parts.js"
import * as Requests from "./requests.js"
import * as session from "./session.js"
import { Statuses } from "./statuses.js"
import { Watchers } from "./watchers.js"

/**
 * A frame that was on its way when another instance took the bot over may be refused before we are told of the takeover. So long
 * we listen before we come back, which would throw the other one out.
 */
const hearing = Duration.millis(500)

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

/** Absent while no link was lost. */
interface Counters {
  readonly lost: Counter
  readonly refused: Counter
  readonly superseded: Counter
}

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

const subscribed = Exit.void

class Link implements Omit<Connection.Service, "callbacks">, session.Owner {
  readonly parts: Parts.OfConnection
  private readonly callbacks: Mailbox.Mailbox<Callback, ConnectionError>
  private readonly requests: Requests.Requests
  private readonly statuses = new Statuses({ _tag: "Connecting", attempt: 1 })
  private readonly watchers = new Watchers()
  private session: session.Session | undefined = undefined
  /** What the session was lost for. */
  private loss: Cause.Cause<LinkFailure> = Cause.empty
  /** Of what goes on between two sessions. */
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  private counters: Counters | undefined = undefined
  private isDraining = false
  /** When the close must be over, in monotonic time. */
  private closeBy = Infinity
  /** In monotonic time; absent when this session has not come so far. */
  private subscribedAt: number | undefined = undefined
  /** Why it is closed for good. */
  private end: Exit.Exit<never, ConnectionError> | undefined = undefined

  constructor(parts: Parts.OfConnection, callbacks: Mailbox.Mailbox<Callback, ConnectionError>) {
    this.parts = parts
    this.callbacks = callbacks
    this.requests = new Requests.Requests(parts.config, parts.deadlines, parts.clock)
  }

  private monotonic(): number {
    return Number(this.parts.clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }

  fork<E>(effect: Effect.Effect<void, E>): Fiber.RuntimeFiber<void, E> {
    return Runtime.runFork(this.parts.runtime)(
      effect.pipe(Effect.annotateLogs("module", "effect-wecom/Connection"), Effect.interruptible),
      { immediate: false }
    )
  }

  private log(message: Effect.Effect<void>): void {
    // Effect tells a logger that broke of it, which would throw here, in a callback of the socket.
    const safe = Effect.catchAllCause(message, () => Effect.void)
    Runtime.runFork(this.parts.runtime)(Effect.annotateLogs(safe, "module", "effect-wecom/Connection"))
  }

  private setStatus(next: Status): void {
    if (this.isDraining && next._tag !== "Draining" && next._tag !== "Closed") return
    this.statuses.set(next)
  }

  private countersMade(): Counters {
    if (this.counters !== undefined) return this.counters
    const { lost, refused, superseded } = this.parts.reconnect
    return this.counters = { lost: counter(lost), refused: counter(refused), superseded: counter(superseded) }
  }

  private counterOf(failure: LinkFailure): Counter {
    const { lost, refused, superseded } = this.countersMade()
    switch (failure._tag) {
      case "TakenOver": {
        if (this.subscribedAt !== undefined && this.monotonic() - this.subscribedAt >= settledMillis) {
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

  /** Begins the next session. */
  connect(): void {
    const { counters } = this
    const attempt = counters === undefined ? 1 : counters.lost.attempts + counters.refused.attempts + 1
    this.setStatus({ _tag: "Connecting", attempt })
    this.subscribedAt = undefined
    this.session = new session.Session(this)
  }

  millisToClose(): number {
    return this.closeBy - this.monotonic()
  }

  onOpen(): void {
    this.setStatus({ _tag: "Connected" })
  }

  onReady(current: session.Session): void {
    if (this.counters !== undefined) {
      this.counters.lost.attempts = 0
      this.counters.refused.attempts = 0
    }
    this.subscribedAt = this.monotonic()
    this.setStatus({ _tag: "Subscribed", since: this.parts.clock.unsafeCurrentTimeMillis() })
    this.log(Effect.logInfo("subscribed"))
    this.requests.begin(current)
    this.watchers.look()
  }

  onPingAcked(): void {
    if (this.counters === undefined) return
    this.counters.lost.backoff = undefined
    this.counters.refused.backoff = undefined
  }

  onCallback(inbound: codec.Inbound): void {
    switch (inbound._tag) {
      case "Message":
      case "Event": {
        const isTaken = !this.isDraining && this.callbacks.unsafeOffer(inbound)
        if (!isTaken) Telemetry.unsafeIncrement(Telemetry.inboxDropped)
        return
      }
      case "Unknown": {
        Telemetry.unsafeIncrement(Telemetry.unknownCommands)
        this.log(Effect.logDebug("ignored a frame with an unknown command"))
        return
      }
      case "Undecodable": {
        Telemetry.unsafeIncrement(Metric.tagged(Telemetry.undecodable, "reason", inbound.reason))
        this.log(
          Effect.annotateLogs(Effect.logWarning("ignored a frame that could not be read"), "reason", inbound.reason)
        )
        return
      }
      default:
    }
  }

  onLost(cause: Cause.Cause<LinkFailure>): void {
    this.loss = cause
    const fiber = this.fork(
      this.afterLoss().pipe(
        Effect.onError(() => this.letGo()),
        Effect.catchAllCause((cause) => Effect.sync(() => this.fail(cause)))
      )
    )
    this.fiber = fiber
    fiber.addObserver(() => {
      if (this.fiber === fiber) this.fiber = undefined
    })
  }

  onTakenOver(): void {
    this.loss = Cause.fail<LinkFailure>({ _tag: "TakenOver" })
  }

  /** Ends when the next session begins, or fails with what closes the connection for good. */
  private afterLoss(): Effect.Effect<void, ConnectionError> {
    return Effect.gen(this, function*() {
      const { clock } = this.parts
      const { loss } = this
      this.requests.suspend()
      this.watchers.look()
      const failure = yield* Effect.flip(Effect.failCause(loss))
      const mayBeTakenOver = failure._tag === "NotSubscribed" && !this.isDraining
      if (!mayBeTakenOver) yield* this.letGo()
      if (this.isDraining) return
      const count = this.counterOf(failure)
      count.attempts++
      const delay = count.attempts > count.policy.maxAttempts ? undefined : yield* nextDelay(count)
      if (delay === undefined) return yield* terminal(failure, count.attempts)
      yield* Metric.increment(Metric.tagged(Telemetry.reconnects, "reason", failure._tag))
      yield* Effect.logWarning(
        `${describeLinkFailure(failure)}; attempt ${count.attempts} to reconnect in ${Duration.format(delay)}`
      )
      this.setStatus({ _tag: "Waiting", attempt: count.attempts, delay, reason: failure })
      if (!mayBeTakenOver) yield* clock.sleep(delay)
      else {
        const listening = Duration.min(delay, hearing)
        yield* clock.sleep(listening)
        yield* this.letGo()
        if (this.loss !== loss) return yield* this.afterLoss()
        yield* clock.sleep(Duration.subtract(delay, listening))
      }
      if (!this.isDraining) this.connect()
    })
  }

  private letGo(): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => {
      const { session } = this
      this.session = undefined
      return session?.close() ?? Effect.void
    }))
  }

  private fail(cause: Cause.Cause<ConnectionError>): void {
    this.requests.close()
    this.setStatus({ _tag: "Closed", reason: Option.getOrUndefined(Cause.failureOption(cause)) })
    this.finish(Exit.failCause(cause), Exit.failCause(cause))
  }

  private finish(end: Exit.Exit<never, ConnectionError>, callbacks: Exit.Exit<void, ConnectionError>): void {
    this.end ??= end
    this.callbacks.unsafeDone(callbacks)
    this.watchers.look()
  }

  /** With the scope of the bot. */
  close(): Effect.Effect<void> {
    return Effect.suspend(() => this.fiber === undefined ? Effect.void : Fiber.interrupt(this.fiber)).pipe(
      Effect.zipRight(Effect.suspend(() => this.session?.close() ?? Effect.void)),
      Effect.ensuring(Effect.sync(() => {
        this.session = undefined
        this.requests.close()
        if (this.statuses.get()._tag !== "Closed") this.setStatus({ _tag: "Closed" })
        this.finish(Exit.interrupt(FiberId.none), Exit.void)
      }))
    )
  }

  unsafeRequest(
    request: Frame.Request,
    options: RequestOptions | undefined,
    onExit: (exit: Exit.Exit<Frame.Ack, RequestError>) => void
  ): () => void {
    return this.requests.submit(request, options, onExit)
  }

  unsafeStatus(): Status {
    return this.statuses.get()
  }

  get status(): Effect.Effect<Status> {
    return Effect.sync(() => this.statuses.get())
  }

  get statusChanges(): Stream.Stream<Status> {
    return this.statuses.changes()
  }

  get ready(): Effect.Effect<void, ConnectionError> {
    return this.watchers.until(() => this.requests.isOpen() ? subscribed : this.end)
  }

  get closed(): Effect.Effect<never, ConnectionError> {
    return this.watchers.until(() => this.end)
  }

  get down(): Effect.Effect<void> {
    return this.watchers.until(() => this.requests.isOpen() ? undefined : Exit.void)
  }

  get drain(): Effect.Effect<boolean> {
    return Effect.sync(() => {
      if (this.statuses.get()._tag === "Closed") return false
      const { drainTimeout, sealTimeout } = this.parts.config
      this.isDraining = true
      this.closeBy = this.monotonic() + Duration.toMillis(Duration.sum(drainTimeout, sealTimeout))
      this.requests.drain()
      this.setStatus({ _tag: "Draining" })
      return this.requests.isOpen()
    })
  }
}

/** Callbacks that were not taken when the connection closes are dropped. */
const countUntaken = (callbacks: Mailbox.Mailbox<Callback, ConnectionError>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const untaken = Option.getOrElse(callbacks.unsafeSize(), () => 0)
    return Effect.zipRight(Metric.incrementBy(Telemetry.inboxDropped, untaken), callbacks.shutdown)
  })

/**
 * A connection that begins at once and lives as long as its Scope.
 *
 * @internal
 */
export const make = (
  services: Omit<Parts.OfConnection, "clock" | "deadlines" | "runtime">
): Effect.Effect<Connection.Service, never, Scope.Scope> =>
  Effect.gen(function*() {
    const callbacks = yield* Effect.acquireRelease(
      Mailbox.make<Callback, ConnectionError>({ capacity: services.config.inboxSize, strategy: "dropping" }),
      countUntaken
    )
    const link = new Link({
      ...services,
      clock: yield* Effect.clock,
      deadlines: yield* SharedDeadlines.shared,
      runtime: yield* Effect.runtime<never>()
    }, callbacks)
    yield* Effect.acquireRelease(Effect.sync(() => link.connect()), () => link.close())
    // A record, so that a copy with another member in the place of one is still a connection.
    return {
      unsafeRequest: (request, options, onExit) => link.unsafeRequest(request, options, onExit),
      callbacks,
      status: link.status,
      statusChanges: link.statusChanges,
      unsafeStatus: () => link.unsafeStatus(),
      ready: link.ready,
      closed: link.closed,
      drain: link.drain,
      down: link.down
    }
  })

/** @internal */
export const ofContext: Effect.Effect<
  Connection.Service,
  never,
  | BotConfig.BotConfig
  | Crypto.Crypto
  | Heartbeat.Heartbeat
  | Reconnect.Reconnect
  | Scope.Scope
  | Socket.WebSocketConstructor
> = Effect.flatMap(
  Effect.all({
    config: BotConfig.BotConfig,
    crypto: Crypto.Crypto,
    heartbeat: Heartbeat.Heartbeat,
    reconnect: Reconnect.Reconnect,
    webSocket: Socket.WebSocketConstructor
  }),
  make
)
