import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { KeyTable } from "../../../src/internal/collections/keyTable.js"

/** `expect` is too slow for what is asked a hundred thousand times. */
const same = (found: unknown, wanted: unknown) => {
  if (found !== wanted) throw new Error(`expected ${String(wanted)}, found ${String(found)}`)
}

it("is a Map, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(900), fc.nat(2)), { maxLength: 4000, size: "max" }), (steps) => {
      const table = new KeyTable<number>()
      const model = new Map<string, number>()
      for (const [at, [n, act]] of steps.entries()) {
        const key = `key ${n}`
        if (act === 0) same(table.delete(key), model.delete(key))
        else {
          table.set(key, at)
          model.set(key, at)
        }
        same(table.get(key), model.get(key))
        same(table.has(key), model.has(key))
        same(table.size, model.size)
      }
      for (let n = 0; n <= 900; n++) same(table.get(`key ${n}`), model.get(`key ${n}`))
      expect(table.values().toSorted()).toEqual([...model.values()].toSorted())
      table.clear()
      expect([table.size, table.values(), table.has("key 0")]).toEqual([0, [], false])
    }),
    { numRuns: 100 }
  )
})

const room = (table: KeyTable<unknown>) => (table as unknown as { slots: ReadonlyArray<unknown> }).slots.length

it("the room of a crowd is given up after it", () => {
  const table = new KeyTable<number>()
  expect(room(table)).toBe(0)
  for (let n = 0; n < 10_000; n++) table.set(`${n}`, n)
  expect(room(table)).toBe(32_768)
  for (let n = 0; n < 10_000; n++) table.delete(`${n}`)
  expect(room(table)).toBe(512)
})
