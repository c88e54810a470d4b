import { describe, expect, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, TestClock } from "effect"
import { Heartbeat } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { gateway, open } from "./contract/wired.js"
import { withWall } from "./support/clock.js"

describe("Heartbeat.make", () => {
  it.scoped("pings once every interval, counted from the ack before", () =>
    Effect.gen(function*() {
      const at: Array<number> = []
      const ping = Effect.zipRight(
        Effect.map(Clock.currentTimeMillis, (now) => void at.push(now)),
        Effect.sleep("3 seconds")
      )
      yield* Effect.fork(Heartbeat.make("30 seconds").run(ping))
      yield* TestClock.adjust("100 seconds")
      expect(at).toEqual([30_000, 63_000, 96_000])
    }))

  it.scoped("ends with the failure of a ping", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.flip(Heartbeat.make("7 seconds").run(Effect.fail("lost"))))
      yield* TestClock.adjust("7 seconds")
      expect(yield* Fiber.join(fiber)).toBe("lost")
    }))

  it.scoped("pings at once after the wall clock jumped, forwards or backwards, and not for a small correction", () =>
    Effect.gen(function*() {
      const { clock, jump } = withWall(yield* TestClock.testClock())
      let pings = 0
      yield* Heartbeat.make("30 seconds").run(Effect.sync(() => pings++)).pipe(Effect.withClock(clock), Effect.fork)
      yield* TestClock.adjust("1 second")
      jump(9_000)
      yield* TestClock.adjust("5 seconds")
      expect(pings).toBe(0)
      jump(60_000)
      yield* TestClock.adjust("5 seconds")
      expect(pings).toBe(1)
      jump(-60_000)
      yield* TestClock.adjust("5 seconds")
      expect(pings).toBe(2)
    }))
})

describe("a dead link is noticed within 40 s of its last sign of life, at default settings", () => {
  const noticed = (before: Duration.DurationInput, die: Effect.Effect<unknown, never, TestGateway.TestGateway>) =>
    Effect.gen(function*() {
      const { service } = yield* open({}, { heartbeat: Heartbeat.layer })
      yield* service.ready
      yield* TestClock.adjust(before)
      yield* die
      const died = yield* Clock.currentTimeMillis
      const frames = (yield* TestGateway.received).filter((frame) => frame.at <= died)
      const lastSign = frames.at(-1)!.at
      yield* TestClock.adjust(Duration.millis(lastSign + 39_999 - died))
      const early = (yield* service.status)._tag
      yield* TestClock.adjust("1 millis")
      expect([early, (yield* service.status)._tag]).toEqual(["Subscribed", "Waiting"])
      expect(yield* service.status).toMatchObject({ reason: { _tag: "HeartbeatLost" } })
    })

  for (const before of ["0 seconds", "17 seconds", "29 seconds", "35 seconds", "65 seconds"] as const) {
    it.scoped(`a link that goes silent after ${before}`, () =>
      noticed(before, TestGateway.faults.halfOpen()).pipe(Effect.provide(gateway())))
  }

  it.scoped("pings that are not acked, though messages still come", () =>
    noticed("10 seconds", TestGateway.faults.mutePongs).pipe(Effect.provide(gateway())))

  it.scoped("pings that are acked keep it up for hours, and are all that is sent", () =>
    Effect.gen(function*() {
      const { service } = yield* open({}, { heartbeat: Heartbeat.layer })
      yield* service.ready
      yield* TestClock.adjust("10 minutes")
      expect((yield* service.status)._tag).toBe("Subscribed")
      const frames = yield* TestGateway.received
      expect(frames.map((frame) => frame.cmd)).toEqual(["aibot_subscribe", ...Array(20).fill("ping")])
      expect(frames.slice(1).every((frame) => frame.body === undefined)).toBe(true)
      expect(new Set(frames.map((frame) => frame.reqId)).size).toBe(21)
    }).pipe(Effect.provide(gateway())))
})
