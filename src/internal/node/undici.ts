/**
 * undici with its own `lookup`: a host is checked by the address it resolves to at the moment of connecting, so that a name
 * server cannot answer differently for the check and the connection.
 *
 * Imports no module of this library: a bundler that emits one file would wrap every module that is shared with a lazy import.
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
  /** The error for a name that resolves to this address. */
  readonly refusal: (address: string) => Error | undefined
  /** Certificates to trust, for a private deployment. */
  readonly ca?: SecureContextOptions["ca"]
  /** The proxy that a URL goes through. */
  readonly proxyFor?: ((url: string) => string | undefined) | undefined
  /** How names are resolved: `node:dns` except in tests. */
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

/** Connects directly or through a proxy, request by request. */
class RoutingDispatcher extends Dispatcher {
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

/** The buffered bytes are read in one piece, and undici buffers 64 KiB at most. Path and method are those of each request. */
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
          Effect.sync(() => new RoutingDispatcher(options)),
          (dispatcher) => Effect.promise(dispatcher.release)
        )
      )
    )
  )
