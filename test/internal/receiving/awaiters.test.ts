import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Ref, TestClock } from "effect"
import { BotRouter, Chat, type Message, TemplateCard, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Awaiters from "../../../src/internal/receiving/awaiters.js"

const gateway = Effect.provide(TestGateway.layerBot())
const settled = TestClock.adjust(0)
const isText = (message: Message.Message): message is Message.TextMessage => message.msgtype === "text"

describe("awaitReply", () => {
  it.scoped("a handler in a queue asks and goes on: the answer goes to it alone, and the next message waits its turn", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make<ReadonlyArray<string>>([])
      const see = (what: string) => Ref.update(seen, (all) => [...all, what])
      yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onCommand("/order", (message) =>
          Effect.gen(function*() {
            yield* WecomBot.replyStream(message, "How many?")
            const { text } = yield* WecomBot.awaitReply(message, isText)
            yield* see(`ordered ${text.content}`)
          })),
        BotRouter.onMessage((message) => see(message.msgtype === "text" ? message.text.content : message.msgtype))
      )))
      const alice = yield* TestGateway.user("alice")
      const bob = yield* TestGateway.user("bob")
      yield* alice.say("/order")
      yield* bob.sendText("not me")
      yield* alice.sendVoice("not this")
      yield* settled
      expect(yield* Ref.get(seen)).toEqual(["not me"])
      yield* alice.sendText("three")
      yield* alice.sendText("four")
      yield* settled
      expect(yield* Ref.get(seen)).toEqual(["not me", "ordered three", "voice", "four"])
    }).pipe(gateway))

  it.scoped("an answer right behind the ack of the question finds its waiter", () =>
    Effect.gen(function*() {
      const answered = yield* Deferred.make<string>()
      yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.gen(function*() {
            yield* WecomBot.replyStreamFrame(message, { id: "s", content: "Yes or no?", finish: true })
            yield* Deferred.succeed(answered, (yield* WecomBot.awaitReply(message, isText)).text.content)
          })
        )
      )))
      const alice = yield* TestGateway.user("alice")
      const held = yield* TestGateway.acks.hold({ cmd: "aibot_respond_msg" })
      yield* alice.sendText("ask me")
      yield* held.awaitCount(1)
      // Both are on the wire before the bot gets a turn.
      yield* Effect.zipRight(held.release(), alice.sendText("yes"))
      yield* settled
      expect(yield* Deferred.poll(answered)).toEqual(Option.some(Effect.succeed("yes")))
    }).pipe(gateway))

  it.scoped("in a group any member may answer; in a stream nobody else sees it; the longest waiting is asked first", () =>
    Effect.gen(function*() {
      const room = yield* TestGateway.group("room", { members: ["alice", "bob"] })
      const first = yield* Effect.fork(WecomBot.awaitReply(Chat.group("room")))
      yield* Effect.yieldNow()
      const second = yield* Effect.fork(WecomBot.awaitReply(Chat.group("room"), () => true, { timeout: "1 hour" }))
      yield* Effect.yieldNow()
      yield* room.member("bob").sendMention("me")
      expect(yield* Fiber.join(first)).toMatchObject({ from: { userid: "bob" } })
      expect(second.unsafePoll()).toBeNull()
      yield* room.member("alice").sendMention("me too")
      expect(yield* Fiber.join(second)).toMatchObject({ from: { userid: "alice" } })
    }).pipe(gateway))

  it.scoped("fails with a timeout, and what comes then goes its normal way", () =>
    Effect.gen(function*() {
      const handled = yield* Ref.make(0)
      yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText(() => Ref.update(handled, (n) => n + 1))
      )))
      const waiting = yield* Effect.fork(WecomBot.awaitReply(Chat.user("alice"), undefined, { timeout: "1 minute" }))
      yield* TestClock.adjust("59 seconds")
      expect(waiting.unsafePoll()).toBeNull()
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ _tag: "TimeoutException" })
      yield* Effect.flatMap(TestGateway.user("alice"), (alice) => alice.sendText("late"))
      yield* settled
      expect(yield* Ref.get(handled)).toBe(1)
    }).pipe(gateway))

  it.scoped("interruption ends the waiting, a predicate that throws takes nothing, and nobody is no chat", () =>
    Effect.gen(function*() {
      const handled = yield* Ref.make(0)
      yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText(() => Ref.update(handled, (n) => n + 1))
      )))
      const waiting = yield* Effect.fork(WecomBot.awaitReply(Chat.user("alice")))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      const throwing = yield* Effect.fork(WecomBot.awaitReply(Chat.user("alice"), () => {
        throw new Error("no")
      }))
      yield* Effect.yieldNow()
      yield* Effect.flatMap(TestGateway.user("alice"), (alice) => alice.sendText("hi"))
      yield* settled
      expect(yield* Ref.get(handled)).toBe(1)
      yield* Fiber.interrupt(throwing)
      expect(yield* Effect.flip(WecomBot.awaitReply({} as Message.Message))).toMatchObject({ _tag: "SendInvalid" })
    }).pipe(gateway))

  it.scoped("fails at once when the bot is closed for good", () =>
    Effect.gen(function*() {
      const reply = yield* Effect.fork(WecomBot.awaitReply(Chat.user("alice")))
      const press = yield* Effect.fork(WecomBot.awaitCardAction("task"))
      yield* Effect.yieldNow()
      yield* TestGateway.faults.kick()
      expect(yield* Effect.flip(Fiber.join(reply))).toMatchObject({ _tag: "Superseded" })
      expect(yield* Effect.flip(Fiber.join(press))).toMatchObject({ _tag: "Superseded" })
      expect(yield* Effect.flip(WecomBot.awaitReply(Chat.user("alice")))).toMatchObject({ _tag: "Superseded" })
    }).pipe(gateway))
})

describe("awaitCardAction", () => {
  it.scoped("the press on the awaited card goes to the waiter alone, and presses on others to their routes", () =>
    Effect.gen(function*() {
      const routed = yield* Ref.make<ReadonlyArray<string | undefined>>([])
      const pressed = yield* Deferred.make<string>()
      const card = (task_id: string) =>
        TemplateCard.buttonInteraction({
          main_title: { title: "Deploy?" },
          button_list: [{ text: "Yes", key: "yes" }],
          task_id
        })
      yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onMatch(/wait/, (message) =>
          Effect.gen(function*() {
            yield* WecomBot.replyTemplateCard(message, yield* card("awaited"))
            const event = yield* WecomBot.awaitCardAction("awaited")
            yield* Deferred.succeed(pressed, event.from.userid)
          })),
        BotRouter.onText((message) =>
          Effect.flatMap(card("routed"), (card) => WecomBot.replyTemplateCard(message, card))
        ),
        BotRouter.onEvent(
          "template_card_event",
          (event) => Ref.update(routed, (all) => [...all, event.event.template_card_event.task_id])
        )
      )))
      const alice = yield* TestGateway.user("alice")
      const bob = yield* TestGateway.user("bob")
      const awaited = yield* alice.say("wait")
      const other = yield* bob.say("card")
      yield* bob.press(other, "yes")
      yield* alice.press(awaited, "yes")
      yield* alice.press(awaited, "yes")
      yield* settled
      expect(yield* Deferred.poll(pressed)).toEqual(Option.some(Effect.succeed("alice")))
      expect(yield* Ref.get(routed)).toEqual(["routed", "awaited"])
    }).pipe(gateway))

  it.scoped("fails with a timeout", () =>
    Effect.gen(function*() {
      const waiting = yield* Effect.fork(WecomBot.awaitCardAction("task"))
      yield* TestClock.adjust("5 minutes")
      expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ _tag: "TimeoutException" })
    }).pipe(gateway))
})

describe("awaiters", () => {
  it.effect("a value that came as its waiter gave up is given back, and nothing of the waiter stays", () =>
    Effect.gen(function*() {
      const back: Array<number> = []
      const awaiters = Awaiters.make<number>((value) => back.push(value))
      const waiting = yield* Effect.fork(awaiters.take("key", () => true, (waiting) => waiting))
      yield* Effect.yieldNow()
      expect(awaiters.size()).toBe(1)
      // Interrupted first, and offered before it has run again.
      yield* Fiber.interruptFork(waiting)
      expect(awaiters.unsafeOffer("key", 7)).toBe(true)
      const exit = yield* Fiber.await(waiting)
      expect([...Exit.isSuccess(exit) ? [exit.value] : [], ...back]).toEqual([7])
      expect(awaiters.size()).toBe(0)
      expect(awaiters.unsafeOffer("key", 8)).toBe(false)
    }))
})
