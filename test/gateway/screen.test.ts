import { describe, expect } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Fiber, Stream } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import { test, update, welcome } from "./memory.js"
import { buttonCard, markdown, respond, send, stream, subscribed } from "./rawClient.js"
import { asked } from "./seam.js"

const voteCard = {
  card_type: "vote_interaction",
  main_title: { title: "Lunch" },
  task_id: "lunch",
  checkbox: { question_key: "food", mode: 1, option_list: [{ id: "a", text: "noodles" }, { id: "b", text: "rice" }] },
  submit_button: { text: "Vote", key: "submit" }
}

describe("screens", () => {
  test("thinking shows while there is nothing else to show, for ever on a sealed stream", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      const thinking = (content: string, finish = false) =>
        Effect.zipRight(
          client.request(respond, reqId, stream("s", content, finish)),
          Effect.map(alice.screen, (bubbles) => bubbles.at(-1)!.thinking)
        )
      expect(yield* thinking("<think></think>")).toBe(true)
      expect(yield* thinking("<think>let me see")).toBe(true)
      expect(yield* thinking("<think>let me see</think>\n\u200b")).toBe(true)
      expect(yield* thinking("<think>let me see</think>yes")).toBe(false)
      expect(yield* thinking("", true)).toBe(true)
      expect((yield* alice.screen).at(-1)?.sealed).toBe(true)
    }))

  test("changes tell of every bubble of the chat, and of no other chat", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      const seen = yield* alice.changes.pipe(Stream.take(4), Stream.runCollect, Effect.fork)
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      const bob = yield* TestGateway.user("bob")
      yield* bob.sendText("not for alice")
      yield* client.next
      yield* client.request(respond, reqId, stream("s", "a"))
      yield* client.request(respond, reqId, stream("s", "ab", true))
      yield* client.request(respond, reqId, markdown("b"))
      yield* client.request(send, "p", { chatid: "alice", ...markdown("c") })
      expect(Chunk.toReadonlyArray(yield* Fiber.join(seen)).map((_) => [_.kind, _.text, _.sealed])).toEqual([
        ["stream", "a", false],
        ["stream", "ab", true],
        ["markdown", "b", true],
        ["markdown", "c", true]
      ])
    }))

  test("a snapshot of a bubble does not change after it was handed out", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      yield* client.request(respond, reqId, stream("s", "a"))
      const before = (yield* alice.screen).at(-1)!
      yield* client.request(respond, reqId, stream("s", "ab", true))
      expect(before).toMatchObject({ text: "a", history: ["a"], sealed: false })
    }))

  test("awaitBubble finds what is there and what is to come", () =>
    Effect.gen(function*() {
      const { alice, client } = yield* asked
      const coming = yield* Effect.fork(alice.awaitBubble((bubble) => bubble.text === "news"))
      yield* client.request(send, "p", { chatid: "alice", ...markdown("news") })
      expect((yield* Fiber.join(coming)).reqId).toBeUndefined()
      expect((yield* alice.awaitBubble((bubble) => bubble.text === "news")).kind).toBe("markdown")
    }))

  test("a predicate that throws is the test's defect", () =>
    Effect.gen(function*() {
      const { alice } = yield* asked
      const exit = yield* Effect.exit(alice.awaitBubble((bubble) => bubble.card!.task_id === "t"))
      expect(Exit.isFailure(exit)).toBe(true)
    }))

  test("welcome, update and reply are what awaitAnswer returns", () =>
    Effect.gen(function*() {
      const { alice, client, reqId, sent } = yield* asked
      yield* client.request(respond, reqId, { msgtype: "template_card", template_card: buttonCard("t") })
      expect((yield* alice.awaitAnswer(sent)).card).toMatchObject({ task_id: "t" })
      const enter = yield* alice.enter
      yield* client.request("aibot_respond_welcome_msg", enter.reqId, welcome)
      expect(yield* alice.awaitAnswer(enter)).toMatchObject({ kind: "text", text: "welcome" })
      const press = yield* alice.press("t", "approve")
      yield* client.request("aibot_respond_update_msg", press.reqId, update("t"))
      expect((yield* alice.awaitAnswer(press)).card?.main_title).toEqual({ title: "Approved" })
    }))

  test("an update can be for some members of a group only", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const team = yield* TestGateway.group("team", { members: ["alice", "bob"] })
      const [alice, bob] = [team.member("alice"), team.member("bob")]
      const sent = yield* alice.sendMention("vote")
      yield* client.next
      yield* client.request(respond, sent.reqId, { msgtype: "template_card", template_card: buttonCard("t") })
      const press = yield* bob.press("t", "approve")
      expect((yield* client.next).body).toMatchObject({ chattype: "group", chatid: "team", from: { userid: "bob" } })
      expect((yield* client.request("aibot_respond_update_msg", press.reqId, update("t", { userids: [] }))).errcode)
        .toBe(40058)
      expect((yield* client.request("aibot_respond_update_msg", press.reqId, update("other"))).errcode).toBe(40058)
      yield* client.request("aibot_respond_update_msg", press.reqId, update("t", { userids: ["bob"] }))
      const title = (bubbles: ReadonlyArray<TestGateway.Bubble>) => bubbles.at(-1)?.card?.main_title.title
      expect([title(yield* alice.screen), title(yield* bob.screen)]).toEqual(["Leave", "Approved"])
      const forAll = { ...update("t"), template_card: buttonCard("t", { main_title: { title: "Closed" } }) }
      yield* client.request("aibot_respond_update_msg", press.reqId, forAll)
      expect([title(yield* alice.screen), title(yield* bob.screen)]).toEqual(["Closed", "Closed"])
    }))
})

describe("people", () => {
  test("every kind of message has its body", () =>
    Effect.gen(function*() {
      const { alice, client } = yield* asked
      const url = "https://example.com/a"
      const bodyOf = (sending: Effect.Effect<TestGateway.Sent>) =>
        Effect.map(
          Effect.zipRight(sending, client.next),
          ({ body: { msgid, create_time, response_url, ...body } }) => {
            expect([typeof msgid, typeof create_time, typeof response_url]).toEqual(["string", "undefined", "string"])
            return body
          }
        )
      const base = { aibotid: TestGateway.defaultBotId, chattype: "single", from: { userid: "alice" } }
      expect(yield* bodyOf(alice.sendImage({ url, aeskey: "k" }))).toEqual({
        ...base,
        msgtype: "image",
        image: { url, aeskey: "k" }
      })
      expect(yield* bodyOf(alice.sendFile({ url }))).toEqual({ ...base, msgtype: "file", file: { url } })
      expect(yield* bodyOf(alice.sendVideo({ url }))).toEqual({ ...base, msgtype: "video", video: { url } })
      expect(yield* bodyOf(alice.sendVoice("hello"))).toEqual({
        ...base,
        msgtype: "voice",
        voice: { content: "hello" }
      })
      expect(yield* bodyOf(alice.sendMixed(["look", { url }]))).toEqual({
        ...base,
        msgtype: "mixed",
        mixed: {
          msg_item: [{ msgtype: "text", text: { content: "look" } }, { msgtype: "image", image: { url } }]
        }
      })
      const image = yield* alice.awaitBubble((bubble) => bubble.kind === "image")
      expect(yield* bodyOf(alice.sendQuote(image, "what is this?"))).toEqual({
        ...base,
        msgtype: "text",
        text: { content: "what is this?" },
        quote: { msgtype: "image", image: { url, aeskey: "k" } }
      })
      expect(yield* bodyOf(alice.send({ msgtype: "hologram", hologram: { x: 1 } }))).toMatchObject({
        msgtype: "hologram",
        hologram: { x: 1 }
      })
      expect((yield* alice.screen).map((_) => _.text)).toEqual([
        "hi",
        "",
        "",
        "",
        "hello",
        "look",
        "what is this?",
        ""
      ])
    }))

  test("a group hands the bot only what mentions it", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const team = yield* TestGateway.group("team", { members: ["alice"] })
      const alice = team.member("alice")
      const url = "https://example.com/a"
      const delivered = [
        yield* alice.send({ msgtype: "text", text: { content: "just us" } }),
        yield* alice.send({ msgtype: "image", image: { url } }),
        yield* alice.sendMention("you too"),
        yield* alice.sendMixed(["this", { url }]),
        yield* alice.sendQuote((yield* team.screen)[1]!, "what is it?")
      ].map((sent) => sent.delivered)
      expect(delivered).toEqual([false, false, true, true, true])
      expect((yield* client.next).body).toMatchObject({
        chattype: "group",
        chatid: "team",
        text: { content: "@助手 you too" }
      })
      expect((yield* client.next).body.mixed.msg_item[0].text.content).toContain("@助手")
      expect((yield* client.next).body).toMatchObject({ quote: { msgtype: "image", image: { url } } })
      expect((yield* team.screen).length).toBe(5)
      expect(yield* team.members).toEqual(["alice"])
    }), { botName: "助手" })

  test("mention returns the sealed answer", () =>
    Effect.gen(function*() {
      const team = yield* TestGateway.group("team")
      const mentioning = yield* Effect.fork(team.member("alice").mention("hi"))
      const client = yield* subscribed()
      yield* client.request(respond, (yield* client.next).headers.req_id, stream("s", "hello all", true))
      expect((yield* Fiber.join(mentioning)).text).toBe("hello all")
    }))

  test("a vote carries its choices", () =>
    Effect.gen(function*() {
      const { alice, client, reqId, sent } = yield* asked
      yield* client.request(respond, reqId, { msgtype: "template_card", template_card: voteCard })
      const bubble = yield* alice.awaitAnswer(sent)
      const selectedItems = {
        selected_item: [{ question_key: "food", option_ids: { option_id: ["a", "b"] } }]
      }
      for (const selected of [["a", "b"], { food: ["a", "b"] }]) {
        yield* alice.vote(bubble, selected)
        expect((yield* client.next).body.event.template_card_event).toEqual({
          card_type: "vote_interaction",
          event_key: "submit",
          task_id: "lunch",
          selected_items: selectedItems
        })
      }
    }))

  test("nobody can press what is not there", () =>
    Effect.gen(function*() {
      const { alice, client, reqId } = yield* asked
      yield* client.request(respond, reqId, { msgtype: "template_card", template_card: voteCard })
      const message = (effect: Effect.Effect<unknown>) =>
        Effect.catchAllCause(Effect.asVoid(effect), (cause) => Effect.succeed(Cause.pretty(cause)))
      expect(yield* message(alice.press("lunch", "typo"))).toContain("no key \"typo\", only [\"submit\"]")
      expect(yield* message(alice.press("dinner", "submit"))).toContain("sees no card with the task_id \"dinner\"")
      expect(yield* message(alice.vote("lunch", ["c"]))).toContain("no option \"c\", only [\"a\",\"b\"]")
      expect(yield* message(alice.vote("lunch", { drink: ["a"] }))).toContain("no question \"drink\"")
      expect(yield* message(alice.feedback((yield* alice.screen)[1]!, { type: "like" }))).toContain("no feedback id")
    }))

  test("feedback names the bubble by the id of its first frame", () =>
    Effect.gen(function*() {
      const { alice, client, reqId, sent } = yield* asked
      yield* client.request(respond, reqId, stream("s", "a", false, { feedback: { id: "f1" } }))
      yield* client.request(respond, reqId, stream("s", "ab", true, { feedback: { id: "f2" } }))
      const bubble = yield* alice.awaitAnswer(sent)
      yield* alice.feedback(bubble, { type: "dislike", content: "wrong", reasons: [3] })
      expect((yield* client.next).body).toMatchObject({
        msgtype: "event",
        event: {
          eventtype: "feedback_event",
          feedback_event: { id: "f1", type: 2, content: "wrong", inaccurate_reason_list: [3] }
        }
      })
    }))
})
