/**
 * Each overlap policy against a model of it, over random messages of a few conversations, on simulated time.
 */
import { describe, expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Metric } from "effect"
import { BotRouter, Telemetry } from "effect-wecom"
import * as fc from "fast-check"
import * as Sim from "../support/simulation.js"
import type { Run, Said } from "./overlapModels.js"
import { conversation, debounceMillis, models, said, users } from "./overlapModels.js"
import { loose, text } from "./support.js"

interface Played {
  readonly arrivals: ReadonlyArray<number>
  readonly runs: ReadonlyArray<Run>
  readonly waiting: number
}

const play = (
  script: ReadonlyArray<Said>,
  options: { readonly [K in "overlap" | "concurrency" | "debounceWindow"]?: BotRouter.RunOptions[K] }
): Promise<Played> =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      const bot = yield* loose
      const start = yield* Clock.currentTimeMillis
      const now = Effect.map(Clock.currentTimeMillis, (time) => time - start)
      const runs: Array<Run> = []
      const router = BotRouter.empty.pipe(BotRouter.onBatch((batch) =>
        Effect.flatMap(now, (begin) => {
          const ids = batch.map(({ msgid }) => Number(msgid))
          const { takes, user } = script[ids[ids.length - 1]!]!
          return Effect.onExit(Effect.sleep(takes), (exit) =>
            Effect.map(now, (end) => {
              runs.push({ ids, user, begin, end, isWhole: Exit.isSuccess(exit) })
            }))
        })
      ))
      const waiting = Effect.map(Metric.value(Telemetry.handlersWaiting), ({ count }) => count)
      const before = yield* waiting
      const running = yield* Effect.fork(Effect.provide(
        BotRouter.run(router, { ...options, concurrency: options.concurrency ?? 1_000_000 }),
        bot.layer
      ))
      const arrivals: Array<number> = []
      for (const [id, { gap, user }] of script.entries()) {
        yield* Effect.sleep(gap)
        arrivals.push(yield* now)
        bot.say(text(`user ${user}`, String(id)))
      }
      yield* Effect.sleep("1 day")
      yield* Fiber.interrupt(running)
      runs.sort((a, b) => a.begin - b.begin || a.ids[0]! - b.ids[0]!)
      return { arrivals, runs, waiting: (yield* waiting) - before }
    })
  )

describe("overlap", () => {
  for (const overlap of ["queue", "concurrent", "latest", "debounce"] as const) {
    it(`${overlap}: as its model says`, () =>
      fc.assert(
        fc.asyncProperty(said, async (script) => {
          const { arrivals, runs, waiting } = await play(script, { overlap, debounceWindow: debounceMillis })
          for (const user of users) {
            // One that was interrupted in the moment it began may as well never have begun.
            const mine = runs.filter((run) => run.user === user && run.begin < run.end)
              .map(({ user: _, ...run }) => run)
            expect(mine).toEqual(models[overlap](conversation(script, arrivals, user)))
          }
          expect(waiting).toBe(0)
        }),
        { numRuns: 80 }
      ))
  }

  it("debounce: a batch is shared among the routes that take its messages, each still in order", () =>
    Sim.runPromise(
      1,
      Effect.gen(function*() {
        const bot = yield* loose
        const seen: Array<string> = []
        const see = (what: string) => Effect.sync(() => void seen.push(what))
        const router = BotRouter.empty.pipe(
          BotRouter.onBatch((batch) => see(`boss ${batch.map(({ msgid }) => msgid).join(" ")}`)),
          BotRouter.allowUsers(["boss"]),
          BotRouter.onCommand("/stop", (message) => see(`stop ${message.msgid}`)),
          BotRouter.onBatch((batch) => see(`all ${batch.map(({ msgid }) => msgid).join(" ")}`)),
          BotRouter.use((handler: Effect.Effect<unknown>) => Effect.zipRight(see("("), handler))
        )
        yield* Effect.fork(Effect.provide(BotRouter.run(router, { overlap: "debounce" }), bot.layer))
        const room = { chattype: "group", chatid: "room" } as const
        bot.say(text("boss", "1", room))
        bot.say(text("alice", "2", room))
        bot.say(text("alice", "3", { ...room, text: { content: "/stop" } }))
        bot.say(text("boss", "4", room))
        bot.say(text("bob", "5", room))
        yield* Effect.sleep("3 seconds")
        expect(seen).toEqual(["(", "boss 1 4", "(", "all 2 5", "(", "stop 3"])
      })
    ))

  it("what waits when the bot closes and cannot be handled in time is dropped and counted", () =>
    Sim.runPromise(
      1,
      Effect.gen(function*() {
        for (const overlap of ["queue", "concurrent", "latest", "debounce"] as const) {
          const bot = yield* loose
          const router = BotRouter.empty.pipe(BotRouter.onBatch(() => Effect.never))
          const running = yield* Effect.fork(
            Effect.provide(BotRouter.run(router, { overlap, concurrency: 1, debounceWindow: 0 }), bot.layer)
          )
          const before = yield* Metric.value(Telemetry.handlerDropped)
          const waiting = yield* Metric.value(Telemetry.handlersWaiting)
          bot.say(text("alice", "1"))
          yield* Effect.sleep("1 second")
          for (const [user, id] of [["bob", "2"], ["bob", "3"], ["carol", "4"]] as const) bot.say(text(user, id))
          yield* Effect.sleep("1 second")
          yield* bot.close
          yield* Effect.yieldNow()
          const dropped = (yield* Metric.value(Telemetry.handlerDropped)).count - before.count
          // Under "latest" 3 takes the place of 2.
          expect({ overlap, dropped }).toEqual({ overlap, dropped: overlap === "latest" ? 2 : 3 })
          expect(yield* Metric.value(Telemetry.handlersWaiting)).toEqual(waiting)
          // A conversation whose handler was interrupted does not keep what comes after that.
          bot.say(text("alice", "5"))
          yield* Effect.sleep("1 second")
          expect(yield* Metric.value(Telemetry.handlersWaiting)).toEqual(waiting)
          yield* Fiber.interrupt(running)
        }
      })
    ))
})
