import { describe, expect } from "@effect/vitest"
import { Effect, Either, Option, Struct } from "effect"
import { WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { memory } from "../contract/harness.js"
import { asked } from "../support/messages.js"
import type { SendCase } from "./cases.js"
import * as Cases from "./cases.js"

const run = (one: SendCase) =>
  Effect.gen(function*() {
    const { alice, message } = yield* asked
    const uploaded = yield* WecomBot.uploadMedia(new Uint8Array(10), { type: "file", filename: "a" })
    const before = (yield* TestGateway.received).length
    const given = one.arguments.map((argument) =>
      argument === "message"
        ? message
        : argument === "video"
        ? { type: "video", media_id: uploaded.media_id }
        : Array.isArray(argument?.bytes)
        ? new Uint8Array(argument.bytes)
        : argument
    )
    const operation = (WecomBot as any)[one.operation] as (
      ...args: ReadonlyArray<unknown>
    ) => Effect.Effect<unknown, { readonly _tag: string }, WecomBot.WecomBot>
    const outcome = yield* Effect.either(operation(...given))
    if (one.must.shown !== undefined) {
      expect(Either.getLeft(outcome)).toEqual(Option.none())
      expect((yield* alice.screen).at(-1)).toMatchObject(one.must.shown)
      return
    }
    expect(Either.isLeft(outcome) ? outcome.left : outcome.right).toMatchObject(Struct.omit(one.must, "shown"))
    expect((yield* TestGateway.received).length, "nothing was sent").toBe(before)
  })

describe("the corpus of sends", () => {
  for (const [name, one] of Cases.read<SendCase>("sends")) memory.test(name, () => run(one))
})
