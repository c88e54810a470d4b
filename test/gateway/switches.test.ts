import { describe, expect } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import { createHash } from "node:crypto"
import { test } from "./memory.js"
import { buttonCard, markdown, opened, respond, stream, subscribed } from "./rawClient.js"
import { asked } from "./seam.js"

describe("switches", () => {
  test("a second answer that is no stream is accepted", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      expect((yield* client.request(respond, reqId, markdown("1"))).errcode).toBe(0)
      expect((yield* client.request(respond, reqId, markdown("2"))).errcode).toBe(0)
    }))

  test("or refused with 846606", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      expect((yield* client.request(respond, reqId, markdown("1"))).errcode).toBe(0)
      expect((yield* client.request(respond, reqId, markdown("2"))).errcode).toBe(846606)
      expect((yield* client.request(respond, reqId, stream("s", "3"))).errcode).toBe(0)
    }), { secondNonStreamResponse: "refuse" })

  const media = (mediaId: string) => ({ msgtype: "file", file: { media_id: mediaId } })

  test("a media_id that was never uploaded is refused with 40007", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      expect((yield* client.request(respond, reqId, media("m"))).errcode).toBe(40007)
    }))

  test("or accepted", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      expect((yield* client.request(respond, reqId, media("m"))).errcode).toBe(0)
    }), { unknownMedia: "accept" })

  const createTime = Effect.map(asked, ({ callback }) => typeof callback.body.create_time)

  test("messages have no create_time", () =>
    Effect.gen(function*() {
      expect(yield* createTime).toBe("undefined")
    }))

  test("or have one", () =>
    Effect.gen(function*() {
      expect(yield* createTime).toBe("number")
    }), { createTime: true })

  test("a refusal of a field can come without headers", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      yield* client.write(respond, reqId, { msgtype: "markdown", markdown: {} })
      const refusal = yield* client.next
      expect(refusal).toMatchObject({ errcode: 40058 })
      expect(refusal).not.toHaveProperty("headers")
    }), { unnamedRefusals: true })

  test("a long text can arrive in several messages", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("abcdefgh")
      expect([(yield* client.next).body.text.content, (yield* client.next).body.text.content]).toEqual(["abcde", "fgh"])
    }), { longestText: 5 })

  test("a group message can name no sender, and have any req_id or none", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const member = (yield* TestGateway.group("team")).member("bob")
      yield* member.send({ msgtype: "file", file: { url: "u" } }, { anonymous: true, reqId: 7 })
      const file = yield* client.next
      expect(file).toMatchObject({ headers: { req_id: 7 }, body: { from: {}, chatid: "team", msgtype: "file" } })
      expect((yield* client.request(respond, 7, markdown("seen"))).errcode).toBe(0)
      yield* member.sendMention("hi", { reqId: null })
      expect((yield* client.next).headers).toEqual({})
      expect((yield* client.request(respond, "", markdown("seen"))).errcode).toBe(0)
    }))

  const answerAfterReconnect = Effect.gen(function*() {
    const { client, reqId } = yield* asked
    yield* TestGateway.faults.cut()
    yield* client.closed
    const again = yield* subscribed()
    return (yield* again.request(respond, reqId, stream("s", "x", true))).errcode
  })

  test("a req_id survives a reconnect", () =>
    Effect.gen(function*() {
      expect(yield* answerAfterReconnect).toBe(0)
    }))

  test("or does not", () =>
    Effect.gen(function*() {
      expect(yield* answerAfterReconnect).toBe(846605)
    }), { reqIdSurvivesReconnect: false })

  test(
    "a frame on a req_id whose last frame is not acked yet is refused with 6000 when asked for",
    () =>
      Effect.gen(function*() {
        const { client, reqId } = yield* asked
        yield* TestGateway.acks.delay(100, { cmd: respond })
        yield* client.write(respond, reqId, stream("s", "1"))
        yield* client.write(respond, reqId, stream("s", "2"))
        yield* TestClock.adjust(100)
        expect((yield* client.next).errcode).toBe(0)
        expect((yield* client.next).errcode).toBe(6000)
        yield* client.write(respond, reqId, stream("s", "3"))
        yield* TestClock.adjust(100)
        expect((yield* client.next).errcode).toBe(0)
      }),
    { refuseConcurrentFrames: true }
  )

  const png = Buffer.from("89504e470d0a1a0a", "hex")
  const image = {
    msgtype: "image",
    image: { base64: png.toString("base64"), md5: createHash("md5").update(png).digest("hex") }
  }

  test("images in the final frame are judged, and not shown", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      const withItems = (finish: boolean, items: ReadonlyArray<unknown>) =>
        Effect.map(client.request(respond, reqId, stream("s", "", finish, { msg_item: items })), (_) => _.errcode)
      expect(yield* withItems(false, [image])).toBe(40058)
      expect(yield* withItems(true, Array.from({ length: 11 }, () => image))).toBe(40058)
      expect(yield* withItems(true, [{ ...image, image: { ...image.image, md5: "0" } }])).toBe(40058)
      expect(yield* withItems(true, [image])).toBe(0)
      expect((yield* alice.screen).at(-1)).toMatchObject({ media: undefined, thinking: true })
    }))

  test("or refused, and so is a card beside a stream", () =>
    Effect.gen(function*() {
      const { client, reqId } = yield* asked
      expect((yield* client.request(respond, reqId, stream("s", "x", true, { msg_item: [image] }))).errcode).toBe(
        40058
      )
      const combined = { ...stream("s", "x"), msgtype: "stream_with_template_card" }
      expect((yield* client.request(respond, reqId, combined)).errcode).toBe(40008)
    }), { acceptMsgItem: false, acceptStreamWithCard: false })

  test("a stream may bring one card", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      const body = (content: string, finish: boolean, template_card?: object) => ({
        ...stream("s", content, finish),
        msgtype: "stream_with_template_card",
        template_card
      })
      expect((yield* client.request(respond, reqId, body("a", false, buttonCard("t")))).errcode).toBe(0)
      expect((yield* client.request(respond, reqId, body("ab", false, buttonCard("u")))).errcode).toBe(846606)
      expect((yield* client.request(respond, reqId, body("abc", true))).errcode).toBe(0)
      expect((yield* alice.screen).at(-1)).toMatchObject({
        kind: "stream_with_template_card",
        text: "abc",
        card: { task_id: "t" },
        sealed: true
      })
    }))

  test("errcode can be missing from acks of success", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      expect(yield* client.subscribe).toEqual({ headers: { req_id: "sub" }, errmsg: "ok" })
      expect((yield* client.request("nope", "n")).errcode).toBe(40058)
    }), { omitFromAcks: "errcode" })

  test("acks take as long as told, on Effect's clock", () =>
    Effect.gen(function*() {
      const client = yield* opened()
      const ack = yield* Effect.fork(client.subscribe)
      yield* TestClock.adjust("299 millis")
      expect(ack.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 millis")
      expect((yield* Fiber.join(ack)).errcode).toBe(0)
    }), { ackDelay: "300 millis" })

  test("an idle connection is closed without a close frame, a pinging one is not", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      for (let at = 0; at < 5; at++) {
        yield* TestClock.adjust("60 seconds")
        yield* client.request("ping", `${at}`)
      }
      yield* TestClock.adjust("90 seconds")
      expect((yield* client.closed).code).toBe(1006)
    }), { idleLimit: "90 seconds" })

  test("the service can ping, too", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      yield* TestClock.adjust("20 seconds")
      expect((yield* client.unread).map((_) => _.cmd)).toEqual(["ping", "ping"])
    }), { serverPing: "10 seconds" })

  test("a superseded connection lives for 30 seconds", () =>
    Effect.gen(function*() {
      const older = yield* subscribed()
      yield* subscribed()
      yield* TestClock.adjust("29 seconds")
      expect(older.ws.readyState).toBe(1)
      yield* TestClock.adjust("1 seconds")
      expect((yield* older.closed).code).toBe(1006)
    }))

  test("only the latest frames are kept", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const seventh = yield* Effect.fork(TestGateway.awaitReceived({ cmd: "ping" }, { skip: 6 }))
      yield* Effect.yieldNow()
      for (let at = 1; at <= 10; at++) yield* client.request("ping", `${at}`)
      expect((yield* TestGateway.received).map((_) => _.reqId)).toEqual(["8", "9", "10"])
      expect((yield* Fiber.join(seventh)).reqId).toBe("7")
    }), { receivedLimit: 3 })
})
