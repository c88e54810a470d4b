import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { Dedupe } from "effect-wecom"
import * as fc from "fast-check"
import * as Clocks from "./support/clock.js"
import { runs } from "./support/runs.js"

/** Which of the questions a list that is searched from end to end takes for new. */
const newByList = (asked: ReadonlyArray<readonly [string, number]>, capacity: number, timeToLive: number) => {
  let list: Array<readonly [string, number]> = []
  return asked.map(([msgid, now]) => {
    list = list.filter(([, since]) => now - since <= timeToLive)
    if (list.some(([other]) => other === msgid)) return false
    list.push([msgid, now])
    if (list.length > capacity) list.shift()
    return true
  })
}

describe("Dedupe", () => {
  it("a msgid is new once, until it expires or too many others came: it remembers what a list would", () => {
    const [capacity, timeToLive] = [40, 50]
    const steps = fc.array(fc.tuple(fc.nat(90), fc.nat(2)), { minLength: 500, maxLength: 3000, size: "max" })
    fc.assert(
      fc.property(steps, (steps) => {
        const clock = Clocks.make(0)
        const run = <A>(effect: Effect.Effect<A>) => Effect.runSync(Effect.withClock(effect, clock))
        const { isNew } = run(Dedupe.make({ capacity, timeToLive }))
        const asked: Array<readonly [string, number]> = []
        const found = steps.map(([n, passed]) => {
          clock.stall(passed)
          asked.push([`msgid ${n}`, clock.now()])
          return run(isNew(`msgid ${n}`))
        })
        expect(found).toEqual(newByList(asked, capacity, timeToLive))
      }),
      { numRuns: runs(50) }
    )
  })

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
})
