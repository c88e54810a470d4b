import { describe } from "@effect/vitest"
import { onPort } from "./harness.js"
import { incoming } from "./incoming.js"
import { links } from "./links.js"
import { outgoing } from "./outgoing.js"

describe("the bot over NodeGateway", () => {
  incoming(onPort)
  outgoing(onPort)
  links(onPort)
})
