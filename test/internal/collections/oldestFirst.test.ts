import { it } from "@effect/vitest"
import * as fc from "fast-check"
import { OldestFirst } from "../../../src/internal/collections/oldestFirst.js"
import { must } from "../../support/must.js"

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
          must(entries.oldestKey() === oldest, "the oldest key")
          must(entries.deleteOldest() === (oldest === undefined ? undefined : model.get(oldest)), "its value")
          if (oldest !== undefined) model.delete(oldest)
        }
        must(entries.size === model.size, "the size")
        must(entries.get(`${n}`) === model.get(`${n}`), "the value of a key")
      }
    }),
    { numRuns: 200 }
  )
})
