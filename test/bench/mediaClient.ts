/** One client in a process of its own: moves one file as told, and reports what it cost. */
import { createCipheriv, createHash } from "node:crypto"
import * as fs from "node:fs"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { setTimeout as pause } from "node:timers/promises"
import type { Mover, Task } from "./clients/media.js"

export interface Cost {
  readonly seconds: number
  readonly addedMiB: number
  readonly stallMillis: number
  readonly isWhole: boolean
}

const mebibyte = 1024 * 1024

// A bot that has moved files before: its heap has grown to what moving files takes, whatever their size.
const warmUp = 8
const warmUps = 4

const residentKB = (field: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(fs.readFileSync("/proc/self/status", "utf8"))![1])

const content = (mebibytes: number): Buffer =>
  createCipheriv("aes-256-ctr", Buffer.alloc(32, 7), Buffer.alloc(16)).update(Buffer.alloc(mebibytes * mebibyte))

const sha256OfFile = async (path: string): Promise<string> => {
  const hash = createHash("sha256")
  for await (const bytes of fs.createReadStream(path)) hash.update(bytes)
  return hash.digest("hex")
}

const measured = async (move: () => Promise<unknown>): Promise<Omit<Cost, "isWhole">> => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await pause(100)
  }
  // The kernel keeps the peak from here on.
  fs.writeFileSync("/proc/self/clear_refs", "5")
  const before = residentKB("VmRSS")
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const started = process.hrtime.bigint()
  await move()
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  await pause(5)
  return { seconds, addedMiB: (residentKB("VmHWM") - before) / 1024, stallMillis: delay.max / 1e6 }
}

const [kind] = process.argv.slice(2)

const moverOf = async (task: Task): Promise<Mover> =>
  kind === "ours"
    ? (await import("./clients/mediaOurs.js")).make(task)
    : (await import("./clients/mediaOfficial.js")).make(task)

process.once("message", async (task: Task) => {
  for (const mebibytes of [warmUp, task.mebibytes]) {
    const path = `${task.directory}/upload-${mebibytes}`
    if (task.direction === "upload" && !fs.existsSync(path)) fs.writeFileSync(path, content(mebibytes))
  }
  const mover = await moverOf(task)
  for (let i = 0; i < warmUps; i++) await mover.move(warmUp)
  const cost = await measured(() => mover.move(task.mebibytes))
  const path = `${task.directory}/${kind}-${task.mebibytes}`
  const isWhole = task.direction !== "file" ||
    await sha256OfFile(path) === createHash("sha256").update(content(task.mebibytes)).digest("hex")
  process.send!({ ...cost, isWhole } satisfies Cost)
})
process.on("disconnect", () => process.exit(0))
