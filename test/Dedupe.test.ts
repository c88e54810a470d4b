import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import { Dedupe } from "effect-wecom"

describe("Dedupe", () => {
  it.effect("it is remembered for an hour from when it was first seen, and seeing it again does not extend that", () =>
    Effect.gen(function*() {
      const { isNew } = yield* Dedupe.make()
      yield* isNew("a")
      yield* TestClock.adjust("40 minutes")
      expect(yield* isNew("a")).toBe(false)
      yield* TestClock.adjust("20 minutes")
      expect(yield* isNew("a")).toBe(false)
      yield* TestClock.adjust("1 second")
      expect(yield* isNew("a")).toBe(true)
    }))

  it.effect("the default holds 10,000", () =>
    Effect.gen(function*() {
      const { isNew } = yield* Dedupe.Dedupe
      for (let n = 0; n < 10_000; n++) yield* isNew(String(n))
      expect(yield* isNew("0")).toBe(false)
      yield* isNew("one more")
      expect(yield* isNew("1")).toBe(false)
      expect(yield* isNew("0")).toBe(true)
    }).pipe(Effect.provide(Dedupe.layer)))

  it.effect("what has expired makes room", () =>
    Effect.gen(function*() {
      const { isNew } = yield* Dedupe.make({ timeToLive: "1 minute", capacity: 2 })
      yield* isNew("a")
      yield* TestClock.adjust("61 seconds")
      yield* isNew("b")
      yield* isNew("c")
      expect(yield* isNew("b")).toBe(false)
      yield* isNew("d")
      expect(yield* isNew("b")).toBe(true)
      expect(Layer.isLayer(Dedupe.layer)).toBe(true)
    }))
})
