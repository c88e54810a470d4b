/**
 * A bot that can be watched: one trace per message, and metrics of the connection, by `@effect/opentelemetry`. Run it with
 * `npx tsx examples/telemetry.ts`.
 *
 * `OTEL_EXPORTER_OTLP_ENDPOINT`, for example `http://localhost:4318`, sends traces, metrics and logs to a collector. Without
 * it spans are printed as they end. `Telemetry` lists their names; no name, tag or value holds message text, links or keys.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { type ReadableSpan, SimpleSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base"
import { Config, Effect, Layer, Metric, Option, Schedule, Stream } from "effect"
import { BotRouter, Telemetry, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"
import { print } from "./support/terminal.js"

const showSpan = ({ duration: [seconds, nanos], events, name }: ReadableSpan) =>
  print("span", `${name} ${Math.round(seconds * 1e3 + nanos / 1e6)} ms, ${events.length} event(s)`)

const printed: SpanExporter = {
  export: (spans, done) => {
    Effect.runSync(Effect.forEach(spans, showSpan, { discard: true }))
    done({ code: 0 })
  },
  shutdown: () => Promise.resolve()
}

const telemetry = Layer.unwrapEffect(Effect.map(
  Config.option(Config.nonEmptyString("OTEL_EXPORTER_OTLP_ENDPOINT")),
  Option.match({
    onNone: () =>
      NodeSdk.layer(() => ({
        resource: { serviceName: "wecom-bot" },
        spanProcessor: new SimpleSpanProcessor(printed)
      })),
    onSome: (baseUrl) =>
      Layer.provide(Otlp.layerJson({ baseUrl, resource: { serviceName: "wecom-bot" } }), FetchHttpClient.layer)
  })
))

const router = BotRouter.empty.pipe(
  BotRouter.onText((message) =>
    WecomBot.replyStream(message, Stream.schedule(Stream.make("one ", "two ", "three"), Schedule.spaced("50 millis")))
      .pipe(
        // A span of one's own stands in the same tree.
        Effect.withSpan("count to three")
      )
  )
)

// Traces are made by option, for they cost something on every message; metrics are always there.
const program = BotRouter.run(router, { tracing: true }).pipe(
  Effect.provide(NodeWecomBot.layerConfig()),
  Effect.provide(telemetry)
)

const showMetrics = Effect.gen(function*() {
  const { count } = yield* Metric.value(Telemetry.ackLatency)
  const received = yield* Metric.value(Metric.tagged(Telemetry.received, "type", "text"))
  yield* print("metric", `${received.count} text message(s) in, ${count} ack(s) timed`)
})

export const demo = onGateway(
  program,
  (alice) => Effect.zipRight(alice.says("count"), Effect.delay(showMetrics, "300 millis"))
)

main(import.meta.url, { demo, program })
