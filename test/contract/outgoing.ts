import { Deferred, Effect, Exit, Fiber, Option } from "effect"
import { Chat, ErrorCode, Reply, ReplyTarget, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { asked, collect } from "../support/messages.js"
import type { Harness } from "./harness.js"
import { awaitStatus, card, expect, sentFrames } from "./harness.js"

const respond = "aibot_respond_msg"

const snapshot = (content: string, finish = false) => ({ id: "s", content, finish })

const failure = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.flip(effect)

export const outgoing = ({ during, seconds, test }: Harness) => {
  test("every way to answer a message is acked, and shows what was meant", () =>
    Effect.gen(function*() {
      const { alice, message, next } = yield* asked
      const fresh = Effect.zipRight(alice.sendText("and?"), next)
      const uploaded = yield* WecomBot.uploadMedia(new TextEncoder().encode("a file"), { type: "file", filename: "a" })
      const media = Reply.media("file", uploaded.media_id)
      expect((yield* WecomBot.reply(message, Reply.markdown("**hi**", { feedback: { id: "f1" } }))).errcode).toBe(0)
      expect((yield* WecomBot.reply(yield* fresh, media)).errcode).toBe(0)
      expect((yield* WecomBot.replyTemplateCard(yield* fresh, card("t1"))).errcode).toBe(0)
      const third = yield* fresh
      yield* WecomBot.replyStreamFrame(third, snapshot("gro"))
      yield* WecomBot.replyStreamFrame(third, snapshot("grown", true))
      yield* WecomBot.replyStreamWithCard(yield* fresh, { ...snapshot("pick", true), card: card("t2") })
      const receipt = yield* WecomBot.replyStream(yield* fresh, "whole")
      expect(receipt).toMatchObject({ bytes: 5 })
      const screen = (yield* alice.screen).filter((bubble) => bubble.from === "bot")
      expect(screen).toMatchObject([
        { kind: "markdown", text: "**hi**", feedbackId: "f1" },
        { kind: "file", media: { media_id: uploaded.media_id } },
        { kind: "template_card", card: { task_id: "t1" } },
        { kind: "stream", text: "grown", history: ["gro", "grown"], sealed: true },
        { kind: "stream_with_template_card", text: "pick", card: { task_id: "t2" } },
        { kind: "stream", text: "whole", sealed: true }
      ])
    }))

  test("a welcome, a card update and pushes are acked, and show what was meant", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      const events = yield* collect(WecomBot.eventsOf("enter_chat"))
      const presses = yield* collect(WecomBot.eventsOf("template_card_event"))
      const entered = yield* alice.enter
      yield* WecomBot.replyWelcome(yield* events, Reply.text("welcome"))
      expect(yield* alice.awaitAnswer(entered)).toMatchObject({ text: "welcome" })
      yield* WecomBot.sendMessage(message, Reply.templateCard(card("t")))
      const pressed = yield* alice.press("t", "approve")
      yield* WecomBot.updateTemplateCard(yield* presses, {
        card_type: "text_notice",
        main_title: { title: "Approved" },
        card_action: { type: 1, url: "https://example.invalid" }
      })
      expect((yield* alice.awaitAnswer(pressed)).card).toMatchObject({
        main_title: { title: "Approved" },
        task_id: "t"
      })
      const team = yield* TestGateway.group("team")
      yield* team.member("bob").sendMention("hi")
      expect((yield* WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("to alice"))).errcode).toBe(0)
      expect((yield* WecomBot.sendMessage(Chat.group("team"), Reply.markdown("to all"))).errcode).toBe(0)
      expect((yield* alice.screen).at(-1)).toMatchObject({ text: "to alice" })
      expect((yield* team.screen).at(-1)).toMatchObject({ text: "to all" })
      const bodies = (yield* sentFrames).slice(-2).map((frame) => frame.body)
      expect(bodies).toMatchObject([{ chatid: "alice", chat_type: 1 }, { chatid: "team", chat_type: 2 }])
    }))

  test("any other command gets its ack whole", () =>
    Effect.gen(function*() {
      yield* TestGateway.answerCommand("aibot_get_mcp_config", (frame) => ({ body: { echoed: frame.body } }))
      const ack = yield* WecomBot.command("aibot_get_mcp_config", { a: 1 })
      expect(ack).toMatchObject({ errcode: 0, errmsg: "ok", body: { echoed: { a: 1 } } })
      const named = yield* WecomBot.command("aibot_get_mcp_config", undefined, { reqId: "mine" })
      expect(named.headers.req_id).toBe("mine")
      expect((yield* failure(WecomBot.command("aibot_subscribe")))._tag).toBe("SendInvalid")
      expect((yield* failure(WecomBot.command("x", undefined, { reqId: "" })))._tag).toBe("SendInvalid")
    }))

  test("a stored target answers later, as the message itself would", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      const stored = JSON.parse(JSON.stringify(ReplyTarget.fromMessage(message)))
      yield* WecomBot.replyStreamFrame(stored, snapshot("later", true))
      yield* WecomBot.sendMessage(stored, Reply.markdown("and pushed"))
      expect((yield* alice.screen).slice(1)).toMatchObject([{ text: "later" }, { text: "and pushed" }])
    }))

  test("frames of one req_id leave one at a time, in order, each after the ack of the one before", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      const held = yield* TestGateway.acks.hold({ cmd: respond })
      const answers = yield* Effect.forEach(
        [1, 2, 3, 4, 5],
        (n) => Effect.fork(WecomBot.replyStreamFrame(message, snapshot("x".repeat(n), n === 5)))
      )
      for (let n = 1; n <= 5; n++) {
        yield* held.awaitCount(1)
        expect(yield* sentFrames).toHaveLength(n)
        expect(answers[n - 1]!.unsafePoll()).toBeNull()
        yield* held.release()
        expect((yield* Fiber.join(answers[n - 1]!)).errcode).toBe(0)
      }
      expect((yield* alice.screen).at(-1)!.history).toEqual(["x", "xx", "xxx", "xxxx", "xxxxx"])
    }))

  test("lanes do not wait for each other", () =>
    Effect.gen(function*() {
      const { alice, message, next } = yield* asked
      yield* alice.sendText("second")
      const second = yield* next
      yield* TestGateway.acks.hold({ reqId: message.reqId })
      const stuck = yield* Effect.fork(WecomBot.replyStreamFrame(message, snapshot("stuck")))
      yield* TestGateway.awaitReceived({ reqId: message.reqId })
      yield* WecomBot.replyStreamFrame(second, snapshot("free", true))
      yield* WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("pushed"))
      expect(stuck.unsafePoll()).toBeNull()
      yield* Fiber.interrupt(stuck)
    }))

  test("replyStreamFrameIfIdle sends only when the message's lane is idle, but always sends a final", () =>
    Effect.gen(function*() {
      const { alice, message } = yield* asked
      const first = yield* WecomBot.replyStreamFrameIfIdle(message, snapshot("a"))
      expect(Option.map(first, (ack) => ack.errcode)).toEqual(Option.some(0))
      const held = yield* TestGateway.acks.hold({ cmd: respond })
      const busy = yield* Effect.fork(WecomBot.replyStreamFrameIfIdle(message, snapshot("ab")))
      yield* held.awaitCount(1)
      expect(Option.isNone(yield* WecomBot.replyStreamFrameIfIdle(message, snapshot("abc")))).toBe(true)
      const final = yield* Effect.fork(WecomBot.replyStreamFrameIfIdle(message, snapshot("abcd", true)))
      yield* held.release()
      yield* held.awaitCount(1)
      yield* held.release()
      expect(Option.isSome(yield* Fiber.join(busy))).toBe(true)
      expect(Option.isSome(yield* Fiber.join(final))).toBe(true)
      expect((yield* alice.screen).at(-1)!.history).toEqual(["a", "ab", "abcd"])
    }))

  test("what the service refuses fails as SendRejected, with its code and what the code calls for", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      for (const errcode of [45009, 846605, 846606, 846607, 846608, 93006, 6000, -1, 12345]) {
        yield* TestGateway.acks.refuse(errcode, { cmd: respond, times: 1 })
        const error = yield* failure(WecomBot.reply(message, Reply.markdown("x")))
        expect(error).toMatchObject({ _tag: "SendRejected", command: respond, errcode })
        expect(error).toMatchObject({ advice: ErrorCode.advice(errcode) })
        expect(error.message).toContain(String(errcode))
      }
      expect(yield* TestGateway.connections).toHaveLength(1)
    }))

  test("an ack without a code is a refusal, unless it says nothing at all", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      const headers = { req_id: message.reqId }
      const send = WecomBot.replyStreamFrame(message, snapshot("x"))
      const rule = (ack: unknown) => TestGateway.acks.rewrite(() => ack, { cmd: respond, times: 1 })
      yield* rule({ headers })
      expect((yield* send).errcode).toBe(0)
      yield* rule({ headers, errcode: "0" })
      expect((yield* send).errcode).toBe(0)
      for (const ack of [{ errmsg: "busy" }, { errcode: "" }, { errcode: "no" }, { errcode: true }, { errcode: " " }]) {
        yield* rule({ headers, ...ack })
        expect(yield* failure(send)).toMatchObject({ _tag: "SendRejected", errcode: -1 })
      }
      yield* rule({ headers, errcode: "846608" })
      expect(yield* failure(send)).toMatchObject({ _tag: "SendRejected", errcode: 846608 })
    }))

  test("a target whose window is over fails as SendExpired and touches no wire", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      const events = yield* collect(WecomBot.events)
      const alice = yield* TestGateway.user("alice")
      yield* alice.enter
      yield* alice.sendEvent("template_card_event", { task_id: "t" })
      const entered = yield* events
      const pressed = yield* events
      const ago = <A extends { readonly receivedAt: number }>(value: A, millis: number): A => ({
        ...value,
        receivedAt: value.receivedAt - millis
      })
      const day = 24 * 60 * 60 * 1000
      if (entered.eventtype !== "enter_chat" || pressed.eventtype !== "template_card_event") return expect.fail()
      const tooLate = [
        WecomBot.replyStreamFrame(ago(message, day + 60_000), snapshot("x")),
        WecomBot.reply(ago(message, day + 60_000), Reply.markdown("x")),
        WecomBot.replyTemplateCard(ReplyTarget.fromMessage(ago(message, day + 60_000)), card("t")),
        WecomBot.replyWelcome(ago(entered, 60_000), Reply.text("x")),
        WecomBot.updateTemplateCard(ago(pressed, 60_000), card("t"))
      ]
      for (const send of tooLate) expect((yield* failure(send))._tag).toBe("SendExpired")
      expect(yield* sentFrames).toHaveLength(0)
      expect((yield* WecomBot.reply(ago(message, day - 60_000), Reply.markdown("just in time"))).errcode).toBe(0)
    }))

  test("what the service would refuse by its shape fails as SendInvalid before the wire, and names the field", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      const sends = {
        "stream.content": WecomBot.replyStreamFrame(message, snapshot("汉".repeat(6827))),
        "markdown.content": WecomBot.reply(message, Reply.markdown("x".repeat(20_481))),
        "chat": WecomBot.sendMessage(Chat.user(""), Reply.markdown("x")),
        "target": WecomBot.reply(null as never, Reply.markdown("x")),
        "template_card.button_list": WecomBot.replyTemplateCard(message, { ...card("t"), button_list: [] })
      }
      for (const [field, send] of Object.entries(sends)) {
        expect(yield* failure(send)).toMatchObject({ _tag: "SendInvalid", field })
      }
      const empty = yield* failure(WecomBot.replyStreamFrame(message, snapshot(" \u200b<think>hm", true)))
      expect(empty._tag).toBe("SendInvalid")
      const cyclic: { self?: unknown } = {}
      cyclic.self = cyclic
      for (const body of [cyclic, { n: 1n }]) {
        expect((yield* failure(WecomBot.command("x", body)))._tag).toBe("SendInvalid")
      }
      expect(yield* sentFrames).toHaveLength(0)
    }))

  test("a full lane refuses further frames, and only that lane", () =>
    Effect.gen(function*() {
      const { alice, message, next } = yield* asked
      yield* alice.sendText("second")
      const second = yield* next
      const held = yield* TestGateway.acks.hold({ reqId: message.reqId })
      const frames = yield* Effect.forEach(
        ["a", "ab", "abc"],
        (content) => Effect.fork(WecomBot.replyStreamFrame(message, snapshot(content)))
      )
      yield* held.awaitCount(1)
      const full = yield* failure(WecomBot.replyStreamFrame(message, snapshot("abcd")))
      expect(full).toMatchObject({ _tag: "ReplyQueueFull", limit: 2, command: respond })
      yield* WecomBot.replyStreamFrame(second, snapshot("free", true))
      for (const frame of frames) {
        yield* held.awaitCount(1)
        yield* held.release()
        yield* Fiber.join(frame)
      }
      yield* Effect.zipRight(held.remove, WecomBot.replyStreamFrame(message, snapshot("abcde", true)))
    }), () => ({ bot: { maxReplyQueueSize: 2 } }))

  test(
    "a send that finds no subscription in time fails as SendUnavailable, and never leaves",
    () =>
      Effect.gen(function*() {
        const { message } = yield* asked
        yield* TestGateway.faults.refuseConnections(true)
        yield* TestGateway.faults.cut()
        yield* awaitStatus("Waiting")
        const before = (yield* sentFrames).length
        const error = yield* during(failure(WecomBot.replyStreamFrame(message, snapshot("x"))), seconds(4))
        expect(error).toMatchObject({ _tag: "SendUnavailable", reason: "NotSubscribed" })
        yield* TestGateway.faults.refuseConnections(false)
        yield* during(TestGateway.awaitSubscribed(), seconds(30))
        yield* WecomBot.replyStreamFrame(message, snapshot("y", true))
        expect((yield* sentFrames).slice(before).map((frame) => frame.body.stream.content)).toEqual(["y"])
      }),
    ({ seconds }) => ({ bot: { unavailableTimeout: seconds(4) } })
  )

  test("a frame that is interrupted while it waits never leaves, and those behind it do", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      const held = yield* TestGateway.acks.hold({ cmd: respond })
      const written = yield* Effect.fork(WecomBot.replyStreamFrame(message, snapshot("a")))
      yield* held.awaitCount(1)
      const queued = yield* Effect.fork(WecomBot.replyStreamFrame(message, snapshot("b")))
      const last = yield* Effect.fork(WecomBot.replyStreamFrame(message, snapshot("c", true)))
      yield* Effect.yieldNow()
      // The written one keeps its place: nothing overtakes a frame that may still be acked.
      yield* Fiber.interrupt(queued)
      yield* Fiber.interrupt(written)
      expect(yield* sentFrames).toHaveLength(1)
      yield* held.remove
      expect((yield* Fiber.join(last)).errcode).toBe(0)
      expect((yield* sentFrames).map((frame) => frame.body.stream.content)).toEqual(["a", "c"])
    }))

  test("an ack that does not come in time leaves the delivery unknown", () =>
    Effect.gen(function*() {
      yield* asked
      yield* TestGateway.acks.drop({ cmd: "aibot_send_msg", times: 1 })
      const error = yield* during(failure(WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("x"))), seconds(5))
      expect(error).toMatchObject({ _tag: "DeliveryUnknown", reason: "AckTimeout" })
    }))

  test("a hundred lanes with five frames each are all delivered, each in order", () =>
    Effect.gen(function*() {
      const { alice, next } = yield* asked
      const lanes = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, n) => `user-${n}`),
        (userid) => Effect.flatMap(TestGateway.user(userid), (user) => Effect.zipRight(user.sendText("hi"), next))
      )
      yield* TestGateway.acks.reorder({ cmd: respond }, { size: 10, order: "shuffle" })
      const done = yield* Deferred.make<void>()
      yield* Effect.forEach(lanes, (message) =>
        Effect.forEach(
          [1, 2, 3, 4, 5],
          (n) => WecomBot.replyStreamFrame(message, snapshot("x".repeat(n), n === 5)),
          { concurrency: "unbounded" }
        ), { concurrency: "unbounded" }).pipe(
          Effect.exit,
          Effect.flatMap((exit) =>
            Exit.isSuccess(exit) ? Deferred.succeed(done, undefined) : Deferred.failCause(done, exit.cause as never)
          )
        )
      yield* Deferred.await(done)
      const histories = new Map<string | number, Array<number>>()
      for (const frame of yield* sentFrames) {
        histories.set(frame.reqId!, [...histories.get(frame.reqId!) ?? [], frame.body.stream.content.length])
      }
      expect(histories.size).toBe(100)
      expect([...histories.values()].every((history) => history.join() === "1,2,3,4,5")).toBe(true)
      expect(alice.userid).toBe("alice")
    }))
}
