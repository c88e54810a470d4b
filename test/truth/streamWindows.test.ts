import { expect, it } from "@effect/vitest"
import * as StreamWindows from "../../src/internal/streamWindows.js"

const minute = 60_000

it("nothing is concluded while a stream that was forgotten for want of room may still be open", () => {
  let time = 0
  const windows = StreamWindows.make(() => time)
  const isOpen = (id: string) => windows.isOpenForOneFinal("r", id)
  windows.onWritten("r", { id: "victim", finish: false })
  for (let i = 0; i < 9_999; i++) windows.onWritten("r", { id: `${i}`, finish: i === 9_998 })
  expect(isOpen("9998")).toBe(true)
  time = 8 * minute
  windows.onWritten("r", { id: "one too many", finish: true })
  // Its first frame is eight minutes old, and nobody remembers.
  windows.onWritten("r", { id: "victim", finish: true })
  expect(isOpen("victim")).toBe(false)
  time = 10 * minute
  windows.onWritten("r", { id: "later", finish: true })
  expect(isOpen("later")).toBe(true)
})

/** Two ids of one `req_id` that are remembered as one stream: the second has sent one final, and yet it was not the only one. */
const findTwins = (): readonly [string, string] => {
  const idOf = (n: number) => Math.imul(n, 0x9e3779b1).toString(36)
  for (let n = 0; n < 1_000_000; n += 10_000) {
    const windows = StreamWindows.make(() => 0)
    for (let i = n; i < n + 10_000; i++) {
      windows.onWritten("r", { id: idOf(i), finish: true })
      if (windows.isOpenForOneFinal("r", idOf(i))) continue
      for (let j = n; j < i; j++) {
        const pair = StreamWindows.make(() => 0)
        pair.onWritten("r", { id: idOf(j), finish: true })
        if (pair.isOpenForOneFinal("r", idOf(i))) return [idOf(j), idOf(i)]
      }
    }
  }
  throw new Error("no two of a million streams are remembered as one")
}

it("of two streams that are remembered as one, less is concluded and nothing wrong", () => {
  const [older, younger] = findTwins()
  let time = 0
  const windows = StreamWindows.make(() => time)
  windows.onWritten("r", { id: older, finish: false })
  time = 8 * minute
  windows.onWritten("r", { id: younger, finish: true })
  expect(windows.isOpenForOneFinal("r", younger)).toBe(true)
  time = 9 * minute
  expect(windows.isOpenForOneFinal("r", younger)).toBe(false)
  for (let i = 0; i < 10_000; i++) windows.onWritten("s", { id: `${i}`, finish: true })
  // The younger one is forgotten, and open until its eighteenth minute.
  time = 17 * minute
  windows.onWritten("r", { id: younger, finish: true })
  expect(windows.isOpenForOneFinal("r", younger)).toBe(false)
  time = 19 * minute
  expect(windows.isOpenForOneFinal("r", younger)).toBe(true)
})
