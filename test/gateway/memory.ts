/**
 * What the tests of the gateway in memory share.
 */
import { it } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import { buttonCard } from "./rawClient.js"
import type { Services } from "./seam.js"

/** A test on a gateway of its own, under TestClock. */
export const test = (
  name: string,
  body: () => Effect.Effect<void, never, Services | Scope.Scope>,
  options?: TestGateway.Options
) => it.scoped(name, () => Effect.provide(body(), TestGateway.layer(options)))

export const welcome = { msgtype: "text", text: { content: "welcome" } }

export const update = (taskId: string, extra: object = {}) => ({
  response_type: "update_template_card",
  template_card: buttonCard(taskId, { main_title: { title: "Approved" } }),
  ...extra
})
