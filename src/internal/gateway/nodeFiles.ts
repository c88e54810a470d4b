/**
 * The files of the engine over HTTP.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import type { Downloads } from "./downloads.js"

const written = (response: Http.ServerResponse, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (response.write(bytes)) return resume(Effect.void)
    const done = () => resume(Effect.void)
    response.once("drain", done)
    return Effect.sync(() => response.off("drain", done))
  })

/** @internal */
export const listener =
  (downloads: Downloads, runtime: Runtime.Runtime<never>): Http.RequestListener => (request, response) => {
    const answer = request.method === "GET"
      ? downloads.answer(new URL(request.url ?? "/", downloads.baseUrl))
      : undefined
    if (answer === undefined) return void response.destroy()
    response.writeHead(answer.status, answer.headers)
    const fiber = Runtime.runFork(runtime)(
      Stream.runForEach(answer.body, (bytes) => written(response, bytes)).pipe(
        Effect.match({ onFailure: () => void response.destroy(), onSuccess: () => void response.end() })
      )
    )
    response.once("close", () => Effect.runFork(Fiber.interrupt(fiber)))
  }
