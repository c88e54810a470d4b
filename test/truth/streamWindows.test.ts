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
