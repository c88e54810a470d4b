/** A bot that does to itself whatever it is told in a chat, and prints what it was told of everything it sent. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Effect, Exit, Logger, LogLevel, Stream } from "effect"
import { BotRouter, Chat, Reply, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"

const print = (...words: ReadonlyArray<string | number>) =>
  Effect.sync(() => void process.stdout.write(`${words.join(" ")}\n`))

const told = <A, E extends { readonly _tag: string }, R>(what: string, effect: Effect.Effect<A, E, R>) =>
  Effect.onExit(effect, (exit) =>
    print(
      "told",
      what,
      Exit.isSuccess(exit) ? "delivered" : exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag
    ))

const block = (millis: number) =>
  Effect.sync(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis))

const jump = (millis: number) =>
  Effect.sync(() => {
    const now = Date.now
    Date.now = () => now() + millis
  })

const push = (text: string) => told(text, WecomBot.sendMessage(Chat.user("alice"), Reply.markdown(text)))

const words = "This is all there is to say of it, and it takes a while."

const router = BotRouter.empty.pipe(
  BotRouter.onText((message): Effect.Effect<unknown, unknown, WecomBot.WecomBot> => {
    const [verb, argument] = message.text.content.split(" ")
    switch (verb) {
      case "block":
        return Effect.gen(function*() {
          yield* Effect.forEach(["one", "two", "three"], (text) => Effect.forkDaemon(push(text)))
          // The pushes have left and are not acked yet.
          yield* Effect.sleep("100 millis")
          yield* print("blocking")
          // One more is written in the very turn that blocks, so that it leaves the process only afterwards.
          yield* Effect.forkDaemon(push("four"))
          yield* Effect.yieldNow()
          yield* block(Number(argument))
          yield* print("unblocked")
        })
      case "jump":
        return Effect.zipRight(jump(Number(argument)), print("jumped", argument!))
      case "throw":
        throw new Error("thrown on purpose")
      case "reject":
        return Effect.promise(() => Promise.reject(new Error("rejected on purpose")))
      case "die":
        return Effect.die(new Error("died on purpose"))
      case "fail":
        return Effect.fail(new Error("failed on purpose"))
      case "source":
        return WecomBot.replyStream(message, Stream.concat(Stream.make("half"), Stream.die(new Error("source died"))))
      case "never":
        return Effect.never
      case "stubborn":
        return Effect.uninterruptible(Effect.never)
      default: {
        const slowly = Stream.fromIterable(words.match(/\S+\s*/g)!).pipe(
          Stream.rechunk(1),
          Stream.tap(() => Effect.sleep("40 millis"))
        )
        return told(String(message.reqId), WecomBot.replyStream(message, slowly))
      }
    }
  })
)

const statuses = WecomBot.statusChanges.pipe(
  Stream.runForEach((status) =>
    print("status", status._tag, status._tag === "Waiting" ? status.reason._tag : "", Math.round(performance.now()))
  )
)

const bot = NodeWecomBot.layerConfig({
  botId: Config.string("WECOM_BOT_ID"),
  secret: Config.redacted("WECOM_BOT_SECRET"),
  wsUrl: Config.string("WECOM_WS_URL"),
  heartbeatInterval: Config.withDefault(Config.string("HEARTBEAT") as Config.Config<any>, "30 seconds"),
  reconnectInterval: Config.succeed("100 millis"),
  drainTimeout: Config.succeed("1 second"),
  sealTimeout: Config.succeed("2 seconds")
})

const program = Effect.zipRight(
  Effect.fork(statuses),
  BotRouter.run(router, { overlap: "concurrent", tracing: true })
).pipe(Effect.provide(bot), Effect.provide(Logger.logFmt), Logger.withMinimumLogLevel(LogLevel.All))

NodeRuntime.runMain(program)
