/**
 * The promise of `replyStream`, held against jobs under every fault at once. `SIM_JOBS=2000` runs all of them, `SIM_SEED` begins
 * elsewhere.
 */
import { expect, it } from "@effect/vitest"
import * as Jobs from "./answers.js"
import * as Judge from "./judge.js"

const jobs = Number(process.env.SIM_JOBS ?? 200)
const firstSeed = Number(process.env.SIM_SEED ?? 1)

it(`${jobs} jobs: every bubble sealed, nothing missing of a success, no success that was refused`, async () => {
  const tally: Record<string, number> = {}
  for (let seed = firstSeed; seed < firstSeed + jobs / Jobs.jobsPerBot; seed++) {
    for (const outcome of await Jobs.play(seed)) {
      expect(Judge.complaints(outcome), `seed ${seed}, ${Judge.describe(outcome)}`).toEqual([])
      const result = Judge.result(outcome)
      tally[result] = (tally[result] ?? 0) + 1
    }
  }
  // A simulation in which nothing works would keep every promise.
  expect(tally.Success).toBeGreaterThan(jobs / 4)
  if (process.env.SIM_JOBS !== undefined) console.log(tally)
}, 600_000)
