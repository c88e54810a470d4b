import { describe, expect, it } from "@effect/vitest"
import {
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  ManagedRuntime,
  Metric,
  Schedule,
  Scope,
  Stream,
  TestClock,
  TestServices
} from "effect"
import { BotRouter, Chat, Reply, Telemetry, WecomBot } from "effect-wecom"
import type { BotConfig, Connection, Message } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { vi } from "vitest"
import * as SharedDeadlines from "../src/internal/time/sharedDeadlines.js"
import { start as startProcess } from "./fixtures/process.js"
import { moved } from "./router/support.js"

const { defaultBotId: botId, defaultSecret: secret } = TestGateway
const respond = "aibot_respond_msg"

const endless = (pause: Duration.DurationInput) => Stream.schedule(Stream.repeatValue("word "), Schedule.spaced(pause))

/** Alice wrote, and an answer has begun to grow. */
const asked = Effect.gen(function*() {
  const alice = yield* TestGateway.user("alice")
  yield* alice.sendText("go on")
  yield* alice.awaitBubble((bubble) => bubble.from === "bot" && bubble.text.includes("word"))
  return alice
})

/** The answer stands there sealed, with all that was shown of it and a word on its end, by one final. */
const expectSealed = (alice: TestGateway.User) =>
  Effect.gen(function*() {
    const bubble = (yield* alice.screen).at(-1)!
    expect(bubble).toMatchObject({ from: "bot", sealed: true, thinking: false })
    expect(bubble.text).toMatch(/^(word )+\n\n（回答已中断）$/)
    const finals = (yield* TestGateway.received).filter((frame) => (frame.body as any)?.stream?.finish === true)
    expect(finals).toHaveLength(1)
  })

describe("bubbles are sealed when the bot goes away", () => {
  const answerEndlessly = (message: Message.Message) => WecomBot.replyStream(message, endless("10 millis"))

  const router = BotRouter.empty.pipe(BotRouter.onText(answerEndlessly))

  const bot = Effect.map(
    NodeGateway.url,
    (wsUrl) => NodeWecomBot.layer({ botId, secret, wsUrl, drainTimeout: "50 millis", sealTimeout: "2 seconds" })
  )

  const test = (
    name: string,
    body: Effect.Effect<TestGateway.User, unknown, TestGateway.TestGateway | NodeGateway.NodeGateway | Scope.Scope>
  ) =>
    it.scopedLive(name, () =>
      Effect.flatMap(body, expectSealed).pipe(
        Effect.zipRight(TestGateway.awaitConnections((all) => all.every((_) => _.state === "closed"))),
        Effect.map((connections) => expect(connections.map((_) => _.closeCode)).toEqual([1000])),
        Effect.provide(NodeGateway.layer())
      ))

  test(
    "Effect.provide, and a forked fiber answers",
    Effect.gen(function*() {
      return yield* Effect.gen(function*() {
        yield* Effect.fork(Stream.runForEach(WecomBot.messages, answerEndlessly))
        return yield* asked
      }).pipe(Effect.provide(yield* bot))
    })
  )

  test(
    "Effect.provide, and a daemon fiber answers",
    Effect.gen(function*() {
      const { alice, daemon } = yield* Effect.gen(function*() {
        const daemon = yield* Effect.forkDaemon(Stream.runForEach(WecomBot.messages, answerEndlessly))
        return { alice: yield* asked, daemon }
      }).pipe(Effect.provide(yield* bot))
      // It is told, so it does not go on for nobody.
      expect(yield* Effect.flip(Fiber.join(daemon))).toMatchObject({ _tag: "SendUnavailable", reason: "Draining" })
      return alice
    })
  )

  test(
    "Effect.provide, and a router answers whose fiber is a daemon",
    Effect.gen(function*() {
      return yield* Effect.gen(function*() {
        yield* Effect.forkDaemon(BotRouter.run(router))
        return yield* asked
      }).pipe(Effect.provide(yield* bot))
    })
  )

  test(
    "Effect.provide around a program that is interrupted",
    Effect.gen(function*() {
      const program = yield* Effect.fork(Effect.provide(BotRouter.run(router), yield* bot))
      const alice = yield* asked
      yield* Fiber.interrupt(program)
      return alice
    })
  )

  test(
    "Effect.provide around a program that fails",
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const program = Effect.raceFirst(BotRouter.run(router), Effect.zipRight(asked, Effect.fail("enough")))
      expect(yield* Effect.flip(Effect.provide(program, yield* bot))).toBe("enough")
      return alice
    })
  )

  test(
    "Layer.launch",
    Effect.gen(function*() {
      const app = Layer.provide(BotRouter.layer(router), yield* bot)
      const launched = yield* Effect.fork(Layer.launch(app))
      const alice = yield* asked
      yield* Fiber.interrupt(launched)
      return alice
    })
  )

  test(
    "ManagedRuntime.dispose",
    Effect.gen(function*() {
      const runtime = ManagedRuntime.make(yield* bot)
      runtime.runFork(BotRouter.run(router))
      const alice = yield* asked
      yield* Effect.promise(() => runtime.dispose())
      return alice
    })
  )

  const env = Effect.map(NodeGateway.url, (wsUrl) => ({
    WECOM_BOT_ID: botId,
    WECOM_BOT_SECRET: "test-secret",
    WECOM_WS_URL: wsUrl
  }))

  test(
    "a process whose program simply ends",
    Effect.gen(function*() {
      const process = yield* startProcess("test/fixtures/endlessAnswer.ts", yield* env)
      const alice = yield* asked
      const bob = yield* TestGateway.user("bob")
      yield* bob.sendText("leave")
      expect(yield* process.ended).toMatchObject({ code: 0, signal: null })
      return alice
    })
  )
})

describe("closing", () => {
  const answerEndlessly = (message: Message.Message) => WecomBot.replyStream(message, endless("1 second"))

  const router = BotRouter.empty.pipe(BotRouter.onText(answerEndlessly))

  const drainTimeout = Duration.seconds(10)
  const sealTimeout = Duration.seconds(5)
  const bound = Duration.sum(drainTimeout, sealTimeout)

  const test = (
    name: string,
    body: () => Effect.Effect<void, unknown, TestGateway.TestGateway | WebSocketConstructor | Scope.Scope>,
    options?: TestGateway.Options
  ) => it.scoped(name, () => Effect.provide(body(), TestGateway.layer(options)))

  type WebSocketConstructor = Layer.Layer.Success<ReturnType<typeof TestGateway.layer>>

  /** A bot that the test closes; the gateway stays to be looked at. */
  const start = (options?: Partial<BotConfig.Options>) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const logged: Array<string> = []
      const logger = Logger.replace(
        Logger.defaultLogger,
        Logger.make(({ message }) => void logged.push(String(message)))
      )
      const layer = WecomBot.layer({ botId, secret, drainTimeout, sealTimeout, ...options })
      const context = yield* Layer.buildWithScope(Layer.provideMerge(layer, logger), scope)
      return {
        bot: Context.get(context, WecomBot.WecomBot),
        logged,
        fork: <A, E>(effect: Effect.Effect<A, E, WecomBot.WecomBot>) =>
          Effect.forkDaemon(Effect.provide(effect, context)),
        close: Effect.forkDaemon(Effect.provide(Scope.close(scope, Exit.void), logger))
      }
    })

  /** Real time, for what happens without the clock. */
  const hasEnded = (fiber: Fiber.RuntimeFiber<unknown, unknown>, within: Duration.DurationInput) =>
    Fiber.await(fiber).pipe(
      Effect.as(true),
      Effect.timeoutTo({ duration: within, onSuccess: (ended) => ended, onTimeout: () => false }),
      TestServices.provideLive
    )

  const expectEnded = (fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
    Effect.map(hasEnded(fiber, "2 seconds"), (ended) => expect(ended, "has ended").toBe(true))

  /** It ends when the clock has moved so far, and not before. */
  const expectEnd = (fiber: Fiber.RuntimeFiber<unknown, unknown>, after: Duration.DurationInput) =>
    Effect.gen(function*() {
      yield* TestClock.adjust(Duration.toMillis(after) - 1)
      expect(yield* hasEnded(fiber, "30 millis"), "has ended too early").toBe(false)
      yield* TestClock.adjust(1)
      yield* expectEnded(fiber)
    })

  /** A link that is lost and does not come back. */
  const goDown = Effect.gen(function*() {
    yield* TestGateway.faults.refuseConnections(true)
    yield* TestGateway.faults.cut()
    yield* TestGateway.awaitConnections((all) => all.every((_) => _.state === "closed"))
  })

  test("a handler may finish what it says", () =>
    Effect.gen(function*() {
      const { close, fork } = yield* start()
      const threeSeconds = Stream.schedule(Stream.make("a", "b", "c"), Schedule.spaced("1 second"))
      yield* fork(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) => WecomBot.replyStream(message, threeSeconds))
      )))
      const alice = yield* TestGateway.user("alice")
      const sent = yield* alice.sendText("go on")
      yield* TestGateway.awaitReceived({ cmd: respond })
      yield* expectEnd(yield* close, "3 seconds")
      expect(yield* alice.awaitAnswer(sent)).toMatchObject({ text: "abc", sealed: true })
    }))

  test("nothing that a bot waits for is left in what it shares with others", () =>
    Effect.gen(function*() {
      const deadlines = yield* SharedDeadlines.shared
      const after = vi.spyOn(deadlines, "after")
      const { close, fork } = yield* start({ ackHorizon: "1 hour" })
      yield* fork(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) => WecomBot.replyStream(message, "done"))
      )))
      yield* TestGateway.acks.drop({ cmd: respond })
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("hi")
      yield* TestGateway.awaitReceived({ cmd: respond })
      // Without acks a bubble waits before it is sealed again.
      yield* TestClock.adjust("30 seconds")
      const pending = () =>
        after.mock.results.filter(({ value }) => (value as { readonly onDue: unknown }).onDue !== undefined).length
      yield* Effect.promise(() => vi.waitFor(() => expect(pending()).toBeGreaterThan(0)))
      const closing = yield* close
      yield* TestClock.adjust(bound)
      yield* expectEnded(closing)
      expect(pending()).toBe(0)
    }))

  test("what waits for a debounce window to pass is dropped, and counted", () =>
    Effect.gen(function*() {
      const { close, fork } = yield* start()
      const begun: Array<string> = []
      yield* fork(BotRouter.run(
        BotRouter.empty.pipe(BotRouter.onText((message) => Effect.sync(() => begun.push(message.text.content)))),
        { overlap: "debounce", debounceWindow: "1 minute" }
      ))
      const alice = yield* TestGateway.user("alice")
      const waiting = Effect.map(Metric.value(Telemetry.handlersWaiting), ({ count }) => count)
      const before = yield* waiting
      yield* alice.sendText("one")
      yield* alice.sendText("two")
      yield* Effect.promise(() => vi.waitFor(() => expect(Effect.runSync(waiting)).toBe(before + 2)))
      const dropped = yield* moved(
        Telemetry.handlerDropped,
        Effect.gen(function*() {
          const closing = yield* close
          yield* TestClock.adjust(drainTimeout)
          yield* expectEnded(closing)
        })
      )
      expect(dropped).toBe(2)
      expect(yield* waiting).toBe(before)
      expect(begun).toEqual([])
    }))

  test("handlers finish side by side", () =>
    Effect.gen(function*() {
      const { close, fork } = yield* start()
      yield* fork(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.zipRight(Effect.sleep("3 seconds"), WecomBot.reply(message, Reply.markdown("done")))
        )
      )))
      const people = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, at) => `user${at}`),
        (_) => TestGateway.user(_)
      )
      yield* Effect.forEach(people, (user) => user.sendText("hi"))
      yield* TestServices.provideLive(Effect.sleep("20 millis"))
      yield* expectEnd(yield* close, "3 seconds")
      for (const user of people) expect((yield* user.screen).at(-1)).toMatchObject({ from: "bot", text: "done" })
    }))

  test("a handler that never ends is cut off after drainTimeout", () =>
    Effect.gen(function*() {
      const { close, fork, logged } = yield* start()
      yield* fork(BotRouter.run(router))
      const growing = yield* Effect.fork(asked)
      yield* TestClock.adjust("1 second")
      const alice = yield* Fiber.join(growing)
      yield* expectEnd(yield* close, drainTimeout)
      yield* expectSealed(alice)
      expect(logged.filter((_) => _.startsWith("closed with"))).toEqual([])
    }))

  for (const [name, mute] of [["", Effect.void], [" whose acks never come", TestGateway.acks.drop()]] as const) {
    it.scoped(`TestGateway.layerBot closes without the clock, and seals a bubble${name}`, () =>
      Effect.gen(function*() {
        const closing = yield* Effect.gen(function*() {
          yield* Effect.forkScoped(BotRouter.run(router))
          const growing = yield* Effect.fork(asked)
          yield* TestClock.adjust("1 second")
          yield* mute
          return { alice: yield* Fiber.join(growing), gateway: yield* TestGateway.TestGateway }
        }).pipe(Effect.scoped, Effect.provide(TestGateway.layerBot()), Effect.forkDaemon)
        yield* expectEnded(closing)
        const { alice, gateway } = yield* Fiber.join(closing)
        yield* Effect.provideService(expectSealed(alice), TestGateway.TestGateway, gateway)
      }))
  }

  test("a handler that never ends is interrupted, and what it does then is waited for", () =>
    Effect.gen(function*() {
      const { bot, close, fork } = yield* start()
      const ended: Array<string> = []
      const handler = (name: string) =>
        Effect.never.pipe(
          Effect.onInterrupt(() => Effect.zipRight(Effect.sleep("2 seconds"), Effect.sync(() => ended.push(name))))
        )
      yield* fork(BotRouter.run(BotRouter.empty.pipe(BotRouter.onText(() => handler("routed")))))
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("hi")
      yield* TestServices.provideLive(Effect.sleep("20 millis"))
      yield* expectEnd(yield* close, Duration.sum(drainTimeout, "2 seconds"))
      expect(ended).toEqual(["routed"])
      // One that comes too late never begins.
      const late = yield* bot.forkHandler(handler("late"))
      expect(Exit.isInterrupted(yield* Fiber.await(late))).toBe(true)
      expect(ended).toEqual(["routed"])
    }))

  test("a handler that cannot be interrupted is not waited for beyond the bound, and its bubble is sealed", () =>
    Effect.gen(function*() {
      const { close, fork } = yield* start()
      let drawn = 0
      const source = Stream.tap(endless("1 second"), () => Effect.sync(() => drawn++))
      yield* fork(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) => Effect.uninterruptible(WecomBot.replyStream(message, source))),
        BotRouter.onVoice(() => Effect.uninterruptible(Effect.never))
      )))
      const bob = yield* TestGateway.user("bob")
      yield* bob.sendVoice("hm")
      const growing = yield* Effect.fork(asked)
      yield* TestClock.adjust("1 second")
      const alice = yield* Fiber.join(growing)
      yield* expectEnd(yield* close, bound)
      yield* expectSealed(alice)
      const before = drawn
      yield* TestClock.adjust("10 seconds")
      expect(drawn).toBe(before)
    }))

  test("an answer that cannot be interrupted does not hold it up once it is sealed", () =>
    Effect.gen(function*() {
      const { bot, close, fork } = yield* start()
      yield* fork(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) => Effect.uninterruptible(WecomBot.replyStream(message, "hello")))
      )))
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.say("hi")).text).toBe("hello")
      expect(yield* bot.status).toMatchObject({ _tag: "Subscribed" })
      yield* expectEnded(yield* close)
    }))

  for (
    const [name, breakLink] of [
      ["on a half-open link", TestGateway.faults.halfOpen()],
      ["when no ack comes", Effect.asVoid(TestGateway.acks.drop({ cmd: respond }))],
      ["when every frame is lost", Effect.asVoid(TestGateway.acks.lose({ cmd: respond }))]
    ] as const
  ) {
    test(`one bound holds over all ${name}`, () =>
      Effect.gen(function*() {
        const { bot, close, fork, logged } = yield* start()
        // A handler that goes on, one that cannot be stopped, and an answer that is nobody's.
        yield* fork(BotRouter.run(BotRouter.empty.pipe(
          BotRouter.onText(answerEndlessly),
          BotRouter.onVoice(() => Effect.uninterruptible(Effect.never)),
          BotRouter.onEvent("enter_chat", () => Effect.void)
        )))
        const bob = yield* TestGateway.user("bob")
        yield* bob.sendVoice("hm")
        const growing = yield* Effect.fork(asked)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(growing)
        yield* breakLink
        const target = { kind: "message" as const, reqId: "nobody", receivedAt: 1000 }
        yield* fork(bot.replyStream(target, endless("1 second")))
        yield* TestClock.adjust("100 millis")
        const closing = yield* close
        yield* TestClock.adjust(bound)
        yield* expectEnded(closing)
        expect(yield* bot.status).toMatchObject({ _tag: "Closed" })
        expect(logged.filter((_) => _.startsWith("closed with"))).toHaveLength(1)
      }))
  }

  test("a half-open link without anything to finish holds it up for a second", () =>
    Effect.gen(function*() {
      const { close } = yield* start()
      yield* TestGateway.awaitSubscribed()
      yield* TestGateway.faults.halfOpen()
      yield* expectEnd(yield* close, "1 second")
    }))

  test("with the link down nothing is waited for, and what stays open is logged by count", () =>
    Effect.gen(function*() {
      const { bot, close, fork, logged } = yield* start()
      yield* fork(BotRouter.run(router, { overlap: "concurrent" }))
      const growing = yield* Effect.fork(Effect.zipRight(asked, asked))
      yield* TestClock.adjust("1 second")
      const alice = yield* Fiber.join(growing)
      yield* goDown
      const waiting = yield* fork(bot.sendMessage(Chat.user("alice"), Reply.markdown("hi")))
      yield* expectEnded(yield* close)
      expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ _tag: "SendUnavailable" })
      expect(logged.filter((_) => _.startsWith("closed with"))).toEqual([expect.stringContaining("2 bubble(s)")])
      expect((yield* alice.screen).filter((_) => !_.sealed)).toHaveLength(2)
    }))

  test("a link that goes down meanwhile ends the waiting", () =>
    Effect.gen(function*() {
      const { close, fork, logged } = yield* start()
      yield* fork(BotRouter.run(router))
      const growing = yield* Effect.fork(asked)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(growing)
      const closing = yield* close
      yield* TestClock.adjust("1 second")
      yield* goDown
      yield* expectEnded(closing)
      expect(logged.filter((_) => _.startsWith("closed with"))).toEqual([expect.stringContaining("1 bubble(s)")])
      // A bot that goes away does not come back.
      yield* TestClock.adjust("1 minute")
      expect(yield* TestGateway.connections).toHaveLength(1)
    }))

  test("a bot that never got through closes at once", () =>
    Effect.gen(function*() {
      yield* TestGateway.faults.neverOpen(true)
      const { bot, close } = yield* start()
      const waiting = yield* Effect.fork(bot.sendMessage(Chat.user("alice"), Reply.markdown("hi")))
      yield* expectEnded(yield* close)
      expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ _tag: "SendUnavailable" })
    }))

  test("a bot that was superseded closes at once", () =>
    Effect.gen(function*() {
      const { bot, close, fork } = yield* start()
      const running = yield* fork(BotRouter.run(router))
      const growing = yield* Effect.fork(asked)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(growing)
      const messages = yield* fork(Stream.runDrain(bot.messages))
      yield* TestGateway.faults.kick()
      for (const fails of [Fiber.join(running), Fiber.join(messages), bot.closed, Stream.runDrain(bot.events)]) {
        expect(yield* Effect.flip(fails)).toMatchObject({ _tag: "Superseded" })
      }
      expect(yield* bot.status).toMatchObject({ _tag: "Closed", reason: { _tag: "Superseded" } })
      yield* expectEnded(yield* close)
      expect(yield* Effect.flip(bot.closed)).toMatchObject({ _tag: "Superseded" })
    }))

  test("while it drains only frames of running handlers and seals pass", () =>
    Effect.gen(function*() {
      const { bot, close, fork } = yield* start()
      yield* fork(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.gen(function*() {
            yield* Effect.sleep("2 seconds")
            yield* WecomBot.reply(message, Reply.markdown("late reply"))
            yield* Effect.fork(WecomBot.sendMessage(message, Reply.markdown("late push"))).pipe(
              Effect.flatMap(Fiber.join)
            )
            yield* Effect.sleep("2 seconds")
          })
        )
      )))
      const alice = yield* TestGateway.user("alice")
      const first = yield* alice.sendText("one")
      const outside = {
        kind: "message" as const,
        reqId: first.reqId,
        receivedAt: yield* Effect.clockWith((_) => _.currentTimeMillis)
      }
      const bubble = yield* fork(bot.replyStream(outside, Stream.concat(Stream.make("outside"), Stream.never)))
      yield* alice.awaitBubble((_) => _.text === "outside")
      const closing = yield* close
      yield* TestClock.adjust("1 second")
      expect(yield* bot.status).toEqual({ _tag: "Draining" })

      const received = (yield* TestGateway.received).length
      for (
        const send of [
          bot.sendMessage(Chat.user("alice"), Reply.markdown("x")),
          bot.reply(outside, Reply.markdown("x")),
          bot.replyStreamFrame(outside, { id: "x", content: "x", finish: true }),
          bot.command("aibot_anything")
        ]
      ) {
        expect(yield* Effect.flip(send)).toMatchObject({ _tag: "SendUnavailable", reason: "Draining" })
      }
      yield* alice.sendText("two")
      expect(yield* TestGateway.received).toHaveLength(received)

      yield* expectEnd(closing, "3 seconds")
      const texts = (yield* alice.screen).filter((_) => _.from === "bot").map((_) => [_.text, _.sealed])
      expect(texts).toEqual([["outside\n\n（回答已中断）", true], ["late reply", true], ["late push", true]])
      expect(yield* Effect.flip(Fiber.join(bubble))).toMatchObject({ _tag: "SendUnavailable", reason: "Draining" })
      const late = Effect.flip(bot.sendMessage(Chat.user("alice"), Reply.markdown("x")))
      expect(yield* late).toMatchObject({ _tag: "SendUnavailable", reason: "Closed" })
    }))

  test("status goes through Draining to Closed, the streams end, and nobody waits for ever", () =>
    Effect.gen(function*() {
      const { bot, close, fork } = yield* start()
      const statuses: Array<Connection.Status["_tag"]> = []
      yield* fork(Stream.runForEach(bot.statusChanges, (_) => Effect.sync(() => statuses.push(_._tag))))
      yield* TestGateway.awaitSubscribed()
      yield* bot.ready
      const ending = [
        yield* fork(Stream.runDrain(bot.messages)),
        yield* fork(Stream.runDrain(bot.events))
      ]
      const closed = yield* fork(bot.closed)
      const running = yield* fork(BotRouter.run(router))
      yield* expectEnded(yield* close)
      for (const fiber of ending) expect(yield* Fiber.await(fiber)).toEqual(Exit.void)
      for (const fiber of [closed, running]) expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
      expect(statuses.slice(-3)).toEqual(["Subscribed", "Draining", "Closed"])
      expect(yield* bot.status).toEqual({ _tag: "Closed" })
      expect(yield* Effect.exit(Stream.runCollect(bot.messages).pipe(Effect.asVoid))).toEqual(Exit.void)
    }))
})
