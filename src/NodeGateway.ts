/**
 * The WeCom service of `TestGateway` on a real port: for bots in other processes or other languages, for manual tests
 * of a bot, and for tests that need a real socket.
 *
 * The links of the files it serves use the same port, and a bot with this `wsUrl` may download them.
 *
 * It takes the options of `TestGateway` and is controlled by the same tag, `TestGateway.TestGateway`. Its connections
 * are real: `cut` destroys the socket, `halfOpen` stops reading and writing, `refuseConnections` stops listening.
 *
 * @since 0.1.0
 */
import type { ServeError } from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Tls from "node:tls"
import { required } from "./internal/checks/arguments.js"
import * as Downloads from "./internal/gateway/downloads.js"
import * as Engine from "./internal/gateway/engine.js"
import * as NodeServer from "./internal/gateway/nodeServer.js"
import * as Opts from "./internal/gateway/options.js"
import * as Service from "./internal/gateway/service.js"
import * as TestGateway from "./TestGateway.js"

/**
 * The address of the gateway.
 *
 * @since 0.1.0
 * @category tags
 */
export class NodeGateway extends Context.Tag("effect-wecom/NodeGateway")<NodeGateway, NodeGateway.Service>() {}

/**
 * @since 0.1.0
 * @category tags
 */
export declare namespace NodeGateway {
  /**
   * The address of the gateway.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** The `wsUrl` for a bot: `ws://127.0.0.1:…`, or `wss://…` with `tls`. */
    readonly url: string
    readonly port: number
  }
}

/**
 * The options of `TestGateway.layer`, and the address to listen on.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options extends TestGateway.Options {
  /** The port. Default 0: any free port. */
  readonly port?: number | undefined
  /** The host name or address. Default `"127.0.0.1"`, which other machines cannot reach. */
  readonly host?: string | undefined
  /** Certificate and key, as `node:https` takes them. Default none: plain `ws://`. */
  readonly tls?: Tls.SecureContextOptions | undefined
}

const resolved = required("options", "an object of NodeGateway.Options, or nothing", Opts.resolve)

/**
 * The gateway on a port. When its scope closes, every connection is destroyed and the port is released.
 *
 * Fails with `ServeError` when it cannot listen on the port.
 *
 * @example
 * ```ts
 * import * as NodeGateway from "effect-wecom/NodeGateway"
 * import * as TestGateway from "effect-wecom/TestGateway"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.log(`a bot can connect to ${yield* NodeGateway.url}`)
 *   const alice = yield* TestGateway.user("alice")
 *   yield* Effect.log((yield* alice.say("hi")).text)
 * }).pipe(Effect.provide(NodeGateway.layer({ port: 8080 })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<TestGateway.TestGateway | NodeGateway, ServeError> =>
  Layer.scopedContext(Effect.gen(function*() {
    const host = options?.host ?? "127.0.0.1"
    const engine = yield* Engine.make(resolved(options))
    const downloads = Downloads.make(engine)
    const server = yield* NodeServer.make(engine, { host, port: options?.port ?? 0, tls: options?.tls, downloads })
    const secure = options?.tls === undefined ? "" : "s"
    const authority = `${host.includes(":") ? `[${host}]` : host}:${server.port}`
    downloads.baseUrl = `http${secure}://${authority}`
    return Context.make(TestGateway.TestGateway, Service.make(engine, downloads, server.applyGate)).pipe(
      Context.add(NodeGateway, { url: `ws${secure}://${authority}`, port: server.port })
    )
  }))

/**
 * The `wsUrl` for a bot.
 *
 * @since 0.1.0
 * @category accessors
 */
export const url: Effect.Effect<string, never, NodeGateway> = Effect.map(NodeGateway, (gateway) => gateway.url)
