/**
 * `npm run bench`: this library, the official SDK and a bare `ws` client against one service process, alternating, seven rounds
 * after a warm-up of three; then loading, media, idle bots and growth. Prints medians, the ratios to the official SDK, and the
 * bounds of these ratios. A bound that is missed is listed and fails nothing, because machines are noisy. With names behind it
 * only those parts run: `npm run bench load`.
 */
import { type ChildProcess, fork, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { build } from "./build.js"
import { gzippedBytes } from "./bundle.js"
import { type Case, cases, sizes } from "./clients/cases.js"
import * as Media from "./media.js"
import { median } from "./median.js"

const rounds = Number(process.env.BENCH_ROUNDS ?? 7)
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
interface Idle {
  readonly bytes: number
  readonly cpuMillisPerMinute: ReadonlyArray<number>
}

const mebibyte = 1024 * 1024

const start = (name: string, args: ReadonlyArray<string> = [], execArgv: ReadonlyArray<string> = []): ChildProcess =>
  fork(script(name), args, { execArgv: [...execArgv], stdio: ["ignore", "ignore", "inherit", "ipc"] })

const told = async (child: ChildProcess): Promise<any> => (await once(child, "message"))[0]

const startService = async () => {
  const service = fork(script("service"), { execArgv: [], stdio: ["ignore", "pipe", "inherit", "ipc"] })
  const [port] = await once(service.stdout!, "data")
  return { service, url: `ws://127.0.0.1:${String(port).trim()}` }
}

interface Bound {
  readonly atMost?: number
  readonly atLeast?: number
}

const missed: Array<string> = []

/** The bound and whether the value meets it. */
const judged = (name: string, value: number, { atLeast = 0, atMost = Infinity }: Bound): string => {
  const bound = atMost < Infinity ? `≤ ${atMost}` : `≥ ${atLeast}`
  if (value >= atLeast && value <= atMost) return `${bound} met`
  missed.push(`${name} is ${value.toFixed(3)}, not ${bound}`)
  return `${bound} MISSED`
}

interface Figures {
  readonly ours: number
  readonly official: number
  readonly bare?: number | undefined
  readonly digits?: number
  /** Of ours to the official SDK's. */
  readonly bound?: Bound
}

const row = (name: string, unit: string, { bare, bound, digits = 1, official, ours }: Figures) => {
  const cell = (value: number | undefined) => (value === undefined ? "" : value.toFixed(digits)).padStart(11)
  const ratio = ours / official
  const verdict = bound === undefined ? "" : `  ${judged(`${name} (${unit})`, ratio, bound)}`
  console.log(
    `${name.padEnd(44)}${unit.padEnd(16)}${cell(ours)}${cell(official)}${cell(bare)}` +
      `${ratio.toFixed(3).padStart(9)} ×${verdict}`
  )
}

const header = () =>
  console.log(
    `${"".padEnd(60)}${"ours".padStart(11)}${"official".padStart(11)}${"bare".padStart(11)}${
      "ratio".padStart(11)
    }  bound`
  )

const loadBounds: { readonly [K in Case]: { readonly cpu: number; readonly throughput: number } } = {
  "one lane": { cpu: 1.2, throughput: 0.8 },
  "200 lanes": { cpu: 0.8, throughput: 0.8 },
  "messages": { cpu: 1.2, throughput: 0.8 },
  "router, same work": { cpu: 1, throughput: 0.8 },
  "router, bare handler": { cpu: 3, throughput: 0.35 }
}

/** Only the official SDK has something to add to a bare handler. */
const playersOf = (name: Case): ReadonlyArray<Kind> => name === "router, same work" ? ["ours", "official"] : kinds

const load = async () => {
  const { service, url } = await startService()
  const clients = new Map<Kind, ChildProcess>()
  for (const kind of kinds) {
    const child = start("client", [kind, url])
    await told(child)
    clients.set(kind, child)
  }
  const samples = new Map<string, Array<Sample>>()
  for (let round = -warmUps; round < rounds; round++) {
    for (const name of cases) {
      // Each goes first in its turn, because the order makes a difference.
      const players = playersOf(name)
      const turn = (round + warmUps) % players.length
      for (const kind of [...players.slice(turn), ...players.slice(0, turn)]) {
        const child = clients.get(kind)!
        child.send(name)
        const sample: Sample = await told(child)
        if (round < 0) continue
        const key = `${name}/${kind}`
        samples.set(key, [...(samples.get(key) ?? []), sample])
      }
    }
  }
  const of = (name: Case, kind: Kind, field: keyof Sample) => {
    const values = samples.get(`${name}/${kind}`)?.map((sample) => sample[field])
    return values === undefined ? undefined : median(values)
  }
  const all = (figure: (kind: Kind) => number | undefined) => ({
    ours: figure("ours")!,
    official: figure("official")!,
    bare: figure("bare")
  })
  for (const name of cases) {
    const { cpu, throughput } = loadBounds[name]
    const each = (kind: Kind, field: keyof Sample, figure: (median: number) => number) => {
      const value = of(name, kind, field)
      return value === undefined ? undefined : figure(value)
    }
    row(name, "µs CPU each", {
      ...all((kind) => each(kind, "cpu", (micros) => micros / sizes[name])),
      bound: { atMost: cpu }
    })
    row(name, "per second", {
      ...all((kind) => each(kind, "micros", (micros) => sizes[name] / micros * 1e6)),
      digits: 0,
      bound: { atLeast: throughput }
    })
  }
  // As a program has it: nothing was collected for it.
  row("resident memory after these", "MiB", {
    ...all((kind) => samples.get(`${cases.at(-1)}/${kind}`)!.at(-1)!.rss / mebibyte),
    digits: 0
  })
  for (const child of [service, ...clients.values()]) child.disconnect()
}

const final = () => {
  const { stdout } = spawnSync("npx", ["tsx", path.join(import.meta.dirname, "finalBehindSnapshots.ts")], {
    encoding: "utf8"
  })
  const [ours, official] = [...stdout.matchAll(/(\d+\.\d+) s to the ack/g)].map((match) => Number(match[1]) * 1000)
  row("final behind 200 snapshots, 100 ms per ack", "ms", {
    ours: ours!,
    official: official!,
    digits: 0,
    bound: { atMost: 0.02 }
  })
}

interface MediaBounds {
  readonly time: number
  readonly memory: number
  readonly stall?: number
}

const media = async () => {
  const compare = async (
    direction: "download" | "upload",
    mebibytes: number,
    name: string,
    { memory, stall, time }: MediaBounds
  ) => {
    const { official, ours } = await Media.compare(built, direction, mebibytes, rounds)
    row(name, "s", { ours: ours.seconds, official: official.seconds, digits: 2, bound: { atMost: time } })
    row(name, "MiB added", { ours: ours.addedMiB, official: official.addedMiB, bound: { atMost: memory } })
    row(name, "ms stalled", {
      ours: ours.stallMillis,
      official: official.stallMillis,
      ...(stall === undefined ? {} : { bound: { atMost: stall } })
    })
  }
  await compare("download", 50, "50 MiB downloaded", { time: 1, memory: 0.3 })
  await compare("upload", 20, "20 MiB uploaded", { time: 1.25, memory: 0.6, stall: 0.5 })
}

/**
 * Both at once, the second half a heartbeat behind the first, so that neither pings while the other does. Each stays open for
 * all rounds of a minute; the first of them, in which V8 compiles what the second has ready, is the warm-up.
 */
const idle = async () => {
  const { service, url } = await startService()
  const seconds = Number(process.env.BENCH_IDLE_SECONDS ?? "60")
  const open = async (kind: "ours" | "official"): Promise<Idle> =>
    told(
      // What opening the bots left behind is collected first: the row is about the bots that are there.
      start("idle", [kind, url, "1000", String(seconds), String(rounds + 1)], ["--expose-gc"])
    )
  const [ours, official] = await Promise.all([open("ours"), pause(15_000).then(() => open("official"))])
  const samples = { ours, official }
  service.disconnect()
  const bytes = (kind: keyof typeof samples) => samples[kind].bytes / 1024
  const warmUp = (kind: keyof typeof samples) => samples[kind].cpuMillisPerMinute[0]!
  const cpu = (kind: keyof typeof samples) => median(samples[kind].cpuMillisPerMinute.slice(1))
  const both = (figure: (kind: keyof typeof samples) => number) => ({
    ours: figure("ours"),
    official: figure("official")
  })
  row("1,000 idle bots", "KiB per bot", { ...both(bytes), bound: { atMost: 3 } })
  row("1,000 idle bots, first minute", "ms CPU", { ...both(warmUp), digits: 0 })
  row("1,000 idle bots, those after", "ms CPU / minute", { ...both(cpu), digits: 0, bound: { atMost: 1.5 } })
}

const loading = async () => {
  const times: Array<number> = []
  for (let i = 0; i < warmUps + rounds; i++) times.push(await told(start("importing")))
  const counted = median(times.slice(warmUps))
  const name = "import on top of effect and @effect/platform"
  console.log(`${name}: ${counted.toFixed(0)} ms  ${judged(`${name} (ms)`, counted, { atMost: 80 })}`)
  console.log(`the README's bot, minified and gzipped, without peers: ${(await gzippedBytes() / 1000).toFixed(1)} kB`)
}

const growth = async () => {
  const { lanes, msgids } = await told(start("growth"))
  const line = (name: string, micros: ReadonlyArray<number>) => {
    const ratio = Math.max(...micros) / Math.min(...micros)
    const figures = micros.map((each) => each.toFixed(2)).join(", ")
    console.log(`${name}: ${figures} µs CPU, ${ratio.toFixed(2)} ×  ${judged(name, ratio, { atMost: 1.3 })}`)
  }
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
console.log(missed.length === 0 ? "every bound is met" : `missed: ${missed.join("; ")}`)
