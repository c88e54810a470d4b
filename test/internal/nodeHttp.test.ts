import { expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { once } from "node:events"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as nodeHttp from "../../src/internal/nodeHttp.js"

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
