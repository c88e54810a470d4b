/**
 * A million messages of a hundred thousand conversations through a router: the heap must not grow with them. Run it with
 * `npx tsx test/bench/routerMemory.ts [messages]`.
 */
import { Effect, Fiber, Logger } from "effect"
import { BotRouter } from "effect-wecom"
import { pathToFileURL } from "node:url"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { loose, text } from "../router/support.js"

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")

export interface Sample {
  readonly handled: number
  readonly heapMegabytes: number
}

const heap = () => {
  gc()
  return process.memoryUsage().heapUsed / 1024 / 1024
}

/** The heap after each tenth of the messages, garbage collected. */
export const measure = (
  messages: number,
  overlap: BotRouter.Overlap
): Effect.Effect<ReadonlyArray<Sample>> =>
  Effect.gen(function*() {
    const bot = yield* loose
    let handled = 0
    const router = BotRouter.empty.pipe(BotRouter.onBatch((batch) =>
      Effect.map(Effect.yieldNow(), () => {
        handled += batch.length
      })
    ))
    const running = yield* Effect.fork(
      Effect.provide(BotRouter.run(router, { overlap, debounceWindow: 0 }), bot.layer)
    )
    const samples: Array<Sample> = []
    for (let said = 0; said < messages;) {
      for (let n = 0; n < 100; n++, said++) bot.say(text(`user-${said % 100_000}`, `message-${said}`))
      const soFar = said
      yield* Effect.repeat(Effect.sleep(0), { until: () => handled >= soFar })
      if (said % (messages / 10) === 0) samples.push({ handled, heapMegabytes: heap() })
    }
    yield* Fiber.interrupt(running)
    return samples
  }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const messages = Number(process.argv[2] ?? 1_000_000)
  for (const overlap of ["queue", "concurrent", "latest", "debounce"] as const) {
    const startedAt = performance.now()
    const samples = await Effect.runPromise(measure(messages, overlap))
    const seconds = (performance.now() - startedAt) / 1000
    const grown = samples[samples.length - 1]!.heapMegabytes - samples[1]!.heapMegabytes
    console.log(
      `${overlap}: ${messages} messages in ${seconds.toFixed(1)} s, heap ${
        samples.map(({ heapMegabytes }) => heapMegabytes.toFixed(1)).join(" ")
      } MB, grown by ${grown.toFixed(1)} MB after the second tenth`
    )
  }
}
