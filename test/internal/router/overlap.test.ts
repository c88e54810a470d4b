/**
 * The core of the router's order against a model of each policy, with handlers that are only entries in a list of what happens
 * next.
 */
import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import type { Conversation, Event, Options } from "../../../src/internal/router/overlap.js"
import * as Overlap from "../../../src/internal/router/overlap.js"
import type { Run, Said } from "../../router/overlapModels.js"
import { conversation, debounceMillis, models, said, users } from "../../router/overlapModels.js"
import { must } from "../../support/must.js"
import { runs } from "../../support/runs.js"

interface Handler {
  readonly conversation: Conversation<number>
  readonly ids: ReadonlyArray<number>
  readonly begin: number
}

const overlaps = ["queue", "concurrent", "latest", "debounce"] as const

/** Plays a script, and holds at each step what is true whatever the policy. */
const play = (script: ReadonlyArray<Said>, options: Options, closesAt = Infinity) => {
  const state = Overlap.make<number>(options)
  const arrivals: Array<number> = []
  const events: Array<{ readonly at: number; readonly event: () => Event<number> | undefined }> = []
  const running = new Set<Handler>()
  const runs: Array<Run> = []
  const started: Array<number> = []
  const superseded: Array<number> = []
  const dropped: Array<number> = []
  let now = 0

  const end = (handler: Handler, isWhole: boolean) => {
    if (!running.delete(handler)) return undefined
    const { begin, conversation, ids } = handler
    runs.push({ ids, user: script[ids[0]!]!.user, begin, end: now, isWhole })
    return { _tag: "Ended" as const, conversation, at: now }
  }

  const dispatch = (event: Event<number>) => {
    const { waiting } = state
    for (const action of Overlap.overlap(state, event)) {
      switch (action._tag) {
        case "Start": {
          const handler: Handler = { conversation: action.conversation, ids: action.items, begin: now }
          started.push(...action.items)
          running.add(handler)
          const { takes } = script[action.items[action.items.length - 1]!]!
          events.push({ at: now + takes, event: () => end(handler, true) })
          break
        }
        case "Interrupt":
          for (const handler of running) {
            if (handler.conversation === action.conversation) events.push({ at: now, event: () => end(handler, false) })
          }
          break
        case "Delay": {
          const { conversation, millis } = action
          const isCut = now + millis > closesAt
          events.push({
            at: isCut ? closesAt : now + millis,
            event: () => ({ _tag: isCut ? "DelayCut" : "DelayPassed", conversation })
          })
          break
        }
        case "Supersede":
          superseded.push(...action.items)
          break
        case "Drop":
          must(event._tag === "DelayCut" || waiting === options.maxWaiting, "dropped only at the limit")
          dropped.push(...action.items)
      }
    }
    must(running.size === state.running, "its count of handlers is right")
    must(running.size <= options.concurrency, "no more handlers than allowed")
    must(state.waiting <= options.maxWaiting, "no more wait than allowed")
    must(
      started.length + superseded.length + dropped.length + state.waiting === arrivals.length,
      "each item waits, was started, superseded or dropped"
    )
    must(
      options.overlap === "concurrent" || state.turns.size() <= state.conversations.size,
      "a conversation has one place in the line, however many messages it has"
    )
  }

  let at = 0
  for (const [id, { gap, user }] of script.entries()) {
    at += gap
    const arrival = at
    events.push({
      at: arrival,
      event: () => {
        arrivals.push(arrival)
        return { _tag: "Offered", key: `user ${user}`, item: id, at: arrival }
      }
    })
  }
  // Events of one moment in the order they were set.
  while (events.length > 0) {
    const next = events.reduce((first, one) => one.at < first.at ? one : first)
    events.splice(events.indexOf(next), 1)
    now = next.at
    const event = next.event()
    if (event !== undefined) dispatch(event)
  }
  expect([state.running, state.waiting, state.turns.size(), state.conversations.size]).toEqual([0, 0, 0, 0])
  expect([...started, ...superseded, ...dropped].toSorted((a, b) => a - b)).toEqual(script.map((_, id) => id))
  return { arrivals, runs, started, superseded, dropped }
}

const unbounded = { debounceMillis, concurrency: Infinity, maxWaiting: Infinity }

describe("the order of conversations", () => {
  for (const overlap of overlaps) {
    it(`${overlap}: as its model says`, () =>
      fc.assert(
        fc.property(said, (script) => {
          const { arrivals, runs } = play(script, { ...unbounded, overlap })
          for (const user of users) {
            const mine = runs.filter((run) => run.user === user && run.begin < run.end)
              .toSorted((a, b) => a.begin - b.begin || a.ids[0]! - b.ids[0]!)
              .map(({ user: _, ...run }) => run)
            expect(mine).toEqual(models[overlap](conversation(script, arrivals, user)))
          }
        }),
        { numRuns: runs(1000) }
      ))

    it(`${overlap}: within its bounds, in order, nothing twice and nothing forgotten`, () =>
      fc.assert(
        fc.property(said, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 5 }), fc.nat(30_000), (
          script,
          concurrency,
          maxWaiting,
          closesAt
        ) => {
          const { dropped, started, superseded } = play(
            script,
            { overlap, debounceMillis, concurrency, maxWaiting },
            closesAt
          )
          for (const user of users) {
            const mine = started.filter((id) => script[id]!.user === user)
            expect(mine).toEqual(mine.toSorted((a, b) => a - b))
          }
          if (overlap !== "latest") expect(superseded).toEqual([])
          if (maxWaiting === 0) expect(superseded).toEqual([])
          if (maxWaiting === 0 && overlap === "debounce") expect(dropped).toHaveLength(script.length)
        }),
        { numRuns: runs(1000) }
      ))
  }

  for (const overlap of ["queue", "concurrent", "latest"] as const) {
    it(`${overlap}: a message that need not wait is handled even where none may wait`, () => {
      const script = [0, 1, 2].map((user) => ({ gap: 10, user, takes: 1 }))
      expect(play(script, { ...unbounded, overlap, maxWaiting: 0 }).started).toEqual([0, 1, 2])
    })
  }

  it("latest: at the limit a newer message still takes the place of one that waits", () => {
    const script = [0, 1, 1, 2].map((user) => ({ gap: 0, user, takes: 9 }))
    const { dropped, started } = play(script, { ...unbounded, overlap: "latest", concurrency: 1, maxWaiting: 1 })
    expect({ started, dropped }).toEqual({ started: [0, 2], dropped: [3] })
  })

  it("latest: a message that takes the place of one that waits keeps its turn", () => {
    const script = [
      { gap: 0, user: 0, takes: 9 },
      ...[1, 2, 1, 1].map((user) => ({ gap: 0, user, takes: 1 }))
    ]
    const { started, superseded } = play(script, { ...unbounded, overlap: "latest", concurrency: 1 })
    expect(started).toEqual([0, 4, 2])
    expect(superseded).toEqual([1, 3])
  })
})
