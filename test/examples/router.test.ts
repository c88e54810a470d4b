import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Ref, TestClock } from "effect"
import { BotRouter } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { botName, Desk, options, router } from "../../examples/router.js"

const desk = Effect.provide(Layer.merge(TestGateway.layerBot({ botName }), Desk.layer))

const serving = Effect.forkScoped(BotRouter.run(router, options))

describe("examples/router.ts", () => {
  it("has twenty routes", () => {
    expect(router.routes.length).toBeGreaterThanOrEqual(20)
  })

  it.scoped("tickets are opened, listed, shown and decided on", () =>
    Effect.gen(function*() {
      yield* serving
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.say("/list")).text).toBe("No tickets.")
      expect((yield* alice.say("/new Printer on fire")).text).toBe("Opened #1 **Printer on fire** (open, by alice)")
      yield* alice.say("/new")
      expect((yield* alice.say("/list")).text).toContain("#2 **untitled**")
      expect((yield* alice.say("/show 7")).text).toBe("There is no ticket #7.")
      const card = yield* alice.say("/approve 1")
      expect(card.card).toMatchObject({ main_title: { title: "Approve #1?", desc: "Printer on fire" } })
      const decided = yield* Effect.flatMap(alice.press(card, "approve"), alice.awaitAnswer)
      expect(decided.card).toMatchObject({ main_title: { title: "#1 approved by alice" } })
      expect((yield* alice.say("/show 1")).text).toContain("(approved")
      const other = yield* alice.say("/approve 2")
      yield* Effect.flatMap(alice.press(other, "close"), alice.awaitAnswer)
      expect((yield* alice.say("/show 2")).text).toContain("(closed")
    }).pipe(desk))

  it.scoped("the boss is asked before all tickets are closed, and others may not", () =>
    Effect.gen(function*() {
      yield* serving
      const boss = yield* TestGateway.user("boss")
      const alice = yield* TestGateway.user("alice")
      yield* alice.say("/new A chair")
      expect((yield* alice.say("/clear")).text).toBe("Only the boss may do that.")
      expect((yield* boss.say("/clear")).text).toContain("yes / no")
      expect((yield* boss.say("no")).text).toBe("Nothing was changed.")
      yield* boss.say("/clear")
      const list = yield* boss.sendText("/list")
      expect((yield* boss.say("yes")).text).toBe("All tickets are closed.")
      expect((yield* boss.awaitAnswer(list)).text).toContain("(closed")
      expect((yield* boss.say("/fail")).text).toBe("Something went wrong. A human was told.")
    }).pipe(desk))

  it.scoped("every kind of message gets its answer", () =>
    Effect.gen(function*() {
      yield* serving
      const alice = yield* TestGateway.user("alice")
      const room = yield* TestGateway.group("room", { members: ["alice"] })
      const answer = <E, R>(sending: Effect.Effect<TestGateway.Sent, E, R>) =>
        Effect.map(Effect.flatMap(sending, alice.awaitAnswer), ({ text }) => text)
      expect(yield* answer(alice.enter)).toBe("Hello alice! /help")
      expect((yield* alice.say("/help")).text).toContain("/new title")
      expect((yield* alice.say("hi\u3000there")).text).toBe("You said: hi there")
      expect(yield* answer(alice.sendVoice("spoken"))).toBe("I heard: spoken")
      expect(yield* answer(alice.sendImage({ url: "https://example.com/i" }))).toBe("A nice picture.")
      expect(yield* answer(alice.sendMixed(["words", { url: "https://example.com/i" }]))).toContain("1 picture")
      expect(yield* answer(alice.sendFile({ url: "https://example.com/f" }))).toBe("I keep no files.")
      expect(yield* answer(alice.sendVideo({ url: "https://example.com/v" }))).toBe("I watch no films.")
      expect((yield* room.member("alice").mention("who is there?")).text).toBe("alice asks the group room.")
      expect((yield* room.member("alice").mention("/list")).text).toBe("No tickets.")
    }).pipe(desk))

  it.scoped("it counts as time passes, knows how long it runs, and remembers ratings", () =>
    Effect.gen(function*() {
      yield* serving
      const alice = yield* TestGateway.user("alice")
      const counting = yield* alice.sendText("/count 3")
      yield* Effect.repeatN(TestClock.adjust("100 millis"), 9)
      expect((yield* alice.awaitAnswer(counting)).text).toBe("1 2 3 ")
      const shown = yield* alice.say("/uptime")
      expect(shown.text).toBe("1 s")
      yield* alice.feedback(shown, { type: "dislike" })
      yield* TestClock.adjust(0)
      expect(yield* Effect.flatMap(Desk, ({ ratings }) => Ref.get(ratings))).toEqual(["dislike"])
    }).pipe(desk))
})
