/**
 * Every oddity that was seen on the wire or is allowed there (WeCom docs 101463, 100719, 101027), over a real socket: how it
 * is read, and that nothing ends over it.
 */
import { Chunk, Effect, Exit, Stream } from "effect"
import { type BotEvent, Chat, Crypto, Message, Reply } from "effect-wecom"
import { randomBytes } from "node:crypto"
import { describe, expect } from "vitest"
import { forbidden } from "../setup/forbidden.js"
import { describeLoss, fault, make, sleepUntil } from "./world.js"

const aeskey = randomBytes(32).toString("base64")
forbidden.add(aeskey)
const url = `https://files.example.com/${randomBytes(8).toString("hex")}?sign=x`
forbidden.add(url)

let ids = 0

const callback = (fields: { readonly [field: string]: unknown }, cmd = "aibot_msg_callback") => ({
  cmd,
  headers: { req_id: `req-${++ids}` },
  body: {
    msgid: `odd-${ids}`,
    aibotid: "bot",
    chattype: "single",
    from: { userid: "alice" },
    create_time: 1_700_000_000,
    ...fields
  }
})

const text = (fields: { readonly [field: string]: unknown } = {}) =>
  callback({ msgtype: "text", text: { content: "hi" }, ...fields })

const event = (event: unknown, fields: { readonly [field: string]: unknown } = {}) =>
  callback({ msgtype: "event", event, ...fields }, "aibot_event_callback")

type Odd = readonly [name: string, frame: unknown, expected: { readonly [field: string]: unknown }]

/** As `JSON.stringify`, with what the real service leaves unescaped. */
const raw = (frame: unknown, ...replaced: ReadonlyArray<readonly [string, string]>): string =>
  replaced.reduce((text, [from, to]) => text.replaceAll(from, to), JSON.stringify(frame))

const messages: ReadonlyArray<Odd> = [
  ["raw control characters", raw(text({ text: { content: "a<1>b<2>c" } }), ["<1>", "\u0001"], ["<2>", "\r"]), {
    text: { content: "a\u0001b\rc" }
  }],
  ["a raw line feed and a raw tab", raw(text({ text: { content: "a<1>b" } }), ["<1>", "\n\t"]), {
    text: { content: "a\n\tb" }
  }],
  ["a raw NUL", raw(text({ text: { content: "a<1>b" } }), ["<1>", "\u0000"]), { text: { content: "a\u0000b" } }],
  ["unknown fields everywhere", { ...text({ extra: { deep: [1] } }), more: true }, { msgtype: "text" }],
  ["create_time as a string", text({ create_time: "1700000001" }), { create_time: 1_700_000_001 }],
  ["no create_time", text({ create_time: undefined }), { msgtype: "text" }],
  ["null for what is absent", text({ chatid: null, quote: null, response_url: null }), { msgtype: "text" }],
  ["a chatid in a single chat", text({ chatid: "not-to-be-trusted" }), { from: { userid: "alice" } }],
  ["a group", text({ chattype: "group", chatid: "g1", text: { content: "\u200b@Bot\u3000hi" } }), { chatid: "g1" }],
  ["an empty transcript", callback({ msgtype: "voice", voice: { content: "" } }), { voice: { content: "" } }],
  ["an image without a key", callback({ msgtype: "image", image: { url } }), { msgtype: "image" }],
  ["a byte order mark", `\ufeff${JSON.stringify(text())}`, { text: { content: "hi" } }],
  ["a callback without headers", { cmd: "aibot_msg_callback", body: { msgid: "x" } }, {
    msgtype: "unknown",
    reqId: ""
  }],
  ["a key of 43 characters", callback({ msgtype: "image", image: { url, aeskey: aeskey.slice(0, 43) } }), {
    msgtype: "image"
  }],
  ["a file with fields nobody knows", callback({ msgtype: "file", file: { url, aeskey, name: "x", size: 5 } }), {
    msgtype: "file"
  }],
  ["a video", callback({ msgtype: "video", video: { url, aeskey } }), { msgtype: "video" }],
  [
    "mixed items of an unknown type",
    callback({
      msgtype: "mixed",
      mixed: { msg_item: [{ msgtype: "text", text: { content: "a" } }, { msgtype: "hologram", hologram: {} }] }
    }),
    { msgtype: "mixed" }
  ],
  ["an unknown msgtype", callback({ msgtype: "hologram", hologram: { url } }), { msgtype: "unknown" }],
  ["no msgtype", callback({}), { msgtype: "unknown" }],
  ["msgtype text without a text", callback({ msgtype: "text" }), { msgtype: "unknown" }],
  ["a stream refresh, which does not exist here", callback({ msgtype: "stream", stream: { id: "s" } }), {
    msgtype: "unknown"
  }],
  ...["text", "image", "mixed", "voice", "file", "video"].map((msgtype): Odd => [
    `a quote of ${msgtype}`,
    text({
      quote: {
        msgtype,
        [msgtype]: msgtype === "text" || msgtype === "voice"
          ? { content: "before" }
          : msgtype === "mixed"
          ? { msg_item: [] }
          : { url, aeskey }
      }
    }),
    { msgtype: "text" }
  ]),
  ["a quote of something unknown", text({ quote: { msgtype: "hologram" } }), { text: { content: "hi" } }],
  ["a lone surrogate", raw(text({ text: { content: "<1>" } }), ["<1>", "\\ud800"]), { text: { content: "\ud800" } }],
  ["__proto__ in the body", raw(text({ x: "<1>" }), ["\"x\":\"<1>\"", "\"__proto__\":{\"msgtype\":\"image\"}"]), {
    msgtype: "text"
  }]
]

const pressed = { card_type: "button_interaction", event_key: "yes", task_id: "t-1" }

const events: ReadonlyArray<Odd> = [
  ["enter_chat", event({ eventtype: "enter_chat" }), { eventtype: "enter_chat" }],
  ["a card event, nested", event({ eventtype: "template_card_event", template_card_event: pressed }), {
    event: { template_card_event: { task_id: "t-1" } }
  }],
  ["a card event, flat", event({ eventtype: "template_card_event", ...pressed, task_id: "t-2" }), {
    event: { template_card_event: { task_id: "t-2" } }
  }],
  [
    "choices on a card",
    event({
      eventtype: "template_card_event",
      template_card_event: {
        ...pressed,
        selected_items: { selected_item: [{ question_key: "q", option_ids: { option_id: ["a"] } }] }
      }
    }),
    { eventtype: "template_card_event" }
  ],
  ["feedback without reasons", event({ eventtype: "feedback_event", feedback_event: { id: "f", type: 1 } }), {
    eventtype: "feedback_event"
  }],
  [
    "feedback of an unknown type with reasons",
    event({ eventtype: "feedback_event", feedback_event: { id: "f", type: 9, inaccurate_reason_list: [1, 99] } }),
    {}
  ],
  ["feedback, flat", event({ eventtype: "feedback_event", id: "f", type: 2 }), { eventtype: "feedback_event" }],
  ["auth_change_event", event({ eventtype: "auth_change_event", auth_change_event: {} }), { eventtype: "unknown" }],
  ["enter_check_update", event({ eventtype: "enter_check_update" }), { eventtype: "unknown" }],
  ["an event without a sender", event({ eventtype: "enter_chat" }, { from: undefined, chattype: undefined }), {}],
  ["an event that is no object", event("enter_chat"), { eventtype: "unknown" }],
  ["no event at all", event(undefined), { eventtype: "unknown" }],
  ["an eventtype of Object.prototype", event({ eventtype: "constructor" }), { eventtype: "unknown" }]
]

/** They are counted and logged, and nobody hears of them. */
const unheard: ReadonlyArray<readonly [string, unknown]> = [
  ["no JSON", "hello"],
  ["half a frame", JSON.stringify(text()).slice(0, 60)],
  ["an array", "[]"],
  ["a number", "5"],
  ["null", "null"],
  ["an empty object", "{}"],
  ["headers without a req_id", { headers: {} }],
  ["a req_id that is no string", { headers: { req_id: 5 }, errcode: 0 }],
  ["an ack of nobody", { headers: { req_id: "nobody" }, errcode: 0, errmsg: "ok" }],
  ["an ack of nobody that refuses", {
    headers: { req_id: "nobody" },
    errcode: 6000,
    errmsg: "conflict, hint: [1], from ip"
  }],
  ["an ack with an empty cmd", { cmd: "", headers: { req_id: "nobody" }, errcode: 0 }],
  ["an unknown command", { cmd: "aibot_tomorrow", headers: { req_id: "x" }, body: {} }],
  ["a cmd that is no string", { cmd: 5, headers: { req_id: "x" } }],
  ["a callback without a body", { cmd: "aibot_msg_callback", headers: { req_id: "x" } }],
  ["a pong", { cmd: "pong", headers: { req_id: "x" } }]
]

const asText = (frame: unknown) => typeof frame === "string" ? frame : JSON.stringify(frame)

describe("oddities on the wire", () => {
  fault("oddities of messages and events", { quick: true }, (row) =>
    Effect.gen(function*() {
      const world = yield* make({ direct: true, silent: true })
      const seen: Array<Message.Message | BotEvent.BotEvent> = []
      for (const stream of [world.bot.messages, world.bot.events]) {
        yield* Stream.runForEach(
          stream as Stream.Stream<Message.Message | BotEvent.BotEvent, unknown>,
          (one) => Effect.sync(() => seen.push(one))
        ).pipe(Effect.ignore, Effect.forkScoped)
      }
      yield* world.awaitStatus("Subscribed")
      for (const [name, frame, expected] of [...messages, ...events]) {
        const before = seen.length
        yield* world.service.faults.pushRaw(asText(frame))
        yield* sleepUntil(() => seen.length > before).pipe(
          Effect.timeoutFail({ duration: "3 seconds", onTimeout: () => new Error(`${name} was not heard`) })
        )
        expect(seen, name).toHaveLength(before + 1)
        expect(seen.at(-1), name).toMatchObject(expected)
        row.times++
      }
      // Where an answer goes to, whatever the callback says.
      const single = seen[messages.findIndex(([name]) => name === "a chatid in a single chat")] as Message.Message
      expect(Chat.fromCallback(single as never)).toEqual(Chat.user("alice"))
      const group = seen[messages.findIndex(([name]) => name === "a group")] as Message.Message
      expect(Message.plainText(group)).toContain("hi")
      const heard = seen.length
      for (const [, frame] of unheard) {
        yield* world.service.faults.pushRaw(asText(frame))
        row.times++
      }
      yield* world.service.faults.pushRaw(JSON.stringify({ cmd: "ping", headers: { req_id: "from-the-service" } }))
      yield* world.service.awaitReceived({ where: ({ cmd, reqId }) => cmd === "pong" && reqId === "from-the-service" })
      // The same message twice is heard once.
      const twice = JSON.stringify(text())
      yield* world.service.faults.pushRaw(twice)
      yield* world.service.faults.pushRaw(twice)
      yield* sleepUntil(() => seen.length > heard)
      yield* Effect.sleep("100 millis")
      expect(seen.length - heard).toBe(1)
      expect(world.reasons()).toEqual([])
      expect(({} as { msgtype?: unknown }).msgtype).toBeUndefined()
    }))

  const push = { cmd: "aibot_send_msg" }
  const acks: ReadonlyArray<readonly [string, (ack: { readonly headers: unknown }) => unknown, string]> = [
    ["without errcode and errmsg", ({ headers }) => ({ headers }), "delivered"],
    ["without errcode, with an errmsg", ({ headers }) => ({ headers, errmsg: "busy" }), "SendRejected"],
    ["errcode as a string", ({ headers }) => ({ headers, errcode: "0", errmsg: "ok" }), "delivered"],
    ["errcode that is no number", ({ headers }) => ({ headers, errcode: {}, errmsg: "ok" }), "SendRejected"],
    ["with an empty cmd", ({ headers }) => ({ cmd: "", headers, errcode: 0, errmsg: "ok" }), "delivered"],
    ["with cmd null", ({ headers }) => ({ cmd: null, headers, errcode: 0, errmsg: "ok" }), "delivered"],
    [
      "a decorated errmsg",
      ({ headers }) => ({ headers, errcode: 0, errmsg: "ok, hint: [1], from ip: 1.2.3.4" }),
      "delivered"
    ],
    [
      "with raw control characters",
      ({ headers }) => `{"headers":${JSON.stringify(headers)},"errcode":0,"errmsg":"o\u0001k\n"}`,
      "delivered"
    ],
    ["an unknown error code", ({ headers }) => ({ headers, errcode: 987_654, errmsg: "?" }), "SendRejected"],
    ["a negative error code", ({ headers }) => ({ headers, errcode: -1, errmsg: "system error" }), "SendRejected"]
  ]
  fault("oddities of acks", { quick: true }, (row) =>
    Effect.gen(function*() {
      const world = yield* make({ direct: true, silent: true })
      const alice = yield* world.service.user("alice")
      yield* alice.sendVoice("hi")
      for (const [name, rewrite, expected] of acks) {
        yield* world.service.acks.rewrite(rewrite as never, { ...push, times: 1 })
        const exit = yield* Effect.exit(world.bot.sendMessage(Chat.user("alice"), Reply.markdown(name)))
        const told = Exit.isSuccess(exit)
          ? "delivered"
          : exit.cause._tag === "Fail"
          ? exit.cause.error._tag
          : "a defect"
        expect(told, name).toBe(expected)
        row.times++
      }
      expect(world.reasons()).toEqual([])
    }))

  fault(
    "what others suffer from: 30 kB, 200 snapshots behind slow acks, a key of 43 characters",
    { quick: true },
    (row) =>
      Effect.gen(function*() {
        const world = yield* make({ direct: true, silent: true })
        const alice = yield* world.service.user("alice")
        const next = yield* Effect.fork(Stream.runCollect(Stream.take(world.bot.messages, 3)))
        yield* world.awaitStatus("Subscribed")
        const long = yield* alice.sendText("long")
        const many = yield* alice.sendText("many")
        const bytes = randomBytes(5_000)
        const link = yield* world.service.serveFile({ bytes })
        forbidden.add(link.url).add(link.aeskey!)
        yield* alice.sendFile(link)
        const [first, second, third] = Chunk.toReadonlyArray(yield* next)

        const essay = Array.from({ length: 3_000 }, (_, n) => `word${n}`).join(" ")
        yield* world.bot.replyStream(first!, essay)
        const shown = (yield* alice.screen).filter(({ reqId, from }) => from === "bot" && reqId === long.reqId)
        expect(shown.length).toBeGreaterThan(1)
        expect(shown.map(({ text }) => text).join(" ").replace(/\s+/g, " ").trim()).toBe(essay)

        yield* world.service.acks.delay("100 millis", { cmd: "aibot_respond_msg" })
        const snapshots = Stream.fromIterable(Array.from({ length: 200 }, (_, n) => `${n} `)).pipe(Stream.rechunk(1))
        const started = performance.now()
        yield* world.bot.replyStream(second!, snapshots)
        row.recoveries.push(performance.now() - started)
        expect(performance.now() - started).toBeLessThanOrEqual(1_500)
        expect((yield* alice.awaitAnswer(many)).text).toContain("199")

        expect(link.aeskey).toHaveLength(43)
        const file = yield* world.bot.downloadFile(third!)
        expect(Buffer.compare(yield* file.bytes, bytes)).toBe(0)
        row.times = 3
        row.lost = describeLoss(yield* world.judge)
      }).pipe(Effect.provide(Crypto.layer))
  )
})
