/**
 * A bot, a gateway on a port, and wires between them that break; a conversation that goes on over them, and a judge who
 * compares what the bot was told with what stands on the screens.
 */
import type { Duration } from "effect"
import { Context, Effect, Exit, Layer, Logger, Redacted, Scope, Stream } from "effect"
import type { Connection, WecomError } from "effect-wecom"
import { BotConfig, BotRouter, Chat, Governor, Reconnect, Reply, WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { randomBytes } from "node:crypto"
import type { TestContext } from "vitest"
import { expect, it } from "vitest"
import { forbidden } from "../setup/forbidden.js"
import type { Row } from "./rows.js"
import { percentile } from "./rows.js"
import { tracer } from "./setup.js"
import * as TcpProxy from "./tcpProxy.js"

export const secret = `canary-secret-${randomBytes(12).toString("hex")}`
forbidden.add(secret)

export const isQuick = process.env.FAULTS === "quick"

/** A tenth of the defaults, where what holds for the one holds for the other. */
export const scaled: Partial<BotConfig.Options> = {
  reconnectInterval: "100 millis",
  heartbeatInterval: "3 seconds",
  pingTimeout: "1 second",
  // The processor is busy with other faults meanwhile.
  subscribeTimeout: "5 seconds",
  ackTimeout: "1 second",
  ackHorizon: "3 seconds",
  unavailableTimeout: "20 seconds",
  maxReconnectAttempts: Infinity,
  drainTimeout: "1 second",
  sealTimeout: "1 second"
}

export interface Options {
  readonly bot?: Partial<NodeWecomBot.Options>
  /** The longest delay before an attempt; 30 seconds when absent, which no option of a bot can scale. */
  readonly reconnectCap?: Duration.DurationInput
  readonly gateway?: NodeGateway.Options
  /** Without the quotas of conversations, which make what is sent wait. */
  readonly unlimited?: boolean
  /** Straight to the gateway, without wires. */
  readonly direct?: boolean
  /** Whoever is asked is left to the test. */
  readonly silent?: boolean
  /** Whether the service refuses finals without sealing anything. */
  readonly leavesOpen?: boolean
  /** How many at once when it is `repeated`. */
  readonly concurrency?: number
}

type Told = Exit.Exit<unknown, WecomError.SendError>

interface Said {
  readonly user: TestGateway.User
  readonly text: string
  readonly kind: "answer" | "push"
  told: Told | undefined
}

export interface Loss {
  readonly of: number
  /** Answers and pushes that did not arrive, or of which nobody knows although they may be sent again. */
  readonly lost: number
  /** Sends whose outcome the bot was told to be unknown. */
  readonly unknown: number
}

export const describeLoss = ({ lost, of, unknown }: Loss): string =>
  (lost > 0 ? `${lost} of ${of}` : of > 0 ? `nothing of ${of}` : "nothing") +
  (unknown > 0 ? `, ${unknown} reported as unknown` : "")

export interface World {
  readonly gateway: Context.Context<TestGateway.TestGateway | NodeGateway.NodeGateway>
  readonly service: TestGateway.TestGateway.Service
  readonly bot: WecomBot.WecomBot.Service
  readonly wires: TcpProxy.TcpProxy
  readonly history: ReadonlyArray<{ readonly at: number; readonly status: Connection.Status }>
  /** Why links were lost, so far. */
  readonly reasons: () => ReadonlyArray<WecomError.LinkFailure>
  readonly awaitStatus: (tag: Connection.Status["_tag"], after?: number) => Effect.Effect<number>
  /** Does it, waits until the bot noticed and is subscribed again; the milliseconds until either. */
  readonly recovery: (
    inject: Effect.Effect<unknown>
  ) => Effect.Effect<{ readonly noticed: number; readonly recovered: number }>
  /** So many people ask one thing each, and get their answers, a few words at a time. */
  readonly ask: (count: number) => Effect.Effect<void>
  /** So many pushes at once; each is told something. */
  readonly push: (count: number) => Effect.Effect<void>
  /** Fails on any false verdict; says what was lost. */
  readonly judge: Effect.Effect<Loss>
  readonly close: Effect.Effect<void>
}

const questions = { count: 0 }

const words = (question: string) => `Of ${question} this is all there is to say.`

/** The longest that any waiting of a test may take. */
const patience = 90_000

export const sleepUntil = (predicate: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => predicate() ? Effect.void : Effect.zipRight(Effect.sleep(5), sleepUntil(predicate)))

/** What a bot in these tests needs beside its options. */
export const quiet = Layer.mergeAll(Logger.remove(Logger.defaultLogger), tracer)

const botOptions = (wsUrl: string, options?: Partial<NodeWecomBot.Options>): NodeWecomBot.Options => ({
  ...scaled,
  botId: TestGateway.defaultBotId,
  secret: Redacted.make(secret),
  wsUrl,
  ...options
})

export const botLayer = (wsUrl: string, options?: Partial<NodeWecomBot.Options>) =>
  NodeWecomBot.layer(botOptions(wsUrl, options))

const cappedBotLayer = (cap: Duration.DurationInput, options: NodeWecomBot.Options) => {
  const reconnect = Effect.map(BotConfig.resolve(options), (config): Reconnect.Reconnect.Service => {
    const policies = Reconnect.make(config)
    const delays = Reconnect.backoff(config.reconnectInterval, cap)
    return { ...policies, lost: { ...policies.lost, delays } }
  })
  return NodeWecomBot.layer(options, Layer.effect(Reconnect.Reconnect, reconnect))
}

export const make = (options: Options = {}): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function*() {
    const gateway = yield* Layer.build(
      NodeGateway.layer({ secret, quotas: false, offlineMessages: "redeliver", ...options.gateway })
    ).pipe(Effect.orDie)
    const service = Context.get(gateway, TestGateway.TestGateway)
    const port = Context.get(gateway, NodeGateway.NodeGateway).port
    const wires = yield* TcpProxy.make(port)
    const wsUrl = options.direct === true ? Context.get(gateway, NodeGateway.NodeGateway).url : wires.url
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const layer = options.unlimited === true
      ? NodeWecomBot.layer(botOptions(wsUrl, options.bot), Governor.layerUnlimited)
      : options.reconnectCap === undefined
      ? botLayer(wsUrl, options.bot)
      : cappedBotLayer(options.reconnectCap, botOptions(wsUrl, options.bot))
    const context = yield* Layer.buildWithScope(layer, scope).pipe(Effect.orDie)
    const bot = Context.get(context, WecomBot.WecomBot)

    const history: Array<{ readonly at: number; readonly status: Connection.Status }> = []
    yield* Effect.forkScoped(
      Stream.runForEach(
        bot.statusChanges,
        (status) => Effect.sync(() => history.push({ at: performance.now(), status }))
      )
    )

    const said: Array<Said> = []
    const send = <A>(entry: Said, effect: Effect.Effect<A, WecomError.SendError>) => {
      said.push(entry)
      return effect.pipe(
        Effect.onExit((told) => Effect.sync(() => void (entry.told = told))),
        Effect.exit,
        Effect.asVoid
      )
    }

    const router = BotRouter.empty.pipe(
      BotRouter.onText((message) => {
        const { content } = message.text
        const deltas = Stream.fromIterable(words(content).match(/\S+\s*/g)!).pipe(Stream.rechunk(1))
        const slowly = Stream.tap(deltas, () => Effect.sleep("20 millis"))
        return Effect.flatMap(
          service.user(message.from.userid),
          (user) =>
            send({ user, text: words(content), kind: "answer", told: undefined }, bot.replyStream(message, slowly))
        )
      })
    )
    if (options.silent !== true) {
      yield* BotRouter.run(router, { tracing: true, overlap: "concurrent" }).pipe(
        Effect.provideService(WecomBot.WecomBot, bot),
        Effect.ignore,
        Effect.forkScoped
      )
    }

    const awaitStatus = (tag: Connection.Status["_tag"], after = 0) =>
      Effect.suspend(() => {
        let found: { readonly at: number } | undefined
        const look = () => {
          found = history.find(({ at, status }) => at >= after && status._tag === tag)
          return found !== undefined
        }
        return Effect.map(sleepUntil(look), () => found!.at)
      })

    /** What was on its way when a link broke may come again: the service knows no better. */
    const redelivering = (sent: TestGateway.Sent, after: number): Effect.Effect<never> =>
      Effect.flatMap(
        awaitStatus("Waiting", after),
        (lost) =>
          Effect.flatMap(
            awaitStatus("Subscribed", lost),
            (subscribed) => Effect.zipRight(service.faults.redeliver(sent.msgid), redelivering(sent, subscribed))
          )
      )

    const awaitEnd = (sent: TestGateway.Sent, user: TestGateway.User) =>
      options.leavesOpen === true
        ? Effect.raceFirst(
          user.awaitBubble(({ from, sealed, text }) => from === "bot" && sealed && text.trimEnd().endsWith("to say.")),
          sleepUntil(() => said.some(({ told, user: { userid } }) => userid === user.userid && told !== undefined))
        )
        : user.awaitAnswer(sent)

    const awaitSealed = (sent: TestGateway.Sent, user: TestGateway.User, since: number) =>
      Effect.timeoutFail(Effect.raceFirst(awaitEnd(sent, user), redelivering(sent, since)), {
        duration: patience,
        onTimeout: () => new Error("nobody answered")
      })

    const onScreen = (entry: Said) =>
      Effect.map(entry.user.screen, (screen) => {
        const mine = screen.filter((bubble) => bubble.from === "bot")
        const whole = mine.filter((bubble) => bubble.text.includes(entry.text)).length
        // An answer may stand in two parts: what its bubble showed before the service took no more of it, and a push.
        const together = mine.map((bubble) => bubble.text).join("").replace(/\s/g, "")
        const inParts = together.includes(entry.text.replace(/\s/g, "")) ? 1 : 0
        return {
          times: Math.max(whole, inParts),
          isSealed: options.leavesOpen === true || mine.every((bubble) => bubble.sealed)
        }
      })

    const world: World = {
      gateway,
      service,
      bot,
      wires,
      history,
      reasons: () => history.flatMap(({ status }) => status._tag === "Waiting" ? [status.reason] : []),
      awaitStatus,
      recovery: (inject) =>
        Effect.gen(function*() {
          const started = performance.now()
          yield* inject
          const noticed = yield* awaitStatus("Waiting", started)
          const subscribed = yield* awaitStatus("Subscribed", noticed)
          return { noticed: noticed - started, recovered: subscribed - started }
        }),
      ask: (count) =>
        Effect.forEach(Array.from({ length: count }), () =>
          Effect.gen(function*() {
            const question = `question ${++questions.count}`
            const user = yield* service.user(question.replace(" ", "-"))
            const since = performance.now()
            yield* Effect.orDie(awaitSealed(yield* user.sendText(question), user, since))
          }), { concurrency: "unbounded", discard: true }),
      push: (count) =>
        Effect.forEach(Array.from({ length: count }), () =>
          Effect.gen(function*() {
            const text = `push ${++questions.count}.`
            const user = yield* service.user(text.replace(" ", "-"))
            // The service takes pushes only where somebody wrote before; nobody answers a voice message here.
            yield* user.sendVoice("hello")
            yield* send(
              { user, text, kind: "push", told: undefined },
              bot.sendMessage(Chat.user(user.userid), Reply.markdown(text))
            )
          }), { concurrency: "unbounded", discard: true }),
      judge: Effect.gen(function*() {
        yield* sleepUntil(() => said.every((entry) => entry.told !== undefined)).pipe(
          Effect.timeoutFail({ duration: "30 seconds", onTimeout: () => new Error("a send is told nothing") }),
          Effect.orDie
        )
        const count = { lost: 0, unknown: 0, false: 0, twice: 0 }
        const failures: Array<string> = []
        for (const entry of said) {
          const { isSealed, times } = yield* onScreen(entry)
          const told = entry.told!
          if (times > 1) count.twice++
          if (Exit.isSuccess(told)) {
            if (times === 0 || !isSealed) count.false++
            continue
          }
          if (Exit.isInterrupted(told)) continue
          const error = told.cause._tag === "Fail" ? told.cause.error : undefined
          if (error === undefined) failures.push(String(told.cause))
          else if (error._tag === "DeliveryUnknown") {
            count.unknown++
            // Whoever answers is told in time, and the snapshot is sent again until it stands there.
            // Unless the service takes no more of it, and nobody can know what it took.
            if (entry.kind === "answer" && options.leavesOpen !== true && (times === 0 || !isSealed)) count.lost++
          } else {
            failures.push(error._tag)
            count.lost++
            if (times > 0) count.false++
          }
        }
        expect({ false: count.false, twice: count.twice, failures }).toEqual({ false: 0, twice: 0, failures: [] })
        return { of: said.length, lost: count.lost, unknown: count.unknown }
      }),
      close: Scope.close(scope, Exit.void)
    }
    return world
  }).pipe(Effect.provide(quiet))

/** From the first time that the bot noticed a loss, until it was subscribed again. */
export const recoveredIn = (world: World): number => {
  const noticed = world.history.find(({ status }) => status._tag === "Waiting")!.at
  return world.history.find(({ at, status }) => at > noticed && status._tag === "Subscribed")!.at - noticed
}

export interface FaultOptions {
  /** Among the minute that CI takes. */
  readonly quick?: boolean
  readonly timeout?: number
  /** Milliseconds; the recoveries in the row are held against it, all of them or this part. */
  readonly bound?: number
  readonly part?: number
  /** When others must not run meanwhile. */
  readonly alone?: boolean
}

/** A test with a row in the table. */
export const fault = (
  name: string,
  options: FaultOptions,
  body: (row: Row) => Effect.Effect<void, unknown, Scope.Scope>
): void => {
  const timeout = options.timeout ?? 45_000
  const run = (context: TestContext) => {
    const row: Row = { fault: name, times: 0, lost: "nothing", recoveries: [], bound: options.bound }
    ;(context.task.meta as { row?: Row }).row = row
    return Effect.gen(function*() {
      yield* Effect.scoped(body(row))
      if (row.recoveries.length > 0) {
        expect(percentile(row.recoveries, options.part ?? 1)).toBeLessThanOrEqual(row.bound ?? Infinity)
      }
    }).pipe(
      Effect.withSpan("fault"),
      Effect.timeoutFail({ duration: timeout, onTimeout: () => new Error(`not over after ${timeout} ms`) }),
      Effect.provide(quiet),
      (effect) => Effect.runPromise(effect)
    )
  }
  const settings = {
    timeout: timeout + 15_000,
    concurrent: options.alone !== true,
    skip: isQuick && options.quick !== true
  }
  it(name, settings, run)
}

/** Does it `times` times, each to a new bot, so that no earlier fault has slowed down its reconnects. */
export const repeated = (
  row: Row,
  times: number,
  options: Options,
  body: (world: World, round: number) => Effect.Effect<number | undefined, unknown, Scope.Scope>
): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const lost = { of: 0, lost: 0, unknown: 0 }
    yield* Effect.forEach(Array.from({ length: times }), (_, round) =>
      Effect.gen(function*() {
        const world = yield* make(options)
        yield* world.awaitStatus("Subscribed")
        const recovered = yield* body(world, round)
        const judged = yield* world.judge
        lost.of += judged.of
        lost.lost += judged.lost
        lost.unknown += judged.unknown
        row.times++
        if (recovered !== undefined) row.recoveries.push(recovered)
      }).pipe(Effect.scoped), { concurrency: options.concurrency ?? 5, discard: true })
    expect(lost.lost).toBe(0)
    row.lost = describeLoss(lost)
  })
