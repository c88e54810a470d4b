/**
 * One socket from opening to its end: open, subscribe, ready, then read and heartbeat side by side. It is lost once, for one
 * `LinkFailure`, or closed with the bot, and nothing of it outlives its `close`. The only module that touches the WebSocket
 * object.
 *
 * A session is an object that is called back, and no fiber: while nothing happens it is all that is kept of a bot.
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
import { within } from "../time/boundedWait.js"
import type * as Deadlines from "../time/deadlines.js"
import * as codec from "../wire/codec.js"
import * as PendingAcks from "./acks.js"
import * as linkFailure from "./linkFailure.js"
import type * as Parts from "./parts.js"

/** @internal */
export interface Owner {
  readonly parts: Pick<Parts.OfConnection, "clock" | "config" | "crypto" | "deadlines" | "heartbeat" | "webSocket">
  /** How long the close of the bot may still take. */
  millisToClose(): number
  fork<E>(effect: Effect.Effect<void, E>): Fiber.RuntimeFiber<void, E>
  onOpen(): void
  onReady(session: Session): void
  onPingAcked(): void
  onCallback(inbound: codec.Inbound): void
  /** It was lost for this. What is read until it is closed counts all the same. */
  onLost(cause: Cause.Cause<LinkFailure>): void
  /** It had been lost already, and now the service says why. */
  onTakenOver(): void
}

const OPEN = 1
const CLOSED = 3

/** What a connection that ended without a word is said to have closed with. */
const noCloseFrame = 1006

/** How long a healthy peer gets to answer our close frame. */
const politeCloseMillis = 1_000

type Terminable = globalThis.WebSocket & { readonly terminate?: () => void }

const terminate = (ws: Terminable): void => {
  if (ws.terminate !== undefined) ws.terminate()
  else ws.close()
}

const closePolitely = (ws: Terminable, millis: number): Effect.Effect<void> =>
  within(
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
  readonly error: (event: Event) => void
  readonly close: (event: CloseEvent) => void
}

const kinds = ["open", "message", "error", "close"] as const

const ignore = () => {}

/** What its deadline is for, as it waits for one thing at a time. When a policy of somebody else's pings, it stays `Subscribed`. */
type Phase = "Opening" | "Subscribing" | "Subscribed" | "Pausing" | "Pinging"

/** @internal */
export class Session implements Deadlines.Timeout {
  private readonly owner: Owner
  private readonly listeners: Listeners
  private ws: Terminable | undefined = undefined
  private phase: Phase = "Opening"
  private isSubscribed = false
  private hasEnded = false
  /** Of frames that are not its own; almost every session of an idle bot does without. */
  private acks: PendingAcks.PendingAcks | undefined = undefined
  /** Of the subscribe or the ping that waits for its ack. */
  private reqId: string | undefined = undefined
  private timeouts: Deadlines.Timeouts | undefined = undefined
  private askedAt = NaN
  private pauseMillis = 0
  private pingMillis = 0
  private heart: Fiber.RuntimeFiber<void> | undefined = undefined
  /** When the ping that is out has to be answered. */
  private pingDueAt = Infinity
  dueAt = NaN
  previous: Deadlines.Timeout | undefined = undefined
  next: Deadlines.Timeout | undefined = undefined

  constructor(owner: Owner) {
    this.owner = owner
    this.listeners = {
      open: () => this.carefully(() => this.onOpen()),
      message: (event) => this.onData(event.data),
      error: (event) => this.lose(linkFailure.fromUnknown(event)),
      close: (event) => this.lose({ _tag: "ClosedBy", code: event.code })
    }
    const { config, deadlines } = owner.parts
    this.wait(deadlines.timeouts(Duration.toMillis(config.subscribeTimeout)))
    try {
      this.open()
    } catch (error) {
      this.lose(linkFailure.fromUnknown(error))
    }
  }

  /** Makes the socket and listens in one step: what it tells before somebody listens is lost. */
  private open(): void {
    const { config, webSocket } = this.owner.parts
    const ws = this.ws = webSocket(config.wsUrl)
    ws.binaryType = "arraybuffer"
    // A terminated socket may still report an error, and an error nobody listens to ends a Node process.
    ws.addEventListener("error", ignore)
    for (const kind of kinds) ws.addEventListener(kind, this.listeners[kind] as (event: Event) => void)
  }

  /** A defect, of a policy for example, ends the bot as loudly as a failure does. */
  private carefully(step: () => void): void {
    try {
      step()
    } catch (defect) {
      this.loseFor(Cause.die(defect))
    }
  }

  private lose(failure: LinkFailure): void {
    this.loseFor(Cause.fail(failure))
  }

  // The first reason stands: a close that follows a takeover is no cause to reconnect.
  private loseFor(cause: Cause.Cause<LinkFailure>): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.stopWaiting()
    this.owner.onLost(cause)
  }

  private onTakenOver(): void {
    if (this.hasEnded) this.owner.onTakenOver()
    else this.lose({ _tag: "TakenOver" })
  }

  private wait(timeouts: Deadlines.Timeouts): void {
    this.timeouts = timeouts
    timeouts.start(this)
  }

  private stopWaiting(): void {
    this.timeouts?.stop(this)
    this.timeouts = undefined
  }

  onDue(): void {
    this.timeouts = undefined
    switch (this.phase) {
      case "Opening":
        return this.lose({ _tag: "OpenTimeout" })
      case "Subscribing":
        return this.lose({ _tag: "SubscribeTimeout" })
      case "Pausing":
        return this.carefully(() => this.ping())
      case "Pinging":
        this.pingDueAt = Infinity
        return this.lose({ _tag: "HeartbeatLost" })
      default:
    }
  }

  private isOpen(): boolean {
    return !this.hasEnded && this.ws?.readyState === OPEN
  }

  private write(text: string): void {
    try {
      this.ws!.send(text)
    } catch (error) {
      this.lose(linkFailure.fromUnknown(error))
    }
  }

  /** Writes a frame and registers its ack. `false`: the socket is not open any more, and nothing was written. */
  send(reqId: string, text: string, timeoutMillis: number, writer: PendingAcks.Writer): boolean {
    if (!this.isOpen()) return false
    const { config, deadlines } = this.owner.parts
    this.acks ??= PendingAcks.make(deadlines, Duration.toMillis(config.ackHorizon))
    this.acks.register(reqId, timeoutMillis, writer)
    this.write(text)
    return true
  }

  /** It is closing, and not every WebSocket says so before it has closed, which may never be. */
  private loseUnsaid(): void {
    this.lose({ _tag: "ClosedBy", code: noCloseFrame })
  }

  /** Writes a frame of its own, and waits for its ack. */
  private ask(cmd: string, body: unknown, timeoutMillis: number): void {
    const { crypto, deadlines } = this.owner.parts
    const reqId = this.reqId = Crypto.unsafeReqId(crypto, cmd)
    if (!this.isOpen()) return this.loseUnsaid()
    this.wait(deadlines.timeouts(timeoutMillis))
    this.askedAt = this.dueAt - timeoutMillis
    this.write(codec.encode(Frame.request(cmd, reqId, body)))
  }

  private onOpen(): void {
    if (this.hasEnded || this.phase !== "Opening") return
    const { config } = this.owner.parts
    this.stopWaiting()
    this.owner.onOpen()
    const body = {
      bot_id: config.botId,
      secret: Redacted.value(config.secret),
      ...(config.scene === undefined ? {} : { scene: config.scene }),
      ...(config.plugVersion === undefined ? {} : { plug_version: config.plugVersion })
    }
    this.phase = "Subscribing"
    this.ask(Frame.Command.subscribe, body, Duration.toMillis(config.subscribeTimeout))
  }

  private ping(): void {
    this.phase = "Pinging"
    this.pingDueAt = this.owner.parts.deadlines.now() + this.pingMillis
    this.ask(Frame.Command.ping, undefined, this.pingMillis)
  }

  private onOwnAck({ errcode, errmsg }: Frame.Ack): void {
    this.reqId = undefined
    if (this.phase === "Pinging") this.pingDueAt = Infinity
    if (this.hasEnded) return
    this.stopWaiting()
    meters.ackLatency(this.owner.parts.deadlines.now() - this.askedAt)
    if (this.phase === "Pinging") {
      if (errcode === ErrorCode.ok) this.owner.onPingAcked()
      return this.pause()
    }
    switch (errcode) {
      case ErrorCode.ok:
        return this.carefully(() => this.onSubscribed())
      case ErrorCode.invalidCredentials:
        return this.lose({ _tag: "CredentialsRefused", errcode, errmsg })
      default:
        return this.lose({ _tag: "SubscribeRefused", errcode, errmsg })
    }
  }

  private onSubscribed(): void {
    this.isSubscribed = true
    this.phase = "Subscribed"
    this.owner.onReady(this)
    if (this.hasEnded) return
    const { heartbeat } = this.owner.parts
    if (heartbeat.interval !== undefined) {
      this.pauseMillis = Duration.toMillis(heartbeat.interval)
      this.pingMillis = Duration.toMillis(this.owner.parts.config.pingTimeout)
      return this.pause()
    }
    this.heart = this.owner.fork(Effect.matchCause(heartbeat.run(this.policyPing()), {
      onFailure: (cause) => this.loseFor(cause),
      onSuccess: () => this.lose({ _tag: "HeartbeatLost" })
    }))
  }

  private pause(): void {
    this.phase = "Pausing"
    this.wait(this.owner.parts.deadlines.pauses(this.pauseMillis))
  }

  /** What a policy of somebody else's gets to ping with, as often and in whatever fibers it likes. */
  private policyPing(): Effect.Effect<void, LinkFailure> {
    const { config, crypto, deadlines } = this.owner.parts
    const pingTimeout = Duration.toMillis(config.pingTimeout)
    return Effect.async((resume) => {
      const frame = Frame.request(Frame.Command.ping, Crypto.unsafeReqId(crypto, Frame.Command.ping))
      const dueAt = this.pingDueAt = deadlines.now() + pingTimeout
      const isSent = this.send(frame.headers.req_id, codec.encode(frame), pingTimeout, {
        onVerdict: (verdict) => {
          // What happens to the fiber that pings is its heartbeat's affair; the end of the session forgives nothing.
          const isOwed = verdict._tag === "Unknown" && verdict.reason === "ConnectionLost"
          if (this.pingDueAt === dueAt && !isOwed) this.pingDueAt = Infinity
          if (verdict._tag === "Unknown") return resume(Effect.fail<LinkFailure>({ _tag: "HeartbeatLost" }))
          if (verdict.ack.errcode === ErrorCode.ok) this.owner.onPingAcked()
          resume(Effect.void)
        }
      })
      if (!isSent) this.loseUnsaid()
    })
  }

  // What is read after the session was lost, but before its socket is gone, is true all the same.
  private onData(data: unknown): void {
    const inbound = codec.decode(data, this.owner.parts.clock)
    switch (inbound._tag) {
      case "Ack": {
        const { ack } = inbound
        if (ack.errcode === ErrorCode.notSubscribed) this.lose({ _tag: "NotSubscribed" })
        if (ack.headers.req_id === this.reqId) this.onOwnAck(ack)
        else if (this.acks?.receive(ack) !== true) Telemetry.unsafeIncrement(Telemetry.surplusAcks)
        return
      }
      case "Ping": {
        // Nothing but the subscribe leaves before its ack, not even this.
        if (this.isSubscribed && this.isOpen()) this.write(codec.encode(Frame.request("pong", inbound.reqId)))
        return
      }
      case "Event": {
        this.owner.onCallback(inbound)
        if (inbound.event.eventtype === "disconnected_event") this.onTakenOver()
        return
      }
      default:
        return this.owner.onCallback(inbound)
    }
  }

  // A peer that owes us a sign of life gets no more time for its close frame than for that sign.
  private millisToClose(): number {
    const { config, deadlines } = this.owner.parts
    return Math.min(
      politeCloseMillis,
      Duration.toMillis(config.drainTimeout),
      this.owner.millisToClose(),
      this.pingDueAt - deadlines.now()
    )
  }

  /** Leaves nothing behind. A link that was not lost ends with a close frame, within bounds. */
  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const wasLost = this.hasEnded
      this.hasEnded = true
      this.stopWaiting()
      const { heart } = this
      const heartStopped = heart === undefined ? Effect.void : Fiber.interrupt(heart)
      return Effect.zipRight(heartStopped, Effect.suspend(() => this.leave(wasLost)))
    })
  }

  private leave(wasLost: boolean): Effect.Effect<void> {
    this.acks?.end()
    const { ws } = this
    if (ws === undefined) return Effect.void
    for (const kind of kinds) ws.removeEventListener(kind, this.listeners[kind] as (event: Event) => void)
    const patience = this.millisToClose()
    return wasLost || ws.readyState !== OPEN || !(patience > 0)
      ? Effect.sync(() => terminate(ws))
      : Effect.ensuring(closePolitely(ws, patience), Effect.sync(() => terminate(ws)))
  }
}
