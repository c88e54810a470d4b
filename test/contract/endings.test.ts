import * as Socket from "@effect/platform/Socket"
import { describe, expect, it } from "@effect/vitest"
import {
  Cause,
  Deferred,
  type Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  Runtime,
  Supervisor,
  TestClock
} from "effect"
import { BotConfig, Crypto, Heartbeat } from "effect-wecom"
import type { WecomError } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as session from "../../src/internal/connection/session.js"
import type * as Deadlines from "../../src/internal/time/deadlines.js"
import * as SharedDeadlines from "../../src/internal/time/sharedDeadlines.js"
import { gateway, noop, open, reasons, request, Watch, withNoop } from "./wired.js"

type Controls = TestGateway.TestGateway | Watch

interface Ending {
  /** Before the connection is opened. */
  readonly before?: Effect.Effect<unknown, never, Controls>
  /** Once it is subscribed. */
  readonly after?: (write: (cmd: string) => Effect.Effect<unknown>) => Effect.Effect<unknown, never, Controls>
  readonly heal?: Effect.Effect<unknown, never, Controls>
  readonly takes?: Duration.DurationInput
  readonly reason: Partial<WecomError.LinkFailure>
}

const healAcks = TestGateway.acks.clear
const { faults } = TestGateway

const throwOn = (cmd: string) =>
  Effect.map(Watch, (sockets) => {
    sockets.tamper = (ws) => {
      const { send } = ws
      ws.send = (data) => {
        if (String(data).includes(`"cmd":"${cmd}"`)) throw new Error("write EPIPE")
        send(data)
      }
    }
  })

const untampered = Effect.map(Watch, (sockets) => {
  sockets.tamper = () => {}
})

/** Every way a session can end that is not for good. */
const endings: { readonly [how: string]: Ending } = {
  "a refused connection": {
    before: faults.refuseConnections(true),
    heal: faults.refuseConnections(false),
    reason: { _tag: "Refused", code: "ECONNREFUSED" }
  },
  "an upgrade that is answered with a status": {
    before: faults.refuseConnections({ status: 503 }),
    heal: faults.refuseConnections(false),
    reason: { _tag: "Handshake", status: 503 }
  },
  "an upgrade that is never answered": {
    before: faults.neverOpen(true),
    heal: faults.neverOpen(false),
    takes: "10 seconds",
    reason: { _tag: "OpenTimeout" }
  },
  "a constructor that throws": {
    before: Effect.map(Watch, (sockets) => {
      sockets.construct = () => {
        throw new TypeError("Invalid URL")
      }
    }),
    heal: Effect.map(Watch, (sockets) => {
      sockets.construct = () => {}
    }),
    reason: { _tag: "Network" }
  },
  "a subscribe that is never acked": {
    before: faults.muteSubscribe,
    heal: healAcks,
    takes: "10 seconds",
    reason: { _tag: "SubscribeTimeout" }
  },
  "a subscribe that cannot be written": {
    before: throwOn("aibot_subscribe"),
    heal: untampered,
    reason: { _tag: "Network" }
  },
  "a subscribe that is refused": {
    before: TestGateway.acks.refuse(-1, { cmd: "aibot_subscribe" }),
    heal: healAcks,
    reason: { _tag: "SubscribeRefused", errcode: -1 }
  },
  "853000": {
    before: faults.refuseCredentials(true),
    heal: faults.refuseCredentials(false),
    reason: { _tag: "CredentialsRefused", errcode: 853000 }
  },
  "846609 to a frame": {
    after: (write) => Effect.zipRight(faults.forgetSubscription(), write(noop)),
    reason: { _tag: "NotSubscribed" }
  },
  "846609 to a ping": {
    after: () => faults.forgetSubscription(),
    takes: "30 seconds",
    reason: { _tag: "NotSubscribed" }
  },
  "pings that are never acked": {
    after: () => faults.mutePongs,
    heal: healAcks,
    takes: "40 seconds",
    reason: { _tag: "HeartbeatLost" }
  },
  "a half open link": { after: () => faults.halfOpen(), takes: "40 seconds", reason: { _tag: "HeartbeatLost" } },
  "a close with 1000": { after: () => faults.close(1000), reason: { _tag: "ClosedBy", code: 1000 } },
  "a close with 1001": { after: () => faults.close(1001), reason: { _tag: "ClosedBy", code: 1001 } },
  "a close with 4000": { after: () => faults.close(4000), reason: { _tag: "ClosedBy", code: 4000 } },
  "a cut": { after: () => faults.cut(), reason: { _tag: "ClosedBy", code: 1006 } },
  "a write that throws": {
    before: throwOn(noop),
    after: (write) => Effect.zipRight(untampered, write(noop)),
    reason: { _tag: "Network" }
  },
  "a pong that cannot be written": {
    before: throwOn("pong"),
    after: () => Effect.zipRight(untampered, faults.pushRaw(JSON.stringify({ cmd: "ping", headers: { req_id: "p" } }))),
    reason: { _tag: "Network" }
  }
}

const play = (ending: Ending) =>
  Effect.gen(function*() {
    const sockets = yield* Watch
    yield* withNoop
    yield* ending.before ?? Effect.void
    const opened = yield* open()
    if (ending.after !== undefined) {
      yield* opened.service.ready.pipe(Effect.orDie)
      yield* ending.after((cmd) => Effect.fork(request(opened.service, cmd, "r")))
    }
    yield* TestClock.adjust(ending.takes ?? 0)
    return { opened, sockets }
  })

describe("one loop: exactly one reconnect follows", () => {
  for (const [how, ending] of Object.entries(endings)) {
    it.scoped(how, () =>
      Effect.gen(function*() {
        const { opened, sockets } = yield* play(ending)
        const status = yield* opened.service.status
        expect(status).toMatchObject({ _tag: "Waiting", attempt: 1, reason: ending.reason })
        expect(reasons(yield* opened.history)).toHaveLength(1)
        yield* ending.heal ?? Effect.void
        yield* TestClock.adjust("1 second")
        expect((yield* opened.service.status)._tag).toBe("Subscribed")
        // Nothing else is on its way: no second loop, no late timer of the first session.
        yield* TestClock.adjust("1 minute")
        expect(reasons(yield* opened.history)).toHaveLength(0)
        expect(sockets.attempts).toBe(2)
        const open = (yield* TestGateway.connections).filter((connection) => connection.state !== "closed")
        expect(open).toMatchObject([{ state: "subscribed" }])
      }).pipe(Effect.provide(gateway())))
  }

  it.scoped("a kick that is followed by the close of the socket at once is still a kick", () =>
    Effect.gen(function*() {
      const opened = yield* open()
      yield* opened.service.ready
      yield* faults.kick()
      yield* faults.cut({ connection: 1 })
      expect((yield* Effect.flip(opened.service.closed))._tag).toBe("Superseded")
    }).pipe(Effect.provide(gateway())))

  it.scoped("a policy that dies ends the connection with its defect, and not in silence", () =>
    Effect.gen(function*() {
      const heartbeat = Layer.succeed(Heartbeat.Heartbeat, { run: () => Effect.die(new Error("boom")) })
      const opened = yield* open({}, { heartbeat })
      const early = yield* Effect.fork(Effect.exit(request(opened.service, noop, "early")))
      const exit = yield* Effect.exit(opened.service.closed)
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect((yield* opened.service.status)._tag).toBe("Closed")
      expect(Exit.isFailure(yield* Effect.exit(opened.service.callbacks.takeAll))).toBe(true)
      // Settled whether its ack or the policy was faster, and what comes later is told why it cannot leave.
      yield* Fiber.join(early)
      expect((yield* Effect.flip(request(opened.service, noop, "late")))._tag).toBe("SendUnavailable")
    }).pipe(Effect.provide(gateway())))
})

/** A session by itself, with its deadlines recorded. */
const alone = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const config = yield* BotConfig.resolve({ botId: TestGateway.defaultBotId, secret: TestGateway.defaultSecret })
  const deadlines = yield* SharedDeadlines.shared
  const entries = new Set<Deadlines.Deadline>()
  const onTheirWay = new Set<Deadlines.Timeout>()
  const recorded = (inner: Deadlines.Timeouts): Deadlines.Timeouts => {
    const wrapped = new Map<Deadlines.Timeout, Deadlines.Timeout>()
    return {
      start: (timeout) => {
        const own: Deadlines.Timeout = {
          dueAt: 0,
          previous: undefined,
          next: undefined,
          onDue: () => {
            onTheirWay.delete(timeout)
            timeout.onDue()
          }
        }
        wrapped.set(timeout, own)
        onTheirWay.add(timeout)
        inner.start(own)
        timeout.dueAt = own.dueAt
      },
      stop: (timeout) => {
        onTheirWay.delete(timeout)
        inner.stop(wrapped.get(timeout)!)
      }
    }
  }
  const ready = yield* Deferred.make<session.Session>()
  const lost = yield* Deferred.make<never, WecomError.LinkFailure>()
  const runtime = yield* Effect.runtime<never>()
  const context = yield* Layer.build(Layer.merge(
    Crypto.layer,
    Heartbeat.layer.pipe(
      Layer.provide(Layer.succeed(BotConfig.BotConfig, config))
    )
  ))
  const connection: session.Supervisor = {
    parts: {
      config,
      clock,
      crypto: yield* Effect.provide(Crypto.Crypto, context),
      heartbeat: yield* Effect.provide(Heartbeat.Heartbeat, context),
      webSocket: yield* Socket.WebSocketConstructor,
      deadlines: {
        ...deadlines,
        after: (millis, onDue) => {
          const entry = deadlines.after(millis, () => {
            entries.delete(entry)
            onDue()
          })
          entries.add(entry)
          const cancel = () => {
            entries.delete(entry)
            entry.cancel()
          }
          return { dueAt: entry.dueAt, cancel }
        },
        timeouts: (millis) => recorded(deadlines.timeouts(millis)),
        pauses: (millis) => recorded(deadlines.pauses(millis))
      }
    },
    fork: (effect) => Runtime.runFork(runtime)(effect),
    onOpen: () => {},
    onUnnamedRefusal: () => {},
    onReady: (current) => Deferred.unsafeDone(ready, Effect.succeed(current)),
    onPingAcked: () => {},
    millisToClose: () => Infinity,
    onCallback: () => {},
    onLost: (cause) => Deferred.unsafeDone(lost, Effect.failCause(cause)),
    onTakenOver: () => {}
  }
  const run = Effect.acquireUseRelease(
    Effect.sync(() => new session.Session(connection)),
    () => Deferred.await(lost),
    (current) => current.close()
  )
  return { run, ready, pending: () => entries.size + onTheirWay.size }
})

describe("no timer, fiber, listener or socket outlives its session", () => {
  for (const [how, ending] of Object.entries(endings)) {
    it.scoped(how, () =>
      Effect.gen(function*() {
        const sockets = yield* Watch
        const { pending, ready, run } = yield* alone
        yield* withNoop
        yield* ending.before ?? Effect.void
        const supervisor = yield* Supervisor.track
        const fiber = yield* Effect.fork(Effect.supervised(Effect.exit(run), supervisor))
        const verdicts: Array<string> = []
        const writer = { onVerdict: (verdict: { readonly _tag: string }) => verdicts.push(verdict._tag) }
        let written = 0
        if (ending.after !== undefined) {
          const current = yield* Deferred.await(ready)
          // Frames in flight and in doubt when it ends.
          yield* TestGateway.acks.drop({ where: (frame) => String(frame.reqId).startsWith("doubt") === true })
          for (const reqId of ["doubt-1", "doubt-1", "doubt-2"]) {
            const text = JSON.stringify({ cmd: "aibot_other", headers: { req_id: reqId } })
            if (current.send(reqId, text, reqId === "doubt-2" ? 60_000 : 10, writer)) written++
          }
          yield* TestClock.adjust(20)
          yield* ending.after((cmd) =>
            Effect.sync(() => {
              if (current.send("r", JSON.stringify({ cmd, headers: { req_id: "r" } }), 5000, writer)) written++
            })
          )
        }
        yield* TestClock.adjust(ending.takes ?? 0)
        const exit = yield* Fiber.join(fiber)
        expect(Option.getOrThrow(Exit.causeOption(exit).pipe(Option.flatMap(Cause.failureOption)))).toMatchObject(
          ending.reason
        )
        expect(verdicts).toHaveLength(written)
        expect(pending()).toBe(0)
        expect((yield* supervisor.value).length).toBe(0)
        for (const { listeners, ws } of sockets.all) {
          expect(ws.readyState).toBe(3)
          expect([listeners("message"), listeners("close")]).toEqual([0, 0])
          // One that does nothing stays, because an error that nobody listens to ends a Node process.
          expect(listeners("error")).toBe(1)
        }
        const states = (yield* TestGateway.connections).map((connection) => connection.state)
        expect(states.every((state) => state === "closed")).toBe(true)
      }).pipe(Effect.provide(gateway())))
  }
})
