import { describe } from "@effect/vitest"
import { byLayers } from "./harness.js"
import { incoming } from "./incoming.js"
import { links } from "./links.js"
import { outgoing } from "./outgoing.js"

describe("the bot composed of the layers of its services, over TestGateway", () => {
  incoming(byLayers)
  outgoing(byLayers)
  links(byLayers)
})
