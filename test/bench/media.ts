/**
 * Memory and time of large downloads and uploads, ours beside the official SDK's, in the same run. Each figure is a process
 * of its own; the service is another. Run alone (`npx tsx test/bench/media.ts`) it moves 100 MiB to a file and uploads 20 MiB
 * from one, and exits with 1 when ours exceeds its bounds or a file is not the same.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "./build.js"
import type { Task } from "./clients/media.js"
import type { Cost } from "./mediaClient.js"
import { median } from "./median.js"
import type { Served } from "./mediaService.js"

const kinds = ["ours", "official"] as const
type Kind = typeof kinds[number]

export const scripts = ["mediaClient.ts", "mediaService.ts"]

const next = async (child: ChildProcess): Promise<any> => {
  const waiting = new AbortController()
  const { signal } = waiting
  try {
    const [message] = await Promise.race([
      once(child, "message", { signal }),
      once(child, "exit", { signal }).then(([code]) => Promise.reject(new Error(`a process ended with ${code}`)))
    ])
    return message
  } finally {
    waiting.abort()
  }
}

/** Medians of so many rounds, the two in turn. */
export const compare = async (
  built: string,
  direction: Task["direction"],
  mebibytes: number,
  rounds: number
): Promise<Record<Kind, Cost>> => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "effect-wecom-bench-"))
  const service = fork(path.join(built, "mediaService.mjs"))
  const costs: Record<Kind, Array<Cost>> = { ours: [], official: [] }
  try {
    const served: Served = await next(service)
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) {
        const client = fork(path.join(built, "mediaClient.mjs"), [kind], { execArgv: ["--expose-gc"] })
        client.send({ direction, mebibytes, served, directory } satisfies Task)
        const cost: Cost = await next(client)
        client.disconnect()
        if (direction === "upload") service.send(mebibytes)
        const isWhole = cost.isWhole && (direction !== "upload" || await next(service))
        if (!isWhole) throw new Error(`${kind}: another file came`)
        costs[kind].push(cost)
      }
    }
  } finally {
    service.disconnect()
    fs.rmSync(directory, { recursive: true, force: true })
  }
  const of = (kind: Kind): Cost => ({
    seconds: median(costs[kind].map((cost) => cost.seconds)),
    addedMiB: median(costs[kind].map((cost) => cost.addedMiB)),
    stallMillis: median(costs[kind].map((cost) => cost.stallMillis)),
    isWhole: true
  })
  return { ours: of("ours"), official: of("official") }
}

const main = async () => {
  const built = await build(...scripts)
  const tasks = [["file", 100, 32, "100 MiB to a file"], ["upload", 20, 16, "20 MiB from a file"]] as const
  for (const [direction, mebibytes, bound, name] of tasks) {
    const costs = await compare(built, direction, mebibytes, Number(process.env.BENCH_ROUNDS ?? 7))
    for (const kind of kinds) {
      const { addedMiB, seconds, stallMillis } = costs[kind]
      console.log(
        `${name.padEnd(20)} ${kind.padEnd(8)} ${seconds.toFixed(2).padStart(6)} s ${addedMiB.toFixed(1).padStart(7)}` +
          ` MiB of additional resident memory ${stallMillis.toFixed(0).padStart(6)} ms longest stall`
      )
    }
    if (costs.ours.addedMiB >= bound) {
      console.log(`${name}: ${costs.ours.addedMiB.toFixed(1)} MiB are not below ${bound}`)
      process.exitCode = 1
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await main()
