import { expect, it } from "@effect/vitest"
import * as StreamWindows from "../../src/internal/sending/streamWindows.js"

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

it("streams whose ids run together are not taken for one another", () => {
  const windows = StreamWindows.make(() => 0, 0)
  windows.onWritten("ab", { id: "c", finish: true }, 0)
  expect(windows.isOpenForOneFinal("ab", "c")).toBe(true)
  expect(windows.isOpenForOneFinal("a", "bc")).toBe(false)
})
