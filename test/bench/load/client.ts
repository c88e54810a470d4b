/** One client in a process of its own: plays a case when told to, and reports what it cost. */
import * as Bare from "./bare.js"
import { type Case, play } from "./cases.js"
import * as Official from "./official.js"
import * as Ours from "./ours.js"

const [kind, url] = process.argv.slice(2) as ["ours" | "official" | "bare", string]

const start = async (): Promise<(name: Case) => Promise<unknown>> => {
  if (kind === "ours") return (await Ours.make(url)).play
  const client = await (kind === "official" ? Official : Bare).make(url)
  return (name) => play(client, name)
}

const playCase = await start()
process.on("message", async (name: Case) => {
  const cpu = process.cpuUsage()
  const time = process.hrtime.bigint()
  await playCase(name)
  const { system, user } = process.cpuUsage(cpu)
  const micros = Number(process.hrtime.bigint() - time) / 1000
  globalThis.gc?.()
  process.send!({ micros, cpu: user + system, rss: process.memoryUsage.rss() })
})
process.on("disconnect", () => process.exit(0))
process.send!("ready")
