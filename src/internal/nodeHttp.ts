/**
 * undici takes as long to load as the rest of a bot together, and many a bot never downloads anything: it comes with the first
 * request.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as addresses from "./addresses.js"
import * as NodeBody from "./nodeBody.js"
import type * as Undici from "./undici.js"

/** @internal */
export interface Options extends Omit<Undici.Options, "refusal"> {
  readonly allowPrivateAddresses: boolean
}

const refusal = (allowPrivateAddresses: boolean) => (address: string): Error | undefined => {
  const kind = addresses.kindOfAddress(address) ?? "reserved"
  return kind === "public" || addresses.isAllowed(kind, allowPrivateAddresses)
    ? undefined
    : addresses.addressRefused(kind)
}

/** @internal */
export const make = (options: Options): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.gen(function*() {
    // One of its own, made now: what is loaded later would otherwise be the first to go when the bot closes.
    const scope = yield* Effect.flatMap(Effect.scope, (scope) => Scope.fork(scope, ExecutionStrategy.sequential))
    const load = () =>
      Effect.promise(() => import("./undici.js")).pipe(
        Effect.flatMap((undici) =>
          Layer.buildWithScope(undici.layer({ ...options, refusal: refusal(options.allowPrivateAddresses) }), scope)
        ),
        Effect.map(Context.get(HttpClient.HttpClient))
      )
    // Shared by all requests, so it is nobody's: who is interrupted while he waits for it leaves it to the others.
    let loading: Effect.Effect<HttpClient.HttpClient> | undefined
    const client = Effect.suspend(() => loading ??= Effect.flatten(Fiber.await(Effect.runFork(load()))))
    return HttpClient.makeWith<never, never, HttpClientError, never>(
      (request) =>
        Effect.flatMap(client, (client) => Effect.map(Effect.flatMap(request, client.execute), NodeBody.inBatches)),
      Effect.succeed
    )
  })

/** @internal */
export const layer = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.scoped(HttpClient.HttpClient, make(options))
