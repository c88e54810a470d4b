import { describe, expect } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import { test, update, welcome } from "./memory.js"
import { buttonCard, markdown, respond, send, stream } from "./rawClient.js"
import { asked } from "./seam.js"

describe("windows", () => {
  test("a welcome is taken for 5 seconds", () =>
    Effect.gen(function*() {
      const { alice, client } = yield* asked
      for (const [wait, code] of [["5 seconds", 0], ["5001 millis", 846604]] as const) {
        const { reqId } = yield* alice.enter
        yield* client.next
        yield* TestClock.adjust(wait)
        expect((yield* client.request("aibot_respond_welcome_msg", reqId, welcome)).errcode).toBe(code)
      }
    }))

  test("the window counts from the first delivery, not from a repeated one", () =>
    Effect.gen(function*() {
      const { alice, client } = yield* asked
      const { msgid, reqId } = yield* alice.enter
      yield* TestClock.adjust("4 seconds")
      yield* TestGateway.faults.redeliver(msgid)
      expect([yield* client.next, yield* client.next].map((_) => _.body.msgid)).toEqual([msgid, msgid])
      yield* TestClock.adjust("4 seconds")
      expect((yield* client.request("aibot_respond_welcome_msg", reqId, welcome)).errcode).toBe(846604)
    }))

  test("a card update is taken for 5 seconds", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      yield* client.request(respond, reqId, { msgtype: "template_card", template_card: buttonCard("t") })
      for (const [wait, code] of [["5 seconds", 0], ["5001 millis", 846604]] as const) {
        const { reqId } = yield* alice.press("t", "approve")
        yield* client.next
        yield* TestClock.adjust(wait)
        expect((yield* client.request("aibot_respond_update_msg", reqId, update("t"))).errcode).toBe(code)
      }
    }))

  test("a reply is taken for 24 hours", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      yield* TestClock.adjust("24 hours")
      expect((yield* client.request(respond, reqId, stream("s", "x", true))).errcode).toBe(0)
      yield* TestClock.adjust(1)
      expect((yield* client.request(respond, reqId, stream("t", "x", true))).errcode).toBe(846604)
    }))

  test("a stream is open for 10 minutes from its first frame, and frames do not extend that", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      yield* TestClock.adjust("1 hour")
      for (let minute = 0; minute <= 10; minute++) {
        expect((yield* client.request(respond, reqId, stream("s", `${minute}`))).errcode).toBe(0)
        yield* TestClock.adjust("1 minute")
      }
      expect((yield* client.request(respond, reqId, stream("s", "late", true))).errcode).toBe(846608)
      expect((yield* alice.screen).at(-1)).toMatchObject({ text: "10", sealed: false })
      expect((yield* client.request(respond, reqId, stream("t", "anew", true))).errcode).toBe(0)
    }))

  test("the quota of a conversation is per minute and per hour, and each conversation has its own", () =>
    Effect.gen(function*() {
      const { client } = yield* asked
      const bob = yield* TestGateway.user("bob")
      yield* bob.sendText("hi")
      yield* client.next
      const push = (chatid: string) =>
        Effect.map(client.request(send, "p", { chatid, ...markdown("x") }), (_) => _.errcode)
      let accepted = 0
      while ((yield* push("alice")) === 0) {
        accepted++
        if (accepted % 30 === 0) {
          expect(yield* push("alice")).toBe(846607)
          expect(yield* push("bob")).toBe(0)
          yield* TestClock.adjust("61 seconds")
        }
      }
      expect(accepted).toBe(1000)
      yield* TestClock.adjust("1 hour")
      expect(yield* push("alice")).toBe(0)
    }))

  test("quotas can be switched off", () =>
    Effect.gen(function*() {
      const { client } = yield* asked
      for (let at = 0; at < 50; at++) {
        expect((yield* client.request(send, "p", { chatid: "alice", ...markdown("x") })).errcode).toBe(0)
      }
    }), { quotas: false })

  test("or count every frame of a stream", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      for (let at = 0; at < 30; at++) yield* client.request(respond, reqId, stream("s", `${at}`))
      expect((yield* client.request(respond, reqId, stream("s", "31"))).errcode).toBe(846607)
    }), { streamRefreshCounts: true })
})
