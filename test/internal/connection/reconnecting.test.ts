import { describe, expect, it } from "@effect/vitest"
import { Schedule } from "effect"
import type * as Reconnect from "effect-wecom/Reconnect"
import type { LinkFailure } from "effect-wecom/WecomError"
import * as fc from "fast-check"
import * as Reconnecting from "../../../src/internal/connection/reconnecting.js"
import { runs } from "../../support/runs.js"

const failures: ReadonlyArray<LinkFailure> = [
  { _tag: "TakenOver" },
  { _tag: "CredentialsRefused", errcode: 853000, errmsg: "" },
  { _tag: "Network", code: "ECONNRESET" },
  { _tag: "NotSubscribed" }
]

const policies = (lost: number, refused: number, superseded: number): Reconnect.Reconnect.Service => ({
  lost: { delays: Schedule.forever, maxAttempts: lost },
  refused: { delays: Schedule.forever, maxAttempts: refused },
  superseded: { delays: Schedule.forever, maxAttempts: superseded }
})

type Step =
  | { readonly _tag: "Lost"; readonly failure: LinkFailure }
  | { readonly _tag: "Subscribed" }
  | { readonly _tag: "PingAcked" }
  | { readonly _tag: "Passed"; readonly minutes: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ _tag: fc.constant("Lost" as const), failure: fc.constantFrom(...failures) }),
  fc.record({ _tag: fc.constant("Subscribed" as const) }),
  fc.record({ _tag: fc.constant("PingAcked" as const) }),
  fc.record({ _tag: fc.constant("Passed" as const), minutes: fc.integer({ min: 1, max: 12 }) })
)

const nameOf = (failure: LinkFailure): Reconnecting.PolicyName =>
  failure._tag === "TakenOver" ? "superseded" : failure._tag === "CredentialsRefused" ? "refused" : "lost"

describe("reconnecting", () => {
  it("counts the failures in a row of each policy by itself, and gives up behind its last attempt", () =>
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)),
        (steps, budgets) => {
          const given = policies(...budgets)
          let state = Reconnecting.initial
          let now = 0
          let heldSince: number | undefined
          const inRow = { lost: 0, refused: 0, superseded: 0 }
          for (const step of steps) {
            switch (step._tag) {
              case "Passed":
                now += step.minutes * 60_000
                break
              case "Subscribed":
                state = Reconnecting.subscribed(state, now)
                heldSince ??= now
                inRow.lost = inRow.refused = 0
                break
              case "PingAcked":
                state = Reconnecting.pingAcked(state)
                break
              case "Lost": {
                const name = nameOf(step.failure)
                if (name === "superseded") {
                  if (heldSince !== undefined && now - heldSince >= 600_000) inRow.superseded = 0
                  heldSince = undefined
                }
                inRow[name]++
                const [next, verdict] = Reconnecting.lost(state, step.failure, now, given)
                if (inRow[name] > given[name].maxAttempts) {
                  expect(verdict).toMatchObject({
                    _tag: "GiveUp",
                    error: {
                      _tag: { lost: "ReconnectExhausted", refused: "AuthRejected", superseded: "Superseded" }[name]
                    }
                  })
                } else {
                  expect(verdict).toEqual({ _tag: "Retry", policy: name, attempt: inRow[name] })
                }
                state = next
              }
            }
            expect(Reconnecting.attempt(state)).toBe(inRow.lost + inRow.refused + 1)
          }
        }
      ),
      { numRuns: runs(1000) }
    ))

  it("begins the delays anew after an acked ping, not after a subscribe", () => {
    const [lost] = Reconnecting.lost(Reconnecting.initial, failures[2]!, 0, policies(9, 9, 9))
    const delayed = Reconnecting.scheduled(lost, "lost", 7)
    const subscribed = Reconnecting.subscribed(delayed, 0)
    expect(subscribed.progress.lost).toMatchObject({ failures: 0, schedule: { _tag: "Some", value: 7 } })
    expect(Reconnecting.pingAcked(subscribed).progress.lost.schedule._tag).toBe("None")
  })

  it("counts the ten minutes from when the bot was taken back, whatever its link does since", () => {
    const given = policies(9, 9, 1)
    const [lost] = Reconnecting.lost(Reconnecting.initial, failures[0]!, 0, given)
    let state = Reconnecting.subscribed(lost, 10_000)
    for (let minute = 5; minute < 15; minute += 5) {
      state = Reconnecting.lost(state, failures[2]!, minute * 60_000, given)[0]
      state = Reconnecting.subscribed(state, minute * 60_000)
    }
    expect(Reconnecting.lost(state, failures[0]!, 609_999, given)[1]._tag).toBe("GiveUp")
    expect(Reconnecting.lost(state, failures[0]!, 610_000, given)[1]).toMatchObject({ _tag: "Retry", attempt: 1 })
  })

  it("keeps the delays of a takeover through pings: the fight is over after ten minutes", () => {
    const [lost] = Reconnecting.lost(Reconnecting.initial, failures[0]!, 0, policies(9, 9, 9))
    const delayed = Reconnecting.scheduled(lost, "superseded", 7)
    const back = Reconnecting.pingAcked(Reconnecting.subscribed(delayed, 0))
    const again = (at: number) => Reconnecting.lost(back, failures[0]!, at, policies(9, 9, 9))[0].progress.superseded
    expect(again(599_999)).toMatchObject({ failures: 2, schedule: { _tag: "Some" } })
    expect(again(600_000)).toMatchObject({ failures: 1, schedule: { _tag: "None" } })
  })
})
