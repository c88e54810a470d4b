/**
 * What tests of the gateway share, whichever seam it stands behind.
 */
import type * as Socket from "@effect/platform/Socket"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Layer, Scope } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import { subscribed } from "./rawClient.js"

export type Services = TestGateway.TestGateway | Socket.WebSocketConstructor

export type Seam = (options?: TestGateway.Options) => Layer.Layer<Services>

/** Tests on a gateway of their own, on the real clock. */
export const testOver = (seam: Seam) =>
(
  name: string,
  body: () => Effect.Effect<void, never, Services | Scope.Scope>,
  options?: TestGateway.Options
) => it.scopedLive(name, () => Effect.provide(body(), seam(options)))

/** A subscribed client and a message alice wrote to it. */
export const asked = Effect.gen(function*() {
  const client = yield* subscribed()
  const alice = yield* TestGateway.user("alice")
  const sent = yield* alice.sendText("hi")
  const callback = yield* client.next
  expect(callback.headers.req_id).toBe(sent.reqId)
  return { alice, client, callback, sent, reqId: sent.reqId }
})
