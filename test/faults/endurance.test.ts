/** Three minutes of what `npm run test:endurance` does for fifteen, in a process of its own. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as path from "node:path"
import { expect } from "vitest"
import { fault } from "./world.js"

const script = path.join(import.meta.dirname, "../endurance/run.ts")

const endure = (minutes: number): Effect.Effect<string> =>
  Effect.async((resume) => {
    const argv = ["--import", "tsx", script, "--minutes", String(minutes), "--growth", "2048"]
    const child = execFile(process.execPath, argv, (_, out, err) => resume(Effect.succeed(out + err)))
    return Effect.sync(() => child.kill())
  })

fault(
  "three minutes of traffic with a fault every second",
  { alone: true, timeout: 330_000 },
  (row) =>
    Effect.gen(function*() {
      const output = yield* endure(3)
      expect(output).toContain("all held")
      const numberOf = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? NaN)
      row.times = numberOf(/outages\s+(\d+)/)
      row.lost = `nothing of ${numberOf(/answers: Success\s+(\d+)/)} answers`
      row.recoveries.push(1000 * numberOf(/95 %, longest\s+[\d.]+ s\s+([\d.]+) s/))
    })
)
