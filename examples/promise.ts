/**
 * The bot in a program that is not written with Effect: `ManagedRuntime` holds the connection, and everything else is Promises,
 * async functions and async iterables. Run it with `npx tsx examples/promise.ts`.
 */
import { Cause, Effect, Exit, Layer, ManagedRuntime, Option, Stream } from "effect"
import { Chat, type Message, Reply, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { setTimeout } from "node:timers/promises"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"

/** An answer as other libraries stream it. */
const answer = async function*(text: string): AsyncGenerator<string> {
  for (const word of `You said: ${text}`.split(/(?<= )/)) {
    await setTimeout(20)
    yield word
  }
}

/** A bot for code that knows nothing of Effect. One per bot id: each is a connection. */
class Bot {
  private readonly runtime: ManagedRuntime.ManagedRuntime<WecomBot.WecomBot, unknown>

  constructor(layer: Layer.Layer<WecomBot.WecomBot, unknown>) {
    this.runtime = ManagedRuntime.make(layer)
  }

  /** Resolves when the bot is subscribed; rejects when it never will be. */
  ready(): Promise<void> {
    return this.runtime.runPromise(WecomBot.ready)
  }

  /** Every text message; ends with an error when the bot is closed for good. */
  async texts(): Promise<AsyncIterable<Message.TextMessage>> {
    return Stream.toAsyncIterableRuntime(WecomBot.messagesOf("text"), await this.runtime.runtime())
  }

  /** Resolves when every part of the answer was acknowledged. */
  reply(message: Message.Message, text: string | AsyncIterable<string>): Promise<WecomBot.Receipt> {
    const content = typeof text === "string"
      ? text
      : Stream.fromAsyncIterable(text, (error) => new Error(String(error)))
    return this.runtime.runPromise(WecomBot.replyStream(message, content))
  }

  /** Pushes; resolves with what went wrong, if anything did, as a typed error: `error._tag` says what to do. */
  async push(userid: string, markdown: string) {
    const exit = await this.runtime.runPromiseExit(WecomBot.sendMessage(Chat.user(userid), Reply.markdown(markdown)))
    return Exit.isSuccess(exit) ? undefined : Option.getOrUndefined(Cause.failureOption(exit.cause))
  }

  /** Waits for running answers, seals what is open, and closes the connection. */
  close(): Promise<void> {
    return this.runtime.dispose()
  }
}

/** The program: nothing in here is Effect. */
const serve = async (bot: Bot, stopped: AbortSignal): Promise<void> => {
  stopped.addEventListener("abort", () => void bot.close())
  await bot.ready()
  for await (const message of await bot.texts()) {
    await bot.reply(message, answer(message.text.content))
    const failed = await bot.push(message.from.userid, "That was all.")
    if (failed !== undefined) console.error(`the push failed: ${String(failed)}`)
  }
}

// What follows runs it like the other examples. A program of one's own has: new Bot(NodeWecomBot.layerConfig())
const program = Effect.gen(function*() {
  const provider = yield* Effect.configProviderWith(Effect.succeed)
  const bot = new Bot(Layer.provide(NodeWecomBot.layerConfig(), Layer.setConfigProvider(provider)))
  yield* Effect.tryPromise({
    try: (stopped) => serve(bot, stopped),
    catch: (error) => error as Error
  }).pipe(Effect.ensuring(Effect.promise(() => bot.close())))
})

export const demo = onGateway(program, (alice) => Effect.zipRight(alice.says("hello"), alice.answer))

main(import.meta.url, { demo, program })
