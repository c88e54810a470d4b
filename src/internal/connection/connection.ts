/**
 * Session after session by the policies of `Reconnect`, until a failure is terminal; and the requests that wait for a session.
 * `reconnecting` decides. While a session is up this module runs no fiber: one runs from its loss until the next session begins.
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
import * as Record from "effect/Record"
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
import { describeLinkFailure } from "../../WecomError.js"
import * as meters from "../telemetry/meters.js"
import * as SharedDeadlines from "../time/sharedDeadlines.js"
import type * as codec from "../wire/codec.js"
import * as Backoff from "./backoff.js"
import type * as Parts from "./parts.js"
import * as Reconnecting from "./reconnecting.js"
import * as Requests from "./requests.js"
import * as session from "./session.js"
import { Statuses } from "./statuses.js"
import { Watchers } from "./watchers.js"

/** How long a lost session is still read before the next attempt, when a takeover may be on its way. */
const listening = Duration.millis(500)

const subscribed = Exit.void

/** The ids that look like ids. Anything can stand where an id belongs, also what no log may contain. */
const named = (ids: { readonly [name: string]: Frame.ReqId | undefined }): { readonly [name: string]: Frame.ReqId } =>
  Record.filter(ids, (id): id is Frame.ReqId => id !== undefined && /^[\w.:-]{1,64}$/.test(String(id)))

class Sessions implements Omit<Connection.Service, "callbacks">, session.Supervisor {
  readonly parts: Parts.OfConnection
  private readonly callbacks: Mailbox.Mailbox<Callback, ConnectionError>
  private readonly requests: Requests.Requests
  private readonly statuses = new Statuses({ _tag: "Connecting", attempt: 1 })
  private readonly watchers = new Watchers()
  private session: session.Session | undefined = undefined
  /** Why the session was lost. */
  private loss: Cause.Cause<LinkFailure> = Cause.empty
  /** Runs from the loss of a session until the next begins. */
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  private reconnecting = Reconnecting.initial
  private isDraining = false
  /** When the close must be over, in monotonic time. */
  private closeBy = Infinity
  /** How the connection ended; absent while it lives. */
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
    // A logger that throws would throw here, in a listener of the socket.
    const safe = Effect.catchAllCause(message, () => Effect.void)
    Runtime.runFork(this.parts.runtime)(Effect.annotateLogs(safe, "module", "effect-wecom/Connection"))
  }

  private setStatus(next: Status): void {
    if (this.isDraining && next._tag !== "Draining" && next._tag !== "Closed") return
    this.statuses.set(next)
  }

  /** Begins the next session. */
  connect(): void {
    this.setStatus({ _tag: "Connecting", attempt: Reconnecting.attempt(this.reconnecting) })
    this.session = new session.Session(this)
  }

  millisToClose(): number {
    return this.closeBy - this.monotonic()
  }

  onOpen(): void {
    this.setStatus({ _tag: "Connected" })
  }

  onReady(current: session.Session): void {
    this.reconnecting = Reconnecting.subscribed(this.reconnecting, this.monotonic())
    this.setStatus({ _tag: "Subscribed", since: this.parts.clock.unsafeCurrentTimeMillis() })
    this.log(Effect.logInfo("subscribed"))
    this.requests.begin(current)
    this.watchers.recheck()
  }

  onPingAcked(): void {
    this.reconnecting = Reconnecting.pingAcked(this.reconnecting)
  }

  onCallback(inbound: codec.Inbound): void {
    switch (inbound._tag) {
      case "Message":
      case "Event": {
        const isTaken = !this.isDraining && this.callbacks.unsafeOffer(inbound)
        if (!isTaken) this.dropped(inbound)
        for (const field of inbound.repaired ?? []) meters.repaired(field)
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
          Effect.annotateLogs(Effect.logWarning("ignored a frame that could not be read"), {
            reason: inbound.reason,
            ...named({ reqId: inbound.reqId })
          })
        )
        return
      }
      default:
    }
  }

  private dropped(callback: Callback): void {
    Telemetry.unsafeIncrement(Telemetry.inboxDropped)
    const { msgid, reqId } = callback._tag === "Message" ? callback.message : callback.event
    this.log(
      Effect.annotateLogs(
        Effect.logDebug("dropped a callback: the bot is closing, or its inbox is full"),
        named({ msgid, reqId })
      )
    )
  }

  onUnnamedRefusal(errcode: number): void {
    Telemetry.unsafeIncrement(Telemetry.unnamedRefusals)
    this.log(
      Effect.annotateLogs(Effect.logWarning("the service refused a frame without naming it"), "errcode", errcode)
    )
  }

  onLost(cause: Cause.Cause<LinkFailure>): void {
    this.loss = cause
    const fiber = this.fork(
      this.afterLoss().pipe(
        Effect.onError(() => this.closeSession()),
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

  /** Ends when the next session begins, or fails with the error that closes the connection for good. */
  private afterLoss(): Effect.Effect<void, ConnectionError> {
    return Effect.gen(this, function*() {
      const { clock } = this.parts
      const { loss } = this
      this.requests.suspend()
      this.watchers.recheck()
      const failure = yield* Effect.flip(Effect.failCause(loss))
      const mayBeTakenOver = Reconnecting.mayBeTakenOver(failure) && !this.isDraining
      if (!mayBeTakenOver) yield* this.closeSession()
      if (this.isDraining) return
      const next = yield* Effect.exit(this.nextAttempt(failure, mayBeTakenOver ? listening : Duration.zero))
      if (mayBeTakenOver) {
        yield* clock.sleep(listening)
        yield* this.closeSession()
        if (this.loss !== loss) return yield* this.afterLoss()
      }
      const delay = yield* next
      yield* clock.sleep(mayBeTakenOver ? Duration.subtract(delay, listening) : delay)
      if (!this.isDraining) this.connect()
    })
  }

  /** The delay before the next attempt, which is `atLeast` this long; fails when there is none. */
  private nextAttempt(failure: LinkFailure, atLeast: Duration.Duration) {
    return Effect.gen(this, function*() {
      const { reconnect } = this.parts
      const [lost, decision] = Reconnecting.lost(this.reconnecting, failure, this.monotonic(), reconnect)
      this.reconnecting = lost
      if (decision._tag === "GiveUp") return yield* decision.error
      const { attempt, policy } = decision
      const [schedule, delay] = yield* Backoff.next(reconnect[policy].delays, lost.progress[policy].schedule)
      if (delay === undefined) return yield* Reconnecting.exhausted(lost, failure)
      this.reconnecting = Reconnecting.scheduled(lost, policy, schedule)
      const wait = Duration.max(delay, atLeast)
      yield* Metric.increment(Metric.tagged(Telemetry.reconnects, "reason", failure._tag))
      yield* Effect.logWarning(
        `${describeLinkFailure(failure)}; attempt ${attempt} to reconnect in ${Duration.format(wait)}`
      )
      this.setStatus({ _tag: "Waiting", attempt, delay: wait, reason: failure })
      return wait
    })
  }

  private closeSession(): Effect.Effect<void> {
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
    this.watchers.recheck()
  }

  /** Runs when the Scope of the connection closes. */
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

/** Callbacks that are still in the mailbox when the connection closes are dropped, and counted. */
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
    const sessions = new Sessions({
      ...services,
      clock: yield* Effect.clock,
      deadlines: yield* SharedDeadlines.shared,
      runtime: yield* Effect.runtime<never>()
    }, callbacks)
    yield* Effect.acquireRelease(Effect.sync(() => sessions.connect()), () => sessions.close())
    // A record and no instance, so that `{ ...service, drain }` is a connection as well.
    return {
      unsafeRequest: (request, options, onExit) => sessions.unsafeRequest(request, options, onExit),
      callbacks,
      status: sessions.status,
      statusChanges: sessions.statusChanges,
      unsafeStatus: () => sessions.unsafeStatus(),
      ready: sessions.ready,
      closed: sessions.closed,
      drain: sessions.drain,
      down: sessions.down
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
