/**
 * A model behind `/chat/completions`, which more services speak than the Responses API of `OpenAiLanguageModel`. It streams
 * text and reasoning, and knows no tools.
 */
import { AiError, LanguageModel, type Prompt, type Response } from "@effect/ai"
import type { OpenAiClient } from "@effect/ai-openai"
import { OpenAiClient as Client } from "@effect/ai-openai"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { Effect, Layer, Schema, Stream } from "effect"

const Text = Schema.optionalWith(Schema.String, { nullable: true, default: () => "" })

const Chunk = Schema.Struct({
  choices: Schema.Array(Schema.Struct({
    delta: Schema.Struct({ content: Text, reasoning_content: Text })
  }))
})

const messagesOf = (prompt: Prompt.Prompt) =>
  prompt.content.map(({ content, role }) => ({
    role,
    content: typeof content === "string"
      ? content
      : content.flatMap((part) => part.type === "text" ? [part.text] : []).join("")
  }))

const deltasOf = (chunk: typeof Chunk.Type): ReadonlyArray<Response.StreamPartEncoded> =>
  chunk.choices.flatMap(({ delta }) => [
    ...delta.reasoning_content === ""
      ? []
      : [{ type: "reasoning-delta" as const, id: "reasoning", delta: delta.reasoning_content }],
    ...delta.content === "" ? [] : [{ type: "text-delta" as const, id: "text", delta: delta.content }]
  ])

export const layer = (model: string): Layer.Layer<LanguageModel.LanguageModel, never, OpenAiClient.OpenAiClient> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    Effect.flatMap(Client.OpenAiClient, (client) =>
      LanguageModel.make({
        streamText: ({ prompt }) =>
          client.streamRequest(
            HttpClientRequest.post("/chat/completions").pipe(
              HttpClientRequest.bodyUnsafeJson({ model, messages: messagesOf(prompt), stream: true })
            ),
            Chunk
          ).pipe(Stream.mapConcat(deltasOf)),
        generateText: () =>
          new AiError.UnknownError({ module: "chatCompletions", method: "generateText", description: "streams only" })
      }))
  )
