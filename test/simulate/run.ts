/**
 * `npm run simulate -- --seed N --runs M`: plays so many histories, one per seed. A seed that breaks a promise prints its history
 * and the command that replays it; `--history` prints every one.
 */
import { parseArgs } from "node:util"
import * as Book from "./book.js"
import * as Plan from "./plan.js"
import * as World from "./world.js"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    runs: { type: "string", default: "1" },
    minutes: { type: "string", default: "Infinity" },
    history: { type: "boolean", default: false }
  }
})
const firstSeed = Number(values.seed)
const runs = Number(values.runs)
const deadline = performance.now() + Number(values.minutes) * 60_000

/** After so many failures there is nothing more to learn. */
const maxFailures = 10

const stray: Array<string> = []
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => stray.push(`${event}: ${String((error as Error | undefined)?.stack ?? error)}`))
}

const print = ({ books, plan }: World.History) => {
  const { acts: _, faults: __, ...rest } = plan
  console.log(`\nseed ${plan.seed}: ${JSON.stringify(rest)}`)
  for (const line of books.lines) console.log(Book.format(line))
}

const add = (into: Map<string, number>, from: ReadonlyMap<string, number>) => {
  for (const [key, count] of from) into.set(key, (into.get(key) ?? 0) + count)
}

const faults = new Map<string, number>()
const verdicts = new Map<string, number>()
const recoveries: Array<number> = []
const failed: Array<number> = []
let played = 0
let frames = 0
let callbacks = 0
let simulated = 0

const startedAt = performance.now()
for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
  if (failed.length === maxFailures || performance.now() > deadline) break
  const history = await World.play(Plan.make(seed))
  const { books } = history
  for (const error of stray.splice(0)) books.complain(error)
  played++
  simulated += history.millis
  callbacks += books.callbacks.size
  add(faults, books.faults)
  add(verdicts, books.verdicts)
  for (const { millis } of books.recoveries) recoveries.push(millis)
  for (const copies of books.byToken.values()) frames += copies.length
  if (values.history || books.complaints.length > 0 && failed.length === 0) print(history)
  if (books.complaints.length > 0) {
    failed.push(seed)
    console.log(`\nseed ${seed} breaks a promise:`)
    for (const complaint of books.complaints.slice(0, 10)) console.log(`  ${complaint}`)
    console.log(`replay: npm run simulate -- --seed ${seed} --runs 1`)
  }
  if (played % 10_000 === 0) console.log(`${played} histories, ${failed.length} failed`)
}
const seconds = (performance.now() - startedAt) / 1000

const table = (title: string, rows: ReadonlyMap<string, number>) => {
  console.log(`\n${title}`)
  for (const [key, count] of [...rows].toSorted(([a], [b]) => a.localeCompare(b))) {
    console.log(`  ${key.padEnd(48)}${String(count).padStart(9)}`)
  }
}

table("faults injected", faults)
table("verdicts", verdicts)
recoveries.sort((a, b) => a - b)
const quantile = (share: number) => ((recoveries[Math.floor(recoveries.length * share)] ?? 0) / 1000).toFixed(1)
console.log(`\nsubscribed again ${recoveries.length} times: median ${quantile(0.5)} s, 95 % ${quantile(0.95)} s`)
console.log(
  `${callbacks} callbacks, ${frames} frames with a verdict, ${(simulated / 3_600_000).toFixed(1)} h of simulated time`
)
console.log(
  `${played} histories (seeds ${firstSeed} to ${firstSeed + played - 1}) in ${seconds.toFixed(1)} s: ` +
    `${(played / seconds).toFixed(1)} a second, ${failed.length} failed${
      failed.length > 0 ? `: ${failed.join(" ")}` : ""
    }`
)
process.exitCode = failed.length === 0 ? 0 : 1
