/**
 * One socket from opening to its end: open, subscribe, ready, then read and heartbeat side by side. It always ends with one
 * `LinkFailure`, or by interruption when the bot closes, and nothing of it outlives its scope. The only module that touches
 * the WebSocket object.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as BotConfig from "../BotConfig.js"
import * as Crypto from "../Crypto.js"
import * as ErrorCode from "../ErrorCode.js"
import * as Frame from "../Frame.js"
import type * as Heartbeat from "../Heartbeat.js"
import * as Telemetry from "../Telemetry.js"
import type { LinkFailure } from "../WecomError.js"
import type * as ChunkFrame from "./chunkFrame.js"
import * as codec from "./codec.js"
import type * as Deadlines from "./deadlines.js"
import * as linkFailure from "./linkFailure.js"
import * as PendingAcks from "./pendingAcks.js"
import { within } from "./within.js"

/** @internal */
export interface Environment {
  readonly config: BotConfig.Resolved
  readonly crypto: Crypto.Crypto.Service
  readonly heartbeat: Heartbeat.Heartbeat.Service
  readonly webSocket: (url: string) => globalThis.WebSocket
  readonly deadlines: Deadlines.Deadlines
  readonly wallTime: () => number
  /** How long the close of the bot may still take. */
  readonly millisToClose: () => number
  readonly onOpen: Effect.Effect<void>
  readonly onReady: (session: Session) => Effect.Effect<void>
  readonly onPingAcked: () => void
  readonly onCallback: (inbound: codec.Inbound) => void
}

/** @internal */
export interface Session {
  /** Writes a frame and registers its ack. `false`: the socket is not open any more, and nothing was written. */
  readonly send: (reqId: string, text: codec.Text, timeoutMillis: number, writer: PendingAcks.Writer) => boolean
}

const OPEN = 1
const CLOSED = 3

/** What a connection that ended without a word is said to have closed with. */
const noCloseFrame = 1006

/** How long a healthy peer gets to answer our close frame. */
const politeCloseMillis = 1_000

type Terminable = globalThis.WebSocket & {
  readonly terminate?: () => void
  readonly sendChunk?: (text: ChunkFrame.Text) => void
}

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

/** Makes the socket and listens in one step: what it tells before somebody listens is lost. */
const acquire = (
  env: Environment,
  listeners: Listeners,
  millisToClose: () => number
): Effect.Effect<Terminable, LinkFailure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const ws = env.webSocket(env.config.wsUrl)
        ws.binaryType = "arraybuffer"
        // A terminated socket may still report an error, and an error nobody listens to ends a Node process.
        ws.addEventListener("error", () => {})
        for (const kind of kinds) ws.addEventListener(kind, listeners[kind] as (event: Event) => void)
        return ws
      },
      catch: linkFailure.fromUnknown
    }),
    (ws: Terminable, exit) => {
      for (const kind of kinds) ws.removeEventListener(kind, listeners[kind] as (event: Event) => void)
      const patience = millisToClose()
      return Exit.isInterrupted(exit) && ws.readyState === OPEN && patience > 0
        ? Effect.ensuring(closePolitely(ws, patience), Effect.sync(() => terminate(ws)))
        : Effect.sync(() => terminate(ws))
    }
  )

/** @internal */
export const run = (env: Environment): Effect.Effect<never, LinkFailure> =>
  Effect.scoped(Effect.gen(function*() {
    const { config, deadlines } = env
    const opened = yield* Deferred.make<void>()
    const lost = yield* Deferred.make<never, LinkFailure>()
    const acks = PendingAcks.make(deadlines, Duration.toMillis(config.ackHorizon))
    let hasEnded = false
    let isSubscribed = false
    /** When the ping that is out has to be answered. */
    let pingDueAt = Infinity

    // A peer that owes us a sign of life gets no more time for its close frame than for that sign.
    const millisToClose = () =>
      Math.min(
        politeCloseMillis,
        Duration.toMillis(config.drainTimeout),
        env.millisToClose(),
        pingDueAt - deadlines.now()
      )

    // The first reason stands: a close that follows a takeover is no cause to reconnect.
    const lose = (failure: LinkFailure) => loseFor(Cause.fail(failure))

    const loseFor = (cause: Cause.Cause<LinkFailure>) => {
      hasEnded = true
      Deferred.unsafeDone(lost, Effect.failCause(cause))
    }

    const write = (text: codec.Text): void => {
      try {
        if (typeof text === "string") ws.send(text)
        else if (ws.sendChunk !== undefined) ws.sendChunk(text)
        else ws.send(String(text))
      } catch (error) {
        lose(linkFailure.fromUnknown(error))
      }
    }

    const send: Session["send"] = (reqId, text, timeoutMillis, writer) => {
      if (hasEnded || ws.readyState !== OPEN) return false
      acks.register(reqId, timeoutMillis, writer)
      write(text)
      return true
    }

    // What is read after the session was lost, but before its socket is gone, is true all the same.
    const onData = (data: unknown): void => {
      const inbound = codec.decode(data, env.wallTime())
      switch (inbound._tag) {
        case "Ack": {
          if (inbound.ack.errcode === ErrorCode.notSubscribed) lose({ _tag: "NotSubscribed" })
          if (!acks.receive(inbound.ack)) Telemetry.unsafeIncrement(Telemetry.surplusAcks)
          return
        }
        case "Ping": {
          // Nothing but the subscribe leaves before its ack, not even this.
          if (isSubscribed && !hasEnded && ws.readyState === OPEN) {
            write(codec.encode(Frame.request("pong", inbound.reqId)))
          }
          return
        }
        case "Event": {
          env.onCallback(inbound)
          if (inbound.event.eventtype === "disconnected_event") lose({ _tag: "TakenOver" })
          return
        }
        default:
          return env.onCallback(inbound)
      }
    }

    const ws = yield* acquire(env, {
      open: () => Deferred.unsafeDone(opened, Effect.void),
      message: (event) => onData(event.data),
      error: (event) => lose(linkFailure.fromUnknown(event)),
      close: (event) => lose({ _tag: "ClosedBy", code: event.code })
    }, millisToClose)
    const openDeadline = deadlines.after(
      Duration.toMillis(config.subscribeTimeout),
      () => lose({ _tag: "OpenTimeout" })
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        hasEnded = true
        openDeadline.cancelled = true
        acks.end()
      })
    )

    const request = (
      frame: Frame.Request,
      timeoutMillis: number,
      onVerdict: (verdict: PendingAcks.Verdict) => void
    ): Effect.Effect<PendingAcks.Verdict> =>
      Effect.async((resume) => {
        const isSent = send(frame.headers.req_id, codec.encode(frame), timeoutMillis, {
          onVerdict: (verdict) => {
            onVerdict(verdict)
            resume(Effect.succeed(verdict))
          }
        })
        if (isSent) return
        // It is closing, and not every WebSocket says so before it has closed, which may never be.
        lose({ _tag: "ClosedBy", code: noCloseFrame })
        resume(Effect.never)
      })

    // In the step that reads it: what came right behind the ack of the subscribe is read before any fiber runs.
    const onSubscribed = (verdict: PendingAcks.Verdict) => {
      isSubscribed = verdict._tag === "Acked" && verdict.ack.errcode === ErrorCode.ok
    }

    const subscribe = Effect.gen(function*() {
      const body = {
        bot_id: config.botId,
        secret: Redacted.value(config.secret),
        ...(config.scene === undefined ? {} : { scene: config.scene }),
        ...(config.plugVersion === undefined ? {} : { plug_version: config.plugVersion })
      }
      const reqId = Crypto.unsafeReqId(env.crypto, Frame.Command.subscribe)
      const frame = Frame.request(Frame.Command.subscribe, reqId, body)
      const verdict = yield* request(frame, Duration.toMillis(config.subscribeTimeout), onSubscribed)
      if (verdict._tag === "Unknown") return yield* Effect.fail<LinkFailure>({ _tag: "SubscribeTimeout" })
      const { errcode, errmsg } = verdict.ack
      if (errcode === ErrorCode.ok) return
      return yield* Effect.fail<LinkFailure>(
        errcode === ErrorCode.invalidCredentials
          ? { _tag: "CredentialsRefused", errcode, errmsg }
          : { _tag: "SubscribeRefused", errcode, errmsg }
      )
    })

    const pingTimeout = Duration.toMillis(config.pingTimeout)
    const ping = Effect.suspend(() => {
      const frame = Frame.request(Frame.Command.ping, Crypto.unsafeReqId(env.crypto, Frame.Command.ping))
      const dueAt = pingDueAt = deadlines.now() + pingTimeout
      // What happens to the fiber that pings is its heartbeat's affair; the end of the session forgives nothing.
      const onPong = (verdict: PendingAcks.Verdict) => {
        const isOwed = verdict._tag === "Unknown" && verdict.reason === "ConnectionLost"
        if (pingDueAt === dueAt && !isOwed) pingDueAt = Infinity
      }
      return Effect.flatMap(request(frame, pingTimeout, onPong), (verdict) => {
        if (verdict._tag === "Unknown") return Effect.fail<LinkFailure>({ _tag: "HeartbeatLost" })
        if (verdict.ack.errcode === ErrorCode.ok) env.onPingAcked()
        return Effect.void
      })
    })

    const opening = Effect.gen(function*() {
      yield* Deferred.await(opened)
      openDeadline.cancelled = true
      yield* env.onOpen
      yield* subscribe
      yield* env.onReady({ send })
    })

    yield* Effect.raceFirst(opening, Deferred.await(lost))
    yield* Effect.forkScoped(Effect.matchCause(env.heartbeat.run(ping), {
      onFailure: loseFor,
      onSuccess: () => lose({ _tag: "HeartbeatLost" })
    }))
    return yield* Deferred.await(lost)
  }))
