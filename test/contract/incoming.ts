import { Effect, Stream } from "effect"
import { BotRouter, Chat, Telemetry, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { asked, collect } from "../support/messages.js"
import type { Harness } from "./harness.js"
import { counting, expect, sentFrames } from "./harness.js"

const callback = (cmd: string, reqId: string | number, body: unknown) =>
  JSON.stringify({ cmd, headers: { req_id: reqId }, body })

const message = (fields: object) =>
  callback("aibot_msg_callback", "req-raw", {
    msgid: "raw-1",
    aibotid: TestGateway.defaultBotId,
    chattype: "single",
    from: { userid: "alice" },
    ...fields
  })

const event = (event: object, fields: object = {}) =>
  callback("aibot_event_callback", "req-raw", {
    msgid: "raw-1",
    aibotid: TestGateway.defaultBotId,
    msgtype: "event",
    from: { userid: "alice" },
    event,
    ...fields
  })

/** Pushes the text as it is, once the bot is subscribed. */
const push = (text: string | Uint8Array) =>
  Effect.zipRight(TestGateway.awaitSubscribed(), TestGateway.faults.pushRaw(text))

export const incoming = ({ test }: Harness) => {
  test("ready means subscribed: the subscribe is the first frame, and there is only one", () =>
    Effect.gen(function*() {
      yield* WecomBot.ready
      expect((yield* WecomBot.status)._tag).toBe("Subscribed")
      expect((yield* TestGateway.connections)[0]!.state).toBe("subscribed")
      const frames = yield* TestGateway.received
      expect(frames).toHaveLength(1)
      expect(frames[0]).toMatchObject({
        cmd: "aibot_subscribe",
        body: { bot_id: TestGateway.defaultBotId, secret: "test-secret", scene: 7, plug_version: "1.2" }
      })
      expect(Object.keys(frames[0]!.body)).toHaveLength(4)
    }), () => ({ bot: { scene: 7, plugVersion: "1.2" } }))

  test("the subscribe has no fields that were not asked for", () =>
    Effect.gen(function*() {
      yield* WecomBot.ready
      expect(Object.keys((yield* TestGateway.received)[0]!.body)).toEqual(["bot_id", "secret"])
    }))

  test("messages of every type arrive decoded, with the fields nobody knows yet", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const next = yield* collect(WecomBot.messages)
      const link = { url: "https://example.invalid/a", aeskey: "k", later: { n: 1 } }
      yield* alice.send({ msgtype: "text", text: { content: "hi", later: 1 }, later: [true, null] })
      yield* alice.sendImage(link)
      yield* alice.sendMixed(["look", link])
      yield* alice.sendVoice("")
      yield* alice.sendFile({ url: link.url })
      yield* alice.sendVideo(link)
      const [text, image, mixed, voice, file, video] = yield* Effect.all(Array.from({ length: 6 }, () => next))
      expect(text).toMatchObject({
        msgtype: "text",
        text: { content: "hi", later: 1 },
        later: [true, null],
        chattype: "single",
        from: { userid: "alice" },
        aibotid: TestGateway.defaultBotId
      })
      expect(text!.reqId).toMatch(/^req-/)
      expect(typeof text!.receivedAt).toBe("number")
      expect(image).toMatchObject({ msgtype: "image", image: link })
      expect(mixed).toMatchObject({
        msgtype: "mixed",
        mixed: { msg_item: [{ msgtype: "text", text: { content: "look" } }, { msgtype: "image", image: link }] }
      })
      expect(voice).toMatchObject({ msgtype: "voice", voice: { content: "" } })
      expect(file).toMatchObject({ msgtype: "file", file: { url: link.url } })
      expect(video).toMatchObject({ msgtype: "video", video: link })
    }))

  test("group messages name their chat, and quotes come whole", () =>
    Effect.gen(function*() {
      const team = yield* TestGateway.group("team")
      const next = yield* collect(WecomBot.messages)
      yield* team.member("bob").sendMention("hello")
      const mention = yield* next
      expect(mention).toMatchObject({ msgtype: "text", text: { content: "@Bot hello" }, chattype: "group" })
      expect(Chat.fromCallback(mention)).toEqual(Chat.group("team"))
      const image = { url: "https://example.invalid/i", aeskey: "k" }
      const quotes = [
        { msgtype: "text", text: { content: "old" } },
        { msgtype: "image", image },
        { msgtype: "mixed", mixed: { msg_item: [{ msgtype: "image", image }, { msgtype: "later", later: { x: 1 } }] } },
        { msgtype: "voice", voice: { content: "spoken" } },
        { msgtype: "file", file: { url: image.url, later: 1 } },
        { msgtype: "video", video: image },
        { msgtype: "hologram", hologram: { depth: 3 } }
      ]
      for (const quote of quotes) {
        yield* team.member("bob").sendQuote(quote, "that")
        expect(yield* next).toMatchObject({ msgtype: "text", quote })
      }
    }))

  test("types nobody knows yet, and known types in a strange shape, pass through whole and can be answered", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const next = yield* collect(WecomBot.messages)
      yield* alice.send({ msgtype: "hologram", hologram: { depth: 3 } })
      const unknown = yield* next
      expect(unknown).toMatchObject({
        msgtype: "unknown",
        chattype: "single",
        from: { userid: "alice" },
        raw: { msgtype: "hologram", hologram: { depth: 3 } }
      })
      yield* alice.send({ msgtype: "text", text: "not an object" })
      expect(yield* next).toMatchObject({ msgtype: "unknown", raw: { msgtype: "text", text: "not an object" } })
      yield* push(message({ msgtype: "text", text: { content: "?" }, chattype: "broadcast", msgid: "raw-2" }))
      expect(yield* next).toMatchObject({ msgtype: "text", chattype: "single", raw: { chattype: "broadcast" } })
      const ack = yield* WecomBot.replyStreamFrame(unknown, { id: "s", content: "what is that?", finish: true })
      expect(ack.errcode).toBe(0)
    }))

  test("events arrive decoded, their payload nested or flat", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const next = yield* collect(WecomBot.events)
      yield* alice.enter
      expect(yield* next).toMatchObject({ eventtype: "enter_chat", from: { userid: "alice" } })
      const pressed = {
        card_type: "vote_interaction",
        event_key: "submit",
        task_id: "t",
        selected_items: { selected_item: [{ question_key: "q", option_ids: { option_id: ["a", "b"] } }] }
      }
      yield* alice.sendEvent("template_card_event", pressed)
      expect(yield* next).toMatchObject({
        eventtype: "template_card_event",
        event: { eventtype: "template_card_event", template_card_event: pressed }
      })
      yield* push(event({ eventtype: "template_card_event", ...pressed }))
      expect(yield* next).toMatchObject({ event: { template_card_event: pressed } })
      const rated = { id: "f", type: 2, content: "no", inaccurate_reason_list: [1, 3] }
      yield* alice.sendEvent("feedback_event", rated)
      expect(yield* next).toMatchObject({ eventtype: "feedback_event", event: { feedback_event: rated } })
      yield* push(event({ eventtype: "feedback_event", id: "f", type: 1 }, { msgid: "raw-2", from: null }))
      expect(yield* next).toMatchObject({ event: { feedback_event: { id: "f", type: 1 } } })
      yield* alice.sendEvent("auth_change_event", { scope: ["x"] })
      expect(yield* next).toMatchObject({
        eventtype: "unknown",
        from: { userid: "alice" },
        raw: { event: { eventtype: "auth_change_event", auth_change_event: { scope: ["x"] } } }
      })
    }))

  test("seconds as a string, null for absent, and raw control characters inside strings lose nothing", () =>
    Effect.gen(function*() {
      const next = yield* collect(WecomBot.messages)
      yield* push(
        message({
          msgtype: "text",
          text: { content: "TEXT" },
          create_time: "1700000000",
          response_url: null,
          quote: null
        }).replace("TEXT", "a\u0001b\rc\nd\\\"e\u001f")
      )
      const received = yield* next
      expect(received).toMatchObject({
        msgtype: "text",
        text: { content: "a\u0001b\rc\nd\"e\u001f" },
        create_time: 1700000000
      })
    }))

  test("a message is shown once however often it is pushed, and the repeats are counted", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const next = yield* collect(WecomBot.messages)
      const repeats = yield* counting(Telemetry.duplicates)
      const first = yield* alice.sendText("one")
      yield* TestGateway.faults.redeliver(first.msgid)
      yield* TestGateway.faults.redeliver(first.msgid)
      yield* alice.sendText("two")
      expect(yield* next).toMatchObject({ text: { content: "one" } })
      expect(yield* next).toMatchObject({ text: { content: "two" } })
      expect(yield* repeats).toBe(2)
    }))

  test("an event is shown once however often it is pushed", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const next = yield* collect(WecomBot.events)
      const entered = yield* alice.enter
      yield* TestGateway.faults.redeliver(entered.msgid)
      yield* alice.sendEvent("later_event")
      expect((yield* next).eventtype).toBe("enter_chat")
      expect((yield* next).eventtype).toBe("unknown")
    }))

  test("a ping of the service is answered with a pong", () =>
    Effect.gen(function*() {
      yield* TestGateway.awaitSubscribed()
      yield* push(JSON.stringify({ cmd: "ping", headers: { req_id: "p-1" } }))
      expect((yield* TestGateway.awaitReceived({ cmd: "pong" })).reqId).toBe("p-1")
    }))

  test("nothing incoming is fatal: the connection stays up, and what could not be read is counted", () =>
    Effect.gen(function*() {
      const { alice, next } = yield* asked
      const unknown = yield* counting(Telemetry.unknownCommands)
      const surplus = yield* counting(Telemetry.surplusAcks)
      for (const frame of hostile) yield* push(frame)
      yield* push(JSON.stringify({ cmd: "aibot_from_the_future", headers: { req_id: "x" }, body: {} }))
      yield* push(JSON.stringify({ headers: { req_id: "nobody-asked" }, errcode: 0, errmsg: "ok" }))
      const sent = yield* alice.sendText("still there?")
      // Some of them are messages of unknown types.
      const message = yield* Effect.repeat(next, { until: ({ msgtype }) => msgtype === "text" })
      yield* WecomBot.replyStreamFrame(message, { id: "s", content: "yes", finish: true })
      expect((yield* alice.awaitAnswer(sent)).text).toBe("yes")
      expect(yield* TestGateway.connections).toHaveLength(1)
      expect(yield* unknown).toBe(1)
      expect(yield* surplus).toBe(1)
      // One of them is a ping in a binary frame.
      expect((yield* sentFrames).map(({ cmd }) => cmd)).toEqual(["pong", "aibot_respond_msg"])
    }))

  test("what came before anybody subscribed goes to the first subscriber, and to no other", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      for (const text of ["one", "two", "three"]) yield* alice.sendText(text)
      yield* alice.enter
      const first = yield* WecomBot.messages.pipe(Stream.take(3), Stream.runCollect)
      expect([...first].map((message) => "text" in message ? message.text.content : "?")).toEqual([
        "one",
        "two",
        "three"
      ])
      const second = yield* collect(WecomBot.messages)
      const events = yield* collect(WecomBot.events)
      expect((yield* events).eventtype).toBe("enter_chat")
      yield* alice.sendText("four")
      expect(yield* second).toMatchObject({ text: { content: "four" } })
    }))

  test("every subscriber gets every message, and messagesOf and eventsOf only theirs", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const all = yield* collect(WecomBot.messages)
      const voices = yield* collect(WecomBot.messagesOf("voice"))
      const ratings = yield* collect(WecomBot.eventsOf("feedback_event"))
      // A stream is subscribed to when it runs, so all are before the first message.
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* alice.sendText("typed")
      yield* alice.sendVoice("spoken")
      yield* alice.enter
      yield* alice.sendEvent("feedback_event", { id: "f", type: 1 })
      expect((yield* all).msgtype).toBe("text")
      expect((yield* all).msgtype).toBe("voice")
      expect((yield* voices).voice.content).toBe("spoken")
      expect((yield* ratings).event.feedback_event.id).toBe("f")
    }))

  test(
    "a slow subscriber loses its oldest, a quick one nothing, and the loss is counted",
    () =>
      Effect.gen(function*() {
        const alice = yield* TestGateway.user("alice")
        const dropped = yield* counting(Telemetry.subscriberDropped)
        const quick = yield* collect(WecomBot.messages)
        const gate = yield* Effect.makeLatch(false)
        const slow = yield* collect(Stream.tap(WecomBot.messages, () => gate.await))
        // A stream is subscribed to when it runs, so both are before the first message.
        yield* Effect.repeatN(Effect.yieldNow(), 10)
        yield* alice.sendText("0")
        yield* quick
        for (let n = 1; n <= 10; n++) {
          yield* alice.sendText(String(n))
          expect(yield* quick).toMatchObject({ text: { content: String(n) } })
        }
        expect(yield* dropped).toBe(6)
        yield* gate.open
        for (const content of ["0", "7", "8", "9", "10"]) expect(yield* slow).toMatchObject({ text: { content } })
      }),
    () => ({ bot: { inboxSize: 4 } })
  )

  test("a router runs its handlers over the same streams", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) => WecomBot.replyStream(message, `you said ${message.text.content}`))
      )))
      expect((yield* alice.say("hi")).text).toBe("you said hi")
    }))
}

/** Text and bytes that a broken or hostile service could send. */
export const hostile: ReadonlyArray<string | Uint8Array> = [
  "",
  " ",
  "{",
  "null",
  "true",
  "0",
  "\"text\"",
  "[]",
  "[{\"cmd\":\"ping\"}]",
  "{}",
  "{\"cmd\":null}",
  "{\"cmd\":42,\"headers\":{\"req_id\":\"x\"}}",
  "{\"headers\":null,\"errcode\":0}",
  "{\"cmd\":\"ping\"}",
  "{\"cmd\":\"aibot_msg_callback\"}",
  "{\"cmd\":\"aibot_msg_callback\",\"headers\":{\"req_id\":\"x\"},\"body\":[]}",
  "{\"cmd\":\"aibot_msg_callback\",\"headers\":{\"req_id\":\"x\"},\"body\":{\"msgtype\":\"__proto__\"}}",
  "{\"cmd\":\"aibot_msg_callback\",\"headers\":{\"req_id\":\"x\"},\"body\":{\"msgtype\":\"constructor\",\"msgid\":{}}}",
  "{\"cmd\":\"aibot_event_callback\",\"headers\":{\"req_id\":\"x\"},\"body\":null}",
  "{\"cmd\":\"aibot_event_callback\",\"headers\":null,\"body\":{\"event\":\"enter_chat\",\"msgid\":5,\"from\":5}}"
    .repeat(2),
  "{\"__proto__\":{\"cmd\":\"x\"},\"constructor\":null}",
  "\u0000\u0001\u0002",
  "{\"cmd\":\"\u0001\u0002",
  "[".repeat(100_000),
  `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
  `{"cmd":"aibot_msg_callback","headers":{"req_id":"x"},"body":${"{\"a\":".repeat(50_000)}1${"}".repeat(50_000)}}`,
  new Uint8Array(0),
  new Uint8Array([0xff, 0xfe, 0x00]),
  new TextEncoder().encode("{\"cmd\":\"ping\",\"headers\":{\"req_id\":\"binary\"}}")
]
