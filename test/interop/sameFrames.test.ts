/**
 * For every method of the official SDK, what it writes and what we write for the same call: the same JSON, but for the ids
 * each side makes up and for the `chat_type` that we add to a push.
 */
import { describe, expect, it } from "@effect/vitest"
import { type TemplateCard as SdkCard, WSClient, type WsFrame } from "@wecom/aibot-node-sdk"
import { Chunk, Effect, Redacted, type Scope, Stream } from "effect"
import { type BotEvent, Chat, type Message, Reply, type TemplateCard, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

interface Frame {
  readonly cmd: string
  readonly headers: { readonly req_id: string }
  readonly body?: { readonly [field: string]: unknown }
}

const from = { userid: "alice" }
const base = { aibotid: "aib-bot", chattype: "single", from, create_time: 1_700_000_000 }
const pushed = {
  message: {
    cmd: "aibot_msg_callback",
    headers: { req_id: "of-the-message" },
    body: { ...base, msgid: "m1", msgtype: "text", text: { content: "hi" } }
  },
  enterChat: {
    cmd: "aibot_event_callback",
    headers: { req_id: "of-the-entering" },
    body: { ...base, msgid: "m2", msgtype: "event", event: { eventtype: "enter_chat" } }
  },
  cardEvent: {
    cmd: "aibot_event_callback",
    headers: { req_id: "of-the-press" },
    body: {
      ...base,
      msgid: "m3",
      msgtype: "event",
      event: {
        eventtype: "template_card_event",
        template_card_event: { card_type: "button_interaction", event_key: "approve", task_id: "leave-1" }
      }
    }
  }
} satisfies Record<string, Frame>

const theirReqIds: ReadonlyArray<string> = Object.values(pushed).map(({ headers }) => headers.req_id)

/** A service that accepts everything, and remembers it. */
const service: Effect.Effect<{ readonly url: string; readonly frames: Array<Frame> }, never, Scope.Scope> = Effect.gen(
  function*() {
    const frames: Array<Frame> = []
    const server = yield* Effect.acquireRelease(
      Effect.async<WebSocketServer>((resume) => {
        const server: WebSocketServer = new WebSocketServer(
          { port: 0, host: "127.0.0.1" },
          () => resume(Effect.succeed(server))
        )
      }),
      (server) =>
        Effect.sync(() => {
          for (const client of server.clients) client.terminate()
          server.close()
        })
    )
    server.on("connection", (socket) => {
      socket.on("message", (data) => {
        const frame = JSON.parse(String(data)) as Frame
        frames.push(frame)
        socket.send(JSON.stringify({ headers: frame.headers, errcode: 0, errmsg: "ok" }))
        if (frame.cmd === "aibot_subscribe") {
          for (const callback of Object.values(pushed)) socket.send(JSON.stringify(callback))
        }
      })
    })
    return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, frames }
  }
)

/** What a client made up itself cannot be the same. */
const withoutOwnIds = (frame: Frame): Frame =>
  theirReqIds.includes(frame.headers.req_id)
    ? frame
    : { ...frame, headers: { req_id: `${frame.cmd}, then something unique` } }

const card = {
  card_type: "button_interaction",
  source: { desc: "HR", desc_color: 1 },
  main_title: { title: "Leave", desc: "three days" },
  sub_title_text: "from Monday",
  horizontal_content_list: [{ keyname: "days", value: "3" }, {
    keyname: "form",
    type: 1,
    value: "open",
    url: "https://a.b"
  }],
  button_list: [{ text: "Approve", style: 1, key: "approve" }, { text: "Refuse", key: "refuse" }],
  task_id: "leave-1"
} as const satisfies TemplateCard.TemplateCard

const sdkCard = card as unknown as SdkCard
const image = { msgtype: "image" as const, image: { base64: "iVBORw0KGgo=", md5: "5b0a71f5bf0cd1ac9e5dbfdd0f4a4d1e" } }
const video = { title: "Demo", description: "a short film" }

interface SdkCalls {
  readonly client: WSClient
  readonly message: WsFrame
  readonly enterChat: WsFrame
  readonly cardEvent: WsFrame
}

interface OurCalls {
  readonly message: Message.Message
  readonly enterChat: BotEvent.EnterChat
  readonly cardEvent: BotEvent.TemplateCardEvent
}

interface Case {
  readonly theirs: (calls: SdkCalls) => Promise<unknown>
  readonly ours: (calls: OurCalls) => Effect.Effect<unknown, unknown, WecomBot.WecomBot>
}

const stream = { id: "s1", content: "half an", finish: false }
const final = { id: "s1", content: "half an answer 👍", finish: true }

const cases: { readonly [method: string]: Case } = {
  reply: {
    theirs: ({ client, message }) => client.reply(message, { msgtype: "markdown", markdown: { content: "**hi**" } }),
    ours: ({ message }) => WecomBot.reply(message, Reply.markdown("**hi**"))
  },
  "reply with another command": {
    theirs: ({ client, message }) => client.reply(message, { a: [1, null, "b"] }, "ww_ai_robot_enter_event"),
    ours: ({ message }) => WecomBot.command("ww_ai_robot_enter_event", { a: [1, null, "b"] }, { reqId: message.reqId })
  },
  "replyStream, unfinished": {
    theirs: ({ client, message }) => client.replyStream(message, stream.id, stream.content),
    ours: ({ message }) => WecomBot.replyStreamFrame(message, stream)
  },
  "replyStream, with feedback": {
    theirs: ({ client, message }) => client.replyStream(message, "s2", "rate me", false, undefined, { id: "f1" }),
    ours: ({ message }) =>
      WecomBot.replyStreamFrame(message, { id: "s2", content: "rate me", finish: false, feedback: { id: "f1" } })
  },
  "replyStream, final, with images": {
    theirs: ({ client, message }) => client.replyStream(message, final.id, final.content, true, [image]),
    ours: ({ message }) => WecomBot.replyStreamFrame(message, { ...final, msgItem: [image] })
  },
  "replyStreamNonBlocking": {
    theirs: ({ client, message }) => client.replyStreamNonBlocking(message, "s3", "now or never", false),
    ours: ({ message }) =>
      WecomBot.replyStreamFrameIfIdle(message, { id: "s3", content: "now or never", finish: false })
  },
  "replyWelcome with text": {
    theirs: ({ client, enterChat }) => client.replyWelcome(enterChat, { msgtype: "text", text: { content: "您好！" } }),
    ours: ({ enterChat }) => WecomBot.replyWelcome(enterChat, Reply.text("您好！"))
  },
  "replyWelcome with a card": {
    theirs: ({ client, enterChat }) =>
      client.replyWelcome(enterChat, { msgtype: "template_card", template_card: sdkCard }),
    ours: ({ enterChat }) => WecomBot.replyWelcome(enterChat, Reply.templateCard(card))
  },
  replyTemplateCard: {
    theirs: ({ client, message }) => client.replyTemplateCard(message, sdkCard),
    ours: ({ message }) => WecomBot.replyTemplateCard(message, card)
  },
  "replyTemplateCard, with feedback": {
    theirs: ({ client, message }) => client.replyTemplateCard(message, sdkCard, { id: "f2" }),
    ours: ({ message }) => WecomBot.replyTemplateCard(message, card, { feedback: { id: "f2" } })
  },
  replyStreamWithCard: {
    theirs: ({ client, message }) =>
      client.replyStreamWithCard(message, "s4", "with a card", false, { templateCard: sdkCard }),
    ours: ({ message }) =>
      WecomBot.replyStreamWithCard(message, { id: "s4", content: "with a card", finish: false, card })
  },
  "replyStreamWithCard, final, with everything": {
    theirs: ({ client, message }) =>
      client.replyStreamWithCard(message, "s5", "with a card", true, {
        msgItem: [image],
        streamFeedback: { id: "f3" },
        templateCard: sdkCard,
        cardFeedback: { id: "f4" }
      }),
    ours: ({ message }) =>
      WecomBot.replyStreamWithCard(message, {
        id: "s5",
        content: "with a card",
        finish: true,
        msgItem: [image],
        feedback: { id: "f3" },
        card: { ...card, feedback: { id: "f4" } }
      })
  },
  updateTemplateCard: {
    theirs: ({ cardEvent, client }) => client.updateTemplateCard(cardEvent, sdkCard),
    ours: ({ cardEvent }) => WecomBot.updateTemplateCard(cardEvent, card)
  },
  "updateTemplateCard for some": {
    theirs: ({ cardEvent, client }) => client.updateTemplateCard(cardEvent, sdkCard, ["alice", "bob"]),
    ours: ({ cardEvent }) => WecomBot.updateTemplateCard(cardEvent, card, { userids: ["alice", "bob"] })
  },
  sendMessage: {
    theirs: ({ client }) => client.sendMessage("alice", { msgtype: "markdown", markdown: { content: "# news" } }),
    ours: () => WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("# news"))
  },
  "sendMessage with a card": {
    theirs: ({ client }) => client.sendMessage("alice", { msgtype: "template_card", template_card: sdkCard }),
    ours: () => WecomBot.sendMessage(Chat.user("alice"), Reply.templateCard(card))
  },
  replyMedia: {
    theirs: ({ client, message }) => client.replyMedia(message, "image", "media-1"),
    ours: ({ message }) => WecomBot.reply(message, Reply.media("image", "media-1"))
  },
  "replyMedia with a video": {
    theirs: ({ client, message }) => client.replyMedia(message, "video", "media-2", video),
    ours: ({ message }) => WecomBot.reply(message, Reply.media("video", "media-2", video))
  },
  sendMediaMessage: {
    theirs: ({ client }) => client.sendMediaMessage("alice", "file", "media-3"),
    ours: () => WecomBot.sendMessage(Chat.user("alice"), Reply.media("file", "media-3"))
  },
  "sendMediaMessage with a video": {
    theirs: ({ client }) => client.sendMediaMessage("alice", "video", "media-4", video),
    ours: () => WecomBot.sendMessage(Chat.user("alice"), Reply.media("video", "media-4", video))
  }
}

const credentials = { botId: "aib-bot", secret: "not-a-real-secret" }
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** The frames of each call; `subscribe` and `ping` are those that nobody calls for. */
type Captured = ReadonlyMap<string, ReadonlyArray<Frame>>

const isPing = ({ cmd }: Frame) => cmd === "ping"

const capture = <E, R>(
  frames: Array<Frame>,
  run: (method: string) => Effect.Effect<unknown, E, R>
): Effect.Effect<Captured, E, R> =>
  Effect.gen(function*() {
    const captured = new Map([["subscribe", frames.filter(({ cmd }) => cmd === "aibot_subscribe")]])
    for (const method of Object.keys(cases)) {
      frames.length = 0
      yield* run(method)
      captured.set(method, frames.filter((frame) => !isPing(frame)))
    }
    while (!frames.some(isPing)) yield* Effect.sleep(5)
    captured.set("ping", [frames.find(isPing)!])
    return captured
  })

const theirFrames = Effect.gen(function*() {
  const { frames, url } = yield* service
  const client = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new WSClient({
        ...credentials,
        wsUrl: url,
        heartbeatInterval: 20,
        logger: silent,
        scene: 7,
        plug_version: "1.2.3"
      })
    ),
    (client) => Effect.sync(() => client.disconnect())
  )
  const callbacks = new Map<string, WsFrame>()
  yield* Effect.async<void>((resume) => {
    const take = (frame: WsFrame) => {
      callbacks.set(frame.headers.req_id, frame)
      if (callbacks.size === theirReqIds.length) resume(Effect.void)
    }
    client.on("message", take)
    client.on("event", take)
    client.connect()
  })
  const [message, enterChat, cardEvent] = theirReqIds.map((reqId) => callbacks.get(reqId)!)
  const calls = { client, message: message!, enterChat: enterChat!, cardEvent: cardEvent! }
  return yield* capture(frames, (method) => Effect.promise(() => cases[method]!.theirs(calls)))
})

const ourFrames = Effect.gen(function*() {
  const { frames, url } = yield* service
  const bot = NodeWecomBot.layer({
    botId: credentials.botId,
    secret: Redacted.make(credentials.secret),
    wsUrl: url,
    heartbeatInterval: 20,
    scene: 7,
    plugVersion: "1.2.3"
  })
  return yield* Effect.gen(function*() {
    const first = <A>(stream: Stream.Stream<A, unknown, WecomBot.WecomBot>) =>
      Effect.map(Stream.runCollect(Stream.take(stream, 1)), Chunk.unsafeHead)
    const calls = yield* Effect.all({
      message: first(WecomBot.messages),
      enterChat: first(WecomBot.eventsOf("enter_chat")),
      cardEvent: first(WecomBot.eventsOf("template_card_event"))
    }, { concurrency: "unbounded" })
    return yield* capture(frames, (method) => cases[method]!.ours(calls))
  }).pipe(Effect.provide(bot))
})

describe("the frames of the official SDK and ours are the same", () => {
  let theirs: Captured
  let ours: Captured

  it.scopedLive("each side makes its calls", () =>
    Effect.gen(function*() {
      theirs = yield* theirFrames
      ours = yield* ourFrames
    }))

  for (const method of ["subscribe", ...Object.keys(cases), "ping"]) {
    it(method, () => {
      const expected = theirs.get(method)!.map(withoutOwnIds)
      expect(expected).toHaveLength(1)
      const [own] = ours.get(method)!.map(withoutOwnIds)
      if (own!.cmd !== "aibot_send_msg") return expect([own]).toEqual(expected)
      const { chat_type, ...body } = own!.body!
      expect(chat_type).toBe(1)
      expect([{ ...own, body }]).toEqual(expected)
    })
  }
})
