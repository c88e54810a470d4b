/**
 * Handlers of one bot do not touch each other, over nothing but the public interface of a bot: the router runs over a plain
 * record.
 */
import { expect, it } from "@effect/vitest"
import { Cause, Effect, Fiber, FiberId, FiberRef, Layer, Option, Stream } from "effect"
import { BotRouter, Reply, Telemetry, WecomBot } from "effect-wecom"
import * as Current from "../../src/internal/handlers/current.js"
import * as Handlers from "../../src/internal/handlers/handlers.js"
import * as Sim from "../support/simulation.js"
import { logged, loose, moved, text, told } from "./support.js"

const own = FiberRef.unsafeMake("initial")

it("a router runs over a plain record, and over a mock that has what the router needs", async () => {
  for (const isMock of [false, true]) {
    const replies: Array<string> = []
    const known = {
      messages: Stream.make(text("alice", "1"), text("bob", "2")),
      events: Stream.empty,
      closed: Effect.never,
      forkHandler: Effect.forkDaemon,
      reply: (_: WecomBot.Answerable, body: Reply.ReplyBody) =>
        Effect.sync(() => {
          replies.push(body.msgtype)
          return { headers: { req_id: "" }, errcode: 0, errmsg: "ok" }
        })
    } satisfies Partial<WecomBot.WecomBot.Service>
    const bot = known as unknown as WecomBot.WecomBot.Service
    const router = BotRouter.empty.pipe(
      BotRouter.onText((message) => WecomBot.reply(message, Reply.markdown(message.text.content)))
    )
    await Effect.runPromise(
      BotRouter.run(router).pipe(
        Effect.timeoutOption("50 millis"),
        Effect.provide(isMock ? Layer.mock(WecomBot.WecomBot, known) : Layer.succeed(WecomBot.WecomBot, bot))
      )
    )
    expect(replies).toEqual(["markdown", "markdown"])
  }
})

it("a FiberRef that one sets is as before for the next", async () => {
  const seen = await told(
    (msgid, tell) =>
      Effect.flatMap(
        FiberRef.getAndSet(own, `of ${msgid}`),
        (before) => Effect.zipRight(Effect.yieldNow(), tell(before))
      ),
    {},
    "1",
    "2",
    "3"
  )
  expect(seen).toEqual(["initial", "initial", "initial"])
})

it("children end with the handler that forked them, before the next begins", async () => {
  const seen = await told(
    (msgid, tell) =>
      Effect.zipRight(
        tell(msgid),
        Effect.zipRight(Effect.fork(Effect.onExit(Effect.never, () => tell(`child of ${msgid}`))), Effect.yieldNow())
      ),
    {},
    "1",
    "2"
  )
  expect(seen).toEqual(["1", "child of 1", "2", "child of 2"])
})

it("a handler that interrupts itself, or dies, is followed by the next", async () => {
  const seen = await told(
    (msgid, tell) =>
      msgid === "1"
        ? Effect.withFiberRuntime((fiber) => {
          fiber.unsafeInterruptAsFork(FiberId.none)
          return Effect.never
        })
        : msgid === "2"
        ? Effect.die("oops")
        : tell(msgid),
    {},
    "1",
    "2",
    "3"
  )
  expect(seen).toEqual(["3"])
})

it("a time limit interrupts its own handler only, and its report keeps the conversation's turn", async () => {
  const replies: Array<string> = []
  const errorReply = (cause: Cause.Cause<unknown>, message: { readonly msgid: string }) => {
    const error = Cause.failureOption(cause).pipe(Option.getOrThrow)
    replies.push(`${message.msgid}: ${(error as Cause.TimeoutException).message}`)
    return undefined
  }
  const seen = await told(
    (msgid, tell) =>
      msgid === "slow"
        ? Effect.onInterrupt(Effect.never, () => tell(`${msgid} interrupted, ${replies.length} replies`))
        : Effect.zipRight(Effect.sleep("4 seconds"), tell(`${msgid} ended, ${replies.length} replies`)),
    { handlerTimeout: "5 seconds", errorReply },
    "before",
    "slow",
    "after"
  )
  expect(seen).toEqual(["before ended, 0 replies", "slow interrupted, 0 replies", "after ended, 1 replies"])
  expect(replies).toEqual(["slow: Operation timed out after '5s'"])
})

it("each share of a batch has a time limit of its own, and one that is over does not end the others", async () => {
  const replies: Array<string> = []
  const seen = await told(
    (msgid, tell) => Effect.zipRight(Effect.sleep(msgid === "2" ? "1 hour" : "4 seconds"), tell(msgid)),
    {
      handlerTimeout: "5 seconds",
      overlap: "debounce",
      errorReply: (_, message) => {
        replies.push(message.msgid)
        return undefined
      }
    },
    "1",
    "2",
    "3"
  )
  expect([seen, replies]).toEqual([["1", "3"], ["2"]])
})

/** What is logged and answered when a handler with a time limit of 5 s is interrupted after 1 s and takes 10 s to end. */
const interruptedEarly = (overlap: BotRouter.Overlap, interrupt: "the next message" | "the close") =>
  Sim.runPromise(
    1,
    logged((lines) =>
      Effect.gen(function*() {
        const bot = yield* loose
        const failed: Array<string> = []
        const router = BotRouter.empty.pipe(
          BotRouter.onText((message) =>
            message.msgid === "1" ? Effect.onInterrupt(Effect.never, () => Effect.sleep("10 seconds")) : Effect.void
          )
        )
        const options: BotRouter.RunOptions = {
          overlap,
          handlerTimeout: "5 seconds",
          errorReply: (_, message) => {
            failed.push(message.msgid)
            return undefined
          }
        }
        yield* Effect.fork(Effect.provide(BotRouter.run(router, options), bot.layer))
        bot.say(text("alice", "1"))
        yield* Effect.sleep("1 second")
        if (interrupt === "the close") yield* bot.close
        else bot.say(text("alice", "2"))
        yield* Effect.sleep("1 minute")
        return [failed, (yield* lines).map((line) => line.text)]
      })
    )
  )

it("a handler that was interrupted before its limit has not failed with it, however long it takes to end", async () => {
  expect(await interruptedEarly("latest", "the next message")).toEqual([[], []])
  expect(await interruptedEarly("queue", "the close")).toEqual([[], []])
})

it("what is started after the stop never begins, and is counted as dropped", () =>
  Sim.runPromise(
    1,
    Effect.gen(function*() {
      const bot = yield* loose
      let begun = 0
      const router = BotRouter.empty.pipe(BotRouter.onText(() => Effect.sync(() => begun++)))
      yield* Effect.fork(Effect.provide(BotRouter.run(router), bot.layer))
      yield* bot.close
      const dropped = yield* moved(
        Telemetry.handlerDropped,
        Effect.suspend(() => {
          for (const user of ["alice", "alice", "bob"]) bot.say(text(user, user))
          return Effect.sleep("1 second")
        })
      )
      expect([begun, dropped]).toEqual([0, 3])
    })
  ))

it("handlers that were forked after the stop are waited for, and those that end as others are forked too", () =>
  Effect.runPromise(Effect.gen(function*() {
    const handlers = Handlers.make()
    const ends: Array<string> = []
    const first = yield* handlers.fork(Effect.yieldNow())
    first.addObserver(() => {
      Effect.runFork(handlers.fork(Effect.zipRight(Effect.yieldNow(), Effect.sync(() => ends.push("second")))))
    })
    yield* handlers.ended
    expect(ends).toEqual(["second"])
    yield* handlers.stop
    yield* handlers.fork(Effect.onExit(Effect.never, (exit) => Effect.sync(() => ends.push(exit._tag))))
    yield* handlers.ended
    expect(ends).toEqual(["second"])
  })))

it("a fiber that joins a handler does not pass the drain for it", () =>
  Effect.runPromise(Effect.gen(function*() {
    const handlers = Handlers.make()
    const handler = yield* handlers.fork(FiberRef.get(Current.passesDrain))
    expect([yield* Fiber.join(handler), yield* FiberRef.get(Current.passesDrain)]).toEqual([true, false])
  })))

it("a router that is interrupted leaves no fiber behind", async () => {
  const left = await Sim.runPromise(
    1,
    Effect.gen(function*() {
      const bot = yield* loose
      const fibers = new Set<Fiber.RuntimeFiber<any, any>>()
      const router = BotRouter.empty.pipe(
        BotRouter.onText(() => Effect.withFiberRuntime((fiber) => Effect.sync(() => fibers.add(fiber))))
      )
      const running = yield* Effect.fork(Effect.provide(BotRouter.run(router), bot.layer))
      for (const userid of ["alice", "bob", "carol"]) {
        bot.say(text(userid, `of ${userid}`))
        yield* Effect.sleep("1 second")
      }
      yield* Fiber.interrupt(running)
      yield* Effect.sleep("1 second")
      return [fibers.size, [...fibers].filter((fiber) => fiber.unsafePoll() === null).length]
    })
  )
  expect(left).toEqual([3, 0])
})
