/**
 * `npm run bench`: this library, the official SDK and a bare `ws` client against one service process, alternating, five rounds
 * after a warm-up of three; then loading, media, idle bots and growth. Prints medians and the ratios to the official SDK. With
 * names behind it only those parts run: `npm run bench load`.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { build } from "./build.js"
import { gzippedBytes } from "./bundle.js"
import { type Case, cases, sizes } from "./clients/cases.js"
import * as Media from "./media.js"
import { median } from "./median.js"

const rounds = Number(process.env.BENCH_ROUNDS ?? 5)
/** What V8 does with what has run once or twice is still another thing in the second round and in the third. */
const warmUps = 3
const kinds = ["ours", "official", "bare"] as const
type Kind = typeof kinds[number]
interface Sample {
  readonly micros: number
  readonly cpu: number
  readonly rss: number
}

const built = await build("client.ts", "service.ts", "idle.ts", "growth.ts", "importing.ts", ...Media.scripts)
const script = (name: string) => path.join(built, `${name}.mjs`)
const execArgv = ["--expose-gc"]
interface Idle {
  readonly bytes: number
  readonly cpuMillisPerMinute: ReadonlyArray<number>
}

const mebibyte = 1024 * 1024

const start = async (name: string, ...args: ReadonlyArray<string>): Promise<ChildProcess> => {
  const child = fork(script(name), args, { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] })
  return child
}

const told = async (child: ChildProcess): Promise<any> => (await once(child, "message"))[0]

const startService = async () => {
  const service = fork(script("service"), { execArgv: [], stdio: ["ignore", "pipe", "inherit", "ipc"] })
  const [port] = await once(service.stdout!, "data")
  return { service, url: `ws://127.0.0.1:${String(port).trim()}` }
}

const row = (name: string, unit: string, ours: number, official: number, digits = 1, bare?: number) => {
  const cell = (value: number | undefined) => (value === undefined ? "" : value.toFixed(digits)).padStart(11)
  console.log(
    `${name.padEnd(44)}${unit.padEnd(16)}${cell(ours)}${cell(official)}${cell(bare)}` +
      `${(ours / official).toFixed(3).padStart(9)} ×`
  )
}

const header = () =>
  console.log(
    `${"".padEnd(60)}${"ours".padStart(11)}${"official".padStart(11)}${"bare".padStart(11)}${"ratio".padStart(11)}`
  )

const load = async () => {
  const { service, url } = await startService()
  const clients = new Map<Kind, ChildProcess>()
  for (const kind of kinds) {
    const child = await start("client", kind, url)
    await told(child)
    clients.set(kind, child)
  }
  const samples = new Map<string, Array<Sample>>()
  for (let round = -warmUps; round < rounds; round++) {
    // Each goes first in its turn: who comes after whom makes a difference.
    const turn = (round + warmUps) % kinds.length
    for (const name of cases) {
      for (const kind of [...kinds.slice(turn), ...kinds.slice(0, turn)]) {
        const child = clients.get(kind)!
        child.send(name)
        const sample: Sample = await told(child)
        if (round < 0) continue
        const key = `${name}/${kind}`
        samples.set(key, [...(samples.get(key) ?? []), sample])
      }
    }
  }
  const of = (name: Case, kind: Kind, field: keyof Sample) =>
    median(samples.get(`${name}/${kind}`)!.map((sample) => sample[field]))
  for (const name of cases) {
    const cpu = (kind: Kind) => of(name, kind, "cpu") / sizes[name]
    const perSecond = (kind: Kind) => sizes[name] / of(name, kind, "micros") * 1e6
    row(name, "µs CPU each", cpu("ours"), cpu("official"), 1, cpu("bare"))
    row(name, "per second", perSecond("ours"), perSecond("official"), 0, perSecond("bare"))
  }
  const rss = (kind: Kind) => samples.get(`router/${kind}`)!.at(-1)!.rss / mebibyte
  row("resident memory after these", "MiB", rss("ours"), rss("official"), 0, rss("bare"))
  for (const child of [service, ...clients.values()]) child.disconnect()
}

const final = () => {
  const output = execFileSync("npx", ["tsx", path.join(import.meta.dirname, "finalBehindSnapshots.ts")], {
    encoding: "utf8"
  })
  const [ours, official] = [...output.matchAll(/(\d+\.\d+) s to the ack/g)].map((match) => Number(match[1]) * 1000)
  row("final behind 200 snapshots, 100 ms per ack", "ms", ours!, official!, 0)
}

const media = async () => {
  for (
    const [direction, mebibytes, name] of [["download", 50, "50 MiB downloaded"], [
      "upload",
      20,
      "20 MiB uploaded"
    ]] as const
  ) {
    const { official, ours } = await Media.compare(built, direction, mebibytes, rounds)
    row(name, "s", ours.seconds, official.seconds, 2)
    row(name, "MiB added", ours.addedMiB, official.addedMiB)
    row(name, "ms stalled", ours.stallMillis, official.stallMillis)
  }
}

/**
 * Both at once, the second half a heartbeat behind the first, so that neither pings while the other does. Each stays open for
 * all rounds of a minute; the first of them, in which V8 compiles what the second has ready, is the warm-up.
 */
const idle = async () => {
  const { service, url } = await startService()
  const seconds = Number(process.env.BENCH_IDLE_SECONDS ?? "60")
  const open = async (kind: "ours" | "official"): Promise<Idle> =>
    told(await start("idle", kind, url, "1000", String(seconds), String(rounds + 1)))
  const [ours, official] = await Promise.all([open("ours"), pause(15_000).then(() => open("official"))])
  const samples = { ours, official }
  service.disconnect()
  const bytes = (kind: keyof typeof samples) => samples[kind].bytes / 1024
  const warmUp = (kind: keyof typeof samples) => samples[kind].cpuMillisPerMinute[0]!
  const cpu = (kind: keyof typeof samples) => median(samples[kind].cpuMillisPerMinute.slice(1))
  row("1,000 idle bots", "KiB per bot", bytes("ours"), bytes("official"))
  row("1,000 idle bots, first minute", "ms CPU", warmUp("ours"), warmUp("official"), 0)
  row("1,000 idle bots, those after", "ms CPU / minute", cpu("ours"), cpu("official"), 0)
}

const loading = async () => {
  const times: Array<number> = []
  for (let i = 0; i < warmUps + rounds; i++) times.push(await told(await start("importing")))
  const counted = median(times.slice(warmUps))
  console.log(`import on top of effect and @effect/platform: ${counted.toFixed(0)} ms`)
  console.log(`the README's bot, minified and gzipped, without peers: ${(await gzippedBytes() / 1000).toFixed(1)} kB`)
}

const growth = async () => {
  const { lanes, msgids } = await told(await start("growth"))
  const line = (name: string, micros: ReadonlyArray<number>) =>
    console.log(
      `${name}: ${micros.map((each) => each.toFixed(2)).join(", ")} µs CPU, ${
        (Math.max(...micros) / Math.min(...micros)).toFixed(2)
      } ×`
    )
  line("a reply beside 1, 100, 10,000 open lanes", lanes)
  line("a message beside 10, 1,000, 100,000 msgids", msgids)
}

/** After minutes in which a machine has nothing to do, it starts processes more slowly for a while: idle bots come last but one. */
const parts = { load, loading, final, media, idle, growth }
const wanted = process.argv.slice(2)
console.log(
  `${
    new Date().toISOString().slice(0, 10)
  }, Node ${process.version}, medians of ${rounds} rounds after a warm-up of ${warmUps}`
)
header()
for (const [name, part] of Object.entries(parts)) if (wanted.length === 0 || wanted.includes(name)) await part()
