import * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import { describe, expect, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Fiber, Layer, Redacted, Scope, Stream, TestClock } from "effect"
import { BotConfig, Chat, Crypto, Dedupe, Heartbeat, Reply, WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"

const { defaultBotId: botId, defaultSecret: secret } = TestGateway

const others = Array.from({ length: 20 }, (_, n) => ({ botId: `aib-${n}`, secret: `secret-of-${n}` }))

const subscribed = (options: { readonly botId: string; readonly secret: Redacted.Redacted }) =>
  Effect.tap(WecomBot.make(options), (bot) => bot.ready)

describe("an idle bot", () => {
  it.scoped("keeps one fiber, which waits for callbacks, whatever its age", () =>
    Effect.gen(function*() {
      const fibers = Effect.map(Effect.zipRight(TestClock.adjust("95 seconds"), Fiber.roots), (all) => [...all].length)
      yield* subscribed({ botId, secret })
      const withOne = yield* fibers
      for (const { botId, secret } of others) yield* subscribed({ botId, secret: Redacted.make(secret) })
      expect(yield* fibers).toBe(withOne + others.length)
      const pings = (yield* TestGateway.received).filter((frame) => frame.cmd === "ping")
      expect(pings.length).toBeGreaterThan(2 * others.length)
    }).pipe(Effect.provide(TestGateway.layer({ otherBots: others }))))
})

describe("a bot made without a layer", () => {
  it.scopedLive("is on Node what the layer makes", () =>
    Effect.gen(function*() {
      const wsUrl = yield* NodeGateway.url
      yield* Effect.scoped(Effect.gen(function*() {
        const bot = yield* NodeWecomBot.make({ botId, secret, wsUrl }, Crypto.layerDeterministic("seed"))
        const alice = yield* TestGateway.user("alice")
        yield* bot.ready
        yield* alice.sendText("hi")
        yield* bot.sendMessage(Chat.user("alice"), Reply.markdown("hello"))
        expect((yield* alice.screen).at(-1)?.text).toBe("hello")
      }))
      yield* TestGateway.awaitConnections((all) => all.every((_) => _.state === "closed"))
    }).pipe(Effect.provide(NodeGateway.layer())))

  it.scopedLive("gives its policies the way to the service that it has itself", () =>
    Effect.gen(function*() {
      const options = { botId, secret, wsUrl: yield* NodeGateway.url }
      const policies = Layer.effect(
        Dedupe.Dedupe,
        Effect.as(
          Effect.all([HttpClient.HttpClient, Socket.WebSocketConstructor, BotConfig.BotConfig]),
          { isNew: () => Effect.succeed(true) }
        )
      )
      yield* Effect.scoped(Effect.flatMap(NodeWecomBot.make(options, policies), (bot) => bot.ready))
      yield* Effect.provide(WecomBot.ready, NodeWecomBot.layer(options, policies))
    }).pipe(Effect.provide(NodeGateway.layer())))

  it.scoped("leaves no link behind in a Scope that has closed, before or meanwhile", () =>
    Effect.gen(function*() {
      const closed = yield* Scope.make()
      yield* Scope.close(closed, Exit.void)
      yield* Effect.fork(Scope.extend(WecomBot.make({ botId, secret }), closed))
      const closing = yield* Scope.make()
      const slow = Layer.effect(Crypto.Crypto, Effect.zipRight(Effect.sleep("1 second"), Crypto.make))
      yield* Effect.fork(Scope.extend(WecomBot.make({ botId, secret }, slow), closing))
      yield* TestClock.adjust("500 millis")
      yield* Scope.close(closing, Exit.void)
      yield* TestClock.adjust("2 minutes")
      expect((yield* TestGateway.connections).filter((_) => _.state !== "closed")).toEqual([])
    }).pipe(Effect.provide(TestGateway.layer())))

  it.scoped("fails for options that make no sense", () =>
    Effect.gen(function*() {
      expect((yield* Effect.flip(WecomBot.make({ botId: "", secret })))._tag).toBe("ConfigError")
      expect((yield* Effect.flip(NodeWecomBot.make({ botId: "", secret })))._tag).toBe("ConfigError")
    }).pipe(Effect.provide(TestGateway.layer())))
})

describe("the bot as a value", () => {
  const members = [
    ..."awaitCardAction awaitReply closed command downloadFile events forkHandler messages ready".split(
      " "
    ),
    ..."reply replyMedia replyStream replyStreamFrame replyStreamFrameIfIdle replyStreamWithCard".split(" "),
    ..."replyTemplateCard replyWelcome sendMediaMessage sendMessage status statusChanges".split(" "),
    ..."updateTemplateCard uploadMedia".split(" ")
  ]

  it.scoped("may be taken apart", () =>
    Effect.gen(function*() {
      const { ready, sendMessage, status } = yield* WecomBot.WecomBot
      yield* ready
      expect((yield* status)._tag).toBe("Subscribed")
      yield* Effect.flatMap(TestGateway.user("alice"), (alice) => alice.sendText("hello"))
      expect(yield* sendMessage(Chat.user("alice"), Reply.markdown("hi"))).toMatchObject({ errcode: 0 })
    }).pipe(Effect.provide(TestGateway.layerBot())))

  it.scoped("may be copied, with something else in the place of one member", () =>
    Effect.gen(function*() {
      const bot = yield* WecomBot.WecomBot
      const copy: WecomBot.WecomBot.Service = {
        ...bot,
        sendMessage: (to) => bot.sendMessage(to, Reply.markdown("mine"))
      }
      expect(Object.keys(copy).toSorted()).toEqual(members)
      yield* bot.ready
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("hello")
      yield* Effect.provideService(
        WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("yours")),
        WecomBot.WecomBot,
        copy
      )
      expect((yield* alice.screen).at(-1)?.text).toBe("mine")
      const message = yield* Effect.flatten(Stream.runHead(copy.messages))
      expect(message).toMatchObject({ text: { content: "hello" } })
    }).pipe(Effect.provide(TestGateway.layerBot())))
})

describe("a heartbeat without an interval is run", () => {
  it.scoped("by each session", () =>
    Effect.gen(function*() {
      let runs = 0
      const { run } = Heartbeat.make("30 seconds")
      const counting: Heartbeat.Heartbeat.Service = {
        run: (ping) => Effect.zipRight(Effect.sync(() => runs++), run(ping))
      }
      const bot = yield* WecomBot.make({ botId, secret }, Layer.succeed(Heartbeat.Heartbeat, counting))
      yield* bot.ready
      yield* TestClock.adjust("65 seconds")
      expect(runs).toBe(1)
      expect((yield* TestGateway.received).map((frame) => frame.cmd)).toEqual(["aibot_subscribe", "ping", "ping"])
    }).pipe(Effect.provide(TestGateway.layer())))

  it.scoped("and one with an interval is not: the session pings by itself", () =>
    Effect.gen(function*() {
      const heartbeat: Heartbeat.Heartbeat.Service = {
        interval: Duration.seconds(20),
        run: () => Effect.dieMessage("was run")
      }
      const bot = yield* WecomBot.make({ botId, secret }, Layer.succeed(Heartbeat.Heartbeat, heartbeat))
      yield* bot.ready
      yield* TestClock.adjust("65 seconds")
      expect((yield* TestGateway.received).filter((frame) => frame.cmd === "ping")).toHaveLength(3)
    }).pipe(Effect.provide(TestGateway.layer())))
})

/**
 * A service that acknowledges everything, and answers a pushed message in the very step in which it acknowledges it; by default
 * a turn later.
 */
const quick = (later: (step: () => void) => void = queueMicrotask) =>
  Layer.succeed(Socket.WebSocketConstructor, () => {
    const listeners = new Map<string, Array<(event: any) => void>>()
    const emit = (kind: string, event: object) => {
      for (const listener of listeners.get(kind) ?? []) listener(event)
    }
    const tell = (frame: object) => emit("message", { data: JSON.stringify(frame) })
    const socket = {
      readyState: 0,
      addEventListener: (kind: string, listener: (event: any) => void) =>
        void listeners.set(kind, [...listeners.get(kind) ?? [], listener]),
      removeEventListener: () => {},
      close: () => {
        socket.readyState = 3
        queueMicrotask(() => emit("close", { code: 1000 }))
      },
      send: (text: string) => {
        const { cmd, headers } = JSON.parse(text)
        later(() => {
          tell({ headers, errcode: 0, errmsg: "ok" })
          if (cmd !== "aibot_send_msg") return
          tell({
            cmd: "aibot_msg_callback",
            headers: { req_id: "R" },
            body: {
              msgid: "M",
              aibotid: botId,
              chattype: "single",
              from: { userid: "alice" },
              msgtype: "text",
              text: { content: "yes" }
            }
          })
        })
      }
    }
    queueMicrotask(() => {
      socket.readyState = 1
      emit("open", {})
    })
    return socket as unknown as WebSocket
  })

const noHttp = Layer.succeedContext(Context.make(HttpClient.HttpClient, undefined as never))

it.scoped("an answer that comes right behind the ack of a question finds who begins to wait when he hears of the ack", () =>
  Effect.gen(function*() {
    const bot = yield* WecomBot.make({ botId, secret })
    yield* bot.sendMessage(Chat.user("alice"), Reply.markdown("shall I?"))
    expect(yield* bot.awaitReply(Chat.user("alice"))).toMatchObject({ text: { content: "yes" } })
  }).pipe(Effect.provide([quick(), noHttp])))

it.scoped("a service that acknowledges before the write returns is as good as any", () =>
  Effect.gen(function*() {
    const bot = yield* WecomBot.make({ botId, secret })
    const early = yield* Effect.fork(bot.sendMessage(Chat.user("alice"), Reply.markdown("before it is ready")))
    yield* bot.ready
    expect(yield* Fiber.join(early)).toMatchObject({ errcode: 0 })
    expect(yield* bot.sendMessage(Chat.user("alice"), Reply.markdown("now"))).toMatchObject({ errcode: 0 })
    yield* TestClock.adjust("5 minutes")
    expect((yield* bot.status)._tag).toBe("Subscribed")
  }).pipe(Effect.provide([quick((step) => step()), noHttp])))
