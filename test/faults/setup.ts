/** Beside the logs, spans and metrics are searched for secrets; and nothing that nobody caught passes unseen. */
import { Cause, Layer, Metric } from "effect"
import { inspect } from "node:util"
import { afterAll, expect } from "vitest"
import * as RecordingTracer from "../setup/recordingTracer.js"
import { watch } from "../setup/secretsInLogs.js"

export const tracer = Layer.setTracer(RecordingTracer.make({
  end: ({ attributes, events, failure, name }) => {
    const cause = failure === undefined ? "" : Cause.pretty(failure, { renderErrorCause: true })
    watch("a span", inspect([name, attributes, events], { depth: 8 }) + cause)
  }
}))

const uncaught: Array<unknown> = []
process.on("unhandledRejection", (error) => uncaught.push(error))
process.on("uncaughtExceptionMonitor", (error) => uncaught.push(error))

afterAll(() => {
  for (const pair of Metric.unsafeSnapshot()) watch("a metric", inspect(pair, { depth: 8 }))
  expect(uncaught).toEqual([])
})
