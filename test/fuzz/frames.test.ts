import { expect, it } from "@effect/vitest"
import { Effect, Metric, TestClock } from "effect"
import { BotRouter, Telemetry, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { runs } from "../support/runs.js"
import { frames } from "./arbitraryFrames.js"

const count = (metric: Metric.Metric.Counter<number>) => Effect.map(Metric.value(metric), ({ count }) => count)

const counters = Effect.all({
  notJson: count(Metric.tagged(Telemetry.undecodable, "reason", "NotJson")),
  notText: count(Metric.tagged(Telemetry.undecodable, "reason", "NotText")),
  notAnEnvelope: count(Metric.tagged(Telemetry.undecodable, "reason", "NotAnEnvelope")),
  badMessage: count(Metric.tagged(Telemetry.undecodable, "reason", "BadMessage")),
  badEvent: count(Metric.tagged(Telemetry.undecodable, "reason", "BadEvent")),
  unknownCommands: count(Telemetry.unknownCommands),
  surplusAcks: count(Telemetry.surplusAcks),
  duplicates: count(Telemetry.duplicates)
})

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff)
const total = runs(50_000)
const batch = 1_000

it.scoped(
  `nothing in ${total} hostile frames ends the connection, the handlers or the process (FUZZ_SEED=${seed})`,
  () =>
    Effect.gen(function*() {
      const uncaught: Array<unknown> = []
      const onUncaught = (error: unknown) => uncaught.push(error)
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught)),
        () => Effect.sync(() => process.off("uncaughtException", onUncaught).off("unhandledRejection", onUncaught))
      )
      const alice = yield* TestGateway.user("alice")
      let handled = 0
      const router = BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.gen(function*() {
            handled++
            const { content } = message.text
            if (!content.startsWith("still there")) return
            yield* WecomBot.replyStreamFrame(message, { id: "s", content: `yes, ${content}`, finish: true })
          })
        ),
        BotRouter.orElse(() => Effect.sync(() => handled++))
      )
      yield* Effect.forkScoped(BotRouter.run(router))
      yield* WecomBot.ready
      const before = yield* counters
      const all = frames(total, seed)
      expect(all).toHaveLength(total)
      for (let from = 0; from < all.length; from += batch) {
        for (const frame of all.slice(from, from + batch)) yield* TestGateway.faults.pushRaw(frame)
        // Lets the process report what nobody caught.
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        // Thirty messages a minute are the quota of a conversation.
        yield* TestClock.adjust("4 seconds")
        const where = `after frames ${from} to ${from + batch - 1}`
        expect(uncaught, where).toEqual([])
        expect((yield* WecomBot.status)._tag, where).toBe("Subscribed")
        expect((yield* alice.say(`still there ${from}?`)).text, where).toBe(`yes, still there ${from}?`)
      }
      expect(yield* TestGateway.connections).toHaveLength(1)
      const after = yield* counters
      for (const key of Object.keys(before) as Array<keyof typeof before>) {
        expect(after[key] - before[key], key).toBeGreaterThan(0)
      }
      expect(handled).toBeGreaterThan(100)
      expect(({} as { errcode?: unknown }).errcode, "no prototype was touched").toBeUndefined()
    }).pipe(Effect.provide(TestGateway.layerBot({ quotas: false, sealTimeout: 0 }))),
  60_000
)
