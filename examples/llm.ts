/**
 * Answers that a language model writes, shown as they come: `@effect/ai` streams, the bot shows. Reasoning folds in the chat, a
 * new question interrupts the answer to the one before, and a model that fails is answered for. Run it with
 * `npx tsx examples/llm.ts`.
 *
 * The model is a scripted one. `OPENAI_BASE_URL` (for example `https://api.openai.com/v1`), `OPENAI_API_KEY` and
 * `OPENAI_MODEL` name a real one: behind the Responses API, or with `OPENAI_API=chat` behind `/chat/completions`.
 */
import { LanguageModel, type Response } from "@effect/ai"
import { OpenAiClient, OpenAiLanguageModel } from "@effect/ai-openai"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { Config, Effect, Layer, Option, Schedule, Stream } from "effect"
import { BotRouter, Message, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as chatCompletions from "./support/chatCompletions.js"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"

/** What the chat shows of what a model streams: its reasoning, and its text. */
const shown = <Part extends Response.AllParts<any>>(part: Part): Option.Option<WecomBot.AnswerPart> => {
  switch (part.type) {
    case "reasoning-delta":
      return Option.some({ _tag: "Thinking", text: part.delta })
    case "text-delta":
      return Option.some({ _tag: "Text", text: part.delta })
    default:
      return Option.none()
  }
}

const answer = (question: string) =>
  LanguageModel.streamText({
    prompt: [
      { role: "system", content: "Answer in the language of the question, in Markdown, briefly." },
      { role: "user", content: [{ type: "text", text: question }] }
    ]
  }).pipe(Stream.filterMap(shown))

export const router = BotRouter.empty.pipe(
  BotRouter.onMessage((message) =>
    WecomBot.replyStream(message, answer(Message.plainText(message)), {
      // Behind its "thinking" a user waits for a first word for a while; this is what they read when none comes.
      failureText: () => "The model did not answer. Please ask again.",
      feedback: { id: message.msgid }
    })
  ),
  BotRouter.catchAllCause((cause) => Effect.logWarning("no whole answer", cause))
)

/** Says what it was asked, a few characters at a time, after some thought. */
const scripted = Layer.effect(
  LanguageModel.LanguageModel,
  LanguageModel.make({
    streamText: ({ prompt }) => {
      const asked = prompt.content.flatMap(({ content, role }) => role === "user" ? content : [])
      const question = asked.map((part) => part.type === "text" ? part.text : "").join("")
      const text =
        `You asked: **${question}**\n\n1. This model is scripted.\n2. Set \`OPENAI_BASE_URL\` for a real one.`
      return Stream.concat(
        Stream.make({ type: "reasoning-delta", id: "1", delta: "Let me think." } as const),
        Stream.fromIterable(text.match(/.{1,12}/gsu) ?? []).pipe(
          Stream.map((delta) => ({ type: "text-delta", id: "2", delta }) as const),
          Stream.schedule(Schedule.spaced("10 millis"))
        )
      )
    },
    generateText: () => Effect.succeed([])
  })
)

const openAi = (apiUrl: string) =>
  Layer.unwrapEffect(Effect.gen(function*() {
    const model = yield* Config.string("OPENAI_MODEL")
    const api = yield* Config.literal("responses", "chat")("OPENAI_API").pipe(Config.withDefault("responses"))
    const apiKey = yield* Config.option(Config.redacted("OPENAI_API_KEY"))
    return (api === "chat" ? chatCompletions.layer(model) : OpenAiLanguageModel.layer({ model })).pipe(
      Layer.provide(OpenAiClient.layer({ apiUrl, apiKey: Option.getOrUndefined(apiKey) })),
      Layer.provide(FetchHttpClient.layer)
    )
  }))

const model = Layer.unwrapEffect(Effect.map(
  Config.option(Config.nonEmptyString("OPENAI_BASE_URL")),
  Option.match({ onNone: () => scripted, onSome: openAi })
))

const program = BotRouter.run(router, { overlap: "latest", botName: "Bot" }).pipe(
  Effect.provide([NodeWecomBot.layerConfig(), model])
)

export const demo = onGateway(program, (alice) => alice.says("为什么天空是蓝色的？"))

main(import.meta.url, { demo, program })
