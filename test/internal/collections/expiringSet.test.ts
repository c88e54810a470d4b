import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { ExpiringSet } from "../../../src/internal/collections/expiringSet.js"

const timeToLive = 50
const capacity = 40

const steps = fc.array(fc.tuple(fc.nat(90), fc.nat(2)), { minLength: 500, maxLength: 3000, size: "max" })

/** Which of the questions a list that is searched from end to end takes for new. */
const newByList = (asked: ReadonlyArray<readonly [string, number]>) => {
  let list: Array<readonly [string, number]> = []
  return asked.map(([msgid, now]) => {
    list = list.filter(([, since]) => now - since <= timeToLive)
    if (list.some(([other]) => other === msgid)) return false
    list.push([msgid, now])
    if (list.length > capacity) list.shift()
    return true
  })
}

it("remembers what a list would", () => {
  fc.assert(
    fc.property(steps, (steps) => {
      const seen = new ExpiringSet(capacity, timeToLive)
      let now = 0
      const asked = steps.map(([n, passed]): readonly [string, number] => [`msgid ${n}`, now += passed])
      expect(asked.map(([msgid, now]) => seen.add(msgid, now))).toEqual(newByList(asked))
      expect(seen.size).toBeLessThanOrEqual(capacity)
    }),
    { numRuns: 50 }
  )
})
