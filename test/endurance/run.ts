/**
 * `npm run test:endurance -- --minutes N`: traffic with a fault every second on real sockets. At the end nothing is left beyond
 * an idle bot, the heap does not grow, and what the service took and what the bot reported agree one to one.
 */
import { type Context, Effect, Exit, Fiber, Layer, Logger, Scope, Stream } from "effect"
import { BotRouter, WecomBot } from "effect-wecom"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { parseArgs } from "node:util"
import * as v8 from "node:v8"
import * as vm from "node:vm"
import * as Bot from "./bot.js"
import * as Measure from "./measure.js"
import type { Notice, Order } from "./protocol.js"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "15" },
    growth: { type: "string", default: "1024" },
    samples: { type: "boolean", default: false }
  }
})
const minutes = Number(values.minutes)

/** More than any memory of the latest so and so many holds: what fills up by design has filled up before it is measured. */
const warmMessages = 11_000
const sampleMillis = Math.min(5_000, minutes * 1_000)
/** The most kilobytes the heap may grow by in the last half: in the first minutes not everything has been done once. */
const allowedGrowth = Number(values.growth) * 1024

// Machine code counts as heap and goes on growing for a quarter of an hour: without it what grows are objects.
for (const flag of ["--expose-gc", "--no-opt", "--no-sparkplug"]) v8.setFlagsFromString(flag)
const gc: () => void = vm.runInNewContext("gc")

const broken: Array<string> = []
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(
    event,
    (error: unknown) => broken.push(`${event}: ${String((error as Error | undefined)?.stack ?? error)}`)
  )
}

const service: ChildProcess = fork(path.join(import.meta.dirname, "service.ts"), { execArgv: ["--import", "tsx"] })
const order = (order: Order) => service.send(order)
const notice = async <T extends Notice["_tag"]>(tag: T): Promise<Extract<Notice, { readonly _tag: T }>> => {
  while (true) {
    const [message] = await once(service, "message") as [Notice]
    if (message._tag === tag) return message as Extract<Notice, { readonly _tag: T }>
  }
}

const { url } = await notice("Listening")

const roots = new Measure.Roots()
const scope = Effect.runSync(Scope.make())
const quiet = Logger.remove(Logger.defaultLogger)
const run = <A, E>(effect: Effect.Effect<A, E>) =>
  effect.pipe(Effect.supervised(roots), Effect.provide(quiet), Effect.runPromise)

const bot: Context.Context<WecomBot.WecomBot> = await run(Layer.buildWithScope(Bot.layer(url), scope))

const start = <E>(effect: Effect.Effect<unknown, E, WecomBot.WecomBot>) =>
  effect.pipe(Effect.provide(bot), Effect.supervised(roots), Effect.provide(quiet), Effect.runFork)

/** How long each outage took, as the bot saw it. */
const recoveries: Array<number> = []
let downSince: number | undefined
const watching = start(Stream.runForEach(WecomBot.statusChanges, (status) =>
  Effect.sync(() => {
    const now = performance.now()
    if (status._tag === "Subscribed") {
      if (downSince !== undefined) recoveries.push(now - downSince)
      downSince = undefined
    } else if (status._tag === "Waiting") downSince ??= now
  })))

await run(Effect.provide(WecomBot.ready, bot))
const warming = start(BotRouter.run(Bot.warming))
const warmed = notice("Warmed")
order({ _tag: "Warm", messages: warmMessages })
await warmed
await sleep(1_000)
await Effect.runPromise(Fiber.interrupt(warming))
const running = start(BotRouter.run(Bot.router, { concurrency: 512 }))
// Everything a handler can do was done once, so that what is made lazily is there.
order({ _tag: "Traffic", on: true })
await sleep(5_000)
order({ _tag: "Traffic", on: false })
await sleep(8_000)
gc()
const idle = Measure.census(roots)
const idleBytes = process.memoryUsage().heapUsed

order({ _tag: "Traffic", on: true })
order({ _tag: "Faults", on: true })
const samples: Array<Measure.Sample> = []
const startedAt = performance.now()
const seconds = () => (performance.now() - startedAt) / 1000
while (seconds() < minutes * 60) {
  await sleep(sampleMillis)
  gc()
  samples.push({ seconds: seconds(), bytes: process.memoryUsage().heapUsed })
}
order({ _tag: "Faults", on: false })
order({ _tag: "Traffic", on: false })

/** Finals are pursued for a while after their answers have ended. */
let left = Measure.surplus(idle, Measure.census(roots))
for (let tries = 0; tries < 60 && left.length > 0; tries++) {
  await sleep(1_000)
  left = Measure.surplus(idle, Measure.census(roots))
}
await sleep(6_000)
gc()
left = Measure.surplus(idle, Measure.census(roots))
const endBytes = process.memoryUsage().heapUsed
broken.push(...left)

const reported = notice("Report")
order({ _tag: "Report" })
const report = await reported
const accepted = Buffer.from(report.accepted, "base64")

await Effect.runPromise(Fiber.interruptAll([running, watching]))
await run(Scope.close(scope, Exit.void))
if (Bot.sockets.size > 0) broken.push(`${Bot.sockets.size} sockets are left after the close`)
if (roots.alive.size > 0) broken.push(`${roots.alive.size} fibers are left after the close`)

const megabytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(2)
const counts = new Map<string, { total: number; accepted: number }>()
for (let token = 1; token <= Bot.tokenCount(); token++) {
  const verdict = Bot.verdicts[Bot.said[token]!]!
  const isAnswer = Bot.isAnswer[token] === 1
  const copies = accepted[token]!
  const key = `${isAnswer ? "answers" : "frames"}: ${verdict}`
  const count = counts.get(key) ?? { total: 0, accepted: 0 }
  counts.set(key, { total: count.total + 1, accepted: count.accepted + (copies > 0 ? 1 : 0) })
  const isTrue = verdict === "Success"
    ? copies > 0
    : verdict === "Unknown" || (verdict !== "none" && copies === 0)
  if (!isTrue) broken.push(`token ${token}: the bot says ${verdict}, the service took ${copies}`)
}

if (values.samples) { for (const { bytes, seconds } of samples) console.log(Math.round(seconds), megabytes(bytes)) }
const lastHalf = samples.filter((sample) => sample.seconds >= minutes * 30)
const perSecond = Measure.slope(lastHalf)
const growth = perSecond * minutes * 30
if (growth > allowedGrowth) broken.push(`the heap grows by ${Math.round(growth / 1024)} kB in half of the time`)

recoveries.sort((a, b) => a - b)
const quantile = (share: number) => ((recoveries[Math.floor(recoveries.length * share)] ?? 0) / 1000).toFixed(2)
const row = (...cells: ReadonlyArray<string | number>) =>
  console.log(cells.map((cell, at) => at === 0 ? String(cell).padEnd(40) : String(cell).padStart(10)).join(""))

console.log(`\n${minutes} minutes\n`)
row("fault", "times")
for (const [name, times] of Object.entries(report.faults).toSorted(([a], [b]) => a.localeCompare(b))) row(name, times)
console.log()
row("verdict", "sends", "accepted")
for (const [name, count] of [...counts].toSorted(([a], [b]) => a.localeCompare(b))) {
  row(name, count.total, count.accepted)
}
console.log()
row("outages", recoveries.length)
row("subscribed again, median, 95 %, longest", `${quantile(0.5)} s`, `${quantile(0.95)} s`, `${quantile(0.9999)} s`)
row("heap when idle before and after, MB", megabytes(idleBytes), megabytes(endBytes))
row("heap's growth in the last half, kB", Math.round(growth / 1024))
row("beyond an idle bot", left.length === 0 ? "nothing" : left.length)
for (const what of broken.slice(0, 20)) console.log(`BROKEN: ${what}`)
console.log(broken.length === 0 ? "\nall held" : `\n${broken.length} promises broken`)
order({ _tag: "Stop" })
process.exitCode = broken.length === 0 ? 0 : 1
