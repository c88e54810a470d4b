import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Option, Scope, Stream } from "effect"
import * as Broadcast from "../../../src/internal/receiving/broadcast.js"

const make = (capacity: number) => {
  let drops = 0
  const broadcast = Broadcast.make<number, string>(capacity, () => drops++)
  return { ...broadcast, drops: () => drops }
}

const drain = (stream: Stream.Stream<number, string>) => Effect.map(Stream.runCollect(stream), (chunk) => [...chunk])

describe("broadcast", () => {
  it.scoped("holds what comes before anybody subscribed, at most its capacity, for the first subscriber only", () =>
    Effect.gen(function*() {
      const { drops, stream, unsafePublish } = make(3)
      for (const n of [1, 2, 3, 4, 5]) unsafePublish(n)
      expect(drops()).toBe(2)
      expect(yield* drain(Stream.take(stream, 3))).toEqual([3, 4, 5])
      expect(drops()).toBe(2)
      unsafePublish(6)
      expect(yield* drain(Stream.take(stream, 1))).toEqual([6])
    }))

  it.scoped("a subscriber that went away costs nothing", () =>
    Effect.gen(function*() {
      const { drops, subscribe, unsafePublish } = make(1)
      yield* subscribe
      const scope = yield* Scope.make()
      yield* Scope.extend(subscribe, scope)
      yield* Scope.close(scope, Exit.void)
      unsafePublish(1)
      unsafePublish(2)
      expect(drops()).toBe(1)
    }))

  it.scoped("when the last subscriber leaves, what comes is held for the next", () =>
    Effect.gen(function*() {
      const { stream, subscribe, unsafePublish } = make(3)
      yield* Effect.scoped(subscribe)
      unsafePublish(1)
      expect(yield* drain(Stream.take(stream, 1))).toEqual([1])
    }))

  it.scoped("its end reaches present and future subscribers, after what they still hold, once", () =>
    Effect.gen(function*() {
      const { stream, subscribe, unsafeEnd, unsafePublish } = make(3)
      const present = yield* subscribe
      unsafePublish(1)
      unsafeEnd(Option.some("over"))
      unsafeEnd(Option.none())
      expect([...(yield* present.takeAll)[0]]).toEqual([1])
      expect(yield* Effect.flip(present.takeAll)).toBe("over")
      expect(yield* Effect.flip(drain(stream))).toBe("over")
    }))

  it.scoped("what was held when it ended still goes to the first subscriber", () =>
    Effect.gen(function*() {
      const { stream, unsafeEnd, unsafePublish } = make(3)
      unsafePublish(1)
      unsafeEnd(Option.none())
      expect(yield* drain(stream)).toEqual([1])
      expect(yield* drain(stream)).toEqual([])
    }))
})
