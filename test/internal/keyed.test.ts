import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Fnv from "../../src/internal/fnv.js"
import { Keyed, type Member } from "../../src/internal/keyed.js"

const room = (keyed: Keyed<Member>) => {
  const { places, rows } = keyed as unknown as { places: Int32Array; rows: ReadonlyArray<unknown> }
  return { places: places.length, rows: rows.length }
}

/** `expect` is too slow for what is asked a hundred thousand times. */
const same = (found: unknown, wanted: unknown) => {
  if (found !== wanted) throw new Error(`expected ${String(wanted)}, found ${String(found)}`)
}

const playedAgainstMap = (hashFor: (key: string) => number) =>
  fc.property(fc.array(fc.tuple(fc.nat(600), fc.boolean()), { maxLength: 4000, size: "max" }), (steps) => {
    const keyed = new Keyed<Member>()
    const model = new Map<string, Member>()
    for (const [n, comes] of steps) {
      const key = String(n)
      const hash = hashFor(key)
      const known = model.get(key)
      if (comes && known === undefined) {
        const member = { key, hash }
        keyed.add(member)
        model.set(key, member)
      } else if (!comes && known !== undefined) {
        keyed.delete(known)
        model.delete(key)
      }
      same(keyed.get(key, hash), model.get(key))
      same(keyed.size, model.size)
    }
    for (const [key, member] of model) same(keyed.get(key, hashFor(key)), member)
    expect(new Set(keyed.values())).toEqual(new Set(model.values()))
    keyed.clear()
    expect(keyed.size).toBe(0)
    expect(keyed.values()).toEqual([])
  })

it("is a Map, whatever comes and goes", () => {
  fc.assert(playedAgainstMap(Fnv.hash), { numRuns: 50 })
})

it("and is one where many keys share a hash, at the end of its room too", () => {
  fc.assert(playedAgainstMap((key) => 508 + Number(key) % 5), { numRuns: 50 })
})

it("what is not there is deleted without a trace", () => {
  const keyed = new Keyed<Member>()
  const one = { key: "one", hash: 1 }
  keyed.delete(one)
  keyed.add(one)
  keyed.delete({ key: "one", hash: 1 })
  expect(keyed.values()).toEqual([one])
})

it("keys that come and go need no room, and the room of a crowd is given up after it", () => {
  const keyed = new Keyed<Member>()
  const member = (n: number): Member => ({ key: `key ${n}`, hash: Fnv.hash(`key ${n}`) })
  expect(room(keyed)).toEqual({ places: 0, rows: 0 })
  for (let n = 0; n < 100_000; n++) {
    const one = member(n)
    keyed.add(one)
    keyed.delete(one)
  }
  expect(room(keyed)).toEqual({ places: 512, rows: 1 })
  const crowd = Array.from({ length: 10_000 }, (_, n) => member(n))
  for (const one of crowd) keyed.add(one)
  expect(room(keyed)).toEqual({ places: 32_768, rows: 10_000 })
  for (const one of crowd) keyed.delete(one)
  expect(room(keyed).rows).toBe(0)
  expect(room(keyed).places).toBeLessThanOrEqual(512)
})
