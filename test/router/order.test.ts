import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Random } from "effect"
import { BotRouter } from "effect-wecom"
import { measure } from "../bench/routerMemory.js"
import { isFull } from "../support/runs.js"
import * as Sim from "../support/simulation.js"
import { loose, text } from "./support.js"

it("1,000 conversations interleaved, handlers of random length: each keeps its order, and they run side by side", () =>
  Sim.runPromise(
    7,
    Effect.gen(function*() {
      const conversations = 1000
      const bot = yield* loose
      const handled: Record<string, Array<number>> = {}
      const said: Record<string, Array<number>> = {}
      const busy = new Set<string>()
      let most = 0
      let overlapping = 0
      const router = BotRouter.empty.pipe(BotRouter.onText(({ from: { userid }, msgid }) =>
        Effect.gen(function*() {
          if (busy.has(userid)) overlapping++
          most = Math.max(most, busy.add(userid).size)
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 5000))
          busy.delete(userid)
          handled[userid]!.push(Number(msgid))
        })
      ))
      const running = yield* Effect.fork(Effect.provide(BotRouter.run(router, { concurrency: 300 }), bot.layer))
      const order = yield* Random.shuffle(Array.from({ length: conversations * 5 }, (_, n) => n % conversations))
      for (const [msgid, n] of [...order].entries()) {
        const userid = `user-${n}`
        handled[userid] ??= []
        said[userid] = [...said[userid] ?? [], msgid]
        bot.say(text(userid, String(msgid)))
        if (yield* Random.nextBoolean) yield* Effect.sleep(yield* Random.nextIntBetween(0, 20))
      }
      yield* Effect.sleep("10 minutes")
      expect(Object.keys(said)).toHaveLength(conversations)
      expect(handled).toEqual(said)
      expect(overlapping).toBe(0)
      expect(most).toBe(300)
      yield* Fiber.interrupt(running)
    })
  ))

// The long version, a million messages: npx tsx test/bench/routerMemory.ts
it.live("5,000 messages of 5,000 conversations leave nothing behind", () =>
  Effect.gen(function*() {
    for (const overlap of isFull ? ["queue", "latest", "debounce"] as const : ["queue"] as const) {
      const samples = (yield* measure(5000, overlap)).map(({ heapMegabytes }) => heapMegabytes)
      expect(samples).toHaveLength(10)
      // A few hundred bytes per conversation would be more.
      expect(samples[9]! - samples[1]!).toBeLessThan(1)
    }
  }))
