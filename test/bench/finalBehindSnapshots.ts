/**
 * How long the final frame of an answer takes when 200 snapshots of it are there at once and every ack takes 100 ms: ours and
 * the official SDK's, against the same gateway on a real port, in one run. Run it with
 * `npx tsx test/bench/finalBehindSnapshots.ts`; it exits with 1 when ours takes 300 ms or more.
 */
import { WSClient } from "@wecom/aibot-node-sdk"
import { Effect, Logger, Redacted, Stream } from "effect"
import { WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"

const snapshots = 200
const limitMillis = 300
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const deltas = Array.from({ length: snapshots }, (_, index) => `word ${index} `)

interface Result {
  readonly millis: number
  readonly frames: number
}

/** From the question on the wire to the ack of the final. */
const measure = <R>(answer: Effect.Effect<unknown, unknown, R>) =>
  Effect.gen(function*() {
    const before = (yield* TestGateway.received).length
    const startedAt = performance.now()
    yield* answer
    const millis = performance.now() - startedAt
    const frames = (yield* TestGateway.received).slice(before).filter((frame) => frame.cmd === "aibot_respond_msg")
    const alice = yield* TestGateway.user("alice")
    const bubble = (yield* alice.screen).at(-1)!
    if (!bubble.sealed || bubble.text !== deltas.join("")) {
      return yield* Effect.dieMessage("the answer is not on screen")
    }
    return { millis, frames: frames.length } satisfies Result
  })

const ask = Effect.flatMap(TestGateway.user("alice"), (alice) => alice.sendText("tell me"))

const ours = Effect.gen(function*() {
  yield* WecomBot.ready
  const message = yield* Effect.zipRight(ask, Stream.runHead(WecomBot.messages)).pipe(Effect.flatten)
  return yield* measure(WecomBot.replyStream(message, Stream.fromIterable(deltas)))
})

const official = (wsUrl: string) =>
  Effect.gen(function*() {
    const client = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new WSClient({
          botId: TestGateway.defaultBotId,
          secret: Redacted.value(TestGateway.defaultSecret),
          wsUrl,
          logger: silent
        })
      ),
      (client) => Effect.sync(() => client.disconnect())
    )
    const message = Effect.async<any>((resume) => {
      client.on("message.text", (frame) => resume(Effect.succeed(frame)))
    })
    const authenticated = Effect.async<void>((resume) => {
      client.on("authenticated", () => resume(Effect.void))
      client.connect()
    })
    yield* authenticated
    const [frame] = yield* Effect.all([message, ask], { concurrency: 2 })
    return yield* measure(Effect.promise(() => {
      let text = ""
      const sent = deltas.map((delta) => client.replyStream(frame, "stream-1", text += delta, false))
      return Promise.all([...sent, client.replyStream(frame, "stream-1", text, true)])
    }))
  }).pipe(Effect.scoped)

const line = (name: string, { frames, millis }: Result) =>
  console.log(`${name.padEnd(14)}${(millis / 1000).toFixed(3).padStart(8)} s to the ack of the final, ${frames} frames`)

const main = Effect.gen(function*() {
  const wsUrl = yield* NodeGateway.url
  yield* TestGateway.acks.delay("100 millis", { cmd: "aibot_respond_msg" })
  const bot = NodeWecomBot.layer({
    botId: TestGateway.defaultBotId,
    secret: TestGateway.defaultSecret,
    wsUrl
  })
  const own = yield* Effect.provide(ours, bot)
  line("effect-wecom", own)
  line("official SDK", yield* official(wsUrl))
  if (own.millis >= limitMillis) {
    console.log(`too slow: the limit is ${limitMillis} ms`)
    process.exitCode = 1
  }
})

await Effect.runPromise(main.pipe(
  Effect.provide(NodeGateway.layer()),
  Effect.provide(Logger.remove(Logger.defaultLogger))
))
