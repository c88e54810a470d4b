/** One client in a process of its own: plays a case when told to, and reports what it cost. */
import type { Case } from "./clients/cases.js"
import { play } from "./clients/cases.js"

const [kind, url] = process.argv.slice(2) as ["ours" | "official" | "bare", string]

// Each loads what it needs and nothing of the others: their modules would count as its memory.
const start = async (): Promise<(name: Case) => Promise<unknown>> => {
  if (kind === "ours") return (await (await import("./clients/ours.js")).make(url)).play
  const client = await (kind === "official"
    ? await import("./clients/official.js")
    : await import("./clients/bare.js")).make(url)
  return (name) => play(client, name)
}

const playCase = await start()
process.on("message", async (name: Case) => {
  const cpu = process.cpuUsage()
  const time = process.hrtime.bigint()
  await playCase(name)
  const { system, user } = process.cpuUsage(cpu)
  const micros = Number(process.hrtime.bigint() - time) / 1000
  process.send!({ micros, cpu: user + system, rss: process.memoryUsage.rss() })
})
process.on("disconnect", () => process.exit(0))
process.send!("ready")
