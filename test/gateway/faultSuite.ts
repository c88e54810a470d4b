/**
 * What goes wrong on request, whichever seam it stands behind.
 */
import { expect } from "@effect/vitest"
import { Effect } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import { connect, credentials, opened, respond, send, stream, subscribed } from "./rawClient.js"
import { asked, testOver } from "./seam.js"
import type { Seam } from "./seam.js"

export const faultSuite = (seam: Seam) => {
  const test = testOver(seam)

  test("acks can be delayed, refused, duplicated, rewritten, dropped and lost", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      const { acks } = TestGateway
      yield* acks.refuse(6000, { cmd: respond, times: 1 })
      expect((yield* client.request(respond, reqId, stream("s", "refused"))).errcode).toBe(6000)
      yield* acks.duplicate({ cmd: respond, times: 1 })
      yield* client.request(respond, reqId, stream("s", "twice"))
      expect((yield* client.next).errcode).toBe(0)
      yield* acks.rewrite(({ headers }) => ({ headers }), { cmd: respond, times: 1 })
      expect(yield* client.request(respond, reqId, stream("s", "bare"))).toEqual({ headers: { req_id: reqId } })
      const dropped = yield* acks.drop({ where: (frame) => frame.body.stream.content === "dropped" })
      const lost = yield* acks.lose({ where: (frame) => frame.body.stream.content === "lost" })
      yield* client.write(respond, reqId, stream("s", "dropped"))
      yield* client.write(respond, reqId, stream("s", "lost"))
      yield* acks.delay(10, { cmd: "ping" })
      yield* client.write("ping", "slow")
      expect((yield* client.request(respond, reqId, stream("s", "last"))).headers.req_id).toBe(reqId)
      expect((yield* client.next).headers.req_id).toBe("slow")
      expect((yield* alice.screen).at(-1)?.history).toEqual(["twice", "bare", "dropped", "last"])
      expect([yield* dropped.hits, yield* lost.hits]).toEqual([1, 1])
      yield* acks.clear
      yield* client.write(respond, reqId, stream("s", "dropped"))
      expect((yield* client.next).errcode).toBe(0)
    }))

  test("acks can be held and released in any order", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const held = yield* TestGateway.acks.hold({ cmd: "ping" })
      for (const id of ["0", "1", "2", "3"]) yield* client.write("ping", id)
      yield* held.awaitCount(4)
      yield* held.release([2, 0])
      expect([yield* client.next, yield* client.next].map((_) => _.headers.req_id)).toEqual(["2", "0"])
      expect(yield* held.count).toBe(2)
      yield* held.release()
      expect([yield* client.next, yield* client.next].map((_) => _.headers.req_id)).toEqual(["1", "3"])
      yield* held.remove
      expect((yield* client.request("ping", "4")).errcode).toBe(0)
      yield* TestGateway.acks.reorder({ cmd: "ping" }, { size: 3 })
      for (const id of ["5", "6", "7"]) yield* client.write("ping", id)
      expect([yield* client.next, yield* client.next, yield* client.next].map((_) => _.headers.req_id)).toEqual(
        ["7", "6", "5"]
      )
    }))

  test("clearing the rules sends what is held", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const held = yield* TestGateway.acks.hold({ cmd: "ping", times: 1 })
      yield* client.write("ping", "1")
      yield* client.request("ping", "2")
      yield* held.awaitCount(1)
      yield* TestGateway.acks.clear
      expect((yield* client.next).headers.req_id).toBe("1")
    }))

  test("a subscribe takes effect with its ack: until then nothing else is allowed, a second one neither", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      const held = yield* TestGateway.acks.hold({ cmd: "aibot_subscribe", times: 1 })
      yield* client.write("aibot_subscribe", "first", credentials)
      yield* held.awaitCount(1)
      expect((yield* client.request("ping", "p")).errcode).toBe(846609)
      expect((yield* client.request("aibot_subscribe", "second", credentials)).errcode).toBe(45009)
      yield* held.release()
      expect(yield* client.next).toMatchObject({ headers: { req_id: "first" }, errcode: 0 })
      expect((yield* client.request("ping", "p")).errcode).toBe(0)
    }))

  test("a subscribe whose connection died before the ack does not count", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      const held = yield* TestGateway.acks.hold({ cmd: "aibot_subscribe", times: 1 })
      yield* client.write("aibot_subscribe", "first", credentials)
      yield* held.awaitCount(1)
      yield* TestGateway.faults.cut()
      yield* held.release()
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.sendText("anyone?", { wait: false })).delivered).toBe(false)
    }))

  test("pongs and subscribe acks can be muted", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      const mute = yield* TestGateway.faults.muteSubscribe
      yield* client.write("aibot_subscribe", "sub", credentials)
      yield* TestGateway.awaitReceived({ cmd: "aibot_subscribe" })
      expect((yield* TestGateway.connections)[0]?.state).toBe("open")
      yield* mute.remove
      expect((yield* client.subscribe).errcode).toBe(0)
      yield* TestGateway.faults.mutePongs
      yield* client.write("ping", "p")
      expect((yield* client.request(send, "s", {})).errcode).toBe(86201)
      expect(yield* client.unread).toEqual([])
    }))

  test("cut ends a connection with 1006, close with its code, and the gateway notices when the client leaves", () =>
    Effect.gen(function*() {
      const first = yield* subscribed()
      yield* TestGateway.faults.cut()
      expect((yield* first.closed).code).toBe(1006)
      const second = yield* subscribed()
      yield* TestGateway.faults.close(1001, "bye")
      expect(yield* second.closed).toMatchObject({ code: 1001, reason: "bye" })
      const third = yield* subscribed()
      third.ws.close(1000)
      expect((yield* third.closed).code).toBe(1000)
      const fourth = yield* subscribed()
      fourth.ws.terminate()
      expect((yield* fourth.closed).code).toBe(1006)
      const ended = yield* TestGateway.awaitConnections((all) => all.every((_) => _.state === "closed"))
      expect(ended.map((_) => _.closeCode)).toEqual([1006, 1001, 1000, 1006])
    }))

  test("a half open connection swallows both directions, and only terminate gets rid of it at once", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      yield* TestGateway.faults.halfOpen()
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.sendText("into the void", { wait: false })).delivered).toBe(false)
      yield* client.write("ping", "p")
      client.ws.close(1000)
      yield* Effect.sleep(20)
      expect(client.ws.readyState).toBe(2)
      expect(yield* client.unread).toEqual([])
      expect((yield* TestGateway.received).some((_) => _.cmd === "ping")).toBe(false)
      client.ws.terminate()
      expect((yield* client.closed).code).toBe(1006)
    }))

  test("a forgotten subscription is answered 846609 while the socket stays up", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      yield* TestGateway.faults.forgetSubscription()
      expect((yield* client.request("ping", "p")).errcode).toBe(846609)
      expect((yield* client.request(respond, reqId, stream("s", "x"))).errcode).toBe(846609)
      expect((yield* alice.sendText("lost", { wait: false })).delivered).toBe(false)
      const again = yield* subscribed()
      expect((yield* again.request(respond, reqId, stream("s", "x"))).errcode).toBe(0)
    }))

  test("connections can be refused, answered with a status, or left waiting, and come back", () =>
    Effect.gen(function*() {
      yield* TestGateway.faults.refuseConnections(true)
      const refused = yield* connect()
      expect((yield* refused.nextEvent).error.code).toBe("ECONNREFUSED")
      expect((yield* refused.closed).code).toBe(1006)
      yield* TestGateway.faults.refuseConnections({ status: 503 })
      const status = yield* connect()
      expect((yield* status.nextEvent).message).toBe("Unexpected server response: 503")
      expect((yield* status.closed).code).toBe(1006)
      yield* TestGateway.faults.refuseConnections(false)
      yield* TestGateway.faults.neverOpen(true)
      const waiting = yield* connect()
      yield* Effect.sleep(20)
      expect(waiting.ws.readyState).toBe(0)
      waiting.ws.close()
      expect((yield* waiting.closed).code).toBe(1006)
      yield* TestGateway.faults.neverOpen(false)
      const client = yield* opened()
      expect((yield* client.subscribe).errcode).toBe(0)
    }))

  test("credentials can be refused for a while", () =>
    Effect.gen(function*() {
      yield* TestGateway.faults.refuseCredentials(true)
      const client = yield* opened()
      expect((yield* client.subscribe).errcode).toBe(853000)
      yield* TestGateway.faults.refuseCredentials(false)
      expect((yield* client.subscribe).errcode).toBe(0)
    }))

  test("anything can be pushed raw, text and bytes", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      yield* TestGateway.faults.pushRaw("not json \u0001")
      expect(yield* client.next).toBe("not json \u0001")
      yield* TestGateway.faults.pushRaw(new Uint8Array([1, 2, 255]))
      expect([...(yield* client.next)]).toEqual([1, 2, 255])
    }))

  test("redeliver pushes the same callback again", () =>
    Effect.gen(function*() {
      const { alice, callback, client } = yield* asked
      yield* TestGateway.faults.redeliver(callback.body.msgid)
      expect(yield* client.next).toEqual(callback)
      expect((yield* alice.screen).length).toBe(1)
    }))

  test("messages to an absent bot are lost by default", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.sendText("anyone?", { wait: false })).delivered).toBe(false)
      const client = yield* subscribed()
      yield* client.request("ping", "p")
      expect(yield* client.unread).toEqual([])
    }))

  test("or wait for its next subscribe", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("anyone?", { wait: false })
      const client = yield* subscribed()
      expect((yield* client.next).body.text.content).toBe("anyone?")
    }), { offlineMessages: "redeliver" })
}
