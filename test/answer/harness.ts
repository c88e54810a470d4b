/**
 * What the tests of `replyStream` share: Alice, her question, and simulated time, so that nobody adjusts a clock.
 */
import { it } from "@effect/vitest"
import { Chunk, Clock, Effect, Stream } from "effect"
import type { Duration, Layer, Scope } from "effect"
import { Chat, ReplyTarget, WecomBot } from "effect-wecom"
import type { BotConfig, Message } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Bot from "../support/seededBot.js"
import * as Sim from "../support/simulation.js"

export type Services = Layer.Layer.Success<ReturnType<typeof Bot.layer>> | Scope.Scope

export interface Options {
  readonly bot?: Partial<BotConfig.Options> | undefined
  readonly gateway?: TestGateway.Options | undefined
}

/** A test on a bot and a gateway of its own. */
export const test = (name: string, program: () => Effect.Effect<void, unknown, Services>, options: Options = {}) =>
  it(name, () =>
    Sim.runPromise(
      1,
      Effect.scoped(Effect.provide(Effect.scoped(program()), Bot.layer(1, options.bot, options.gateway))),
      { maxMillis: 3 * 24 * 60 * 60 * 1000 }
    ))

export const alice = TestGateway.user("alice")

/** Alice's question, as the bot got it. */
export const asked: Effect.Effect<Message.Message, unknown, Services> = Effect.gen(function*() {
  const user = yield* alice
  yield* user.sendText("question")
  return Chunk.unsafeHead(yield* Stream.runCollect(Stream.take(WecomBot.messages, 1)))
})

/** What is left of a message when a process starts anew. */
export const target: Effect.Effect<ReplyTarget.MessageTarget, unknown, Services> = Effect.map(
  asked,
  ReplyTarget.fromMessage
)

/** The bot's bubbles on Alice's screen. */
export const bubbles = Effect.flatMap(alice, (user) => user.screen).pipe(
  Effect.map((screen) => screen.filter((bubble) => bubble.from === "bot"))
)

export const texts = Effect.map(bubbles, (all) => all.map((bubble) => bubble.text))

/** The stream frames of the bot, in the order in which the gateway got them. */
export const frames = Effect.map(
  TestGateway.received,
  (received) => received.filter((frame) => frame.body?.stream !== undefined)
)

/** Deltas, one after every pause. */
export const spaced = (pause: Duration.DurationInput, deltas: ReadonlyArray<WecomBot.AnswerPart>) =>
  Stream.fromIterable(deltas).pipe(
    Stream.rechunk(1),
    Stream.mapEffect((delta) => Effect.as(Effect.sleep(pause), delta))
  )

export const words = (count: number, first = 0) => Array.from({ length: count }, (_, index) => `w${first + index} `)

/** How long something takes on the simulated clock, in milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const startedAt = yield* Clock.currentTimeMillis
    const value = yield* effect
    return [value, (yield* Clock.currentTimeMillis) - startedAt] as const
  })

export const bytes = (text: string) => Buffer.byteLength(text)

export const chat = Chat.user("alice")

export const stream = (frame: TestGateway.Received) => frame.body?.stream
