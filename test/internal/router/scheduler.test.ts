import { expect, it } from "@effect/vitest"
import * as Scheduler from "../../../src/internal/router/scheduler.js"

it("goes on after a runner that throws", () => {
  const started: Array<number> = []
  const ends: Array<() => void> = []
  const offer = Scheduler.make<number>({ overlap: "queue", debounceMillis: 0, concurrency: 1, maxWaiting: 0 }, {
    now: () => 0,
    start: ([item], onEnd) => {
      started.push(item)
      ends.push(onEnd)
      return { interrupt: () => {} }
    },
    after: () => {},
    supersede: () => {},
    drop: () => {
      throw new Error("on purpose")
    },
    onWaiting: () => {}
  })
  offer("alice", 1)
  expect(() => offer("bob", 2)).toThrow("on purpose")
  ends[0]!()
  offer("carol", 3)
  expect(started).toEqual([1, 3])
})
