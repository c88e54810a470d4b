/** How long the library takes to load when Effect is there already. */
import "@effect/platform"
import "@effect/platform-node/NodeRuntime"
import "@effect/platform-node/NodeSocket"
import "effect"

// What loading those left behind is collected at the next best moment, which would be in the middle of what is measured.
globalThis.gc?.()
const started = performance.now()
await import("effect-wecom")
await import("effect-wecom/NodeWecomBot")
process.send!(performance.now() - started)
process.exit(0)
