import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as nodeHttp from "../../../src/internal/node/http.js"

it.live("is there for the others when the first that asks is interrupted while it loads", () =>
  Effect.gen(function*() {
    const server = Http.createServer((_, response) => response.end("here"))
    yield* Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening"))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const client = yield* nodeHttp.make({ allowPrivateAddresses: true })
    const get = Effect.scoped(Effect.flatMap(client.get(url), (response) => response.text))
    const first = yield* Effect.fork(get)
    const second = yield* Effect.fork(get)
    yield* Effect.yieldNow()
    yield* Fiber.interrupt(first)
    expect(yield* Fiber.join(second)).toBe("here")
    expect(yield* get).toBe("here")
    server.close()
  }).pipe(Effect.scoped))

it.live("is there until the bot that uses it has closed, though it was loaded after it began", () =>
  Effect.gen(function*() {
    const server = Http.createServer((_, response) => response.end("here"))
    yield* Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening"))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const scope = yield* Scope.make()
    const client = yield* Scope.extend(nodeHttp.make({ allowPrivateAddresses: true }), scope)
    const get = Effect.flatMap(client.get(url), (response) => response.text)
    let last: Exit.Exit<string, unknown> | undefined
    yield* Scope.addFinalizer(scope, Effect.map(Effect.exit(get), (exit) => void (last = exit)))
    expect(yield* get).toBe("here")
    yield* Scope.close(scope, Exit.void)
    expect(last).toEqual(Exit.succeed("here"))
    server.close()
  }))
