import { describe, expect, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Random, Stream } from "effect"
import { BotRouter, WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { start } from "../fixtures/process.js"
import * as SimBot from "../support/seededBot.js"
import * as Sim from "../support/simulation.js"

const users = Array.from({ length: 20 }, (_, n) => `user-${n}`)

const isOpen = (bubble: TestGateway.Bubble) => bubble.from === "bot" && !bubble.sealed

const openBubbles = Effect.map(
  Effect.forEach(users, (userid) => Effect.flatMap(TestGateway.user(userid), (user) => user.screen)),
  (screens) => screens.flat().filter(isOpen)
)

/** Everybody wrote, and everybody's answer has begun. */
const asked = Effect.forEach(users, (userid) =>
  Effect.gen(function*() {
    const user = yield* TestGateway.user(userid)
    yield* user.sendText("go on")
    yield* user.awaitBubble(isOpen)
  }), { discard: true })

// All hundred, of both kinds: DRAINS=100 npx vitest run test/router/drain.test.ts
const closes = Number(process.env.DRAINS ?? 20)
const processes = Number(process.env.DRAINS ?? 1)

describe(`${closes} closes, each with 20 handlers whose bubbles are open`, () => {
  it("leave none open, take no longer than their bounds, and count as a clean exit", async () => {
    let finished = 0
    for (let seed = 0; seed < closes; seed++) {
      const took = await Sim.runPromise(
        seed,
        Effect.gen(function*() {
          const random = yield* Random.next
          yield* TestGateway.acks.delay({ min: 0, max: 900 * random }, { cmd: "aibot_respond_msg" })
          // Some are done in time, some are cut off, some ignore interruption for a while.
          const router = BotRouter.empty.pipe(BotRouter.onText((message) =>
            Effect.gen(function*() {
              const words = yield* Random.nextIntBetween(1, 10)
              const answer = Stream.range(1, words).pipe(
                Stream.mapEffect((n) => Effect.as(Effect.sleep("1500 millis"), `${n} `))
              )
              const isStubborn = (yield* Random.next) < 0.2
              yield* WecomBot.replyStream(message, Stream.concat(Stream.make("0 "), answer))
              finished++
              if (isStubborn) yield* Effect.uninterruptible(Effect.sleep("1 second"))
            })
          ))
          const program = yield* Effect.fork(
            BotRouter.run(router).pipe(Effect.provide(SimBot.layerOnGateway(seed, {
              drainTimeout: "4 seconds",
              sealTimeout: "2 seconds"
            })))
          )
          yield* asked
          expect((yield* openBubbles).length).toBeGreaterThan(0)
          const before = yield* Clock.currentTimeMillis
          // What SIGTERM does to a program under NodeRuntime.runMain, which exits with 0 for what was interrupted only.
          const exit = yield* Fiber.interrupt(program)
          const after = yield* Clock.currentTimeMillis
          expect(Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)).toBe(true)
          expect(yield* openBubbles).toEqual([])
          expect((yield* TestGateway.connections).map(({ closeCode, state }) => [state, closeCode])).toEqual([
            ["closed", 1000]
          ])
          return after - before
        }).pipe(Effect.scoped, Effect.provide(TestGateway.layer({ quotas: false })))
      )
      expect(took).toBeLessThanOrEqual(4_000 + 2_000 + 1_000)
    }
    expect(finished).toBeGreaterThan(closes)
    expect(finished).toBeLessThan(20 * closes)
  }, 30_000 + closes * 2_000)
})

describe("a real process", () => {
  const credentials = (wsUrl: string, secret = "test-secret") => ({
    WECOM_BOT_ID: TestGateway.defaultBotId,
    WECOM_BOT_SECRET: secret,
    WECOM_WS_URL: wsUrl
  })

  it.scopedLive(
    `that gets SIGTERM with 20 bubbles open seals them all and exits with 0 (${processes} time(s))`,
    () =>
      Effect.gen(function*() {
        for (let n = 0; n < processes; n++) {
          yield* Effect.gen(function*() {
            const bot = yield* Effect.flatMap(
              NodeGateway.url,
              (wsUrl) => start("test/fixtures/endlessAnswer.ts", credentials(wsUrl))
            )
            yield* asked
            const before = performance.now()
            yield* bot.kill("SIGTERM")
            expect(yield* bot.ended).toMatchObject({ code: 0, signal: null, stderr: "" })
            // 0.1 s for the handlers, 2 s for the seals, and the rest for a busy machine.
            expect(performance.now() - before).toBeLessThan(10_000)
            expect(yield* openBubbles).toEqual([])
          }).pipe(Effect.scoped, Effect.provide(NodeGateway.layer()))
        }
      }),
    30_000 + processes * 10_000
  )

  it.scopedLive("that is kicked, or has the wrong secret, exits with 1 and one line", () =>
    Effect.gen(function*() {
      const wsUrl = yield* NodeGateway.url
      const serve = (secret?: string) => start("examples/router.ts", credentials(wsUrl, secret))
      const [kicked, refused] = yield* Effect.all([
        Effect.flatMap(serve(), (bot) =>
          TestGateway.awaitSubscribed().pipe(
            Effect.zipRight(TestGateway.faults.kick()),
            Effect.zipRight(bot.ended)
          )),
        Effect.flatMap(serve("wrong"), (bot) => bot.ended)
      ], { concurrency: 2 })
      expect(kicked).toMatchObject({ code: 1, stderr: expect.stringMatching(/^router: another instance[^\n]*\n$/) })
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^router: .*credentials[^\n]*\n$/) })
    }).pipe(Effect.provide(NodeGateway.layer())), 60_000)
})
