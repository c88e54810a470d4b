import { describe, expect } from "@effect/vitest"
import { Effect, Exit, Fiber, TestClock } from "effect"
import { Chat, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { memory } from "../contract/harness.js"
import type { AckCase } from "./cases.js"
import * as Cases from "./cases.js"

const tagOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string =>
  Exit.isSuccess(exit) ? "Acked" : exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag

const pushes = (one: AckCase) =>
  Effect.gen(function*() {
    const alice = yield* TestGateway.user("alice")
    yield* alice.sendText("hi")
    if (one.frame !== undefined) yield* TestGateway.acks.drop({ cmd: "aibot_send_msg" })
    const fibers = yield* Effect.replicateEffect(
      Effect.fork(Effect.exit(WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("news")))),
      one.outstanding ?? 1
    )
    yield* TestClock.adjust(0)
    if (one.frame !== undefined) yield* TestGateway.faults.pushRaw(Cases.dataOf(one.frame))
    yield* TestClock.adjust(0)
    const atOnce = yield* Effect.forEach(fibers, Fiber.poll)
    // A refusal that can belong to one frame only ends it at once.
    expect(atOnce.every(({ _tag }) => _tag === "Some")).toBe(one.must[0] !== "DeliveryUnknown")
    yield* TestClock.adjust("10 seconds")
    const exits = yield* Effect.forEach(fibers, Fiber.join)
    expect(exits.map(tagOf)).toEqual(one.must)
  })

const subscribes = ({ must, subscribe }: AckCase) =>
  Effect.gen(function*() {
    const rule = yield* TestGateway.acks.refuse(subscribe!, { cmd: "aibot_subscribe" })
    yield* TestGateway.faults.cut()
    const ended = yield* Effect.fork(Effect.exit(WecomBot.closed))
    yield* TestClock.adjust("5 seconds")
    if (must[0] === "Subscribed") {
      yield* rule.remove
      yield* TestClock.adjust("1 minute")
      expect((yield* WecomBot.status)._tag).toBe("Subscribed")
      return
    }
    yield* TestClock.adjust("2 minutes")
    expect(tagOf(yield* Fiber.join(ended))).toBe(must[0])
  })

describe("the corpus of acks", () => {
  for (const [name, one] of Cases.read<AckCase>("acks")) {
    memory.test(
      name,
      () => one.subscribe === undefined ? pushes(one) : subscribes(one),
      () => ({ gateway: { binaryFrames: one.binary === true } })
    )
  }
})
