import { expect, it, onTestFinished, vi } from "@effect/vitest"
import { HashIndex } from "../../src/internal/hashIndex.js"
import * as StreamWindows from "../../src/internal/streamWindows.js"

const minute = 60_000

it("nothing is concluded of a stream that may have been forgotten for want of room", () => {
  let time = 0
  const windows = StreamWindows.make(() => time, 0)
  const isOpen = (id: string) => windows.isOpenForOneFinal("r", id)
  windows.onWritten("r", { id: "victim", finish: false }, 0)
  for (let i = 0; i < 9_999; i++) windows.onWritten("r", { id: `${i}`, finish: i === 9_998 }, 0)
  expect(isOpen("9998")).toBe(true)
  time = 8 * minute
  windows.onWritten("r", { id: "one too many", finish: true }, time)
  expect(isOpen("one too many")).toBe(true)
  time = 9 * minute
  // Its first frame is nine minutes old, and nobody remembers.
  windows.onWritten("r", { id: "victim", finish: true }, 0)
  expect(isOpen("victim")).toBe(false)
  // Not later either, when its window is over and the service refuses it all the more.
  time = 11 * minute
  expect(isOpen("victim")).toBe(false)
  windows.onWritten("r", { id: "later", finish: true }, 10 * minute)
  expect(isOpen("later")).toBe(true)
})

it("nothing is concluded of a stream that another process may have opened", () => {
  const windows = StreamWindows.make(() => 60 * minute, 59 * minute)
  windows.onWritten("r", { id: "restored", finish: true }, 58 * minute)
  expect(windows.isOpenForOneFinal("r", "restored")).toBe(false)
  windows.onWritten("s", { id: "own", finish: true }, 59 * minute)
  expect(windows.isOpenForOneFinal("s", "own")).toBe(true)
})

/** Two ids of one `req_id` that are remembered as one stream: the second has sent one final, and yet it was not the only one. */
const findTwins = (): readonly [string, string] => {
  const idOf = (n: number) => Math.imul(n, 0x9e3779b1).toString(36)
  for (let n = 0; n < 1_000_000; n += 10_000) {
    const windows = StreamWindows.make(() => 0, 0)
    for (let i = n; i < n + 10_000; i++) {
      windows.onWritten("r", { id: idOf(i), finish: true }, 0)
      if (windows.isOpenForOneFinal("r", idOf(i))) continue
      for (let j = n; j < i; j++) {
        const pair = StreamWindows.make(() => 0, 0)
        pair.onWritten("r", { id: idOf(j), finish: true }, 0)
        if (pair.isOpenForOneFinal("r", idOf(i))) return [idOf(j), idOf(i)]
      }
    }
  }
  throw new Error("no two of a million streams are remembered as one")
}

it("of two streams that are remembered as one, less is concluded and nothing wrong", () => {
  const [older, younger] = findTwins()
  let time = 0
  const windows = StreamWindows.make(() => time, 0)
  windows.onWritten("r", { id: older, finish: false }, 0)
  for (let i = 0; i < 9_999; i++) windows.onWritten("s", { id: `${i}`, finish: true }, 0)
  time = 8 * minute
  windows.onWritten("r", { id: younger, finish: true }, 7 * minute)
  expect(windows.isOpenForOneFinal("r", younger)).toBe(true)
  time = 9 * minute
  expect(windows.isOpenForOneFinal("r", younger)).toBe(false)
  windows.onWritten("s", { id: "one too many", finish: true }, 0)
  // The younger one is forgotten with the older.
  windows.onWritten("r", { id: younger, finish: true }, 7 * minute)
  expect(windows.isOpenForOneFinal("r", younger)).toBe(false)
  windows.onWritten("t", { id: "later", finish: true }, 9 * minute)
  expect(windows.isOpenForOneFinal("t", "later")).toBe(true)
})

it("a wall clock that goes back makes nothing known that is not", () => {
  let time = 100 * minute
  const windows = StreamWindows.make(() => time, 0)
  windows.onWritten("r", { id: "victim", finish: false }, 99 * minute)
  time = 50 * minute
  windows.onWritten("r", { id: "victim", finish: true }, 99 * minute)
  for (let i = 0; i < 10_000; i++) windows.onWritten("s", { id: `${i}`, finish: true }, time)
  windows.onWritten("r", { id: "victim", finish: true }, 99 * minute)
  expect(windows.isOpenForOneFinal("r", "victim")).toBe(false)
})

it("who is forgotten is nowhere any more", () => {
  const entered = vi.spyOn(HashIndex.prototype, "enter")
  onTestFinished(() => {
    entered.mockRestore()
  })
  const windows = StreamWindows.make(() => 0, 0)
  for (let i = 0; i < 25_000; i++) windows.onWritten("r", { id: `${i}`, finish: true }, 0)
  expect(entered).toHaveBeenCalledTimes(25_000)
  expect((entered.mock.contexts[0] as unknown as { count: number }).count).toBe(10_000)
})
