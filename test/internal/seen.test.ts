import { expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import { HashIndex } from "../../src/internal/hashIndex.js"
import { Seen } from "../../src/internal/seen.js"

const room = (index: HashIndex<any>) => (index as unknown as { places: Int32Array }).places.length

const entries = (index: HashIndex<any>) => (index as unknown as { count: number }).count

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

it.each([["begins", 0], ["begins again with its rows", 0x3fffffff - 100]])(
  "remembers what a list would, where the numbering %s",
  (_, first) => {
    fc.assert(
      fc.property(steps, (steps) => {
        const seen = new Seen(capacity, timeToLive)
        ;(seen as unknown as { first: number }).first = first
        let now = 0
        const asked = steps.map(([n, passed]): readonly [string, number] => [`msgid ${n}`, now += passed])
        expect(asked.map(([msgid, now]) => seen.isNew(msgid, now))).toEqual(newByList(asked))
        expect(entries(seen)).toBeLessThanOrEqual(capacity)
      }),
      { numRuns: 50 }
    )
  }
)

it("two msgids with one hash are two", () => {
  const seen = new Seen(capacity, timeToLive)
  const twins = findTwins()
  for (const msgid of twins) expect(seen.isNew(msgid, 0)).toBe(true)
  for (const msgid of twins) expect(seen.isNew(msgid, 0)).toBe(false)
})

/** Thirty bits tell fewer msgids apart than there are. */
const findTwins = (): readonly [string, string] => {
  const hashOf = (msgid: string): number => {
    const seen = new Seen(1, 1)
    seen.isNew(msgid, 0)
    return (seen as unknown as { hashes: { peek: () => number } }).hashes.peek()
  }
  const known = new Map<number, string>()
  for (let n = 0; n < 1_000_000; n++) {
    const msgid = Math.imul(n, 0x9e3779b1).toString(36)
    const twin = known.get(hashOf(msgid))
    if (twin !== undefined) return [twin, msgid]
    known.set(hashOf(msgid), msgid)
  }
  throw new Error("no two of a million have one hash")
}

/** Rows that share few hashes, at the end of the room too. */
class Crowded extends HashIndex<number> {
  protected hashAt(row: number): number {
    return 508 + row % 5
  }

  protected isAt(row: number, key: number): boolean {
    return row === key
  }
}

it("finds every row that entered and has not left, however many share a hash", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(80), fc.boolean()), { maxLength: 1000, size: "max" }), (steps) => {
      const index = new Crowded()
      const model = new Set<number>()
      for (const [row, comes] of steps) {
        if (comes && !model.has(row)) {
          index.enter(row)
          model.add(row)
        } else if (!comes && model.delete(row)) {
          index.leave(row)
        }
      }
      for (let row = 0; row <= 80; row++) expect(index.find(508 + row % 5, row)).toBe(model.has(row) ? row : -1)
    }),
    { numRuns: 200 }
  )
})

it("takes room for those it remembers, and gives it up after a crowd", () => {
  const seen = new Seen(10_000, timeToLive)
  expect(room(seen)).toBe(0)
  for (let n = 0; n < 50_000; n++) seen.isNew(`${n}`, 0)
  expect(room(seen)).toBe(32_768)
  seen.isNew("much later", 1000)
  expect(room(seen)).toBe(512)
})
