/**
 * The bot of `npm start` as a process, told long texts: its answer begins at once, and its event loop goes on.
 */
import { Effect } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { describe, expect } from "vitest"
import { start } from "../fixtures/process.js"
import { fault } from "./world.js"

/** Prints the longest stall of the event loop since the last SIGUSR2. */
const watch = `import { monitorEventLoopDelay } from "node:perf_hooks"
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
process.on("SIGUSR2", () => delay.reset())
process.on("exit", () => console.log("stalled " + Math.round(delay.max / 1e6)))`

const texts: ReadonlyArray<readonly [name: string, text: string]> = [
  ["words", "word ".repeat(4000)],
  ["one word", "x".repeat(20_000)],
  ["Chinese", "明天下午三点开会".repeat(2500)],
  ["quotes", ">".repeat(20_000)],
  ["emoji", "👍🏽".repeat(5000)],
  ["mentions", "@".repeat(20_000)],
  ["code", "`".repeat(20_000)],
  ["thinking", "<think>".repeat(2500)],
  ["tables", "|a|b|\n|-|-|\n".repeat(1500)]
]

describe("the bot of npm start", () => {
  for (const [name, text] of texts) {
    fault(
      `${text.length} characters: ${name}`,
      { alone: true },
      (row) =>
        Effect.gen(function*() {
          const wsUrl = yield* NodeGateway.url
          const bot = yield* start("examples/echo.ts", {
            WECOM_BOT_ID: TestGateway.defaultBotId,
            WECOM_BOT_SECRET: "test-secret",
            WECOM_WS_URL: wsUrl,
            NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(watch)}`
          })
          const alice = yield* TestGateway.user("alice")
          // The first message compiles what every message needs.
          yield* Effect.flatMap(alice.sendText("hello"), alice.awaitAnswer)
          yield* bot.kill("SIGUSR2")
          const startedAt = performance.now()
          const sent = yield* alice.sendText(text)
          yield* alice.awaitBubble((bubble) => bubble.from === "bot" && bubble.reqId === sent.reqId)
          const openedAfter = performance.now() - startedAt
          yield* alice.awaitAnswer(sent)
          yield* bot.kill("SIGTERM")
          const { stdout } = yield* bot.ended
          const stalled = Number(/stalled (\d+)/.exec(stdout)?.[1])
          row.times++
          expect(openedAfter).toBeLessThan(1000)
          expect(stalled).toBeLessThan(100)
          const shown = (yield* alice.screen).filter((bubble) => bubble.reqId === sent.reqId && bubble.from === "bot")
          expect(shown.every(({ sealed }) => sealed)).toBe(true)
        }).pipe(Effect.provide(NodeGateway.layer()))
    )
  }
})
