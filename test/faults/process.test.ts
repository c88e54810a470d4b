/** What happens to the process a bot lives in, and what its handlers do to it. */
import { Context, Effect, Layer } from "effect"
import type { Scope } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { describe, expect } from "vitest"
import * as Process from "../fixtures/process.js"
import { watch } from "../setup/secretsInLogs.js"
import * as TcpProxy from "./tcpProxy.js"
import { fault, isQuick, secret } from "./world.js"

const words = "This is all there is to say of it, and it takes a while."

interface Lines {
  readonly told: ReadonlyArray<readonly [what: string, verdict: string]>
  readonly lost: ReadonlyArray<string>
}

const read = (stdout: string): Lines => {
  const lines = stdout.split("\n").map((line) => line.split(" "))
  return {
    told: lines.flatMap(([kind, what, verdict]) => kind === "told" ? [[what!, verdict!] as const] : []),
    lost: lines.flatMap(([kind, tag, reason]) => kind === "status" && tag === "Waiting" ? [reason!] : [])
  }
}

const world = (options: TestGateway.Options = {}) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      NodeGateway.layer({ secret, quotas: false, offlineMessages: "redeliver", ...options })
    )
    const service = Context.get(context, TestGateway.TestGateway)
    const wires = yield* TcpProxy.make(Context.get(context, NodeGateway.NodeGateway).port)
    const start = (env: { readonly [name: string]: string } = {}) =>
      Effect.map(
        Process.start("test/faults/processes/bot.ts", {
          WECOM_BOT_ID: TestGateway.defaultBotId,
          WECOM_BOT_SECRET: secret,
          WECOM_WS_URL: wires.url,
          ...env
        }),
        (child) => ({
          ...child,
          ended: Effect.tap(child.ended, ({ stderr, stdout }) =>
            Effect.sync(() => {
              watch("the output of a process", stdout)
              watch("the errors of a process", stderr)
            }))
        })
      )
    const alice = yield* service.user("alice")
    return { service, wires, start, alice }
  })

type Body = Effect.Effect<void, unknown, Scope.Scope>

describe.concurrent("signals at random points of a conversation", () => {
  const rounds = isQuick ? 1 : 4

  fault(
    "SIGTERM",
    { quick: true, bound: 4_000, timeout: 90_000 },
    (row): Body =>
      Effect.forEach(Array.from({ length: rounds }), () =>
        Effect.gen(function*() {
          const { service, start } = yield* world()
          const child = yield* start()
          const people = yield* Effect.forEach(["ann", "bob", "cid", "dot"], (name) => service.user(name))
          for (const user of people) yield* user.sendText("go on")
          yield* Effect.sleep(Math.random() * 900)
          const started = performance.now()
          yield* child.kill("SIGTERM")
          const { code, signal, stderr, stdout } = yield* child.ended
          row.recoveries.push(performance.now() - started)
          row.times++
          expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" })
          // Whatever was begun is sealed, and nothing false was told.
          for (const user of people) {
            const mine = (yield* user.screen).filter(({ from }) => from === "bot")
            expect(mine.every(({ sealed, thinking }) => sealed && !thinking)).toBe(true)
            for (const { reqId, text } of mine) {
              const verdict = read(stdout).told.find(([what]) => what === reqId)?.[1]
              if (verdict === "delivered") expect(text).toBe(words)
            }
          }
          row.lost = "what was not said yet; every bubble is sealed"
        }).pipe(Effect.scoped), { concurrency: 2, discard: true })
  )

  fault(
    "SIGKILL, and a new process",
    { quick: true, timeout: 90_000 },
    (row): Body =>
      Effect.forEach(Array.from({ length: rounds }), () =>
        Effect.gen(function*() {
          const { service, start } = yield* world()
          const first = yield* start()
          const people = yield* Effect.forEach(["ann", "bob", "cid", "dot"], (name) => service.user(name))
          const asked = yield* Effect.forEach(
            people,
            (user) => Effect.map(user.sendText("go on"), (sent) => ({ user, sent }))
          )
          yield* Effect.sleep(Math.random() * 900)
          yield* first.kill("SIGKILL")
          const { signal, stderr, stdout } = yield* first.ended
          expect({ signal, stderr }).toEqual({ signal: "SIGKILL", stderr: "" })
          row.times++
          for (const [what, verdict] of read(stdout).told) {
            if (verdict !== "delivered") continue
            const { user } = asked.find(({ sent }) => sent.reqId === what)!
            expect((yield* user.screen).find(({ from, reqId }) => from === "bot" && reqId === what)?.text).toBe(words)
          }
          const started = performance.now()
          const second = yield* start()
          yield* service.awaitConnections((all) => all[0]!.state === "closed" && all.at(-1)!.state === "subscribed")
          // The service gives a new process what it has not answered.
          for (const { sent, user } of asked) {
            const before = yield* user.screen
            if (before.some(({ from, sealed }) => from === "bot" && sealed)) continue
            yield* service.faults.redeliver(sent.msgid)
            yield* user.awaitBubble(({ from, sealed, text }) => from === "bot" && sealed && text === words)
          }
          row.recoveries.push(performance.now() - started)
          yield* second.kill("SIGTERM")
          expect(yield* second.ended).toMatchObject({ code: 0, stderr: "" })
          row.lost = "nothing; open bubbles stay open, and are said anew"
        }).pipe(Effect.scoped), { concurrency: 2, discard: true })
  )
})

describe.concurrent("time", () => {
  for (const [name, millis] of [["ahead", 3_600_000], ["back", -3_600_000]] as const) {
    fault(
      `the clock jumps an hour ${name}: a ping at once`,
      { quick: true, bound: 1_500, timeout: 60_000 },
      (row): Body =>
        Effect.gen(function*() {
          const { alice, service, start } = yield* world()
          const child = yield* start()
          const bob = yield* service.user("bob")
          const answer = yield* Effect.fork(bob.say("go on"))
          yield* bob.awaitBubble(({ from, text }) => from === "bot" && text !== "")
          yield* alice.sendText(`jump ${millis}`)
          yield* child.awaitOutput("jumped")
          const started = performance.now()
          yield* service.awaitReceived({ cmd: "ping" })
          row.times = 1
          row.recoveries.push(performance.now() - started)
          // An answer that was under way comes to its end.
          yield* answer
          yield* Effect.sleep("2 seconds")
          const text = (yield* bob.screen).filter(({ from }) => from === "bot").map(({ text }) => text).join("")
          expect(text).toBe(words)
          yield* child.kill("SIGTERM")
          const ended = yield* child.ended
          expect(ended).toMatchObject({ code: 0, stderr: "" })
          expect(read(ended.stdout).lost).toEqual([])
        })
    )
  }

  fault(
    "asleep for an hour, and the link died meanwhile",
    { timeout: 60_000, bound: 12_500 },
    (row): Body =>
      Effect.gen(function*() {
        const { alice, service, start, wires } = yield* world()
        const child = yield* start()
        yield* alice.sendText("jump 3600000")
        yield* child.awaitOutput("jumped")
        yield* Effect.sync(wires.silence)
        const started = performance.now()
        yield* child.awaitOutput("status Waiting HeartbeatLost")
        // Within pingTimeout of waking up, at its default of 10 s.
        expect(performance.now() - started).toBeLessThanOrEqual(11_500)
        yield* service.awaitConnections((all) => all.length === 2 && all[1]!.state === "subscribed")
        row.times = 1
        row.recoveries.push(performance.now() - started)
        yield* child.kill("SIGTERM")
        expect(yield* child.ended).toMatchObject({ code: 0, stderr: "" })
      })
  )

  fault("the event loop is blocked for 20 s", { timeout: 60_000, bound: 3_000 }, (row): Body =>
    Effect.gen(function*() {
      // Acks that take their time, so that pushes and pings are under way when it begins.
      const { alice, service, start } = yield* world({ ackDelay: "300 millis" })
      const child = yield* start({ HEARTBEAT: "50 millis" })
      yield* alice.sendText("block 20000")
      yield* child.awaitOutput("unblocked")
      const started = performance.now()
      const bob = yield* service.user("bob")
      expect((yield* bob.say("go on")).text).toBe(words)
      row.recoveries.push(performance.now() - started)
      yield* child.kill("SIGTERM")
      const { code, stderr, stdout } = yield* child.ended
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
      const { lost, told } = read(stdout)
      expect(lost).toEqual([])
      expect(new Set(told.map(([, verdict]) => verdict))).toEqual(new Set(["delivered"]))
      expect(told.map(([what]) => what)).toEqual(expect.arrayContaining(["one", "two", "three", "four"]))
      row.times = 1
      row.lost = "nothing; nobody was accused"
    }))
})

describe.concurrent("handlers", () => {
  fault(
    "handlers that throw, reject, die, fail and never end",
    { quick: true, timeout: 60_000 },
    (row): Body =>
      Effect.gen(function*() {
        const { alice, service, start } = yield* world()
        const child = yield* start()
        const sent: Array<TestGateway.Sent> = []
        for (let round = 0; round < 5; round++) {
          for (const verb of ["throw", "reject", "die", "fail", "source", "never"]) {
            sent.push(yield* alice.sendText(verb))
            row.times++
          }
        }
        const stubborn = yield* alice.sendText("stubborn")
        const bob = yield* service.user("bob")
        expect((yield* bob.say("go on")).text).toBe(words)
        const halves = yield* Effect.forEach(sent.filter((_, n) => n % 6 === 4), (one) => alice.awaitAnswer(one))
        expect(halves.every(({ sealed }) => sealed)).toBe(true)
        yield* child.kill("SIGTERM")
        const ended = yield* child.ended
        expect(ended).toMatchObject({ code: 0, stderr: "" })
        // Each is reported with the id of its message, the endless ones excepted.
        for (const [n, { msgid }] of sent.entries()) if (n % 6 !== 5) expect(ended.stdout).toContain(msgid)
        expect(stubborn.delivered).toBe(true)
      })
  )
})
