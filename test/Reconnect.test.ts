import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Option, Random, Schedule, Stream, TestClock } from "effect"
import { BotRouter, Reconnect, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as fc from "fast-check"
import * as Backoff from "../src/internal/connection/backoff.js"
import { gateway, open, reasons, request, Watch } from "./contract/wired.js"
import { runs } from "./support/runs.js"

const { faults } = TestGateway

const delaysOf = (statuses: ReadonlyArray<any>): ReadonlyArray<number> =>
  statuses.filter((status) => status._tag === "Waiting").map((status) => Duration.toMillis(status.delay))

/** The next delay each time it is run. */
const nextDelay = (schedule: Schedule.Schedule<unknown>) => {
  let state = Option.none<unknown>()
  return Effect.suspend(() => Backoff.next(schedule, state)).pipe(
    Effect.map(([next, delay]) => {
      state = Option.some(next)
      return delay
    })
  )
}

describe("the delays", () => {
  it("grow from the base, jitter inside the cap, and are never longer than it", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60_000 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer(),
        (base, count, seed) => {
          const backoff = nextDelay(Reconnect.backoff(Duration.millis(base)))
          const delays = Effect.runSync(
            Effect.withRandom(Effect.replicateEffect(backoff, count), Random.make(seed))
          )
          delays.forEach((delay, n) => {
            const full = Math.min((base + base * 2 ** n) / 2, 30_000)
            const millis = Duration.toMillis(delay!)
            expect(millis).toBeGreaterThanOrEqual(full / 2)
            // They are whole milliseconds.
            expect(millis).toBeLessThanOrEqual(Math.ceil(full))
          })
        }
      ),
      { numRuns: runs(200) }
    ))

  it("recover 95 % of restarts of up to 3 s within 5 s of the loss", () => {
    for (const restart of [500, 1_000, 1_500, 2_000, 2_500, 3_000]) {
      const recoveries = Array.from({ length: 400 }, (_, seed) => {
        const backoff = nextDelay(Reconnect.backoff("1 second"))
        const tryUntil = (after: number): Effect.Effect<number> =>
          after >= restart
            ? Effect.succeed(after)
            : Effect.flatMap(backoff, (delay) => tryUntil(after + Duration.toMillis(delay!)))
        return Effect.runSync(Effect.withRandom(tryUntil(0), Random.make(seed)))
      })
      expect(recoveries.toSorted((a, b) => a - b)[379]).toBeLessThanOrEqual(5_000)
    }
  })

  it("differ between bots: ten bots do not come back at the same moment", () => {
    const first = Array.from(
      { length: 10 },
      (_, seed) => Effect.runSync(Effect.withRandom(nextDelay(Reconnect.backoff("8 seconds")), Random.make(seed)))
    )
    expect(new Set(first.map((delay) => Duration.toMillis(delay!))).size).toBe(10)
  })

  it("end when the schedule ends", () => {
    const backoff = nextDelay(Schedule.recurs(1))
    expect(Effect.runSync(backoff)).toBeDefined()
    expect(Effect.runSync(backoff)).toBeUndefined()
  })
})

describe("the attempts", () => {
  it.scoped("maxReconnectAttempts 0 fails with the first loss; the last failure is named", () =>
    Effect.gen(function*() {
      yield* faults.refuseConnections(true)
      const { service } = yield* open({ maxReconnectAttempts: 0 })
      expect(yield* Effect.flip(service.closed)).toMatchObject({
        _tag: "ReconnectExhausted",
        attempts: 0,
        last: { _tag: "Refused" }
      })
      expect((yield* Watch).attempts).toBe(1)
    }).pipe(Effect.provide(gateway())))

  it.scoped("10 by default, then ReconnectExhausted", () =>
    Effect.gen(function*() {
      yield* faults.refuseConnections(true)
      const { history, service } = yield* open()
      const closed = yield* Effect.fork(Effect.flip(service.closed))
      yield* TestClock.adjust("4 minutes")
      expect(yield* Fiber.join(closed)).toMatchObject({ _tag: "ReconnectExhausted", attempts: 10 })
      expect((yield* Watch).attempts).toBe(11)
      const delays = delaysOf(yield* history)
      expect(delays).toHaveLength(10)
      expect(Math.max(...delays)).toBeLessThanOrEqual(30_000)
      expect(delays[9]).toBeGreaterThanOrEqual(15_000)
    }).pipe(Effect.provide(gateway())))

  for (const maxReconnectAttempts of [Infinity, -1]) {
    it.scoped(`${maxReconnectAttempts} never gives up`, () =>
      Effect.gen(function*() {
        yield* faults.refuseConnections(true)
        const { service } = yield* open({ maxReconnectAttempts })
        yield* TestClock.adjust("10 minutes")
        expect((yield* Watch).attempts).toBeGreaterThan(20)
        yield* faults.refuseConnections(false)
        yield* TestClock.adjust("31 seconds")
        yield* service.ready
      }).pipe(Effect.provide(gateway())))
  }

  it.scoped("maxAuthFailureAttempts 5 by default, then AuthRejected, whatever maxReconnectAttempts says", () =>
    Effect.gen(function*() {
      yield* faults.refuseCredentials(true)
      const { service } = yield* open({ maxReconnectAttempts: 0 })
      const closed = yield* Effect.fork(Effect.flip(service.closed))
      yield* TestClock.adjust("2 minutes")
      expect(yield* Fiber.join(closed)).toMatchObject({ _tag: "AuthRejected", errcode: 853000, attempts: 6 })
      expect((yield* TestGateway.connections).map((connection) => connection.state)).toEqual(Array(6).fill("closed"))
    }).pipe(Effect.provide(gateway())))

  it.scoped("maxAuthFailureAttempts 0 fails at once; Infinity and -1 never", () =>
    Effect.gen(function*() {
      yield* faults.refuseCredentials(true)
      const once = yield* open({ maxAuthFailureAttempts: 0 })
      expect(yield* Effect.flip(once.service.closed)).toMatchObject({ _tag: "AuthRejected", attempts: 1 })
      const always = yield* Effect.forEach([Infinity, -1], (maxAuthFailureAttempts) => open({ maxAuthFailureAttempts }))
      yield* TestClock.adjust("5 minutes")
      for (const { service } of always) expect((yield* service.status)._tag).toBe("Waiting")
    }).pipe(Effect.provide(gateway())))

  it.scoped("both counts start anew with a successful subscribe", () =>
    Effect.gen(function*() {
      const { history, service } = yield* open({ maxReconnectAttempts: 1, maxAuthFailureAttempts: 1 })
      for (let round = 0; round < 3; round++) {
        yield* service.ready
        yield* faults.refuseCredentials(true)
        yield* faults.cut()
        yield* TestClock.adjust("1 second")
        yield* faults.refuseCredentials(false)
        yield* TestClock.adjust("31 seconds")
        yield* TestClock.adjust("31 seconds")
      }
      expect((yield* service.status)._tag).toBe("Subscribed")
      expect(reasons(yield* history).map((reason) => reason._tag)).toEqual(
        Array.from({ length: 3 }, () => ["ClosedBy", "CredentialsRefused"]).flat()
      )
    }).pipe(Effect.provide(gateway())))

  it.scoped("losses and refused credentials are counted apart", () =>
    Effect.gen(function*() {
      const { history, service } = yield* open({ maxReconnectAttempts: 2, maxAuthFailureAttempts: 2 })
      yield* service.ready
      yield* faults.refuseCredentials(true)
      yield* faults.refuseConnections(true)
      yield* faults.cut()
      yield* TestClock.adjust("1 second")
      yield* faults.refuseConnections(false)
      yield* TestClock.adjust("1 minute")
      expect(reasons(yield* history).map((reason) => reason._tag)).toEqual([
        "ClosedBy",
        "Refused",
        "CredentialsRefused",
        "CredentialsRefused"
      ])
      expect(yield* service.status).toMatchObject({ _tag: "Closed", reason: { _tag: "AuthRejected", attempts: 3 } })
    }).pipe(Effect.provide(gateway())))

  it.scoped("a service that accepts and drops is not hammered: the delay starts anew only after an acked ping", () =>
    Effect.gen(function*() {
      const { history, service } = yield* open({ maxReconnectAttempts: 3 })
      for (let n = 0; n < 6; n++) {
        yield* service.ready
        yield* faults.cut()
        yield* TestClock.adjust("29 seconds")
      }
      const growing = yield* history
      // Every subscribe succeeded, so every attempt was the first.
      expect(growing.filter((status) => status._tag === "Waiting").every((status) => status.attempt === 1)).toBe(true)
      const delays = delaysOf(growing)
      expect(delays).toHaveLength(6)
      expect(delays[5]).toBeGreaterThanOrEqual(8_000)
      yield* TestClock.adjust("1 second")
      yield* service.ready
      yield* TestClock.adjust("31 seconds")
      yield* faults.cut()
      yield* TestClock.adjust("1 second")
      expect(delaysOf(yield* history)[0]).toBeLessThanOrEqual(1000)
    }).pipe(Effect.provide(gateway())))

  it.scoped("a ping that is refused is no reason to start the delay anew", () =>
    Effect.gen(function*() {
      const { history, service } = yield* open()
      let delay = 0
      for (let n = 0; n < 5; n++) {
        yield* service.ready
        yield* faults.forgetSubscription()
        yield* TestClock.adjust("30 seconds")
        delay = delaysOf(yield* history)[0]!
        yield* TestClock.adjust(delay + 1)
      }
      expect(delay).toBeGreaterThanOrEqual(4000)
    }).pipe(Effect.provide(gateway())))
})

describe("what ends a bot reaches everybody", () => {
  it.scoped("requests that wait, and those that come later: they never left", () =>
    Effect.gen(function*() {
      yield* faults.refuseConnections(true)
      const { service } = yield* open({ maxReconnectAttempts: 2 })
      const waiting = yield* Effect.forEach(
        ["a", "b", "b"],
        (reqId) => Effect.fork(Effect.flip(request(service, "aibot_any", reqId)))
      )
      yield* TestClock.adjust("10 seconds")
      const closed = { _tag: "SendUnavailable", reason: "Closed" }
      for (const fiber of waiting) expect(yield* Fiber.join(fiber)).toMatchObject(closed)
      expect(yield* Effect.flip(request(service, "aibot_any", "late"))).toMatchObject(closed)
    }).pipe(Effect.provide(gateway())))

  const watchEnd = Effect.gen(function*() {
    const everybody = {
      closed: WecomBot.closed,
      messages: Stream.runDrain(WecomBot.messages),
      events: Stream.runDrain(WecomBot.events),
      router: BotRouter.run(BotRouter.empty),
      ready: Effect.zipRight(TestGateway.awaitConnections((all) => all.length > 3), WecomBot.ready)
    }
    const fibers = yield* Effect.forEach(
      Object.entries(everybody),
      ([name, effect]) => Effect.fork(Effect.map(Effect.flip(effect), (error) => `${name} ${error._tag}`))
    )
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(Fiber.all(fibers))
  })

  const named = (tag: string) => ["closed", "messages", "events", "router", "ready"].map((name) => `${name} ${tag}`)

  it.scoped("AuthRejected", () =>
    Effect.gen(function*() {
      yield* TestGateway.awaitSubscribed()
      yield* faults.refuseCredentials(true)
      yield* faults.cut()
      expect(yield* watchEnd).toEqual(named("AuthRejected"))
    }).pipe(Effect.provide(TestGateway.layerBot({ maxAuthFailureAttempts: 3 }))))

  it.scoped("ReconnectExhausted", () =>
    Effect.gen(function*() {
      yield* TestGateway.awaitSubscribed()
      yield* TestGateway.acks.refuse(-1, { cmd: "aibot_subscribe" })
      yield* faults.cut()
      expect(yield* watchEnd).toEqual(named("ReconnectExhausted"))
    }).pipe(Effect.provide(TestGateway.layerBot({ maxReconnectAttempts: 3 }))))
})

describe("another instance", () => {
  it.scoped("\"fail\": the older gives way at once and for good", () =>
    Effect.gen(function*() {
      const older = yield* open()
      yield* older.service.ready
      const newer = yield* open()
      expect((yield* Effect.flip(older.service.closed))._tag).toBe("Superseded")
      yield* TestClock.adjust("1 minute")
      expect((yield* newer.service.status)._tag).toBe("Subscribed")
      expect((yield* Watch).attempts).toBe(2)
    }).pipe(Effect.provide(gateway())))

  for (const seed of [1, 2, 3]) {
    it.scoped(`"retake" on both sides settles within three switches (seed ${seed})`, () =>
      Effect.gen(function*() {
        const one = yield* open({ onSuperseded: "retake" })
        yield* one.service.ready
        const two = yield* open({ onSuperseded: "retake" })
        yield* TestClock.adjust("2 minutes")
        const states = yield* Effect.forEach([one, two], ({ service }) => service.status)
        expect(states.map((status) => status._tag).toSorted()).toEqual(["Closed", "Subscribed"])
        expect(states.find((status) => status._tag === "Closed")).toMatchObject({ reason: { _tag: "Superseded" } })
        // The first subscribe switches nothing.
        const switches = (yield* TestGateway.connections).filter((connection) =>
          connection.botId !== undefined
        ).length - 1
        expect(switches).toBeLessThanOrEqual(3)
      }).pipe(Effect.provide(gateway()), Effect.withRandom(Random.make(seed))))
  }

  it.scoped(
    "\"retake\" wins against one that gives way, and after ten quiet minutes may retake again",
    () =>
      Effect.gen(function*() {
        const keeper = yield* open({ onSuperseded: "retake" })
        for (let round = 0; round < 5; round++) {
          yield* keeper.service.ready
          const visitor = yield* open()
          yield* visitor.service.ready
          yield* TestClock.adjust("10 seconds")
          expect((yield* Effect.flip(visitor.service.closed))._tag).toBe("Superseded")
          expect((yield* keeper.service.status)._tag).toBe("Subscribed")
          yield* TestClock.adjust("10 minutes")
        }
      }).pipe(Effect.provide(gateway())),
    20_000
  )

  it.scoped("whoever loses the bot before its subscribe was ever acknowledged gives way as well", () =>
    Effect.gen(function*() {
      // Time counts from when the machine was started, not from when the bot was.
      yield* TestClock.adjust("1 hour")
      yield* TestGateway.acks.drop({ cmd: "aibot_subscribe" })
      const { service } = yield* open({ onSuperseded: "retake" })
      for (let rival = 0; rival < 2; rival++) {
        while ((yield* service.status)._tag !== "Connected") yield* TestClock.adjust("1 second")
        yield* TestClock.adjust("1 second")
        yield* TestGateway.faults.kick()
        yield* TestClock.adjust("1 second")
      }
      expect(yield* service.status).toMatchObject({ _tag: "Closed", reason: { _tag: "Superseded" } })
    }).pipe(Effect.provide(gateway())))
})
