/**
 * `npm run bench`: this library, the official SDK and a bare `ws` client against one service process, alternating, five rounds
 * after a warm-up. Prints medians per case and the ratios to the official SDK.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import { build } from "./build.js"
import { type Case, cases, sizes } from "./clients/cases.js"

const rounds = Number(process.env.BENCH_ROUNDS ?? 5)
const kinds = ["ours", "official", "bare"] as const
type Kind = typeof kinds[number]
interface Sample {
  readonly micros: number
  readonly cpu: number
  readonly rss: number
}

const built = await build("client.ts", "service.ts")
const script = (name: string) => path.join(built, `${name}.mjs`)
const execArgv = ["--expose-gc", ...(process.env.BENCH_NODE_OPTIONS ?? "").split(" ").filter((option) => option !== "")]

const service = fork(script("service"), { execArgv: [], stdio: ["ignore", "pipe", "inherit", "ipc"] })
const [port] = await once(service.stdout!, "data")
const url = `ws://127.0.0.1:${String(port).trim()}`

const start = async (kind: Kind): Promise<ChildProcess> => {
  const child = fork(script("client"), [kind, url], { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] })
  await once(child, "message")
  return child
}

const clients = new Map<Kind, ChildProcess>()
for (const kind of kinds) clients.set(kind, await start(kind))

const play = async (kind: Kind, name: Case): Promise<Sample> => {
  const child = clients.get(kind)!
  child.send(name)
  const [sample] = await once(child, "message")
  return sample as Sample
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const samples = new Map<string, Array<Sample>>()
for (let round = 0; round <= rounds; round++) {
  for (const name of cases) {
    for (const kind of kinds) {
      const sample = await play(kind, name)
      if (round === 0) continue
      const key = `${name}/${kind}`
      samples.set(key, [...(samples.get(key) ?? []), sample])
    }
  }
}

const of = (name: Case, kind: Kind, field: keyof Sample) =>
  median(samples.get(`${name}/${kind}`)!.map((sample) => sample[field]))

console.log(`Node ${process.version}, ${rounds} rounds after a warm-up, medians\n`)
console.log("case        client      µs CPU each   per second   CPU ×   throughput ×")
for (const name of cases) {
  for (const kind of kinds) {
    const cpu = of(name, kind, "cpu") / sizes[name]
    const throughput = sizes[name] / of(name, kind, "micros") * 1e6
    const cpuRatio = of(name, kind, "cpu") / of(name, "official", "cpu")
    const speedRatio = of(name, "official", "micros") / of(name, kind, "micros")
    console.log(
      `${name.padEnd(12)}${kind.padEnd(10)}${cpu.toFixed(1).padStart(13)}${throughput.toFixed(0).padStart(13)}` +
        `${cpuRatio.toFixed(2).padStart(8)}${speedRatio.toFixed(2).padStart(15)}`
    )
  }
}
const rss = (kind: Kind) => samples.get(`router/${kind}`)!.at(-1)!.rss / 1024 / 1024
console.log(
  `\nresident memory after all cases: ${kinds.map((kind) => `${kind} ${rss(kind).toFixed(0)} MiB`).join(", ")}`
)
for (const child of [service, ...clients.values()]) child.disconnect()
