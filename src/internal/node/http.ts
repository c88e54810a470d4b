/**
 * Loaded by the first request: undici takes as long to load as the rest of a bot, and many bots never download.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as addresses from "../checks/addresses.js"
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

/**
 * A client with the release of its connections, in a Scope of its own: undici is loaded last, and would be released first when
 * the bot closes.
 *
 * @internal
 */
export class LazyClient {
  private readonly options: Options
  private scope: Scope.CloseableScope | undefined = undefined
  private loading: Effect.Effect<HttpClient.HttpClient> | undefined = undefined
  private isClosed = false

  constructor(options: Options) {
    this.options = options
  }

  // All requests share it, so it loads in a fiber of its own, which the interruption of one request does not end.
  private load(): Effect.Effect<HttpClient.HttpClient> {
    if (this.loading !== undefined) return this.loading
    const { options } = this
    const loading = Effect.gen(this, function*() {
      const undici = yield* Effect.promise(() => import("./undici.js"))
      const scope = this.scope ??= yield* Scope.make()
      if (this.isClosed) yield* Scope.close(scope, Exit.void)
      const layer = undici.layer({ ...options, refusal: refusal(options.allowPrivateAddresses) })
      return Context.get(yield* Layer.buildWithScope(layer, scope), HttpClient.HttpClient)
    })
    return this.loading = Effect.flatten(Fiber.await(Effect.runFork(loading)))
  }

  get client(): HttpClient.HttpClient {
    return HttpClient.makeWith<never, never, HttpClientError, never>(
      (request) =>
        Effect.flatMap(
          Effect.suspend(() => this.load()),
          (client) => Effect.flatMap(request, client.execute)
        ),
      Effect.succeed
    )
  }

  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isClosed = true
      return this.scope === undefined ? Effect.void : Scope.close(this.scope, Exit.void)
    })
  }
}

/** @internal */
export const make = (options: Options): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(Effect.sync(() => new LazyClient(options)), (lazy) => lazy.close()),
    (lazy) => lazy.client
  )

/** @internal */
export const layer = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.scoped(HttpClient.HttpClient, make(options))
