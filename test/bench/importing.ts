/** How long the library takes to load when Effect is there already. */
import "@effect/platform"
import "@effect/platform-node/NodeRuntime"
import "@effect/platform-node/NodeSocket"
import "effect"

const started = performance.now()
await import("effect-wecom")
await import("effect-wecom/NodeWecomBot")
process.send!(performance.now() - started)
process.exit(0)
