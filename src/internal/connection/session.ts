/**
 * One socket from opening to its end: open, subscribe, ready, then read and heartbeat side by side. It is lost once, for one
 * `LinkFailure`, or closed with the bot, and nothing of it outlives its `close`. `sessionPhase` decides; this module is the
 * only one that touches the WebSocket object.
 *
 * A session is an object with listeners, without a fiber: an idle bot keeps nothing else.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Crypto from "../../Crypto.js"
import * as ErrorCode from "../../ErrorCode.js"
import * as Frame from "../../Frame.js"
import * as Telemetry from "../../Telemetry.js"
import type { LinkFailure } from "../../WecomError.js"
import * as meters from "../telemetry/meters.js"
import { boundedWait } from "../time/boundedWait.js"
import type * as Deadlines from "../time/deadlines.js"
import * as codec from "../wire/codec.js"
import * as PendingAcks from "./acks.js"
import * as linkFailure from "./linkFailure.js"
import type * as Parts from "./parts.js"
import type { Action, Event, Phase } from "./sessionPhase.js"
import { isUp, mayRead, mayWrite, sessionPhase } from "./sessionPhase.js"

/**
 * The connection, as its session sees it.
 *
 * @internal
 */
export interface Supervisor {
  readonly parts: Pick<Parts.OfConnection, "clock" | "config" | "crypto" | "deadlines" | "heartbeat" | "webSocket">
  /** How long the close of the bot may still take. */
  millisToClose(): number
  fork<E>(effect: Effect.Effect<void, E>): Fiber.RuntimeFiber<void, E>
  onOpen(): void
  onReady(session: Session): void
  onPingAcked(): void
  onCallback(inbound: codec.Inbound): void
  onUnnamedRefusal(errcode: number): void
  /** Called once at most. Callbacks and acks that are read between the loss and the close count. */
  onLost(cause: Cause.Cause<LinkFailure>): void
  /** The session was lost before, and now the service tells that another instance has subscribed. */
  onTakenOver(): void
}

const OPEN = 1
const CLOSED = 3

/** The close code that stands for "no close frame was received". */
const noCloseFrame = 1006

/** How long a healthy peer gets to answer our close frame. */
const politeCloseMillis = 1_000

type Terminable = globalThis.WebSocket & { readonly terminate?: () => void }

const terminate = (ws: Terminable): void => {
  if (ws.terminate !== undefined) ws.terminate()
  else ws.close()
}

const closePolitely = (ws: Terminable, millis: number): Effect.Effect<void> =>
  boundedWait(
    Effect.async<void>((resume) => {
      ws.addEventListener("close", () => resume(Effect.void), { once: true })
      ws.close(1000)
      if (ws.readyState === CLOSED) resume(Effect.void)
    }),
    Duration.millis(millis)
  )

interface Listeners {
  readonly open: () => void
  readonly message: (event: MessageEvent) => void
  readonly error: (event: globalThis.Event) => void
  readonly close: (event: CloseEvent) => void
}

const kinds = ["open", "message", "error", "close"] as const

const ignore = () => {}

/** @internal */
export class Session implements Deadlines.Timeout {
  private readonly supervisor: Supervisor
  private readonly listeners: Listeners
  private phase: Phase = "Opening"
  private ws: Terminable | undefined = undefined
  /** The pending acks of requests and of policy pings. Absent until the first: most sessions of an idle bot have none. */
  private acks: PendingAcks.PendingAcks | undefined = undefined
  /** Of the subscribe or ping that waits for its ack. */
  private reqId: Frame.ReqId | undefined = undefined
  private askedAt = NaN
  /** When the ping that is out must be acked. */
  private pingDueAt = Infinity
  /** The heartbeat, when its policy pings in fibers of its own. */
  private heart: Fiber.RuntimeFiber<void> | undefined = undefined
  /** The list that its timer is in. */
  private timeouts: Deadlines.Timeouts | undefined = undefined
  dueAt = NaN
  previous: Deadlines.Timeout | undefined = undefined
  next: Deadlines.Timeout | undefined = undefined

  constructor(supervisor: Supervisor) {
    this.supervisor = supervisor
    this.listeners = {
      open: () => this.dispatch({ _tag: "Opened" }),
      message: (event) => this.onData(event.data),
      error: (event) => this.lose(linkFailure.fromUnknown(event)),
      close: (event) => this.lose({ _tag: "ClosedBy", code: event.code })
    }
    const { config, deadlines } = supervisor.parts
    this.startTimer(deadlines.timeouts(Duration.toMillis(config.subscribeTimeout)))
    try {
      this.open()
    } catch (error) {
      this.lose(linkFailure.fromUnknown(error))
    }
  }

  /** Makes the socket and listens in one step, so that no event of it is missed. */
  private open(): void {
    const { config, webSocket } = this.supervisor.parts
    const ws = this.ws = webSocket(config.wsUrl)
    ws.binaryType = "arraybuffer"
    // A terminated socket can still emit an error, and an error without a listener ends a Node process.
    ws.addEventListener("error", ignore)
    for (const kind of kinds) ws.addEventListener(kind, this.listeners[kind] as (event: globalThis.Event) => void)
  }

  private dispatch(event: Event): void {
    const [phase, actions] = sessionPhase(this.phase, event)
    this.phase = phase
    try {
      for (const action of actions) {
        this.act(action)
        if (this.phase !== phase) return
      }
    } catch (defect) {
      // A defect, of a policy for example, ends the bot as loudly as a failure does.
      this.dispatch({ _tag: "Failed", cause: Cause.die(defect) })
    }
  }

  private act(action: Action): void {
    const { supervisor } = this
    switch (action._tag) {
      case "ReportOpen":
        return supervisor.onOpen()
      case "Subscribe":
        return this.subscribe()
      case "ReportReady":
        return supervisor.onReady(this)
      case "KeepAlive":
        return this.keepAlive()
      case "Ping":
        return this.ping()
      case "ReportPingAcked":
        return supervisor.onPingAcked()
      case "Pong":
        return this.pong(action.reqId)
      case "StopTimer":
        return this.stopTimer()
      case "ReportLost":
        return supervisor.onLost(action.cause)
      case "ReportTakenOver":
        return supervisor.onTakenOver()
    }
  }

  private lose(failure: LinkFailure): void {
    this.dispatch({ _tag: "Failed", cause: Cause.fail(failure) })
  }

  /** In CLOSING some sockets never fire `close`. */
  private loseClosing(): void {
    this.lose({ _tag: "ClosedBy", code: noCloseFrame })
  }

  private startTimer(timeouts: Deadlines.Timeouts): void {
    this.stopTimer()
    this.timeouts = timeouts
    timeouts.start(this)
  }

  private stopTimer(): void {
    this.timeouts?.stop(this)
    this.timeouts = undefined
  }

  onDue(): void {
    this.timeouts = undefined
    this.dispatch({ _tag: "Due" })
  }

  private isOpen(): boolean {
    return this.ws?.readyState === OPEN
  }

  private write(text: string): void {
    try {
      this.ws!.send(text)
    } catch (error) {
      this.lose(linkFailure.fromUnknown(error))
    }
  }

  /** Writes a frame and registers its ack. `false`: the socket is not open any more, and nothing was written. */
  send(reqId: Frame.ReqId, text: string, timeoutMillis: number, writer: PendingAcks.Writer): boolean {
    if (!mayWrite(this.phase) || !this.isOpen()) return false
    const { config, deadlines } = this.supervisor.parts
    this.acks ??= PendingAcks.make(deadlines, Duration.toMillis(config.ackHorizon))
    this.acks.register(reqId, timeoutMillis, writer)
    this.write(text)
    return true
  }

  /** Writes a frame of its own, and starts the timeout of its ack. */
  private ask(cmd: string, body: unknown, timeoutMillis: number): void {
    const { crypto, deadlines } = this.supervisor.parts
    const reqId = this.reqId = Crypto.unsafeReqId(crypto, cmd)
    if (!this.isOpen()) return this.loseClosing()
    this.startTimer(deadlines.timeouts(timeoutMillis))
    this.askedAt = this.dueAt - timeoutMillis
    this.write(codec.encode(Frame.request(cmd, reqId, body)))
  }

  private subscribe(): void {
    const { config } = this.supervisor.parts
    const body = {
      bot_id: config.botId,
      secret: Redacted.value(config.secret),
      ...(config.scene === undefined ? {} : { scene: config.scene }),
      ...(config.plugVersion === undefined ? {} : { plug_version: config.plugVersion })
    }
    this.ask(Frame.Command.subscribe, body, Duration.toMillis(config.subscribeTimeout))
  }

  private ping(): void {
    this.ask(Frame.Command.ping, undefined, Duration.toMillis(this.supervisor.parts.config.pingTimeout))
    this.pingDueAt = this.dueAt
  }

  private pong(reqId: Frame.ReqId): void {
    if (this.isOpen()) this.write(codec.encode(Frame.request("pong", reqId)))
  }

  private keepAlive(): void {
    const { deadlines, heartbeat } = this.supervisor.parts
    if (heartbeat.interval !== undefined) {
      return this.startTimer(deadlines.pauses(Duration.toMillis(heartbeat.interval)))
    }
    this.heart = this.supervisor.fork(Effect.matchCause(heartbeat.run(this.policyPing()), {
      onFailure: (cause) => this.dispatch({ _tag: "Failed", cause }),
      onSuccess: () => this.lose({ _tag: "HeartbeatLost" })
    }))
  }

  /** The ping for a policy that pings in fibers of its own, as often as it likes. */
  private policyPing(): Effect.Effect<void, LinkFailure> {
    const { config, crypto, deadlines } = this.supervisor.parts
    const pingTimeout = Duration.toMillis(config.pingTimeout)
    return Effect.async((resume) => {
      const frame = Frame.request(Frame.Command.ping, Crypto.unsafeReqId(crypto, Frame.Command.ping))
      const dueAt = this.pingDueAt = deadlines.now() + pingTimeout
      const isSent = this.send(frame.headers.req_id, codec.encode(frame), pingTimeout, {
        isPing: true,
        onVerdict: (verdict) => {
          // The end of the session is no ack, so the ping still counts as unacked in `millisToClose`.
          const isOwed = verdict._tag === "Unknown" && verdict.reason === "ConnectionLost"
          if (this.pingDueAt === dueAt && !isOwed) this.pingDueAt = Infinity
          if (verdict._tag === "Unknown") return resume(Effect.fail<LinkFailure>({ _tag: "HeartbeatLost" }))
          if (verdict.ack.errcode === ErrorCode.ok && mayWrite(this.phase)) this.supervisor.onPingAcked()
          resume(Effect.void)
        }
      })
      if (isSent) return
      this.loseClosing()
      resume(Effect.fail<LinkFailure>({ _tag: "HeartbeatLost" }))
    })
  }

  private onData(data: unknown): void {
    if (!mayRead(this.phase)) return
    const inbound = codec.decode(data, this.supervisor.parts.clock)
    switch (inbound._tag) {
      case "Ack":
        return this.onAck(inbound.ack)
      case "Refusal":
        return this.onRefusal(inbound)
      case "Ping":
        return this.dispatch({ _tag: "PingReceived", reqId: inbound.reqId })
      case "Event":
        this.supervisor.onCallback(inbound)
        if (inbound.event.eventtype === "disconnected_event") this.dispatch({ _tag: "TakenOver" })
        return
      default:
        return this.supervisor.onCallback(inbound)
    }
  }

  private onAck(ack: Frame.Ack): void {
    if (ack.errcode === ErrorCode.notSubscribed) this.lose({ _tag: "NotSubscribed" })
    if (ack.headers.req_id === this.reqId) this.onOwnAck(ack)
    else if (this.acks?.receive(ack) !== true) Telemetry.unsafeIncrement(Telemetry.surplusAcks)
  }

  /** The service refuses fields without saying in which frame. */
  private onRefusal(refusal: Pick<Frame.Ack, "errcode" | "errmsg">): void {
    this.supervisor.onUnnamedRefusal(refusal.errcode)
    // Before its ack the subscribe is the only frame.
    if (this.phase === "Subscribing") this.onOwnAck({ headers: { req_id: this.reqId! }, ...refusal })
    else this.acks?.receiveUnnamed(refusal)
  }

  private onOwnAck(ack: Frame.Ack): void {
    this.reqId = undefined
    this.pingDueAt = Infinity
    meters.ackLatency(this.supervisor.parts.deadlines.now() - this.askedAt)
    this.dispatch({ _tag: "Acked", ack })
  }

  // While a ping is unacked, the close frame is awaited no longer than its ack.
  private millisToClose(): number {
    const { config, deadlines } = this.supervisor.parts
    return Math.min(
      politeCloseMillis,
      Duration.toMillis(config.drainTimeout),
      this.supervisor.millisToClose(),
      this.pingDueAt - deadlines.now()
    )
  }

  /** Leaves nothing behind. A link that was not lost ends with a close frame, within bounds. */
  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const wasUp = isUp(this.phase)
      this.dispatch({ _tag: "Close" })
      const heartStopped = this.heart === undefined ? Effect.void : Fiber.interrupt(this.heart)
      return Effect.zipRight(heartStopped, Effect.suspend(() => this.leave(wasUp)))
    })
  }

  private leave(wasUp: boolean): Effect.Effect<void> {
    this.acks?.end()
    const { ws } = this
    if (ws === undefined) return Effect.void
    for (const kind of kinds) ws.removeEventListener(kind, this.listeners[kind] as (event: globalThis.Event) => void)
    const millis = this.millisToClose()
    return wasUp && this.isOpen() && millis > 0
      ? Effect.ensuring(closePolitely(ws, millis), Effect.sync(() => terminate(ws)))
      : Effect.sync(() => terminate(ws))
  }
}
