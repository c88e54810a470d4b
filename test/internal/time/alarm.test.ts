import { describe, expect, it } from "@effect/vitest"
import { Clock, Context, DefaultServices, Deferred, Duration, Effect, Fiber, Runtime } from "effect"
import * as Alarm from "../../../src/internal/time/alarm.js"
import { altered } from "../../support/clock.js"

const forked = Effect.map(Effect.runtime<never>(), (runtime) => {
  const fibers: Array<Fiber.RuntimeFiber<void>> = []
  const fork: Alarm.Fork = (effect) => {
    const fiber = Runtime.runFork(runtime)(effect, { immediate: false })
    fibers.push(fiber)
    return fiber
  }
  return { fibers, fork }
})

const own = Context.get(DefaultServices.liveServices, Clock.Clock)

describe.each([
  ["Effect's own Clock", own],
  ["any other Clock", altered(own, {})]
])("an alarm by %s", (_, clock) => {
  it.live("rings once, the shorter of two first, and never at once", () =>
    Effect.gen(function*() {
      const alarm = Alarm.of(clock, (yield* forked).fork)
      const rung: Array<number> = []
      const both = yield* Deferred.make<void>()
      for (const millis of [40, 1, 0]) {
        alarm(millis, () => {
          rung.push(millis)
          if (millis === 40) Deferred.unsafeDone(both, Effect.void)
        })
      }
      expect(rung).toEqual([])
      yield* Deferred.await(both)
      expect(rung.slice(0, 2).toSorted((a, b) => a - b)).toEqual([0, 1])
      yield* Effect.sleep(50)
      expect(rung).toHaveLength(3)
    }))

  it.live("does not ring when it was called off", () =>
    Effect.gen(function*() {
      const alarm = Alarm.of(clock, (yield* forked).fork)
      const rung: Array<string> = []
      for (const millis of [0, 1, 10]) alarm(millis, () => rung.push("called off"))()
      const late = alarm(60_000, () => rung.push("called off"))
      yield* Effect.sleep(5)
      late()
      yield* Effect.sleep(40)
      expect(rung).toEqual([])
    }))
})

describe("an alarm", () => {
  const never = altered(own, { sleep: () => Effect.never })

  it.live("rings early when its sleep is interrupted", () =>
    Effect.gen(function*() {
      const { fibers, fork } = yield* forked
      let rung = 0
      Alarm.of(never, fork)(10, () => rung++)
      yield* Fiber.interruptAll(fibers)
      expect(rung).toBe(1)
    }))

  it.live("does not ring without end when the Clock breaks", () =>
    Effect.gen(function*() {
      const { fibers, fork } = yield* forked
      let rung = 0
      const alarm = Alarm.of(altered(own, { sleep: () => Effect.die("broken") }), fork)
      alarm(10, () => rung++)
      yield* Fiber.awaitAll(fibers)
      expect(rung).toBe(0)
    }))

  it.live("sleeps no longer than a timer can last", () =>
    Effect.gen(function*() {
      const slept: Array<number> = []
      const clock = altered(own, {
        sleep: (duration) => Effect.sync(() => void slept.push(Duration.toMillis(duration)))
      })
      Alarm.of(clock, (yield* forked).fork)(2 ** 40, () => {})
      yield* Effect.sleep(1)
      expect(slept).toEqual([2 ** 31 - 1])
    }))

  it.live("sleeps for what is left when its fiber runs", () =>
    Effect.gen(function*() {
      const { fork } = yield* forked
      let nanos = 0n
      const slept: Array<number> = []
      const clock = altered(own, {
        sleep: (duration) => Effect.sync(() => void slept.push(Duration.toMillis(duration)))
      })
      const alarm = Alarm.of({ ...clock, unsafeCurrentTimeNanos: () => nanos }, fork)
      for (const millis of [100, 20]) {
        alarm(millis, () => {})
        nanos += 30_000_000n
        yield* Effect.sleep(1)
      }
      expect(slept).toEqual([70, 0])
    }))
})
