import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { OldestFirst } from "../../../src/internal/collections/oldestFirst.js"

it("is a Map whose oldest entry goes first, however often it was emptied", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(3)), { maxLength: 1000, size: "max" }), (steps) => {
      const entries = new OldestFirst<number>()
      const model = new Map<string, number>()
      for (const [n, act] of steps) {
        if (act < 2) {
          entries.set(`${n}`, act)
          model.set(`${n}`, act)
        } else {
          const [oldest] = model.keys()
          expect(entries.oldestKey()).toBe(oldest)
          expect(entries.deleteOldest()).toBe(oldest === undefined ? undefined : model.get(oldest))
          if (oldest !== undefined) model.delete(oldest)
        }
        expect(entries.size).toBe(model.size)
        expect(entries.get(`${n}`)).toBe(model.get(`${n}`))
      }
    }),
    { numRuns: 200 }
  )
})
