import { describe, expect, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { asked } from "../support/messages.js"
import { memory } from "./harness.js"
import { incoming } from "./incoming.js"
import { links } from "./links.js"
import { outgoing } from "./outgoing.js"

describe("the bot over TestGateway", () => {
  incoming(memory)
  outgoing(memory)
  links(memory)

  it.scoped("a stream takes frames for ten minutes, and keep-alives do not extend that: then 846608 is SendRejected", () =>
    Effect.gen(function*() {
      const { message } = yield* asked
      const frame = (content: string) => WecomBot.replyStreamFrame(message, { id: "s", content })
      yield* frame("opened")
      yield* TestClock.adjust("5 minutes")
      yield* frame("half time")
      yield* TestClock.adjust("299 seconds")
      yield* frame("just in time")
      yield* TestClock.adjust("2 seconds")
      expect(yield* Effect.flip(frame("late"))).toMatchObject({ _tag: "SendRejected", errcode: 846608 })
      expect((yield* WecomBot.replyStreamFrame(message, { id: "s2", content: "new", finish: true })).errcode).toBe(0)
    }).pipe(Effect.provide(TestGateway.layerBot({ sealTimeout: 0 }))))
})
