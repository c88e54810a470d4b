import * as HttpClient from "@effect/platform/HttpClient"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream, TestClock } from "effect"
import { Crypto, Dedupe, Governor, MediaDownload, MediaUpload, ReplyQueue, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { connection, gateway } from "./contract/wired.js"

/** Hands on copies of what it gets. */
const copying = Layer.effect(
  ReplyQueue.ReplyQueue,
  Effect.map(ReplyQueue.ReplyQueue, (inner): ReplyQueue.ReplyQueue.Service => ({
    ...inner,
    unsafeOffer: (request, options, onExit) => inner.unsafeOffer({ ...request }, { ...options }, onExit)
  }))
)

const unused = {} as never

const bot = WecomBot.layerWithoutDependencies.pipe(
  Layer.provide(Layer.mergeAll(
    Crypto.layer,
    Dedupe.layer,
    Governor.layer,
    Layer.succeed(MediaDownload.MediaDownload, unused),
    Layer.succeed(MediaUpload.MediaUpload, unused),
    Layer.succeed(HttpClient.HttpClient, unused)
  )),
  Layer.provide(copying),
  Layer.provideMerge(connection({ drainTimeout: 0, sealTimeout: 0 }))
)

it.scoped("behind a queue that copies what it gets, nothing is sent again for somebody who went away", () =>
  Effect.gen(function*() {
    yield* TestGateway.acks.hold({ cmd: "aibot_respond_msg" })
    yield* WecomBot.ready
    const alice = yield* TestGateway.user("alice")
    yield* alice.sendText("hi")
    const message = yield* Effect.flatten(Stream.runHead(WecomBot.messages))
    const answer = yield* Effect.fork(WecomBot.replyStreamFrame(message, { id: "s", content: "x" }))
    yield* TestClock.adjust(10)
    yield* Fiber.interrupt(answer)
    yield* TestGateway.faults.cut()
    yield* TestClock.adjust("20 seconds")
    expect((yield* TestGateway.received).filter(({ cmd }) => cmd === "aibot_respond_msg")).toHaveLength(1)
  }).pipe(Effect.provide(bot), Effect.provide(gateway())))
