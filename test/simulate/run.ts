/**
 * `npm run simulate -- --seed N --runs M`: plays so many histories, one per seed. A seed that breaks a promise prints its history
 * and the command that replays it; `--history` prints every one. `--jobs` is in how many processes, as many as there are cores
 * unless told; `--minutes` is when to stop at the latest.
 */
import * as esbuild from "esbuild"
import { type ChildProcess, fork } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import type { Task } from "./player.js"
import * as Tally from "./tally.js"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "1" },
    minutes: { type: "string", default: "Infinity" },
    jobs: { type: "string", default: String(os.availableParallelism()) },
    history: { type: "boolean", default: false }
  }
})
const firstSeed = Number(values.seed)
const endSeed = firstSeed + Number(values.runs)
const deadline = performance.now() + Number(values.minutes) * 60_000

/** After so many failures there is nothing more to learn. */
const maxFailures = 10

/** Seeds per task: few enough that no process is left without work for long, and that a stop comes soon. */
const taskSize = 25

const total = Tally.make()
const failed: Array<number> = []

const report = ({ complaints, history, seed }: Tally.Failure) => {
  const isBroken = complaints.length > 0
  if (values.history || isBroken && failed.length === 0) console.log(`\n${history.join("\n")}`)
  if (!isBroken) return
  failed.push(seed)
  console.log(`\nseed ${seed} breaks a promise:`)
  for (const complaint of complaints.slice(0, 10)) console.log(`  ${complaint}`)
  console.log(`replay: npm run simulate -- --seed ${seed} --runs 1`)
}

let nextSeed = firstSeed
const nextTask = (): Task | undefined => {
  if (nextSeed >= endSeed || failed.length >= maxFailures || performance.now() > deadline) return undefined
  const runs = Math.min(taskSize, endSeed - nextSeed)
  const task = { firstSeed: nextSeed, runs, keepsHistories: values.history }
  nextSeed += runs
  return task
}

/** Until there is nothing left to play. */
const employ = (player: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const assign = () => {
      const task = nextTask()
      if (task !== undefined) return void player.send(task)
      player.off("exit", died)
      player.disconnect()
      resolve()
    }
    const died = (code: number | null) => reject(new Error(`a process that played histories ended with ${code}`))
    player.on("exit", died)
    player.on("message", (tally: Tally.Tally) => {
      const before = total.played
      Tally.add(total, tally)
      for (const failure of total.failures.splice(0)) report(failure)
      if (Math.floor(before / 10_000) !== Math.floor(total.played / 10_000)) {
        console.log(`${total.played} histories, ${failed.length} failed`)
      }
      assign()
    })
    assign()
  })

// A loader that compiles on the way adds its own cost to every function that is called.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "simulate-"))
const bundle = path.join(folder, "player.mjs")
try {
  await esbuild.build({
    entryPoints: [path.join(import.meta.dirname, "player.ts")],
    tsconfig: path.join(import.meta.dirname, "../../tsconfig.json"),
    outfile: bundle,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20"
  })
  const startedAt = performance.now()
  const jobs = Math.max(1, Math.min(Number(values.jobs), Math.ceil((endSeed - firstSeed) / taskSize)))
  const execArgv = ["--max-semi-space-size=64"]
  await Promise.all(Array.from({ length: jobs }, () => employ(fork(bundle, { execArgv }))))
  const seconds = (performance.now() - startedAt) / 1000
  console.log(Tally.format(total))
  console.log(
    `${total.played} histories (seeds ${firstSeed} to ${nextSeed - 1}) in ${seconds.toFixed(1)} s: ` +
      `${(total.played / seconds).toFixed(1)} a second, ${failed.length} failed${
        failed.length > 0 ? `: ${failed.join(" ")}` : ""
      }`
  )
  process.exitCode = failed.length === 0 ? 0 : 1
} finally {
  fs.rmSync(folder, { recursive: true })
}
