import { expect, it } from "@effect/vitest"
import { WSClient } from "@wecom/aibot-node-sdk"
import { Effect, Queue, Redacted } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import type { IncomingCase } from "./cases.js"
import * as Cases from "./cases.js"

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

const sentinel = (n: number) =>
  JSON.stringify({
    cmd: "aibot_msg_callback",
    headers: { req_id: `sentinel-${n}` },
    body: { msgid: `sentinel-${n}`, msgtype: "text", text: { content: "" }, from: { userid: "zhang" } }
  })

/** The messages and events of known types, by which a program of the official SDK answers. */
const answerable = ["text", "image", "mixed", "voice", "file", "video"].map((type) => `message.${type}`).concat(
  ["enter_chat", "template_card_event", "feedback_event"].map((type) => `event.${type}`)
)

it.scopedLive("ours answers at least all that the official SDK answers of the corpus", () =>
  Effect.gen(function*() {
    const emitted = yield* Queue.unbounded<string>()
    const sdk = new WSClient({
      botId: TestGateway.defaultBotId,
      secret: Redacted.value(TestGateway.defaultSecret),
      wsUrl: yield* NodeGateway.url,
      logger: silent
    })
    for (const name of answerable) {
      sdk.on(name as "message", (frame) => void Queue.unsafeOffer(emitted, String(frame.headers?.req_id)))
    }
    sdk.on("error", () => {})
    yield* Effect.acquireRelease(Effect.sync(() => sdk.connect()), () => Effect.sync(() => sdk.disconnect()))
    yield* TestGateway.awaitSubscribed()
    let answered = 0
    for (const [n, [name, { frames, handled }]] of Cases.read<IncomingCase>("incoming").entries()) {
      for (const frame of frames) yield* TestGateway.faults.pushRaw(Cases.dataOf(frame))
      yield* TestGateway.faults.pushRaw(sentinel(n))
      let count = 0
      while ((yield* Queue.take(emitted)) !== `sentinel-${n}`) count++
      expect(count, name).toBeLessThanOrEqual(handled.length)
      answered += count
    }
    // A yardstick that answers nothing would prove nothing.
    expect(answered).toBeGreaterThan(30)
  }).pipe(Effect.provide(NodeGateway.layer())))
