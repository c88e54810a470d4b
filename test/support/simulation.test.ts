import { expect, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Random, Schedule, Stream } from "effect"
import { WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { epochMillis, make as makeClock } from "./clock.js"
import * as Bot from "./seededBot.js"
import * as Sim from "./simulation.js"

const died = (exit: Exit.Exit<unknown, unknown>): unknown => Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

it("wakes come by due time, those of one moment in the order they were asked for", () =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      const order: Array<string> = []
      const sleeper = (name: string, millis: number) =>
        Effect.sleep(millis).pipe(
          Effect.zipRight(Clock.currentTimeMillis),
          Effect.map((at) => {
            order.push(`${name}@${at - epochMillis}`)
          })
        )
      yield* Effect.all(
        [sleeper("c", 30), sleeper("a", 10), sleeper("b1", 20), sleeper("b2", 20), sleeper("now", 0)],
        { concurrency: "unbounded" }
      )
      expect(order).toEqual(["now@0", "a@10", "b1@20", "b2@20", "c@30"])
    })
  ))

it("sleep(0) lets everything that is ready go first", () =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      const order: Array<string> = []
      const fiber = yield* Effect.fork(Effect.gen(function*() {
        yield* Effect.sleep(0)
        order.push("slept")
      }))
      yield* Effect.yieldNow()
      yield* Effect.promise(() => Promise.resolve().then(() => Promise.resolve()).then(() => order.push("microtask")))
      yield* Fiber.join(fiber)
      expect(order).toEqual(["microtask", "slept"])
      expect(yield* Clock.currentTimeMillis).toBe(epochMillis)
    })
  ))

it("fractions of a millisecond round up, as timers do, so that a wait for the rest of one ends", () =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      yield* Effect.sleep(0.25)
      expect(yield* Clock.currentTimeMillis).toBe(epochMillis + 1)
    })
  ))

it("an interrupted sleep moves no time", () =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      const sleeps = yield* Effect.forEach(
        Array.from({ length: 1000 }, (_, index) => index),
        (index) => Effect.fork(Effect.sleep(1_000_000 + index))
      )
      yield* Effect.sleep(5)
      yield* Fiber.interruptAll(sleeps)
      yield* Effect.sleep(5)
      expect((yield* Clock.currentTimeMillis) - epochMillis).toBe(10)
    })
  ))

it("timeouts, schedules and races run on simulated time", () =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      const timedOut = yield* Effect.timeoutOption(Effect.never, "1 hour")
      expect(timedOut._tag).toBe("None")
      yield* Effect.repeat(Effect.void, Schedule.intersect(Schedule.spaced("1 minute"), Schedule.recurs(9)))
      expect((yield* Clock.currentTimeMillis) - epochMillis).toBe(69 * 60_000)
    })
  ))

it("monotonic time and wall time move together", () =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      const before = yield* Clock.currentTimeNanos
      yield* Effect.sleep("90 seconds")
      expect((yield* Clock.currentTimeNanos) - before).toBe(90_000_000_000n)
    })
  ))

it("a loop that stood still runs late what was due meanwhile, in its order", () => {
  const time = makeClock()
  return Sim.runPromise(
    1,
    Effect.gen(function*() {
      const order: Array<string> = []
      const sleeper = (name: string, millis: number) =>
        Effect.map(Effect.sleep(millis), () => order.push(`${name}@${time.now()}`))
      const fibers = yield* Effect.forEach([20, 10, 500], (millis) => Effect.fork(sleeper(`${millis}`, millis)))
      yield* Effect.sleep(1)
      time.stall(100)
      yield* Effect.forEach(fibers, Fiber.join)
      expect(order).toEqual(["10@101", "20@101", "500@500"])
    }),
    { time }
  )
})

it("a machine that slept finds its wall clock moved, and delays of the gateway as they were", () => {
  const time = makeClock()
  return Sim.runPromise(
    1,
    Effect.gen(function*() {
      yield* WecomBot.ready
      yield* TestGateway.acks.delay("2 seconds")
      const nanos = yield* Clock.currentTimeNanos
      time.jumpWall(3_600_000)
      expect(yield* Clock.currentTimeMillis).toBe(epochMillis + 3_600_000)
      yield* Effect.flip(WecomBot.command("aibot_unheard_of"))
      expect((yield* Clock.currentTimeNanos) - nanos).toBe(2_000_000_000n)
    }).pipe(Effect.provide(Bot.layer(1, undefined, { idleLimit: "90 seconds" }))),
    { time }
  )
})

it("a program that waits for ever is told so", async () => {
  expect(died(await Sim.run(1, Effect.never))).toBeInstanceOf(Sim.Deadlock)
  const forever = Effect.repeat(Effect.sleep("1 minute"), Schedule.forever)
  expect(died(await Sim.run(1, forever, { maxMillis: 3_600_000 }))).toBeInstanceOf(Sim.TooLate)
})

it("failures keep their cause", async () => {
  const exit = await Sim.run(1, Effect.zipRight(Effect.sleep(1), Effect.fail("no")))
  expect(exit).toEqual(Exit.fail("no"))
})

/** Every frame that a bot under faults sent, and when. */
const history = (seed: number) =>
  Sim.runPromise(
    seed,
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* TestGateway.acks.delay({ min: 0, max: "2 seconds" })
      yield* WecomBot.messages.pipe(
        Stream.runForEach((message) => WecomBot.replyStream(message, "yes")),
        Effect.forkScoped
      )
      for (let turn = 0; turn < 5; turn++) {
        yield* Effect.sleep(yield* Random.nextIntBetween(100, 60_000))
        yield* alice.sendText(`${turn}`)
        if (turn === 2) yield* TestGateway.faults.cut()
      }
      yield* Effect.sleep("2 minutes")
      return (yield* TestGateway.received).map((frame) => `${frame.at - epochMillis} ${frame.text}`)
    }).pipe(Effect.scoped, Effect.provide(Bot.layer(seed)))
  )

it("one seed gives one history, another seed another", async () => {
  const first = await history(7)
  expect(first.length).toBeGreaterThan(15)
  expect(await history(7)).toEqual(first)
  expect(await history(8)).not.toEqual(first)
})

it("an hour of a bot takes a fraction of a second", async () => {
  const startedAt = performance.now()
  await Sim.runPromise(1, Effect.provide(Effect.sleep("1 hour"), Bot.layer(1)))
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})
