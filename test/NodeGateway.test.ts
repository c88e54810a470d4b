import * as Socket from "@effect/platform/Socket"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { WebSocket } from "ws"
import { cert, key } from "./gateway/certificate.js"
import { faultSuite } from "./gateway/faultSuite.js"
import { subscribed } from "./gateway/rawClient.js"
import { wireSuite } from "./gateway/wireSuite.js"

/** Leads every connection to the gateway, whatever URL it asks for. */
const constructor = Layer.effect(
  Socket.WebSocketConstructor,
  Effect.map(NodeGateway.url, (url) => () => new WebSocket(url, { ca: cert }) as unknown as globalThis.WebSocket)
)

const seam = (options?: NodeGateway.Options) => Layer.orDie(Layer.provideMerge(constructor, NodeGateway.layer(options)))

describe("NodeGateway", () => {
  describe("on the wire", () => wireSuite(seam))
  describe("when told to fail", () => faultSuite(seam))

  it.scopedLive("speaks TLS", () =>
    Effect.gen(function*() {
      expect(yield* NodeGateway.url).toMatch(/^wss:/)
      const client = yield* subscribed()
      expect((yield* client.request("ping", "p")).errcode).toBe(0)
    }).pipe(Effect.provide(seam({ tls: { key, cert } }))))

  it.scopedLive("says what is wrong when the port is taken", () =>
    Effect.gen(function*() {
      const { port } = yield* NodeGateway.NodeGateway
      const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeGateway.layer({ port }))))
      expect(error._tag).toBe("ServeError")
      expect(error.cause).toMatchObject({ code: "EADDRINUSE", port })
    }).pipe(Effect.provide(NodeGateway.layer())))

  it.scopedLive("frees the port and destroys every connection when its scope ends", () =>
    Effect.gen(function*() {
      const { port, closed } = yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(NodeGateway.layer())
        const { port, url } = yield* Effect.provide(NodeGateway.NodeGateway, context)
        const client = yield* Effect.provide(
          subscribed(url),
          Layer.succeed(Socket.WebSocketConstructor, (url) => new WebSocket(url) as unknown as globalThis.WebSocket)
        )
        yield* Effect.provide(TestGateway.faults.halfOpen(), context)
        yield* Effect.provide(TestGateway.faults.neverOpen(true), context)
        return { port, closed: client.closed }
      }))
      expect((yield* closed).code).toBe(1006)
      yield* Effect.scoped(Layer.build(NodeGateway.layer({ port })))
      yield* Effect.scoped(Layer.build(NodeGateway.layer({ port })))
    }))

  it.scopedLive("releases while it refuses connections", () =>
    Effect.scoped(Effect.gen(function*() {
      const context = yield* Layer.build(NodeGateway.layer())
      yield* Effect.provide(TestGateway.faults.refuseConnections(true), context)
    })))
})
