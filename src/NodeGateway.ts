/**
 * The WeCom service of `TestGateway` on a real port: for bots in other processes and other languages, for trying a bot by
 * hand, and for tests in which a real socket is the point.
 *
 * The files it serves have links to the same port, so a bot with this `wsUrl` may fetch them.
 *
 * It takes the same options and is controlled by the same tag, `TestGateway.TestGateway`. Its connections are real: `cut`
 * destroys the socket, `halfOpen` stops reading and writing, `refuseConnections` stops listening.
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
 * Where the gateway listens.
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
   * Where it listens.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * What to give a bot as `wsUrl`: `ws://127.0.0.1:…`, or `wss://…` with `tls`.
     */
    readonly url: string
    readonly port: number
  }
}

/**
 * The options of `TestGateway.layer`, and where to listen.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options extends TestGateway.Options {
  /**
   * Default: 0, which takes any free port.
   */
  readonly port?: number | undefined
  /**
   * Default: `"127.0.0.1"`, which other machines cannot reach.
   */
  readonly host?: string | undefined
  /**
   * Certificate and key, as `node:https` takes them. Default: none, so plain `ws://`.
   */
  readonly tls?: Tls.SecureContextOptions | undefined
}

const resolved = required("options", "an object of NodeGateway.Options, or nothing", Opts.resolve)

/**
 * The gateway on a port. When its scope ends, every connection is destroyed and the port is free again.
 *
 * Fails with `ServeError` when it cannot listen there.
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
 * What to give a bot as `wsUrl`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const url: Effect.Effect<string, never, NodeGateway> = Effect.map(NodeGateway, (gateway) => gateway.url)
