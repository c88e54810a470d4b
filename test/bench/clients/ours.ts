/** This library, used as its README shows: one fiber per conversation, awaited Effects. */
import * as BotRouter from "effect-wecom/BotRouter"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import type * as ReplyTarget from "effect-wecom/ReplyTarget"
import * as WecomBot from "effect-wecom/WecomBot"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Case, type Client, play, sizes } from "./cases.js"

let next = 0

const push = (count: number) => WecomBot.command("bench_push", { count }, { reqId: `PUSH${next++}` })

const target = (): ReplyTarget.MessageTarget => ({
  kind: "message",
  reqId: `LANE${next++}`,
  chat: undefined,
  receivedAt: Date.now()
})

const lane = (count: number) =>
  Effect.suspend(() => {
    const to = target()
    let i = 0
    return Effect.whileLoop({
      while: () => i < count,
      body: () =>
        WecomBot.replyStreamFrame(to, { id: String(to.reqId), content: `snapshot number ${i++} of a growing answer` }),
      step: () => {}
    })
  })

/** What is still to come in the present round; the stream of messages and the router run in all of them, as in a program. */
const round = { left: 0, done: Deferred.unsafeMake<void>(FiberId.none) }

const came = (count: number) =>
  Effect.sync(() => {
    round.left -= count
    if (round.left === 0) Deferred.unsafeDone(round.done, Effect.void)
  })

const take = Stream.runForEachChunk(WecomBot.messages, (messages) => came(messages.length))

const answered = came(1)

const router = BotRouter.empty.pipe(
  BotRouter.onText((message) =>
    WecomBot.replyStreamFrame(message, { id: String(message.reqId), content: "an answer", finish: true }).pipe(
      Effect.zipRight(answered)
    )
  )
)

const all = (count: number) =>
  Effect.gen(function*() {
    round.left = count
    round.done = yield* Deferred.make<void>()
    yield* push(count)
    yield* Deferred.await(round.done)
  })

const effects: { readonly [K in Case]: (size: number) => Effect.Effect<unknown, unknown, WecomBot.WecomBot> } = {
  "one lane": lane,
  "200 lanes": (size) => Effect.all(Array.from({ length: 200 }, () => lane(size / 200)), { concurrency: "unbounded" }),
  "messages": all,
  "router, same work": all,
  "router, bare handler": all
}

const options = (url: string): NodeWecomBot.Options => ({
  botId: "aibBench",
  secret: Redacted.make("bench"),
  wsUrl: url,
  // The bench pushes all messages at once; by default a bot that lags this far behind would drop the oldest.
  inboxSize: 65_536
})

const connect = (url: string) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const runtime = yield* Scope.extend(Layer.toRuntime(NodeWecomBot.layer(options(url))), scope)
    yield* Effect.provide(WecomBot.ready, runtime)
    return { runtime, close: Scope.close(scope, Exit.void) }
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None), Effect.runPromise)

export const make = async (
  url: string
): Promise<{ readonly play: (name: Case) => Promise<unknown>; readonly close: Client["close"] }> => {
  const plain = await connect(url)
  const answering = await connect(url)
  const caring = await connect(url)
  Runtime.runFork(plain.runtime)(take)
  Runtime.runFork(answering.runtime)(BotRouter.run(router))
  Runtime.runFork(caring.runtime)(BotRouter.run(router, { handlerTimeout: "1 minute" }))
  const bots: { readonly [K in Case]: typeof plain } = {
    "one lane": plain,
    "200 lanes": plain,
    "messages": plain,
    "router, same work": caring,
    "router, bare handler": answering
  }
  return {
    play: (name) => Runtime.runPromise(bots[name].runtime)(effects[name](sizes[name])),
    close: () => Effect.runPromise(Effect.all([plain.close, answering.close, caring.close], { discard: true }))
  }
}

/** One of many bots in a program: a Scope for each, and no layer and no runtime. */
export const open = (url: string): Promise<Client["close"]> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const bot = yield* Scope.extend(NodeWecomBot.make(options(url)), scope)
    yield* bot.ready
    return () => Effect.runPromise(Scope.close(scope, Exit.void))
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None), Effect.runPromise)

export { play }
