/** `examples/llm.ts` with a model over HTTP, behind both APIs that OpenAI-compatible services speak. */
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import * as Http from "node:http"
import type * as Net from "node:net"
import { vi } from "vitest"
import { demo } from "../../examples/llm.js"

interface Request {
  readonly url: string
  readonly authorization: string | undefined
  readonly body: any
}

/** A service that answers every request with these events, and the requests it got. */
const serve = (events: ReadonlyArray<unknown>, status = 200) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Http.Server; readonly requests: Array<Request>; readonly url: string }>(
      (resume) => {
        const requests: Array<Request> = []
        const server = Http.createServer((request, response) => {
          let text = ""
          request.on("data", (data) => text += data).on("end", () => {
            requests.push({ url: request.url!, authorization: request.headers.authorization, body: JSON.parse(text) })
            response.writeHead(status, { "content-type": "text/event-stream" })
            for (const event of events) {
              response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`)
            }
            response.end()
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as Net.AddressInfo
          resume(Effect.succeed({ server, requests, url: `http://127.0.0.1:${port}/v1` }))
        })
      }
    ),
    ({ server }) => Effect.sync(() => server.close())
  )

/** What the demo prints with this environment. */
const printed = (environment: { readonly [name: string]: string }) =>
  Effect.suspend(() => {
    let out = ""
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      out += String(text)
      return true
    })
    return demo.pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment)))),
      Effect.ensuring(Effect.sync(() => write.mockRestore())),
      Effect.map(() => out)
    )
  })

const responseWith = (status: string) => ({
  id: "resp_1",
  object: "response",
  created_at: 1,
  model: "some-model",
  status,
  output: [],
  error: null,
  incomplete_details: null,
  instructions: null,
  metadata: {},
  parallel_tool_calls: true,
  temperature: 1,
  top_p: 1,
  tool_choice: "auto",
  tools: [],
  usage: {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 1,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2
  }
})

const delta = (text: string, sequence_number: number) => ({
  type: "response.output_text.delta",
  item_id: "msg_1",
  output_index: 0,
  content_index: 0,
  delta: text,
  sequence_number,
  logprobs: []
})

describe("examples/llm.ts with OPENAI_BASE_URL", () => {
  it.scopedLive("streams from the Responses API", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* serve([
        { type: "response.created", sequence_number: 0, response: responseWith("in_progress") },
        delta("因为", 1),
        delta("瑞利散射", 2),
        { type: "response.completed", sequence_number: 3, response: responseWith("completed") }
      ])
      const out = yield* printed({ OPENAI_BASE_URL: url, OPENAI_API_KEY: "sk-test", OPENAI_MODEL: "some-model" })
      expect(out).toMatch(/bot {4}因为瑞利散射\n/)
      expect(requests).toMatchObject([
        { url: "/v1/responses", authorization: "Bearer sk-test", body: { model: "some-model", stream: true } }
      ])
    }))

  it.scopedLive("streams text and reasoning from /chat/completions", () =>
    Effect.gen(function*() {
      const chunk = (delta: object) => ({ choices: [{ index: 0, delta }] })
      const { requests, url } = yield* serve([
        chunk({ role: "assistant", content: null, reasoning_content: "Light scatters." }),
        chunk({ content: "因为" }),
        chunk({ content: "瑞利散射" }),
        { choices: [], usage: { total_tokens: 3 } },
        "[DONE]"
      ])
      const out = yield* printed({ OPENAI_BASE_URL: url, OPENAI_MODEL: "some-model", OPENAI_API: "chat" })
      expect(out).toMatch(/bot {4}<think>Light scatters\.<\/think>因为瑞利散射\n/)
      expect(requests).toMatchObject([{
        url: "/v1/chat/completions",
        authorization: undefined,
        body: {
          model: "some-model",
          stream: true,
          messages: [{ role: "system" }, { role: "user", content: "为什么天空是蓝色的？" }]
        }
      }])
    }))

  it.scopedLive("tells the user when the model fails", () =>
    Effect.gen(function*() {
      const { url } = yield* serve([], 500)
      const out = yield* printed({ OPENAI_BASE_URL: url, OPENAI_MODEL: "some-model", OPENAI_API: "chat" })
      expect(out).toContain("The model did not answer. Please ask again.")
    }))
})
