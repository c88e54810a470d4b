import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Metric, Option, Ref, TestClock } from "effect"
import { BotRouter, Dedupe, Telemetry, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { logged } from "./router/support.js"

/** A bot as a process of its own would be: all its memory is the store. */
const botOver = (dedupe: Layer.Layer<Dedupe.Dedupe>) =>
  Layer.orDie(WecomBot.layer({
    botId: TestGateway.defaultBotId,
    secret: TestGateway.defaultSecret,
    drainTimeout: 0
  }, dedupe))

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "effect-wecom-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true }))
)

const stores = {
  "in memory": Effect.map(Layer.build(KeyValueStore.layerMemory), Layer.succeedContext),
  "of files": Effect.map(temporary, (directory) =>
    KeyValueStore.layerFileSystem(directory).pipe(
      Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer)),
      Layer.orDie
    ))
}

const asked = (dedupe: Layer.Layer<Dedupe.Dedupe>, msgids: ReadonlyArray<string>) =>
  Effect.provide(Effect.flatMap(Dedupe.Dedupe, ({ isNew }) => Effect.forEach(msgids, isNew)), dedupe)

for (const [kind, makeStore] of Object.entries(stores)) {
  describe(`seen messages in a store ${kind}`, () => {
    it.scopedLive("a message that is delivered again after a restart runs no handler again", () =>
      Effect.gen(function*() {
        const bot = botOver(Layer.provide(Dedupe.layerKeyValueStore(), yield* makeStore))
        const handled = yield* Ref.make<ReadonlyArray<string>>([])
        const router = BotRouter.empty.pipe(BotRouter.onText((message) =>
          Effect.zipRight(
            Ref.update(handled, (all) => [...all, message.text.content]),
            WecomBot.replyStream(message, "heard")
          )
        ))
        const process = <A, E, R>(during: Effect.Effect<A, E, R>) =>
          Effect.zipRight(Effect.forkScoped(BotRouter.run(router)), during).pipe(Effect.scoped, Effect.provide(bot))
        const alice = yield* TestGateway.user("alice")
        const sent = yield* process(Effect.gen(function*() {
          const sent = yield* alice.sendText("once")
          yield* alice.awaitAnswer(sent)
          yield* TestGateway.faults.redeliver(sent.msgid)
          yield* alice.say("between")
          return sent
        }))
        yield* process(Effect.zipRight(TestGateway.faults.redeliver(sent.msgid), alice.say("after")))
        expect(yield* Ref.get(handled)).toEqual(["once", "between", "after"])
      }).pipe(Effect.provide(TestGateway.layer())))

    it.scoped("forgets after the time to live", () =>
      Effect.gen(function*() {
        const dedupe = Layer.provide(Dedupe.layerKeyValueStore({ timeToLive: "10 minutes" }), yield* makeStore)
        expect(yield* asked(dedupe, ["a", "b", "a"])).toEqual([true, true, false])
        yield* TestClock.adjust("10 minutes")
        expect(yield* asked(dedupe, ["a"])).toEqual([false])
        yield* TestClock.adjust("1 second")
        expect(yield* asked(dedupe, ["a", "a"])).toEqual([true, false])
      }))
  })
}

describe("seen messages in a store", () => {
  const counting = Effect.sync(() => {
    const values = new Map<string, string>()
    const store = KeyValueStore.makeStringOnly({
      // A real store takes a while.
      get: (key) => Effect.zipLeft(Effect.sync(() => Option.fromNullable(values.get(key))), Effect.yieldNow()),
      set: (key, value) => Effect.sync(() => void values.set(key, value)),
      remove: (key) => Effect.sync(() => void values.delete(key)),
      clear: Effect.sync(() => values.clear()),
      size: Effect.sync(() => values.size)
    })
    return { store, values }
  })

  it.scoped("holds a bounded number of small entries, however many messages come", () =>
    Effect.gen(function*() {
      const { store, values } = yield* counting
      const dedupe = Layer.provide(
        Dedupe.layerKeyValueStore({ capacity: 1000 }),
        Layer.succeed(KeyValueStore.KeyValueStore, store)
      )
      const ids = Array.from({ length: 5000 }, (_, n) => `message-${n}`)
      const isNew = yield* asked(dedupe, [...ids, ids[ids.length - 1]!])
      expect(isNew.slice(0, -1).every((is) => is)).toBe(true)
      expect(isNew[isNew.length - 1]).toBe(false)
      expect(values.size).toBeLessThanOrEqual(256)
      const kept = [...values.values()].reduce((sum, value) => sum + JSON.parse(value).length, 0)
      expect(kept).toBeLessThanOrEqual(1024)
      expect(kept).toBeGreaterThan(900)
    }))

  it.scoped("tells one of many that ask at once that a message is new, and starts over from what it cannot read", () =>
    Effect.gen(function*() {
      const { store, values } = yield* counting
      const dedupe = Layer.provide(Dedupe.layerKeyValueStore(), Layer.succeed(KeyValueStore.KeyValueStore, store))
      const { isNew } = yield* Effect.map(Layer.build(dedupe), Context.get(Dedupe.Dedupe))
      const answers = yield* Effect.all(Array.from({ length: 20 }, () => isNew("m")), { concurrency: "unbounded" })
      expect(answers.filter((is) => is)).toHaveLength(1)
      for (const broken of ["", "{", "null", "[1]", `[["m"]]`]) {
        for (const key of values.keys()) values.set(key, broken)
        expect([yield* isNew("m"), yield* isNew("m")]).toEqual([true, false])
      }
    }))

  it.scoped("a store that fails, dies or hangs lets messages through, is reported, and leaves the bot hearing", () =>
    Effect.gen(function*() {
      for (const broken of [Effect.fail("no"), Effect.dieMessage("no"), Effect.never]) {
        const store = KeyValueStore.makeStringOnly({
          get: () => broken as Effect.Effect<never>,
          set: () => Effect.void,
          remove: () => Effect.void,
          clear: Effect.void,
          size: Effect.succeed(0)
        })
        yield* logged((lines) =>
          Effect.gen(function*() {
            const dedupe = Layer.provide(Dedupe.layerKeyValueStore(), Layer.succeed(KeyValueStore.KeyValueStore, store))
            const asking = yield* Effect.fork(asked(dedupe, ["a", "a"]))
            yield* TestClock.adjust("2 seconds")
            expect(yield* Fiber.join(asking)).toEqual([true, true])
            expect((yield* lines).filter(({ level }) => level === "WARN")).toHaveLength(2)
          })
        )
      }
    }))

  const memories: Record<string, Dedupe.Dedupe.Service> = {
    "dies": { isNew: () => Effect.dieMessage("broken") },
    "ends by interruption": { isNew: () => Effect.zipRight(Effect.yieldNow(), Effect.interrupt) },
    "throws at once": {
      isNew: () => {
        throw new Error("broken")
      }
    }
  }

  for (const [how, memory] of Object.entries(memories)) {
    it.scoped(`a memory of the user's own that ${how} does not make the bot deaf`, () =>
      Effect.gen(function*() {
        yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
          BotRouter.onText((message) => WecomBot.replyStream(message, message.text.content))
        )))
        const alice = yield* TestGateway.user("alice")
        yield* alice.sendText("one")
        expect((yield* alice.say("hi")).text).toBe("hi")
        expect((yield* alice.say("there")).text).toBe("there")
        // Each as she said it, and as it came back.
        const shown = (yield* alice.screen).map(({ text }) => text)
        expect(shown.toSorted()).toEqual(["hi", "hi", "one", "one", "there", "there"])
      }).pipe(
        Effect.provide(botOver(Layer.succeed(Dedupe.Dedupe, memory))),
        Effect.provide(TestGateway.layer())
      ))
  }

  it.scoped("what a slow memory is asked about when the bot closes is dropped with all behind it, and counted", () =>
    Effect.gen(function*() {
      const before = (yield* Metric.value(Telemetry.inboxDropped)).count
      const slow = Layer.succeed(Dedupe.Dedupe, { isNew: () => Effect.as(Effect.sleep("1 minute"), true) })
      yield* Effect.gen(function*() {
        yield* WecomBot.ready
        const alice = yield* TestGateway.user("alice")
        yield* alice.sendText("asks")
        yield* TestClock.adjust("1 second")
        for (const text of ["waits", "waits as well"]) yield* alice.sendText(text)
        yield* TestClock.adjust("1 second")
      }).pipe(Effect.provide(botOver(slow)))
      expect((yield* Metric.value(Telemetry.inboxDropped)).count - before).toBe(3)
    }).pipe(Effect.provide(TestGateway.layer())))
})
