/** What the service does to a bot: it restarts, forgets, refuses, answers late or wrongly, and repeats itself. */
import { Context, Duration, Effect, Exit, Fiber, Layer, Schedule, Scope } from "effect"
import { BotRouter, WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import type * as TestGateway from "effect-wecom/TestGateway"
import { describe, expect } from "vitest"
import type { World } from "./world.js"
import { botLayer, describeLoss, fault, isQuick, make, recoveredIn, repeated, sleepUntil } from "./world.js"

const between = (min: number, max: number) => min + Math.random() * (max - min)

/** Everything is down for so long; what the service knows survives. */
const restart = (world: World, millis: number) =>
  Effect.gen(function*() {
    const { faults } = world.service
    // A port that nobody listens on may be somebody else's by the time it is wanted again.
    yield* faults.refuseConnections({ status: 503 })
    for (const { number, state } of yield* world.service.connections) {
      if (state !== "closed") yield* faults.cut({ connection: number })
    }
    yield* Effect.sleep(millis)
    yield* faults.refuseConnections(false)
  })

/** The delay the bot sits out now, or sat out last. */
const lastDelay = (world: World): number =>
  world.history.reduce((last, { status }) => status._tag === "Waiting" ? Duration.toMillis(status.delay) : last, 0)

describe.concurrent("a service that restarts", () => {
  fault("a restart of under 3 s, at default delays", { quick: true, bound: 5_000, part: 0.95 }, (row) =>
    repeated(
      row,
      // Of fewer than twenty the 95th percentile is the worst, and one in a thousand takes a fourth attempt.
      isQuick ? 20 : 40,
      { bot: { reconnectInterval: undefined, maxReconnectAttempts: undefined }, direct: true, concurrency: 10 },
      (world) =>
        Effect.gen(function*() {
          const asking = yield* Effect.fork(world.ask(3))
          yield* Effect.sleep(between(0, 150))
          yield* restart(world, between(100, 2_900))
          yield* sleepUntil(() => world.history.at(-1)!.status._tag === "Subscribed")
          yield* Fiber.join(asking)
          return recoveredIn(world)
        })
    ))

  fault(
    "an outage of 12 s, at default delays and unlimited attempts",
    { bound: 30_000 + 2_000 },
    (row) =>
      repeated(row, 4, { bot: { reconnectInterval: undefined }, direct: true }, (world) =>
        Effect.gen(function*() {
          yield* restart(world, 12_000)
          const over = performance.now()
          const delay = lastDelay(world)
          const recovered = (yield* world.awaitStatus("Subscribed", over)) - over
          expect(delay).toBeLessThanOrEqual(30_000)
          expect(recovered).toBeLessThanOrEqual(delay + 2_000)
          yield* world.ask(1)
          return recovered
        }))
  )

  fault(
    "a restart every second",
    { quick: true, timeout: 60_000 },
    (row) =>
      repeated(row, 3, { direct: true, bot: { heartbeatInterval: "200 millis" } }, (world) =>
        Effect.gen(function*() {
          const talking = yield* Effect.fork(
            Effect.repeat(Effect.zip(world.ask(2), world.push(1), { concurrent: true }), Schedule.forever)
          )
          const restarts = isQuick ? 6 : 15
          for (let n = 0; n < restarts; n++) {
            const down = between(50, 700)
            yield* restart(world, down)
            yield* Effect.sleep(1_000 - down)
          }
          row.times += restarts - 1
          const over = performance.now()
          const delay = lastDelay(world)
          yield* Effect.sleep(delay + 2_000)
          expect((yield* world.bot.status)._tag).toBe("Subscribed")
          yield* world.ask(1)
          yield* Fiber.interrupt(talking)
          return Math.max(0, world.history.findLast(({ status }) => status._tag === "Subscribed")!.at - over)
        }))
  )
})

describe.concurrent("credentials", () => {
  fault(
    "refused for a while, then accepted",
    { quick: true, bound: 8_000 },
    (row) =>
      repeated(row, 3, { direct: true, bot: { maxAuthFailureAttempts: 10 } }, (world) =>
        Effect.gen(function*() {
          yield* world.service.faults.refuseCredentials(true)
          const asking = yield* Effect.fork(world.ask(2))
          yield* world.service.faults.cut()
          yield* sleepUntil(() => world.reasons().filter(({ _tag }) => _tag === "CredentialsRefused").length >= 4)
          yield* world.service.faults.refuseCredentials(false)
          const over = performance.now()
          const recovered = (yield* world.awaitStatus("Subscribed", over)) - over
          yield* Fiber.join(asking)
          return recovered
        }))
  )

  fault("refused for good", { quick: true }, (row) =>
    Effect.gen(function*() {
      const world = yield* make({ direct: true, bot: { maxAuthFailureAttempts: 3 } })
      yield* world.awaitStatus("Subscribed")
      yield* world.service.faults.refuseCredentials(true)
      yield* world.service.faults.cut()
      expect(yield* Effect.flip(world.bot.closed)).toMatchObject({ _tag: "AuthRejected", errcode: 853000, attempts: 4 })
      row.times = 4
      row.lost = "the bot, as AuthRejected"
    }))
})

describe.concurrent("a service that forgets", () => {
  fault("846609 at random", { quick: true, timeout: 60_000 }, (row) =>
    Effect.gen(function*() {
      // Ten refusals in a row, none with an acked ping before it, happen: their delays add up.
      const world = yield* make({ direct: true, reconnectCap: "3 seconds", bot: { heartbeatInterval: "200 millis" } })
      const rule = yield* world.service.acks.refuse(846609, {
        where: ({ cmd }) => cmd !== "aibot_subscribe" && Math.random() < 0.03
      })
      for (let wave = 0; wave < 5; wave++) yield* Effect.zip(world.ask(6), world.push(4), { concurrent: true })
      row.times = yield* rule.hits
      yield* world.service.acks.clear
      yield* world.ask(1)
      expect(new Set(world.reasons().map(({ _tag }) => _tag))).toEqual(new Set(["NotSubscribed"]))
      const loss = yield* world.judge
      expect(loss.lost).toBe(0)
      row.lost = describeLoss(loss)
    }))

  fault(
    "the subscription is forgotten",
    { quick: true, bound: 5_000 },
    (row) =>
      repeated(row, 5, { direct: true }, (world) =>
        Effect.gen(function*() {
          const asking = yield* Effect.fork(world.ask(3))
          yield* Effect.sleep(between(0, 200))
          const { recovered } = yield* world.recovery(world.service.faults.forgetSubscription())
          expect(world.reasons()).toEqual([{ _tag: "NotSubscribed" }])
          yield* Fiber.join(asking)
          return recovered
        }))
  )

  fault(
    "pongs are muted",
    { quick: true, bound: 4_000 + 2_000 },
    (row) =>
      repeated(row, 5, { direct: true }, (world) =>
        Effect.gen(function*() {
          yield* world.service.faults.mutePongs
          const asking = yield* Effect.fork(world.ask(3))
          const { recovered } = yield* world.recovery(Effect.void)
          expect(world.reasons()).toEqual([{ _tag: "HeartbeatLost" }])
          yield* Fiber.join(asking)
          return recovered
        }))
  )
})

describe.concurrent("acks", () => {
  const acks = (
    name: string,
    set: (acks: TestGateway.Acks) => Effect.Effect<TestGateway.Rule>,
    expected: { readonly unknown?: boolean; readonly leavesOpen?: boolean } = {}
  ) =>
    fault(name, { quick: true, timeout: 60_000 }, (row) =>
      Effect.gen(function*() {
        const world = yield* make({
          direct: true,
          leavesOpen: expected.leavesOpen === true,
          ...(expected.unknown === true ? {} : { bot: { ackTimeout: "3 seconds" } })
        })
        yield* world.awaitStatus("Subscribed")
        const rule = yield* set(world.service.acks)
        const waves = isQuick ? 2 : 4
        for (let wave = 0; wave < waves; wave++) yield* Effect.zip(world.ask(10), world.push(10), { concurrent: true })
        row.times = yield* rule.hits
        expect(row.times).toBeGreaterThan(0)
        const loss = yield* world.judge
        expect(loss.lost).toBe(0)
        if (expected.unknown !== true) expect(loss.unknown).toBe(0)
        // None of this is a reason to give up the link.
        expect(world.reasons()).toEqual([])
        row.lost = describeLoss(loss)
      }))

  const cmd = ["aibot_respond_msg", "aibot_send_msg"]

  acks("acks come late, but in time", (acks) => acks.delay({ min: "100 millis", max: "700 millis" }, { cmd }))
  acks(
    "some acks come after the timeout",
    (acks) => acks.delay("1300 millis", { cmd, where: () => Math.random() < 0.15 }),
    { unknown: true }
  )
  acks("acks come twice", (acks) => acks.duplicate({ cmd }))
  acks("some acks never come", (acks) => acks.drop({ cmd, where: () => Math.random() < 0.1 }), { unknown: true })
  acks("some frames never arrive", (acks) => acks.lose({ cmd, where: () => Math.random() < 0.1 }), { unknown: true })
  acks(
    "acks of many frames come in the wrong order",
    (acks) =>
      Effect.zipRight(
        acks.delay({ min: 0, max: "400 millis" }, { cmd }),
        acks.reorder({ cmd }, { size: 3, order: "shuffle" })
      ),
    {
      // The last of them wait for company that does not come.
      unknown: true
    }
  )
  acks("late acks, and finals that are refused with 846608", (acks) =>
    Effect.zipRight(
      acks.delay("1300 millis", { cmd, where: () => Math.random() < 0.2 }),
      acks.refuse(846608, { cmd, where: ({ body }) => body.stream.finish === true && Math.random() < 0.5 })
    ), { unknown: true, leavesOpen: true })
})

describe.concurrent("a service that repeats itself", () => {
  fault("every callback comes three times", { quick: true }, (row) =>
    Effect.gen(function*() {
      const world = yield* make({ direct: true })
      let handled = 0
      yield* BotRouter.run(BotRouter.empty.pipe(BotRouter.onVoice(() => Effect.sync(() => handled++)))).pipe(
        Effect.provideService(WecomBot.WecomBot, world.bot),
        Effect.ignore,
        Effect.forkScoped
      )
      const alice = yield* world.service.user("alice")
      for (let n = 0; n < 50; n++) {
        const sent = yield* alice.sendVoice(`voice ${n}`)
        yield* world.service.faults.redeliver(sent.msgid)
        yield* world.service.faults.redeliver(sent.msgid)
        row.times += 2
      }
      yield* world.ask(1)
      yield* sleepUntil(() => handled >= 50)
      yield* Effect.sleep("100 millis")
      expect(handled).toBe(50)
      row.lost = describeLoss(yield* world.judge)
    }))
})

describe.concurrent("another instance", () => {
  fault("kicked, and gives way", { quick: true }, (row) =>
    Effect.gen(function*() {
      const world = yield* make({ direct: true })
      yield* world.ask(1)
      yield* world.judge
      yield* world.service.faults.kick()
      expect(yield* Effect.flip(world.bot.closed)).toMatchObject({ _tag: "Superseded" })
      row.times = 1
      row.lost = "the bot, as Superseded"
    }))

  fault(
    "kicked, and takes the bot back",
    { bound: 12_000 },
    (row) =>
      repeated(row, 3, { direct: true, bot: { onSuperseded: "retake" } }, (world) =>
        Effect.gen(function*() {
          const { recovered } = yield* world.recovery(world.service.faults.kick())
          yield* world.ask(1)
          return recovered
        }))
  )

  const two = (
    name: string,
    policies: readonly [first: "fail" | "retake", second: "fail" | "retake"],
    winner: "first" | "second" | "either"
  ) =>
    fault(name, { timeout: 60_000, quick: policies[0] === "fail" }, (row) =>
      Effect.gen(function*() {
        const world = yield* make({ direct: true, bot: { onSuperseded: policies[0] } })
        yield* world.awaitStatus("Subscribed")
        const wsUrl = yield* Effect.provide(NodeGateway.url, world.gateway)
        const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
        const second = Context.get(
          yield* Layer.buildWithScope(botLayer(wsUrl, { onSuperseded: policies[1] }), scope),
          WecomBot.WecomBot
        )
        const started = performance.now()
        const settled = yield* Effect.raceFirst(
          Effect.as(Effect.flip(world.bot.closed), "second" as const),
          Effect.as(Effect.flip(second.closed), "first" as const)
        )
        row.recoveries.push(performance.now() - started)
        if (winner !== "either") expect(settled).toBe(winner)
        // Whoever is left keeps it.
        yield* Effect.sleep("3 seconds")
        const left = settled === "first" ? world.bot : second
        expect((yield* left.status)._tag).toBe("Subscribed")
        const switches = (yield* world.service.connections).filter(({ botId }) => botId !== undefined).length - 1
        expect(switches).toBeLessThanOrEqual(3)
        row.times = switches
        row.lost = "one of the two, as Superseded"
      }))

  two("two bots with one id, both give way", ["fail", "fail"], "second")
  two("two bots with one id, both retake", ["retake", "retake"], "either")
  two("two bots with one id, the older retakes", ["retake", "fail"], "first")
  two("two bots with one id, the newer retakes", ["fail", "retake"], "second")
})
