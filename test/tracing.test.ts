import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { describe, expect, it } from "@effect/vitest"
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Effect, Metric, type MetricState, Option, Stream, TestClock, Tracer } from "effect"
import { BotRouter, Chat, Reply, Telemetry, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"

const settled = TestClock.adjust(0)
const gateway = Effect.provide(TestGateway.layerBot())

/** Everything the effect traces, as an exporter of OpenTelemetry gets it. */
const exported = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<ReadonlyArray<ReadableSpan>, E, R> =>
  Effect.suspend(() => {
    const exporter = new InMemorySpanExporter()
    const sdk = NodeSdk.layer(() => ({
      resource: { serviceName: "bot" },
      spanProcessor: new SimpleSpanProcessor(exporter)
    }))
    // Read before the SDK shuts down, which empties the exporter.
    return Effect.provide(Effect.zipRight(effect, Effect.sync(() => exporter.getFinishedSpans().slice())), sdk)
  })

interface Node {
  readonly name: string
  readonly events: ReadonlyArray<string>
  readonly children: ReadonlyArray<Node>
}

/** Spans as trees; whatever is no child of another span stands at the top. */
const trees = (spans: ReadonlyArray<ReadableSpan>): ReadonlyArray<Node> => {
  const below = (parent: string | undefined): ReadonlyArray<Node> =>
    spans.filter((span) => span.parentSpanContext?.spanId === parent)
      .toSorted((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
      .map((span) => ({
        name: span.name,
        events: span.events.map(({ attributes, name }) =>
          `${name} ${attributes?.["wecom.errcode"] ?? attributes?.["wecom.error"] ?? ""}`.trim()
        ),
        children: below(span.spanContext().spanId)
      }))
  return below(undefined)
}

const traced = { tracing: true } as const

describe("the trace of one message", () => {
  it.scoped("has its receipt, its handler, each whole reply and every ack in one tree", () =>
    Effect.gen(function*() {
      const spans = yield* exported(Effect.scoped(Effect.gen(function*() {
        yield* Effect.forkScoped(BotRouter.run(
          BotRouter.empty.pipe(BotRouter.onText((message) =>
            Effect.gen(function*() {
              yield* WecomBot.replyStream(
                message,
                Stream.fromIterable(["a", "b"]).pipe(Stream.tap(() => Effect.sleep(10)))
              )
              yield* WecomBot.sendMessage(message, Reply.markdown("and this"))
              yield* Effect.withSpan(WecomBot.sendMessage(Chat.user("alice"), Reply.markdown("by id")), "mine")
            })
          )),
          traced
        ))
        const alice = yield* TestGateway.user("alice")
        const sent = yield* alice.sendText("hi")
        yield* TestClock.adjust(10)
        yield* TestClock.adjust(10)
        yield* alice.awaitAnswer(sent)
        yield* settled
        return sent
      })))
      expect(trees(spans)).toEqual([{
        name: "wecom.receive",
        events: [],
        children: [{
          name: "wecom.handle",
          events: [],
          children: [
            { name: "wecom.replyStream", events: Array(4).fill("wecom.ack 0"), children: [] },
            { name: "wecom.sendMessage", events: ["wecom.ack 0"], children: [] },
            {
              name: "mine",
              events: [],
              children: [{ name: "wecom.sendMessage", events: ["wecom.ack 0"], children: [] }]
            }
          ]
        }]
      }])
      expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1)
      const named = (name: string) => spans.find((span) => span.name === name)!.attributes
      const common = { "messaging.system": "wecom", "messaging.message.conversation_id": "alice" }
      const { "messaging.message.id": msgid, "wecom.req_id": reqId, ...receive } = named("wecom.receive")
      expect(receive).toEqual({
        ...common,
        "messaging.destination.name": TestGateway.defaultBotId,
        "messaging.operation.name": "receive",
        "messaging.operation.type": "receive",
        "wecom.type": "text",
        "wecom.chattype": "single"
      })
      expect(named("wecom.handle")).toMatchObject({
        ...common,
        "messaging.operation.type": "process",
        "messaging.message.id": msgid,
        "wecom.req_id": reqId
      })
      expect(named("wecom.replyStream")).toEqual({
        ...common,
        "messaging.operation.name": "replyStream",
        "messaging.operation.type": "send",
        "wecom.req_id": reqId
      })
    }).pipe(gateway))

  it.scoped("shows refusals, failures and the error reply; and holds no text", () =>
    Effect.gen(function*() {
      yield* TestGateway.acks.refuse(40058, { cmd: "aibot_send_msg" })
      const spans = yield* exported(Effect.scoped(Effect.gen(function*() {
        yield* Effect.forkScoped(BotRouter.run(
          BotRouter.empty.pipe(
            BotRouter.onText((message) => WecomBot.sendMessage(message, Reply.markdown("whispered")))
          ),
          { ...traced, errorReply: () => "apology" }
        ))
        const alice = yield* TestGateway.user("alice")
        yield* alice.say("confided")
        yield* settled
      })))
      expect(trees(spans)).toMatchObject([{
        name: "wecom.receive",
        children: [
          { name: "wecom.handle", children: [{ name: "wecom.sendMessage", events: ["wecom.ack 40058", "exception"] }] },
          { name: "wecom.reply", events: ["wecom.ack 0"] }
        ]
      }])
      expect(spans.map(({ name, status }) => [name, status.code]).toSorted()).toEqual([
        ["wecom.handle", 2],
        ["wecom.receive", 1],
        ["wecom.reply", 1],
        ["wecom.sendMessage", 2]
      ])
      const all = JSON.stringify(
        spans.map(({ attributes, events, name, status }) => [name, attributes, events, status])
      )
      for (const word of ["whispered", "confided", "apology"]) expect(all).not.toContain(word)
    }).pipe(gateway))

  it.scoped("is one of its own for each message, events included, even inside a span of the program", () =>
    Effect.gen(function*() {
      const spans = yield* exported(
        Effect.scoped(Effect.gen(function*() {
          yield* Effect.forkScoped(BotRouter.run(
            BotRouter.empty.pipe(
              BotRouter.onText((message) => WecomBot.replyStream(message, "hi")),
              BotRouter.onEvent("enter_chat", (event) => WecomBot.replyWelcome(event, Reply.text("welcome")))
            ),
            traced
          ))
          const alice = yield* TestGateway.user("alice")
          yield* alice.say("1")
          yield* alice.say("2")
          yield* Effect.flatMap(alice.enter, alice.awaitAnswer)
          yield* settled
        })).pipe(Effect.withSpan("program"))
      )
      expect(trees(spans).map(({ name }) => name).toSorted()).toEqual([
        "program",
        "wecom.receive",
        "wecom.receive",
        "wecom.receive"
      ])
      expect(spans.filter(({ name }) => name === "wecom.replyWelcome")[0]?.events).toHaveLength(1)
      expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(4)
    }).pipe(gateway))

  it.scoped("of a batch stands below its newest message, with links to the others; what is superseded ends as dropped", () =>
    Effect.gen(function*() {
      for (const overlap of ["debounce", "latest"] as const) {
        const spans = yield* exported(Effect.scoped(Effect.gen(function*() {
          yield* Effect.forkScoped(BotRouter.run(
            BotRouter.empty.pipe(BotRouter.onBatch(() => Effect.sleep("1 second"))),
            { ...traced, overlap, concurrency: 1 }
          ))
          const alice = yield* TestGateway.user("alice")
          const bob = yield* TestGateway.user("bob")
          if (overlap === "latest") yield* bob.sendText("takes the only place")
          yield* settled
          for (const said of ["1", "2", "3"]) yield* alice.sendText(said)
          yield* TestClock.adjust("1 minute")
        })))
        const roots = spans.filter(({ name }) => name === "wecom.receive")
        const handles = spans.filter(({ name }) => name === "wecom.handle")
        if (overlap === "debounce") {
          expect(roots).toHaveLength(3)
          expect(handles).toHaveLength(1)
          expect(handles[0]!.attributes["messaging.batch.message_count"]).toBe(3)
          const parents = [handles[0]!.parentSpanContext!, ...handles[0]!.links.map(({ context }) => context)]
          expect(parents.map(({ spanId }) => spanId).toSorted()).toEqual(
            roots.map((root) => root.spanContext().spanId).toSorted()
          )
        } else {
          expect(roots).toHaveLength(4)
          expect(handles).toHaveLength(2)
          expect(roots.filter(({ attributes }) => attributes["wecom.dropped"] === true)).toHaveLength(2)
        }
      }
    }).pipe(gateway))
})

describe("without a trace", () => {
  /** A tracer that counts what it is asked for. */
  const counting = () => {
    let spans = 0
    const tracer = Tracer.make({
      span: (name, parent, context, links, startTime, kind) => {
        spans++
        return {
          _tag: "Span",
          name,
          spanId: String(spans),
          traceId: "t",
          parent,
          context,
          links,
          kind,
          sampled: true,
          status: { _tag: "Started", startTime },
          attributes: new Map(),
          attribute: () => {},
          event: () => {},
          addLinks: () => {},
          end: () => {}
        }
      },
      context: (run) => run()
    })
    return { tracer, spans: () => spans }
  }

  const everything = (options: BotRouter.RunOptions) =>
    Effect.scoped(Effect.gen(function*() {
      let parents = 0
      yield* Effect.forkScoped(BotRouter.run(
        BotRouter.empty.pipe(
          BotRouter.onText((message) =>
            Effect.gen(function*() {
              if (Option.isSome(yield* Effect.option(Effect.currentParentSpan))) parents++
              yield* WecomBot.replyStream(message, "hi")
              yield* WecomBot.sendMessage(message, Reply.markdown("ho"))
            })
          ),
          BotRouter.onEvent("enter_chat", (event) => WecomBot.replyWelcome(event, Reply.text("welcome")))
        ),
        options
      ))
      const alice = yield* TestGateway.user("alice")
      yield* alice.say("1")
      yield* Effect.flatMap(alice.enter, alice.awaitAnswer)
      yield* settled
      return parents
    }))

  it.scoped("a tracer is asked for nothing when tracing is not wanted", () =>
    Effect.gen(function*() {
      const { spans, tracer } = counting()
      expect(yield* Effect.withTracer(everything({}), tracer)).toBe(0)
      expect(spans()).toBe(0)
      yield* Effect.withTracer(everything(traced), tracer)
      expect(spans()).toBe(2 + 3 + 2)
    }).pipe(gateway))

  it.scoped("no span is made when it is wanted and no tracer is installed", () =>
    Effect.gen(function*() {
      expect(yield* everything(traced)).toBe(0)
    }).pipe(gateway))
})

describe("metrics", () => {
  const tagged = (metric: Metric.Metric.Counter<number>, tag: string, value: string) =>
    Effect.map(Metric.value(Metric.tagged(metric, tag, value)), ({ count }) => count)

  const watched = Effect.all({
    text: tagged(Telemetry.received, "type", "text"),
    enter: tagged(Telemetry.received, "type", "enter_chat"),
    responses: tagged(Telemetry.sent, "command", "aibot_respond_msg"),
    pushes: tagged(Telemetry.sent, "command", "aibot_send_msg"),
    others: tagged(Telemetry.sent, "command", "other"),
    acked: tagged(Telemetry.verdicts, "verdict", "Acked"),
    rejected: tagged(Telemetry.verdicts, "verdict", "SendRejected"),
    unknown: tagged(Telemetry.verdicts, "verdict", "DeliveryUnknown"),
    depth: Effect.map(Metric.value(Telemetry.queueDepth), ({ count }) => count),
    handled: Effect.map(
      Metric.value(Metric.tagged(Telemetry.handlerDuration, "type", "text")),
      (state: MetricState.MetricState.Histogram) => state.count
    ),
    seconds: Effect.map(
      Metric.value(Metric.tagged(Telemetry.handlerDuration, "type", "text")),
      (state: MetricState.MetricState.Histogram) => state.sum
    ),
    acks: Effect.map(Metric.value(Telemetry.ackLatency), (state) => state.count),
    ackSeconds: Effect.map(Metric.value(Telemetry.ackLatency), (state) => state.sum)
  })

  it.scoped("count what came in, what left and what became of it, and say how long it took", () =>
    Effect.gen(function*() {
      yield* Effect.forkScoped(BotRouter.run(BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.gen(function*() {
            yield* WecomBot.reply(message, Reply.markdown("one"))
            yield* Effect.ignore(WecomBot.sendMessage(message, Reply.markdown("two")))
            yield* Effect.ignore(WecomBot.command("no_such_command"))
          })
        )
      )))
      yield* WecomBot.ready
      yield* TestGateway.acks.delay("200 millis", { cmd: "aibot_respond_msg" })
      yield* TestGateway.acks.refuse(45009, { cmd: "aibot_send_msg" })
      const before = yield* watched
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("hi")
      yield* alice.enter
      yield* settled
      expect((yield* watched).depth - before.depth).toBe(1)
      yield* TestClock.adjust("200 millis")
      yield* settled
      const after = yield* watched
      const moved = Object.fromEntries(
        Object.entries(after).map(([name, value]) => [name, value - before[name as keyof typeof before]])
      )
      expect(moved).toMatchObject({
        text: 1,
        enter: 1,
        responses: 1,
        pushes: 1,
        others: 1,
        acked: 1,
        rejected: 2,
        unknown: 0,
        depth: 0,
        handled: 1,
        acks: 3
      })
      expect(moved.seconds).toBeCloseTo(0.2, 5)
      expect(moved.ackSeconds).toBeCloseTo(0.2, 5)
    }).pipe(gateway))

  it.scoped("count reconnects by their reason", () =>
    Effect.gen(function*() {
      const reconnects = Effect.all(
        ["ClosedBy", "HeartbeatLost"].map((reason) => tagged(Telemetry.reconnects, "reason", reason))
      )
      yield* WecomBot.ready
      const before = yield* reconnects
      yield* TestGateway.faults.cut()
      yield* TestClock.adjust("5 seconds")
      yield* TestGateway.faults.halfOpen()
      yield* TestClock.adjust("1 minute")
      const after = yield* reconnects
      expect(after.map((count, at) => count - before[at]!)).toEqual([1, 1])
    }).pipe(gateway))
})
