/**
 * What the gateway does on the wire, whichever seam it stands behind.
 */
import { expect } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import { buttonCard, credentials, markdown, opened, respond, send, stream, subscribed } from "./rawClient.js"
import { asked, testOver } from "./seam.js"
import type { Seam } from "./seam.js"

export const wireSuite = (seam: Seam) => {
  const test = testOver(seam)

  test("a subscribe is acked and echoes its req_id", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      expect(yield* client.subscribe).toEqual({ headers: { req_id: "sub" }, errcode: 0, errmsg: "ok" })
      expect((yield* TestGateway.connections)[0]).toMatchObject({ state: "subscribed", botId: credentials.bot_id })
    }))

  test("everything before the subscribe is answered 846609, pings too", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      expect((yield* client.request("ping", "p1")).errcode).toBe(846609)
      expect((yield* client.request(send, "s1", { chatid: "alice", ...markdown("x") })).errcode).toBe(846609)
    }))

  test("wrong credentials are answered 853000 and the socket stays open for another try", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      const ack = yield* client.request("aibot_subscribe", "bad", { ...credentials, secret: "wrong" })
      expect(ack.errcode).toBe(853000)
      expect(ack.errmsg).toMatch(/hint: \[.*\], from ip: .*, more info at https:/)
      expect((yield* client.request("aibot_subscribe", "bad", { ...credentials, bot_id: "other" })).errcode).toBe(
        853000
      )
      expect(client.ws.readyState).toBe(1)
      expect((yield* client.subscribe).errcode).toBe(0)
    }))

  test("a second subscribe on one connection is refused and changes nothing", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      expect((yield* client.subscribe).errcode).toBe(45009)
      expect((yield* client.request("ping", "p")).errcode).toBe(0)
    }))

  test("a newer subscribe leaves the older connection half a life: pings acked, sends refused, no messages", () =>
    Effect.gen(function*() {
      const older = yield* subscribed()
      const newer = yield* subscribed()
      const event = yield* older.next
      expect(event).toMatchObject({
        cmd: "aibot_event_callback",
        body: { msgtype: "event", event: { eventtype: "disconnected_event" } }
      })
      expect((yield* older.request("ping", "p")).errcode).toBe(0)
      expect((yield* older.request(send, "s", { chatid: "alice", ...markdown("x") })).errcode).toBe(846609)
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("hi")
      expect((yield* newer.next).body.text.content).toBe("hi")
      expect(yield* older.unread).toEqual([])
    }))

  test("a superseded connection is closed without a close frame", () =>
    Effect.gen(function*() {
      const older = yield* subscribed()
      yield* subscribed()
      expect((yield* older.closed).code).toBe(1006)
      expect((yield* TestGateway.connections).map((_) => _.state)).toEqual(["closed", "subscribed"])
    }), { supersededCloseAfter: 20 })

  test("kick makes the bot the older connection, until it subscribes again", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      yield* TestGateway.faults.kick()
      expect((yield* client.next).body.event.eventtype).toBe("disconnected_event")
      const again = yield* opened()
      expect((yield* again.subscribe).errcode).toBe(0)
    }))

  test("a message callback looks as documented", () =>
    Effect.gen(function*() {
      const { callback } = yield* asked
      expect(callback).toEqual({
        cmd: "aibot_msg_callback",
        headers: { req_id: expect.any(String) },
        body: {
          msgid: expect.any(String),
          aibotid: credentials.bot_id,
          chattype: "single",
          from: { userid: "alice" },
          response_url: expect.stringMatching(/^https:/),
          msgtype: "text",
          text: { content: "hi" }
        }
      })
    }))

  test("every stream frame is acked, and the screen shows the last content", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      for (const [content, finish] of [["a", false], ["ab", false], ["abc", true]] as const) {
        expect(yield* client.request(respond, reqId, stream("s", content, finish))).toEqual({
          headers: { req_id: reqId },
          errcode: 0,
          errmsg: "ok"
        })
      }
      const [question, answer] = yield* alice.screen
      expect(question).toMatchObject({ from: "alice", kind: "text", text: "hi", sealed: true })
      expect(answer).toMatchObject({
        from: "bot",
        kind: "stream",
        text: "abc",
        history: ["a", "ab", "abc"],
        sealed: true,
        streamId: "s"
      })
    }))

  test("a frame after the final one is refused with 846608, and another stream id is welcome", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      yield* client.request(respond, reqId, stream("s", "done", true))
      expect((yield* client.request(respond, reqId, stream("s", "more", true))).errcode).toBe(846608)
      expect((yield* client.request(respond, reqId, stream("t", "more", true))).errcode).toBe(0)
    }))

  test("each command takes the req_ids of its own kind only", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      yield* client.request(respond, reqId, { msgtype: "template_card", template_card: buttonCard("task") })
      const enter = yield* alice.enter
      const enterEvent = yield* client.next
      expect(enterEvent.body.event).toEqual({ eventtype: "enter_chat" })
      const press = yield* alice.press("task", "approve")
      const pressEvent = yield* client.next
      expect(pressEvent.body.event).toEqual({
        eventtype: "template_card_event",
        template_card_event: { card_type: "button_interaction", event_key: "approve", task_id: "task" }
      })
      const bodies = {
        [respond]: stream("s", "x", true),
        aibot_respond_welcome_msg: { msgtype: "text", text: { content: "welcome" } },
        aibot_respond_update_msg: { response_type: "update_template_card", template_card: buttonCard("task") }
      }
      const codes: Record<string, Array<number>> = {}
      for (const [cmd, body] of Object.entries(bodies)) {
        codes[cmd] = []
        for (const id of ["unknown", reqId, enter.reqId, press.reqId]) {
          codes[cmd].push((yield* client.request(cmd, id, body)).errcode)
        }
      }
      expect(codes).toEqual({
        [respond]: [846605, 0, 846605, 846605],
        aibot_respond_welcome_msg: [846605, 846605, 0, 846605],
        aibot_respond_update_msg: [846605, 846605, 846605, 0]
      })
    }))

  test("content of more than 20480 bytes is refused whole", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      const most = "字".repeat(6826) + "ab"
      expect((yield* client.request(respond, reqId, stream("s", most))).errcode).toBe(0)
      expect((yield* client.request(respond, reqId, stream("s", most + "c"))).errcode).toBe(45002)
      expect((yield* client.request(send, "p", { chatid: "alice", ...markdown(most + "c") })).errcode).toBe(45002)
      expect((yield* alice.screen).at(-1)?.text).toBe(most)
    }))

  test("text in replies and pushes, and streams in pushes, are refused with 40008", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      const text = { msgtype: "text", text: { content: "x" } }
      expect((yield* client.request(respond, reqId, text)).errcode).toBe(40008)
      expect((yield* client.request(send, "p", { chatid: "alice", ...text })).errcode).toBe(40008)
      expect((yield* client.request(send, "p", { chatid: "alice", ...stream("s", "x") })).errcode).toBe(40008)
    }))

  test("bad cards are refused: 40016 for the number of buttons, 40058 for the rest and for a task_id used before", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      const codeOf = (template_card: object) =>
        Effect.map(
          client.request(send, "p", { chatid: "alice", msgtype: "template_card", template_card }),
          (_) => _.errcode
        )
      const buttons = Array.from({ length: 7 }, (_, at) => ({ text: `${at}`, key: `${at}` }))
      expect(yield* codeOf(buttonCard("a", { button_list: [] }))).toBe(40016)
      expect(yield* codeOf(buttonCard("a", { button_list: buttons }))).toBe(40016)
      expect(yield* codeOf(buttonCard("a", { main_title: "no object" }))).toBe(40058)
      expect(yield* codeOf(buttonCard("not allowed!"))).toBe(40058)
      expect(yield* codeOf(buttonCard("a"))).toBe(0)
      expect(yield* codeOf(buttonCard("a"))).toBe(40058)
      expect(
        (yield* client.request(respond, reqId, { msgtype: "template_card", template_card: buttonCard("b") })).errcode
      ).toBe(0)
    }))

  test("bodies are judged by type: a stringly flag, a missing id and an empty userids are 40058", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      for (
        const body of [
          { msgtype: "stream", stream: { id: "s", finish: "true", content: "x" } },
          { msgtype: "stream", stream: { finish: true, content: "x" } },
          { msgtype: "stream", stream: { id: "s", content: 1 } },
          { msgtype: "markdown" },
          { msgtype: "file", file: {} },
          stream("s", "x", false, { feedback: { id: "f".repeat(257) } })
        ]
      ) {
        expect((yield* client.request(respond, reqId, body)).errcode, JSON.stringify(body).slice(0, 80)).toBe(40058)
      }
    }))

  test("a push needs a chat in which somebody wrote before", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const alice = yield* TestGateway.user("alice")
      const team = yield* TestGateway.group("team", { members: ["alice"] })
      const push = (chatid: string, chat_type?: number) =>
        Effect.map(client.request(send, "p", { chatid, chat_type, ...markdown("news") }), (_) => _.errcode)
      expect(yield* push("alice", 1)).toBe(93006)
      expect(yield* push("nobody")).toBe(93006)
      expect(yield* push("team", 2)).toBe(93006)
      expect(yield* push("elsewhere", 2)).toBe(93001)
      yield* alice.sendText("hi")
      yield* client.next
      yield* team.member("alice").sendMention("hi")
      yield* client.next
      expect(yield* push("alice", 1)).toBe(0)
      expect(yield* push("alice")).toBe(0)
      expect(yield* push("alice", 2)).toBe(93001)
      expect(yield* push("team", 2)).toBe(0)
      expect(yield* push("team", 1)).toBe(93006)
      expect((yield* team.screen).filter((_) => _.from === "bot").map((_) => _.text)).toEqual(["news"])
    }))

  test("a 31st message within a minute is refused with 846607; stream refreshes do not count", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      for (let at = 0; at < 40; at++) yield* client.request(respond, reqId, stream("s", `${at}`))
      for (let at = 0; at < 29; at++) {
        expect((yield* client.request(send, "p", { chatid: "alice", ...markdown("x") })).errcode).toBe(0)
      }
      expect((yield* client.request(send, "p", { chatid: "alice", ...markdown("x") })).errcode).toBe(846607)
      expect((yield* client.request(respond, reqId, stream("t", "x"))).errcode).toBe(846607)
      expect((yield* client.request(respond, reqId, stream("s", "still going"))).errcode).toBe(0)
    }))

  test("frames that are none are recorded and do no harm", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      yield* client.writeText("no json")
      yield* client.writeText("[1]")
      yield* client.writeText("{\"cmd\":\"ping\"}")
      yield* client.writeText("{\"cmd\":\"pong\",\"headers\":{\"req_id\":\"x\"}}")
      expect((yield* client.request("what_is_this", "w")).errcode).toBe(40058)
      expect((yield* client.request("ping", "p")).errcode).toBe(0)
      expect((yield* TestGateway.received).map((_) => _.text).slice(1, 3)).toEqual(["no json", "[1]"])
    }))

  test("uploads are answered as not supported, and answerCommand teaches a command", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      expect((yield* client.request("aibot_upload_media_init", "u", {})).errcode).toBe(40058)
      yield* TestGateway.answerCommand("aibot_get_mcp_config", (frame) => ({ body: { echo: frame.body } }))
      expect(yield* client.request("aibot_get_mcp_config", "m", { a: 1 })).toMatchObject({
        errcode: 0,
        body: { echo: { a: 1 } }
      })
      yield* TestGateway.answerCommand("boom", () => {
        throw new Error("no")
      })
      expect((yield* client.request("boom", "b")).errcode).toBe(-1)
    }))

  test("say waits for the subscription and for the sealed answer", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const saying = yield* Effect.fork(alice.say("hi"))
      const client = yield* subscribed()
      const reqId = (yield* client.next).headers.req_id
      yield* client.request(respond, reqId, stream("s", "hel"))
      expect(saying.unsafePoll()).toBeNull()
      yield* client.request(respond, reqId, stream("s", "hello", true))
      expect((yield* Fiber.join(saying)).text).toBe("hello")
    }))

  test("bots of one gateway do not meet", () =>
    Effect.gen(function*() {
      const first = yield* subscribed()
      const second = yield* opened()
      yield* second.request("aibot_subscribe", "sub", { bot_id: "aib-2", secret: "s2" })
      const alice = yield* TestGateway.user("alice", { botId: "aib-2" })
      const sent = yield* alice.sendText("hi, second")
      expect((yield* second.next).body.aibotid).toBe("aib-2")
      expect((yield* first.request(respond, sent.reqId, stream("s", "x"))).errcode).toBe(846605)
      expect((yield* second.request(respond, sent.reqId, stream("s", "x"))).errcode).toBe(0)
    }), { otherBots: [{ botId: "aib-2", secret: "s2" }] })
}
