import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Keyed } from "../../src/internal/keyed.js"

it("is a Map, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(300), fc.boolean()), { maxLength: 2000, size: "max" }), (steps) => {
      const keyed = new Keyed<number>()
      const model = new Map<string, number>()
      for (const [n, comes] of steps) {
        const key = String(n)
        if (comes && !model.has(key)) {
          keyed.fill(keyed.slot(key), n)
          model.set(key, n)
        } else if (!comes && model.has(key)) {
          keyed.empty(keyed.slot(key))
          model.delete(key)
        }
        expect(keyed.get(key)).toBe(model.get(key))
        expect(keyed.size).toBe(model.size)
      }
      expect(new Set(keyed.values())).toEqual(new Set(model.values()))
      keyed.clear()
      expect(keyed.size).toBe(0)
      expect(keyed.values()).toEqual([])
    }),
    { numRuns: 50 }
  )
})

it("keys that went leave nothing behind", () => {
  const keyed = new Keyed<number>()
  for (let n = 0; n < 100_000; n++) {
    const slot = keyed.slot(`key ${n}`)
    keyed.fill(slot, n)
    keyed.empty(slot)
  }
  expect((keyed as unknown as { slots: Map<string, unknown> }).slots.size).toBeLessThanOrEqual(257)
})

it("a slot that nobody fills goes with the next sweep, and comes back as another", () => {
  const keyed = new Keyed<number>()
  const forgotten = keyed.slot("forgotten")
  expect(keyed.size).toBe(0)
  for (let n = 0; n < 1_000; n++) {
    const slot = keyed.slot(`key ${n}`)
    keyed.fill(slot, n)
    keyed.empty(slot)
  }
  expect(keyed.slot("forgotten")).not.toBe(forgotten)
  expect(keyed.get("forgotten")).toBeUndefined()
})
