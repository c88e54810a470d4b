/**
 * undici with a `lookup` of its own: a name is judged by what it resolves to at the moment of connecting, so a name server
 * that answers differently each time gains nothing.
 *
 * Imports nothing of ours: a bundler that makes one file wraps what is loaded later, with all that it shares with the rest.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Agent, Dispatcher, ProxyAgent } from "@effect/platform-node/Undici"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "node:dns"
import type * as Net from "node:net"
import type { SecureContextOptions } from "node:tls"

/** @internal */
export interface Options {
  /** The error to fail with when a name leads to this address. */
  readonly refusal: (address: string) => Error | undefined
  /** Certificates to trust, for a private deployment. */
  readonly ca?: SecureContextOptions["ca"]
  /** The proxy that a URL goes through. */
  readonly proxyFor?: ((url: string) => string | undefined) | undefined
  /** How names are resolved; `node:dns` unless a test says otherwise. */
  readonly lookup?: Net.LookupFunction | undefined
}

const checkingLookup = (options: Options): Net.LookupFunction => (hostname, lookupOptions, callback) =>
  (options.lookup ?? (Dns.lookup as Net.LookupFunction))(hostname, lookupOptions, (error, address, family) => {
    if (error !== null) return callback(error, address, family)
    const found = typeof address === "string" ? [address] : address.map((entry) => entry.address)
    for (const one of found) {
      const refusal = options.refusal(one)
      if (refusal !== undefined) return callback(refusal, address, family)
    }
    callback(null, address, family)
  })

/** Goes direct or through a proxy, request by request. */
class Routed extends Dispatcher {
  readonly #direct: Agent
  readonly #proxies = new Map<string, ProxyAgent>()
  readonly #options: Options
  constructor(options: Options) {
    super()
    this.#options = options
    const tls = options.ca === undefined ? {} : { ca: options.ca }
    this.#direct = new Agent({ connect: { lookup: checkingLookup(options), ...tls } })
  }
  #through(uri: string): ProxyAgent {
    const known = this.#proxies.get(uri)
    if (known !== undefined) return known
    const tls = this.#options.ca === undefined ? {} : { requestTls: { ca: this.#options.ca } }
    const made = new ProxyAgent({ uri, ...tls })
    this.#proxies.set(uri, made)
    return made
  }
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const proxy = this.#options.proxyFor?.(String(options.origin))
    return (proxy === undefined ? this.#direct : this.#through(proxy)).dispatch(
      options as Agent.DispatchOptions,
      handler
    )
  }
  readonly release = (): Promise<unknown> =>
    Promise.all([this.#direct.destroy(), ...Array.from(this.#proxies.values(), (proxy) => proxy.destroy())])
}

/** The bytes that wait for their reader are read in one piece, and undici lets only 64 KiB wait. Path and method are each request's. */
const requestOptions: Dispatcher.RequestOptions = { path: "/", method: "GET", highWaterMark: 512 * 1024 }

/** @internal */
export const layer = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.provide(
    NodeHttpClient.layerUndiciWithoutDispatcher,
    Layer.merge(
      Layer.succeed(NodeHttpClient.UndiciRequestOptions, requestOptions),
      Layer.scoped(
        NodeHttpClient.Dispatcher,
        Effect.acquireRelease(
          Effect.sync(() => new Routed(options)),
          (dispatcher) => Effect.promise(dispatcher.release)
        )
      )
    )
  )
