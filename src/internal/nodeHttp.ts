/**
 * undici with a `lookup` of its own: a name is judged by what it resolves to at the moment of connecting, so a name server
 * that answers differently each time gains nothing.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "node:dns"
import type * as Net from "node:net"
import type { SecureContextOptions } from "node:tls"
import * as addresses from "./addresses.js"

/** @internal */
export interface Options {
  readonly allowPrivateAddresses: boolean
  /** Certificates to trust, for a private deployment. */
  readonly ca?: SecureContextOptions["ca"]
  /** How names are resolved; `node:dns` unless a test says otherwise. */
  readonly lookup?: Net.LookupFunction | undefined
}

/** @internal */
export const checkingLookup = (options: Options): Net.LookupFunction => (hostname, lookupOptions, callback) =>
  (options.lookup ?? (Dns.lookup as Net.LookupFunction))(hostname, lookupOptions, (error, address, family) => {
    if (error !== null) return callback(error, address, family)
    const found = typeof address === "string" ? [address] : address.map((entry) => entry.address)
    for (const one of found) {
      const kind = addresses.kindOfAddress(one) ?? "reserved"
      if (kind !== "public" && !addresses.isAllowed(kind, options.allowPrivateAddresses)) {
        return callback(addresses.addressRefused(kind), address, family)
      }
    }
    callback(null, address, family)
  })

/** @internal */
export const layer = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.provide(
    NodeHttpClient.layerUndiciWithoutDispatcher,
    Layer.scoped(
      NodeHttpClient.Dispatcher,
      Effect.acquireRelease(
        Effect.sync(() =>
          new Undici.Agent({
            connect: { lookup: checkingLookup(options), ...(options.ca === undefined ? {} : { ca: options.ca }) }
          })
        ),
        (dispatcher) => Effect.promise(() => dispatcher.destroy())
      )
    )
  )
