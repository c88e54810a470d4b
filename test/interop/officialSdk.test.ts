/**
 * The official SDK as a client of our gateway: what it sends is accepted, and what it expects comes.
 */
import { describe, expect, it } from "@effect/vitest"
import { generateReqId, WSClient } from "@wecom/aibot-node-sdk"
import type { TemplateCard, WsFrame } from "@wecom/aibot-node-sdk"
import { Effect, Fiber, Queue, Redacted } from "effect"
import type { Scope } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

const client = (overrides: { readonly secret?: string } = {}) =>
  Effect.gen(function*() {
    const wsUrl = yield* NodeGateway.url
    return yield* Effect.acquireRelease(
      Effect.sync(() =>
        new WSClient({
          botId: TestGateway.defaultBotId,
          secret: Redacted.value(TestGateway.defaultSecret),
          wsUrl,
          heartbeatInterval: 20,
          reconnectInterval: 20,
          maxAuthFailureAttempts: 1,
          logger: silent,
          ...overrides
        })
      ),
      (client) => Effect.sync(() => client.disconnect())
    )
  })

/** A client that is connected, with what it emits. */
const connected = Effect.gen(function*() {
  const sdk = yield* client()
  const frames = yield* Queue.unbounded<WsFrame>()
  const emitted = yield* Queue.unbounded<string>()
  sdk.on("message", (frame) => void Queue.unsafeOffer(frames, frame))
  sdk.on("event", (frame) => void Queue.unsafeOffer(frames, frame))
  for (const name of ["authenticated", "disconnected", "event.disconnected_event"] as const) {
    sdk.on(name, () => void Queue.unsafeOffer(emitted, name))
  }
  sdk.on("error", () => {})
  sdk.connect()
  expect(yield* Queue.take(emitted)).toBe("authenticated")
  return { sdk, next: Queue.take(frames), nextEmitted: Queue.take(emitted) }
})

const card: TemplateCard = {
  card_type: "button_interaction",
  main_title: { title: "Leave" },
  task_id: "leave-1",
  button_list: [{ text: "Approve", key: "approve", style: 1 }]
}

const test = (
  name: string,
  body: () => Effect.Effect<
    void,
    unknown,
    TestGateway.TestGateway | NodeGateway.NodeGateway | Scope.Scope
  >,
  options?: NodeGateway.Options
) => it.scopedLive(name, () => Effect.provide(body(), NodeGateway.layer(options)))

/** The SDK rejects with the refused frame itself. */
const refusal = (sending: () => Promise<WsFrame>) =>
  Effect.tryPromise({ try: sending, catch: (frame) => (frame as WsFrame).errcode }).pipe(Effect.flip)

describe("the official SDK on our gateway", () => {
  test("subscribes and keeps pinging", () =>
    Effect.gen(function*() {
      yield* connected
      yield* TestGateway.awaitReceived({ cmd: "ping" }, { skip: 4 })
      expect((yield* TestGateway.connections).map((_) => _.state)).toEqual(["subscribed"])
    }))

  test("is refused with wrong credentials", () =>
    Effect.gen(function*() {
      const sdk = yield* client({ secret: "wrong" })
      const failure = Effect.async<Error>((resume) => {
        sdk.on("error", (error) => {
          if ("code" in error) resume(Effect.succeed(error))
        })
      })
      const failing = yield* Effect.fork(failure)
      yield* Effect.yieldNow()
      sdk.connect()
      expect(yield* Fiber.join(failing)).toMatchObject({ code: "WS_AUTH_FAILURE_EXHAUSTED" })
    }))

  test("streams an answer", () =>
    Effect.gen(function*() {
      const { next, sdk } = yield* connected
      const alice = yield* TestGateway.user("alice")
      const saying = yield* Effect.fork(alice.say("hi"))
      const frame = yield* next
      expect(frame.body.text.content).toBe("hi")
      const id = generateReqId("stream")
      yield* Effect.promise(() => sdk.replyStream(frame, id, "hel", false, undefined, { id: "rate-me" }))
      const ack = yield* Effect.promise(() => sdk.replyStream(frame, id, "hello", true))
      expect(ack).toMatchObject({ errcode: 0 })
      const shown = yield* Fiber.join(saying)
      expect(shown).toMatchObject({ text: "hello", history: ["hel", "hello"], feedbackId: "rate-me" })
      yield* alice.feedback(shown, { type: "like" })
      expect((yield* next).body.event.feedback_event).toEqual({ id: "rate-me", type: 1 })
      expect(yield* refusal(() => sdk.replyStream(frame, id, "too late", true))).toBe(846608)
    }))

  test("answers with cards, with a card beside a stream, and updates them", () =>
    Effect.gen(function*() {
      const { next, sdk } = yield* connected
      const alice = yield* TestGateway.user("alice")
      const sent = yield* alice.sendText("leave?")
      const frame = yield* next
      yield* Effect.promise(() => sdk.replyTemplateCard(frame, card))
      const shown = yield* alice.awaitAnswer(sent)
      const press = yield* alice.press(shown, "approve")
      const event = yield* next
      yield* Effect.promise(() =>
        sdk.updateTemplateCard(event, { ...card, main_title: { title: "Approved" } }, ["alice"])
      )
      expect((yield* alice.awaitAnswer(press)).card?.main_title).toEqual({ title: "Approved" })
      const id = generateReqId("stream")
      const combined = { ...card, task_id: "leave-2" }
      yield* Effect.promise(() => sdk.replyStreamWithCard(frame, id, "see", false, { templateCard: combined }))
      yield* Effect.promise(() => sdk.replyStreamWithCard(frame, id, "see below", true))
      expect((yield* alice.screen).at(-1)).toMatchObject({ text: "see below", card: { task_id: "leave-2" } })
      expect(yield* refusal(() => sdk.replyTemplateCard(frame, { ...card, task_id: "leave-3", button_list: [] })))
        .toBe(40016)
    }))

  test("welcomes", () =>
    Effect.gen(function*() {
      const { next, sdk } = yield* connected
      const alice = yield* TestGateway.user("alice")
      const entered = yield* alice.enter
      const event = yield* next
      yield* Effect.promise(() => sdk.replyWelcome(event, { msgtype: "text", text: { content: "welcome" } }))
      expect((yield* alice.awaitAnswer(entered)).text).toBe("welcome")
    }))

  test("pushes messages and media", () =>
    Effect.gen(function*() {
      const { next, sdk } = yield* connected
      const alice = yield* TestGateway.user("alice")
      const markdown = { msgtype: "markdown", markdown: { content: "**news**" } } as const
      expect(yield* refusal(() => sdk.sendMessage("alice", markdown))).toBe(93006)
      yield* alice.sendText("hi")
      const frame = yield* next
      yield* Effect.promise(() => sdk.sendMessage("alice", markdown))
      yield* Effect.promise(() =>
        sdk.sendMessage("alice", { msgtype: "template_card", template_card: { ...card, task_id: "push-1" } })
      )
      yield* Effect.promise(() => sdk.sendMediaMessage("alice", "video", "media-1", { title: "t" }))
      yield* Effect.promise(() => sdk.replyMedia(frame, "image", "media-2"))
      expect((yield* alice.screen).filter((_) => _.from === "bot").map((_) => [_.kind, _.text, _.media])).toEqual([
        ["markdown", "**news**", undefined],
        ["template_card", "", undefined],
        ["video", "", { media_id: "media-1", title: "t" }],
        ["image", "", { media_id: "media-2" }]
      ])
    }), { unknownMedia: "accept" })

  test("leaves when another instance subscribes, and does not come back", () =>
    Effect.gen(function*() {
      const { nextEmitted } = yield* connected
      yield* TestGateway.faults.kick()
      expect(yield* nextEmitted).toBe("event.disconnected_event")
      expect(yield* nextEmitted).toBe("disconnected")
      yield* TestGateway.awaitConnections((all) => all.every((_) => _.state === "closed"))
      yield* Effect.sleep(100)
      expect((yield* TestGateway.connections).length).toBe(1)
    }))

  test("reconnects after a cut", () =>
    Effect.gen(function*() {
      const { nextEmitted } = yield* connected
      yield* TestGateway.faults.cut()
      expect(yield* nextEmitted).toBe("disconnected")
      expect(yield* nextEmitted).toBe("authenticated")
      expect((yield* TestGateway.connections).map((_) => _.state)).toEqual(["closed", "subscribed"])
    }))
})
