/** Many bots in one process, subscribed and idle: what each holds, and what their heartbeats cost. */
import { setTimeout as pause } from "node:timers/promises"

const [kind, url, count, seconds, rounds] = process.argv.slice(2) as [
  "ours" | "official",
  string,
  string,
  string,
  string
]

const open = async (): Promise<() => Promise<void>> => {
  if (kind === "ours") return (await import("./clients/ours.js")).open(url)
  const client = await (await import("./clients/official.js")).connect(url)
  return async () => client.disconnect()
}

const collect = async () => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await pause(100)
  }
  return process.memoryUsage.rss()
}

// The first has the modules loaded.
await open()
const before = await collect()
for (let opened = 0; opened < Number(count);) {
  const some = Math.min(50, Number(count) - opened)
  await Promise.all(Array.from({ length: some }, open))
  opened += some
}
const bytes = (await collect() - before) / Number(count)
const cpuMillisPerMinute: Array<number> = []
for (let round = 0; round < Number(rounds); round++) {
  const cpu = process.cpuUsage()
  await pause(Number(seconds) * 1000)
  const { system, user } = process.cpuUsage(cpu)
  cpuMillisPerMinute.push((user + system) / 1000 * 60 / Number(seconds))
}
process.send!({ bytes, cpuMillisPerMinute })
process.exit(0)
