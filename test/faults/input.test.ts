/** Whatever comes in, from the service or from the program, ends nothing and is answered with a typed error at worst. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Cause, Effect, Either, Exit, Layer, Option, Redacted, Stream } from "effect"
import { BotConfig, BotRouter, Chat, Crypto, Reply, WecomBot, WecomCrypto } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { fileURLToPath } from "node:url"
import { describe, expect } from "vitest"
import { frames } from "../fuzz/arbitraryFrames.js"
import * as Rng from "../simulate/rng.js"
import { anything, cycle, trap } from "./hostile.js"
import type { Options } from "./world.js"
import { fault, isQuick, make } from "./world.js"

/** Megabytes of nonsense take their time, and a gateway need not remember them. */
const patient: Options = {
  direct: true,
  silent: true,
  gateway: { receivedLimit: 10 },
  bot: { heartbeatInterval: "30 seconds", pingTimeout: "10 seconds", subscribeTimeout: "20 seconds" }
}

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff)

fault(
  `hostile frames on a real socket (FUZZ_SEED=${seed})`,
  { quick: true, timeout: 90_000 },
  (row) =>
    Effect.gen(function*() {
      const total = isQuick ? 4_500 : 8_000
      const world = yield* make(patient)
      let handled = 0
      const router = BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.suspend(() => {
            handled++
            return message.text.content === "still there?"
              ? world.bot.replyStream(message, "yes")
              : Effect.void
          })
        ),
        BotRouter.orElse(() => Effect.sync(() => handled++))
      )
      yield* BotRouter.run(router).pipe(
        Effect.provideService(WecomBot.WecomBot, world.bot),
        Effect.ignore,
        Effect.forkScoped
      )
      const alice = yield* world.service.user("alice")
      for (const [n, frame] of frames(total, seed).entries()) {
        yield* world.service.faults.pushRaw(frame)
        row.times++
        if (n % 500 === 499) yield* alice.say("still there?")
      }
      expect((yield* alice.say("still there?")).text).toBe("yes")
      expect(world.reasons()).toEqual([])
      expect(handled).toBeGreaterThan(total / 500)
    })
)

const valid = (message: unknown): ReadonlyArray<readonly [string, unknown]> => [
  ["a message", message],
  ["a user", Chat.user("hostile-chat")],
  ["an event", { kind: "template_card_event", reqId: "none", receivedAt: Date.now(), task_id: "t" }],
  ["markdown", Reply.markdown("x")],
  ["odd markdown", { msgtype: "markdown", markdown: { content: trap } }],
  ["a stream frame", { id: "s", content: "x", finish: true }],
  ["odd stream frame", { id: trap, content: cycle, finish: "no" }],
  ["odd card", { card_type: "text_notice", main_title: trap, card_action: cycle }],
  ["media", { type: "file", media_id: "m" }],
  ["a path", fileURLToPath(import.meta.url)],
  ["upload options", { type: "file", filename: "a.txt" }],
  ["an odd target", { kind: "message", reqId: "odd", chat: trap, receivedAt: Date.now() }],
  ["text", "x"],
  ["a stream", Stream.make("a", "b")]
]

const given = { botId: "b", secret: Redacted.make("s") }

type AnyFunction = (...args: ReadonlyArray<any>) => unknown

/** What a function returns is run to its end, or until it only waits. */
const run = (result: unknown): Effect.Effect<unknown, unknown, any> => {
  if (Effect.isEffect(result)) return result as Effect.Effect<unknown>
  if (Layer.isLayer(result)) return Effect.scoped(Layer.build(result as unknown as Layer.Layer<never>))
  return typeof result === "object" && result !== null && Stream.StreamTypeId in result
    ? Stream.runDrain(result as Stream.Stream<never>)
    : Effect.void
}

const name = (args: ReadonlyArray<readonly [string, unknown]>) => args.map(([name]) => name).join(", ")

/** Calls it with all of these; what is neither a success nor a typed failure. */
const defectsOf = (
  label: string,
  f: AnyFunction,
  calls: Iterable<ReadonlyArray<readonly [string, unknown]>>,
  row: { times: number }
) =>
  Effect.gen(function*() {
    const found: Array<string> = []
    yield* Effect.forEach(calls, (args) =>
      Effect.gen(function*() {
        row.times++
        const exit = yield* Effect.suspend(() => run(f(...args.map(([, value]) => value)))).pipe(
          Effect.timeout("100 millis"),
          Effect.exit
        )
        if (Exit.isSuccess(exit)) return
        for (const defect of Cause.defects(exit.cause)) found.push(`${label}(${name(args)}): ${String(defect)}`)
        for (const error of Cause.failures(exit.cause)) {
          if (typeof error !== "object" || error === null || !("_tag" in error || "_op" in error)) {
            found.push(`${label}(${name(args)}) failed with ${typeof error}`)
          }
        }
      }), { concurrency: 96, discard: true })
    return found
  })

/** Some of them; hundreds are of one kind. */
const shown = (found: ReadonlyArray<string>): string => {
  const step = Math.max(1, Math.floor(found.length / 12))
  return found.filter((_, at) => at % step === 0).join("\n")
}

type Argument = readonly [string, unknown]

/** What functions take: behind two of these a third argument is read. */
const firsts = ["a message", "a user", "an event", "text"]
const seconds = [
  ...["markdown", "a stream frame", "media", "text", "function"],
  ...["a stream", "a broken stream", "a stream of odd parts"]
]

/**
 * In full every two arguments. The third is all of the pool behind two that functions take, and elsewhere one for each pair, so
 * that every two also meet as first and third and as second and third. The quick part picks the third at random.
 */
const calls = function*(pool: ReadonlyArray<Argument>, parameters: number) {
  const random = Rng.make(seed)
  for (const [at, first] of pool.entries()) {
    if (parameters === 1) yield [first]
    else {
      for (const [beside, second] of pool.entries()) {
        if (parameters === 2) yield [first, second]
        else if (isQuick) yield [first, second, random.pick(pool)]
        else if (!firsts.includes(first[0]) || !seconds.includes(second[0])) {
          yield [first, second, pool[(at + beside) % pool.length]!]
        } else for (const third of pool) yield [first, second, third]
      }
    }
  }
}

/** The quick part has every argument as the first, and the others at random. */
const fewerCalls = function*(pool: ReadonlyArray<Argument>, parameters: number) {
  if (!isQuick) return yield* calls(pool, parameters)
  const random = Rng.make(seed)
  for (const first of pool) yield [first, random.pick(pool), random.pick(pool)]
}

describe(`hostile arguments are answered with a typed error (FUZZ_SEED=${seed})`, () => {
  const methods = Object.keys({
    awaitReply: 0,
    awaitCardAction: 0,
    command: 0,
    reply: 0,
    replyStream: 0,
    replyStreamFrame: 0,
    replyStreamFrameIfIdle: 0,
    replyStreamWithCard: 0,
    replyTemplateCard: 0,
    replyWelcome: 0,
    updateTemplateCard: 0,
    sendMessage: 0,
    downloadFile: 0,
    uploadMedia: 0,
    uploadMediaFile: 0,
    uploadMediaProgress: 0,
    replyMedia: 0,
    sendMediaMessage: 0
  })

  for (const method of methods) {
    fault(
      `WecomBot.${method} with hostile arguments`,
      { quick: method === "sendMessage", alone: true, timeout: 60_000 },
      (row) =>
        Effect.gen(function*() {
          // A call that waits for a quota says nothing about its arguments.
          const world = yield* make({ ...patient, unlimited: true })
          const alice = yield* world.service.user("alice")
          const taking = yield* Effect.fork(Stream.runHead(world.bot.messages))
          yield* world.awaitStatus("Subscribed")
          yield* alice.sendText("hi")
          const message = Option.getOrThrow(yield* taking)
          const f = (WecomBot as unknown as { readonly [name: string]: AnyFunction })[method]!
          const found = yield* defectsOf(method, f, calls([...anything, ...valid(message)], f.length), row).pipe(
            Effect.provideService(WecomBot.WecomBot, world.bot),
            Effect.provide(NodeFileSystem.layer)
          )
          if (found.length > 0) yield* Effect.fail(new Error(`${found.length} defects:\n${shown(found)}`))
          // The bot is none the worse for it.
          expect((yield* world.bot.status)._tag).toBe("Subscribed")
          expect(world.reasons()).toEqual([])
        })
    )
  }

  const others: { readonly [name: string]: AnyFunction } = {
    "BotConfig.resolve": BotConfig.resolve as AnyFunction,
    "BotConfig.layer": BotConfig.layer as AnyFunction,
    "WecomBot.layer": WecomBot.layer as AnyFunction,
    "NodeWecomBot.layer": NodeWecomBot.layer as AnyFunction,
    "Crypto.decryptFile": Crypto.decryptFile as AnyFunction,
    "WecomCrypto.make": WecomCrypto.make as AnyFunction,
    "Reply.validateReply": Reply.validateReply,
    "Reply.validatePush": Reply.validatePush,
    "Reply.validateWelcome": Reply.validateWelcome,
    "Reply.validateUpdateCard": Reply.validateUpdateCard
  }
  for (const [label, f] of Object.entries(others)) {
    fault(`${label} with hostile arguments`, { quick: true, alone: true }, (row) =>
      Effect.gen(function*() {
        const found = yield* defectsOf(
          label,
          (...args) => {
            const result = f(...args)
            return Either.isEither(result) ? Effect.suspend(() => result) : result
          },
          label.startsWith("Crypto")
            ? calls(anything, f.length)
            : fewerCalls([...anything, ...valid({})], f.length),
          row
        ).pipe(Effect.provide(Crypto.layer))
        if (found.length > 0) yield* Effect.fail(new Error(`${found.length} defects:\n${shown(found)}`))
      }))
  }

  fault("every option with every hostile value", { quick: true }, (row) =>
    Effect.gen(function*() {
      const options = Object.keys(Either.getOrThrow(BotConfig.resolve(given)))
      const calls = options.flatMap((option) =>
        anything.map((one) => [[`${option}: ${one[0]}`, { ...given, [option]: one[1] }]] as const)
      )
      const found = yield* defectsOf(
        "BotConfig.resolve",
        (options) => Effect.suspend(() => BotConfig.resolve(options)),
        calls,
        row
      )
      if (found.length > 0) yield* Effect.fail(new Error(`${found.length} defects:\n${shown(found)}`))
    }))
})
