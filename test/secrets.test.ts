/**
 * The secret, media keys, links and what people write appear in no log, error, status, span or metric. Every test of the
 * suite is watched for the same by `setup/secretsInLogs.ts`.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Socket from "@effect/platform/Socket"
import { describe, expect, it } from "@effect/vitest"
import {
  Cause,
  Data,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Metric,
  Option,
  Redacted,
  Stream,
  TestClock
} from "effect"
import { BotConfig, BotRouter, Chat, Crypto, MediaDownload, Reply, ReplyTarget, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { randomBytes } from "node:crypto"
import { inspect } from "node:util"
import { encryptBlocks } from "./setup/ciphertexts.js"
import { leaks } from "./setup/forbidden.js"
import * as RecordingTracer from "./setup/recordingTracer.js"

const secret = `canary-of-the-secret-${randomBytes(8).toString("hex")}`
const key = randomBytes(32)
const aeskey = key.toString("base64")
const url = `https://files.example.com/canary-path?sign=canary-signature-${randomBytes(8).toString("hex")}`
const words = "canary-words-of-alice"

const canaries: ReadonlyArray<string> = [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString("base64").replace(/=+$/, ""),
  aeskey,
  aeskey.slice(0, 43),
  "canary-path",
  "canary-signature",
  words
]

/** Everything that leaves a bot by its side doors. */
const observed = () => {
  const texts: Array<string> = []
  const spans: Array<RecordingTracer.Span> = []
  const tracer = RecordingTracer.make({ start: (span) => void spans.push(span) })

  const log = Logger.make<unknown, void>((entry) => {
    for (const logger of [Logger.jsonLogger, Logger.logfmtLogger, Logger.stringLogger]) texts.push(logger.log(entry))
    texts.push(inspect(Logger.structuredLogger.log(entry), { depth: 10 }))
  })

  const error = (value: unknown): void => {
    texts.push(String(value), JSON.stringify(value) ?? "", inspect(value, { depth: 10, showHidden: true }))
    if (value instanceof Error) texts.push(value.message, value.stack ?? "", inspect(value.cause, { depth: 10 }))
  }

  const exit = (result: Exit.Exit<unknown, unknown>): void => {
    error(result)
    if (Exit.isSuccess(result)) return
    texts.push(Cause.pretty(result.cause, { renderErrorCause: true }))
    for (const failure of Cause.failures(result.cause)) error(failure)
    for (const defect of Cause.defects(result.cause)) error(defect)
  }

  const all = (): ReadonlyArray<string> => [
    ...texts,
    ...spans.map(({ attributes, events, name, status }) =>
      inspect({ name, attributes, events, status }, { depth: 10 })
    ),
    ...spans.flatMap(({ failure }) => failure === undefined ? [] : [Cause.pretty(failure, { renderErrorCause: true })]),
    ...Metric.unsafeSnapshot().map((pair) => inspect(pair, { depth: 10 }))
  ]

  return {
    error,
    exit,
    spans,
    texts,
    layer: Layer.mergeAll(Logger.add(log), Logger.minimumLogLevel(LogLevel.All), Layer.setTracer(tracer)),
    /** Fails with the canary, not with the text around it, so that a red test leaks nothing either. */
    expectClean: () => {
      const seen = all()
      expect(seen.length).toBeGreaterThan(0)
      for (const canary of canaries) {
        const found = seen.find((text) => text.includes(canary))
        expect(found?.replaceAll(canary, "<CANARY>").slice(0, 500)).toBeUndefined()
      }
    }
  }
}

class HandlerFailed extends Data.TaggedError("HandlerFailed")<{ readonly why: string }> {}

/** A bot whose world knows all canaries, and whose side doors are watched. */
const watched = (
  body: (out: ReturnType<typeof observed>) => Effect.Effect<
    void,
    unknown,
    WecomBot.WecomBot | TestGateway.TestGateway
  >,
  options?: TestGateway.BotOptions
) =>
  Effect.suspend(() => {
    const out = observed()
    return Effect.gen(function*() {
      const statuses = yield* Effect.fork(
        Stream.runForEach(WecomBot.statusChanges, (status) => Effect.sync(() => out.error(status)))
      )
      yield* body(out)
      yield* Effect.yieldNow()
      out.error(yield* WecomBot.status)
      yield* Fiber.interrupt(statuses)
    }).pipe(
      Effect.withSpan("test"),
      Effect.provide(TestGateway.layerBot({ secret, sealTimeout: 0, quotas: false, ...options })),
      Effect.provide(out.layer),
      Effect.ensuring(Effect.sync(out.expectClean))
    )
  })

const talkative = Effect.gen(function*() {
  const alice = yield* TestGateway.user("alice")
  yield* alice.sendText(words)
  yield* alice.sendImage({ url, aeskey })
  yield* alice.sendFile({ url, aeskey })
  yield* alice.sendVideo({ url, aeskey })
  yield* alice.sendVoice(words)
  yield* alice.sendMixed([words, { url, aeskey }])
  yield* alice.sendQuote({ msgtype: "file", file: { url, aeskey } }, words)
  yield* alice.send({ msgtype: "hologram", hologram: { url, aeskey, words } })
  yield* alice.sendEvent("auth_change_event", { url, aeskey, words, secret })
  return alice
})

describe("nothing secret leaves", () => {
  it.scoped("when handlers answer, fail and die", () =>
    watched((out) =>
      Effect.gen(function*() {
        let handled = 0
        const router = BotRouter.empty.pipe(
          BotRouter.onText((message) => WecomBot.replyStream(message, `you said ${message.text.content}`)),
          BotRouter.onImage(() => new HandlerFailed({ why: "on purpose" })),
          BotRouter.onFile(() => Effect.die(new Error("on purpose"))),
          BotRouter.onVideo((message) => WecomBot.reply(message, Reply.markdown(`${words} ${message.video.url}`))),
          BotRouter.onMixed((message) =>
            WecomBot.replyStream(
              message,
              Stream.concat(Stream.make(words), Stream.fail(new HandlerFailed({ why: "x" })))
            )
          ),
          BotRouter.orElse(() => Effect.sync(() => handled++))
        )
        yield* Effect.forkScoped(BotRouter.run(router, { tracing: true, errorReply: () => "Sorry." }))
        yield* TestGateway.acks.refuse(40058, { where: (frame) => frame.body.msgtype === "markdown" })
        yield* talkative
        yield* TestClock.adjust("1 minute")
        expect(handled).toBeGreaterThan(0)
        expect(out.texts.some((text) => text.includes("on purpose"))).toBe(true)
        expect(out.spans.length).toBeGreaterThan(1)
      }).pipe(Effect.scoped)
    ))

  it.scoped("when sends are refused, invalid, in doubt, too late or impossible", () =>
    watched((out) =>
      Effect.gen(function*() {
        const alice = yield* TestGateway.user("alice")
        yield* alice.sendText(words)
        const message = Option.getOrThrow(yield* Stream.runHead(WecomBot.messages))
        const tried: Array<string> = []
        const send = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(effect)
            yield* TestClock.adjust("1 minute")
            const result = yield* Fiber.await(fiber)
            out.exit(result)
            if (Exit.isFailure(result)) { for (const { _tag } of Cause.failures(result.cause)) tried.push(_tag) }
          })
        const push = (text: string) => WecomBot.sendMessage(Chat.user("alice"), Reply.markdown(text))
        const rule = yield* TestGateway.acks.refuse(40058)
        yield* send(push(`${words} ${url} ${aeskey} ${secret}`))
        yield* rule.remove
        yield* send(WecomBot.reply(message, Reply.markdown(`${words} ${url}`.repeat(2_000))))
        yield* send(
          WecomBot.replyStreamFrame(message, { id: `${words}${"x".repeat(300)}\n`, content: words, finish: true })
        )
        yield* send(
          WecomBot.replyTemplateCard(
            message,
            { card_type: "text_notice", quote_area: words, card_action: { type: 7, url }, task_id: aeskey } as any
          )
        )
        yield* send(WecomBot.updateTemplateCard(message as any, { words, url, aeskey } as any))
        yield* send(WecomBot.sendMessage({ _tag: "User", userid: { words, secret } } as any, Reply.markdown(words)))
        yield* TestGateway.acks.drop({ where: (frame) => frame.text.includes("in doubt") })
        yield* send(push(`in doubt ${words} ${secret}`))
        yield* TestGateway.faults.refuseConnections(true)
        const cut = yield* Effect.fork(push(`in doubt ${words} ${aeskey}`))
        yield* Effect.yieldNow()
        yield* TestGateway.faults.cut()
        yield* send(Fiber.join(cut))
        yield* send(push(`${words} ${secret}`))
        yield* TestGateway.faults.refuseConnections(false)
        yield* TestClock.adjust("1 minute")
        const yesterday = { ...ReplyTarget.fromMessage(message), receivedAt: message.receivedAt - 25 * 60 * 60 * 1000 }
        yield* send(WecomBot.reply(yesterday, Reply.markdown(words)))
        expect(new Set(tried)).toEqual(
          new Set(["SendRejected", "SendInvalid", "DeliveryUnknown", "SendUnavailable", "SendExpired"])
        )
      }), { maxReconnectAttempts: -1 }))

  it.scoped("when frames cannot be read", () =>
    watched((out) =>
      Effect.gen(function*() {
        yield* WecomBot.ready
        const body = { url, aeskey, secret, text: { content: words }, image: { url, aeskey }, from: { userid: words } }
        const frames = [
          `{"broken ${words} ${url} ${aeskey} ${secret}`,
          JSON.stringify([words, url, aeskey, secret]),
          JSON.stringify({ cmd: `${aeskey} ${secret}`, headers: { req_id: url }, body }),
          JSON.stringify({ cmd: "aibot_msg_callback", headers: { req_id: url }, body }),
          JSON.stringify({ cmd: "aibot_msg_callback", headers: { req_id: url }, body: words }),
          JSON.stringify({ cmd: "aibot_event_callback", headers: { req_id: words }, body: { ...body, event: words } }),
          JSON.stringify({ cmd: "aibot_event_callback", headers: {}, body: words }),
          JSON.stringify({ headers: { req_id: aeskey }, errcode: secret, errmsg: words, body }),
          JSON.stringify({ headers: { req_id: aeskey }, errcode: 0, errmsg: "ok", body }),
          new TextEncoder().encode(`${words} ${url} ${aeskey} ${secret}`)
        ]
        for (const frame of frames) yield* TestGateway.faults.pushRaw(frame)
        yield* Effect.yieldNow()
        expect(out.texts.some((text) => text.includes("could not be read"))).toBe(true)
      })
    ))

  it.scoped("when the bot is kicked out", () =>
    watched((out) =>
      Effect.gen(function*() {
        yield* WecomBot.ready
        yield* TestGateway.faults.kick()
        const exit = yield* Effect.exit(WecomBot.closed)
        out.exit(exit)
        expect(inspect(exit, { depth: 10 })).toContain("Superseded")
      })
    ))

  it.scoped("when the credentials are refused", () =>
    watched((out) =>
      Effect.gen(function*() {
        yield* TestGateway.faults.refuseCredentials(true)
        yield* TestGateway.faults.cut()
        const closed = yield* Effect.fork(WecomBot.closed)
        yield* TestClock.adjust("10 minutes")
        const exit = yield* Fiber.await(closed)
        out.exit(exit)
        expect(inspect(exit, { depth: 10 })).toContain("AuthRejected")
      })
    ))

  it.scoped("when no link can be made, whatever the socket says about it", () =>
    Effect.gen(function*() {
      const out = observed()
      const failing = Layer.succeed(Socket.WebSocketConstructor, () => {
        throw Object.assign(new Error(`cannot reach ${url} with ${secret}`), { code: undefined, url, secret })
      })
      const bot = WecomBot.layer({ botId: "bot", secret: Redacted.make(secret), maxReconnectAttempts: 1 }).pipe(
        Layer.provide(failing),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.never)))
      )
      const closed = yield* Effect.fork(WecomBot.closed.pipe(Effect.provide(bot), Effect.provide(out.layer)))
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.await(closed)
      out.exit(exit)
      expect(inspect(exit, { depth: 10 })).toContain("ReconnectExhausted")
      out.expectClean()
    }))

  it.scoped("when the options are wrong", () =>
    Effect.gen(function*() {
      const out = observed()
      const wrong: ReadonlyArray<object> = [
        { botId: "bot", secret },
        { botId: "", secret: Redacted.make(secret) },
        { botId: "bot", secret: Redacted.make({ secret }) },
        {
          botId: "bot",
          secret: Redacted.make(secret),
          wsUrl: `https://user:${secret}@example.com?sign=canary-signature`
        }
      ]
      for (const options of wrong) {
        const exit = yield* Effect.exit(Layer.build(BotConfig.layer(options as BotConfig.Options)))
        expect(Exit.isFailure(exit)).toBe(true)
        out.exit(exit)
      }
      out.expectClean()
    }))

  it.scoped("when a download fails", () =>
    Effect.gen(function*() {
      const out = observed()
      const answers: ReadonlyArray<HttpClient.HttpClient> = [
        HttpClient.make((request) =>
          new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error(`no route to ${url}`) })
        ),
        HttpClient.make((request) =>
          Effect.succeed(HttpClientResponse.fromWeb(request, new Response(`<Error>${url}</Error>`, { status: 403 })))
        ),
        HttpClient.make((request) =>
          Effect.succeed(
            HttpClientResponse.fromWeb(
              request,
              new Response(new Uint8Array(encryptBlocks(key, Buffer.alloc(48))), { status: 200 })
            )
          )
        )
      ]
      for (const http of answers) {
        const download = MediaDownload.download({ url, aeskey }).pipe(
          Effect.flatMap(({ bytes }) => bytes),
          Effect.withSpan("caller"),
          Effect.provide(MediaDownload.layer),
          Effect.provide([
            Layer.succeed(HttpClient.HttpClient, http),
            Crypto.layer,
            Layer.orDie(BotConfig.layer({ botId: "bot", secret: Redacted.make(secret) })),
            out.layer
          ])
        )
        const fiber = yield* Effect.fork(download)
        yield* TestClock.adjust("1 minute")
        const exit = yield* Fiber.await(fiber)
        expect(Exit.isFailure(exit)).toBe(true)
        out.exit(exit)
      }
      out.expectClean()
    }))
})

it.effect("a test that logs a secret fails", () =>
  Effect.gen(function*() {
    yield* Effect.logTrace("fine grained", { secret: TestGateway.defaultSecret })
    expect(leaks.splice(0)).toEqual([])
    yield* Effect.logTrace("fine grained", { secret: Redacted.value(TestGateway.defaultSecret) })
    yield* Effect.logTrace("a link").pipe(Effect.annotateLogs({ url }))
    yield* Effect.logTrace("a key", new Error(aeskey.replaceAll("/", "x")))
    expect(leaks.splice(0)).toHaveLength(3)
  }))
