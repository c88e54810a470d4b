/**
 * A bot that writes first: whoever says `subscribe` gets the report on every working day at nine. Run it with
 * `npx tsx examples/push.ts`.
 *
 * WeCom takes pushes only for conversations in which somebody wrote to the bot before; 30 a minute in each, which the bot
 * waits for by itself.
 */
import { Config, Cron, DateTime, Effect, HashMap, Ref, Schedule } from "effect"
import { BotRouter, Chat, ErrorCode, Reply, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"

/** Chats are plain values with a Schema: a database would keep them over a restart. */
type Subscribers = Ref.Ref<HashMap.HashMap<string, Chat.Chat>>

const routerOf = (subscribers: Subscribers) =>
  BotRouter.empty.pipe(
    BotRouter.onCommand("subscribe", (message) =>
      Effect.gen(function*() {
        const chat = Chat.fromCallback(message)
        if (chat === undefined) return
        yield* Ref.update(subscribers, HashMap.set(Chat.key(chat), chat))
        yield* WecomBot.replyStream(message, "You will get the report.")
      })),
    BotRouter.onText((message) => WecomBot.replyStream(message, "Say `subscribe`."))
  )

const report = Effect.map(
  DateTime.nowAsDate,
  (now) => `**Report of ${now.toISOString().slice(0, 10)}**\n\nAll is well.`
)

const push = (subscribers: Subscribers, chat: Chat.Chat) =>
  Effect.flatMap(report, (text) => WecomBot.sendMessage(chat, Reply.markdown(text))).pipe(
    Effect.catchTags({
      // Nobody can be pushed to who left: do not try again tomorrow.
      SendRejected: (error) =>
        error.errcode === ErrorCode.invalidChatId || error.errcode === ErrorCode.notInGroup
          ? Ref.update(subscribers, HashMap.remove(Chat.key(chat)))
          : Effect.logWarning(error.message),
      // It may stand in the chat. A second copy would be worse than none.
      DeliveryUnknown: (error) => Effect.logWarning(error.message)
    }),
    Effect.catchAll((error) => Effect.logError(error.message))
  )

const program = Effect.gen(function*() {
  const subscribers: Subscribers = yield* Ref.make(HashMap.empty<string, Chat.Chat>())
  const cron = yield* Config.string("PUSH_CRON").pipe(Config.withDefault("0 9 * * 1-5"))
  const pushToAll = Effect.flatMap(
    Ref.get(subscribers),
    (all) => Effect.forEach(HashMap.values(all), (chat) => push(subscribers, chat), { concurrency: 4, discard: true })
  )
  const atNine = Effect.schedule(pushToAll, Schedule.cron(Cron.unsafeParse(cron)))
  // One bot for both: what runs in the same `provide` shares its connection.
  yield* Effect.raceFirst(BotRouter.run(routerOf(subscribers), { botName: "Bot" }), atNine)
}).pipe(Effect.provide(NodeWecomBot.layerConfig()))

export const demo = onGateway(program, (alice) => Effect.zipRight(alice.says("subscribe"), alice.answer), {
  // Every second, so that nobody waits until nine.
  config: [["PUSH_CRON", "* * * * * *"]]
})

main(import.meta.url, { demo, program })
