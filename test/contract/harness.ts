/**
 * One way to write a test of the bot for both gateways: in memory time is moved by hand, on a real port it is waited for.
 */
import { expect, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Logger, Metric, Stream, TestClock } from "effect"
import type { MetricState, Scope } from "effect"
import { BotConfig, type Connection, Heartbeat, WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { layered } from "../../examples/layers.js"

export interface Options {
  readonly bot?: Partial<Omit<BotConfig.Options, "botId" | "secret" | "wsUrl">>
  readonly gateway?: TestGateway.Options
}

export type Env = WecomBot.WecomBot | TestGateway.TestGateway

export interface Harness {
  readonly name: string
  readonly test: (
    name: string,
    body: () => Effect.Effect<void, unknown, Env | Scope.Scope>,
    options?: (harness: Harness) => Options
  ) => void
  /** So many seconds of a story; on a real port they are short. */
  readonly seconds: (count: number) => Duration.Duration
  readonly pass: (duration: Duration.Duration) => Effect.Effect<void>
  /** The effect, while so much time passes; on a real port it takes what it takes. */
  readonly during: <A, E, R>(effect: Effect.Effect<A, E, R>, duration: Duration.Duration) => Effect.Effect<A, E, R>
}

const timings = (seconds: Harness["seconds"]): Options["bot"] => ({
  reconnectInterval: seconds(1),
  heartbeatInterval: seconds(30),
  pingTimeout: seconds(10),
  subscribeTimeout: seconds(10),
  ackTimeout: seconds(5),
  ackHorizon: seconds(30),
  // What a test leaves open must not hold up its end.
  drainTimeout: 0,
  sealTimeout: 0
})

export const memory: Harness = {
  name: "TestGateway",
  seconds: Duration.seconds,
  pass: TestClock.adjust,
  during: (effect, duration) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(effect)
      yield* TestClock.adjust(duration)
      return yield* Fiber.join(fiber)
    }),
  test: (name, body, options) =>
    it.scoped(name, () => {
      const { bot, gateway } = options?.(memory) ?? {}
      return Effect.provide(body(), TestGateway.layerBot({ ...gateway, ...timings(memory.seconds), ...bot }))
    })
}

export const onPort: Harness = {
  name: "NodeGateway",
  seconds: (count) => Duration.millis(count * 50),
  pass: Effect.sleep,
  during: (effect) => effect,
  test: (name, body, options) =>
    it.scopedLive(name, () => {
      const { bot, gateway } = options?.(onPort) ?? {}
      const layer = Layer.unwrapEffect(Effect.map(NodeGateway.url, (wsUrl) =>
        NodeWecomBot.layer({
          ...timings(onPort.seconds),
          ...bot,
          wsUrl,
          botId: TestGateway.defaultBotId,
          secret: TestGateway.defaultSecret
        }))).pipe(
          Layer.provideMerge(NodeGateway.layer(gateway)),
          Layer.orDie,
          Layer.merge(Logger.remove(Logger.defaultLogger))
        )
      return Effect.provide(body(), layer)
    })
}

/** The bot in memory, composed of the layers of its services. */
export const byLayers: Harness = {
  ...memory,
  test: (name, body, options) =>
    it.scoped(name, () => {
      const { bot, gateway } = options?.(memory) ?? {}
      const config = BotConfig.layer({
        ...timings(memory.seconds),
        ...bot,
        botId: TestGateway.defaultBotId,
        secret: TestGateway.defaultSecret
      })
      const layer = layered(Heartbeat.layer).pipe(
        Layer.provide(config),
        Layer.provideMerge(TestGateway.layer(gateway)),
        Layer.orDie
      )
      return Effect.provide(body(), layer)
    })
}

/** Waits until the bot itself says so; the gateway knows earlier. */
export const awaitStatus = (tag: Connection.Status["_tag"]) =>
  WecomBot.statusChanges.pipe(Stream.filter((status) => status._tag === tag), Stream.runHead, Effect.asVoid)

/** What was counted since. */
export const counting = (
  metric: Metric.Metric<any, never, MetricState.MetricState.Counter<number>> | Metric.Metric.Counter<number>
) => {
  const read = Effect.map(
    Metric.value(metric as Metric.Metric.Counter<number>),
    (state: MetricState.MetricState.Counter<number>) => state.count
  )
  return Effect.map(read, (before) => Effect.map(read, (now) => now - before))
}

/** Frames of the bot, without its subscribes and pings. */
export const sentFrames = Effect.map(
  TestGateway.received,
  (frames) => frames.filter((frame) => frame.cmd !== "aibot_subscribe" && frame.cmd !== "ping")
)

export const card = (taskId: string) =>
  ({
    card_type: "button_interaction",
    main_title: { title: "Leave" },
    task_id: taskId,
    button_list: [{ text: "Approve", key: "approve" }]
  }) as const

export { expect }
