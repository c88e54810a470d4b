/**
 * Memory and time of a large download and a large upload, ours beside the official SDK's, in the same run. Each figure is a
 * process of its own; the gateway is another. Run it with `npx tsx test/bench/media.ts`; it exits with 1 when ours exceeds
 * its bounds or a file is not the same.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { Layer } from "effect"
import { Effect, Logger } from "effect"
import { WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { type ChildProcess, fork } from "node:child_process"
import { createCipheriv, createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const MB = 1024 * 1024
const downloadBytes = 100 * MB
const uploadBytes = 20 * MB
// A bot that has moved files before: its heap has grown to what moving files takes, whatever their size.
const warmUpBytes = 8 * MB
const warmUps = 4

interface Served {
  readonly wsUrl: string
  readonly small: TestGateway.MediaLink
  readonly large: TestGateway.MediaLink
}

interface Task {
  readonly role: "ours" | "official"
  readonly direction: "download" | "upload"
  readonly served: Served
  readonly directory: string
}

interface Result {
  readonly seconds: number
  readonly addedMB: number
}

/** The same pseudo-random bytes in every process. */
const content = (length: number): Buffer => {
  const cipher = createCipheriv("aes-256-ctr", Buffer.alloc(32, 7), Buffer.alloc(16))
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at += MB) cipher.update(bytes.subarray(at, at + MB)).copy(bytes, at)
  return bytes
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const residentKB = (field: "VmRSS" | "VmHWM"): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(fs.readFileSync("/proc/self/status", "utf8"))![1])

/** How far the resident memory rises above where it stood, and how long it takes. The kernel keeps the peak. */
const measured = async (task: () => Promise<unknown>): Promise<Result> => {
  for (let i = 0; i < 3; i++) {
    global.gc?.()
    await pause(100)
  }
  fs.writeFileSync("/proc/self/clear_refs", "5")
  const before = residentKB("VmRSS")
  const started = process.hrtime.bigint()
  await task()
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  return { seconds, addedMB: (residentKB("VmHWM") - before) / 1024 }
}

const serve = Effect.gen(function*() {
  const small = yield* TestGateway.serveFile({ bytes: content(warmUpBytes), filename: "small.bin" })
  const large = yield* TestGateway.serveFile({ bytes: content(downloadBytes), filename: "large.bin" })
  const served: Served = { wsUrl: yield* NodeGateway.url, small, large }
  process.send!(served)
  process.on(
    "message",
    () => Effect.runFork(Effect.map(uploaded, (all) => process.send!(all)).pipe(Effect.provide(context)))
  )
  const context = yield* Effect.context<TestGateway.TestGateway>()
  return yield* Effect.never
}).pipe(Effect.provide(NodeGateway.layer({ receivedLimit: 1, quotas: false })))

const uploaded = Effect.map(TestGateway.uploads, (all) => all.map((media) => sha256(media.bytes)))

const ours = async ({ directory, direction, served }: Task): Promise<Result> => {
  const bot = NodeWecomBot.layer({
    botId: TestGateway.defaultBotId,
    secret: TestGateway.defaultSecret,
    wsUrl: served.wsUrl
  })
  return Effect.runPromise(
    Effect.gen(function*() {
      yield* WecomBot.ready
      const context = yield* Effect.context<WecomBot.WecomBot>()
      const run = <A, E>(
        effect: Effect.Effect<A, E, WecomBot.WecomBot | Layer.Layer.Success<typeof NodeFileSystem.layer>>
      ) => Effect.runPromise(effect.pipe(Effect.provide(context), Effect.provide(NodeFileSystem.layer)))
      const task = (size: "small" | "large"): Promise<unknown> =>
        direction === "download"
          ? run(
            Effect.flatMap(WecomBot.downloadFile(served[size]), (file) => file.writeTo(`${directory}/ours-${size}`))
          )
          : run(WecomBot.uploadMediaFile(`${directory}/upload-${size}`, { type: "file" }))
      for (let i = 0; i < warmUps; i++) yield* Effect.promise(() => task("small"))
      return yield* Effect.promise(() => measured(() => task("large")))
    }).pipe(Effect.provide(bot), Effect.provide(Logger.remove(Logger.defaultLogger)))
  )
}

const official = async ({ directory, direction, served }: Task): Promise<Result> => {
  const sdk: any = await import("@wecom/aibot-node-sdk")
  const WSClient = sdk.WSClient ?? sdk.default.WSClient
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const client = new WSClient({
    botId: TestGateway.defaultBotId,
    secret: "test-secret",
    wsUrl: served.wsUrl,
    logger: silent,
    requestTimeout: 60_000
  })
  await new Promise<void>((resolve) => {
    client.on("authenticated", () => resolve())
    client.connect()
  })
  const task = async (size: "small" | "large") => {
    if (direction === "download") {
      const { buffer } = await client.downloadFile(served[size].url, served[size].aeskey)
      await fs.promises.writeFile(`${directory}/official-${size}`, buffer)
    } else {
      const bytes = await fs.promises.readFile(`${directory}/upload-${size}`)
      await client.uploadMedia(bytes, { type: "file", filename: "a.bin" })
    }
  }
  for (let i = 0; i < warmUps; i++) await task("small")
  const result = await measured(() => task("large"))
  client.disconnect()
  return result
}

const child = (role: string): ChildProcess =>
  fork(fileURLToPath(import.meta.url), [role], { execArgv: ["--expose-gc", "--import", "tsx"] })

const next = (from: ChildProcess) =>
  new Promise<any>((resolve, reject) => {
    from.once("message", resolve)
    from.once("exit", (code) => reject(new Error(`a process ended with ${code}`)))
  })

const main = async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "effect-wecom-bench-"))
  const gateway = child("serve")
  try {
    const served: Served = await next(gateway)
    fs.writeFileSync(`${directory}/upload-small`, content(warmUpBytes))
    fs.writeFileSync(`${directory}/upload-large`, content(uploadBytes))
    const bounds = { download: 32, upload: 16 }
    const problems: Array<string> = []
    for (const direction of ["download", "upload"] as const) {
      for (const role of ["ours", "official"] as const) {
        const worker = child("work")
        worker.send({ role, direction, served, directory } satisfies Task)
        const { addedMB, seconds }: Result = await next(worker)
        worker.disconnect()
        const size = direction === "download" ? "100 MB to a file" : "20 MB from a file"
        console.log(
          `${direction.padEnd(8)} ${size.padEnd(18)} ${role.padEnd(8)} ${seconds.toFixed(2).padStart(6)} s` +
            ` ${addedMB.toFixed(1).padStart(7)} MB of additional resident memory`
        )
        if (role === "ours" && addedMB >= bounds[direction]) {
          problems.push(`${direction}: ${addedMB.toFixed(1)} MB are not below ${bounds[direction]} MB`)
        }
      }
    }
    const expected = sha256(content(downloadBytes))
    for (const role of ["ours", "official"]) {
      if (sha256(fs.readFileSync(`${directory}/${role}-large`)) !== expected) {
        problems.push(`${role}: another file came`)
      }
    }
    gateway.send("uploads")
    const arrived: ReadonlyArray<string> = await next(gateway)
    const sent = sha256(content(uploadBytes))
    if (arrived.filter((sum) => sum === sent).length !== 2) problems.push("another file arrived")
    for (const problem of problems) console.log(problem)
    process.exitCode = problems.length === 0 ? 0 : 1
  } finally {
    gateway.kill()
    fs.rmSync(directory, { recursive: true, force: true })
  }
}

switch (process.argv[2]) {
  case "serve":
    Effect.runFork(serve)
    break
  case "work":
    process.once("disconnect", () => process.exit())
    process.once(
      "message",
      (task: Task) => void (task.role === "ours" ? ours : official)(task).then((r) => process.send!(r))
    )
    break
  default:
    await main()
}
