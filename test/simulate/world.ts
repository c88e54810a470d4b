/**
 * Plays one history: the whole bot against the gateway in memory, its users and its faults, from the first subscribe until the
 * layer is closed and everything has come to rest.
 */
import { Cause, Context, Effect, Exit, Fiber, Layer, Logger, LogLevel, Option, Redacted } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Clocks from "../support/clock.js"
import * as Sim from "../support/simulation.js"
import * as Acts from "./acts.js"
import * as Books from "./book.js"
import * as Faults from "./faults.js"
import type * as Files from "./files.js"
import * as Handlers from "./handlers.js"
import * as Instance from "./instance.js"
import type * as Plan from "./plan.js"
import * as Rng from "./rng.js"
import * as Verdict from "./verdict.js"
import * as Visits from "./visits.js"
import type * as Wire from "./wire.js"

export interface History {
  readonly plan: Plan.Plan
  readonly books: Books.Books
  /** Simulated milliseconds. */
  readonly millis: number
}

/** From the last fault until the bot must be subscribed: a dead link's 40 s, the longest delay of a reconnect, and 2 s. */
const recoveryMillis = 40_000 + 30_000 + 2_000

const secret = Redacted.value(TestGateway.defaultSecret)

const logger = (books: Books.Books) =>
  Logger.make(({ cause, logLevel, message }) => {
    const text = Array.isArray(message) ? message.join(" ") : String(message)
    books.note("LOG", logLevel.label, text)
    if (text.includes(secret)) books.complain("the secret is in the log")
    for (const defect of Cause.defects(cause)) {
      if (!(defect instanceof Handlers.Planned)) {
        books.complain(`a defect: ${String((defect as Error | undefined)?.stack ?? defect)}`)
      }
    }
    if (LogLevel.greaterThanEqual(logLevel, LogLevel.Error) && text !== "a handler failed") {
      books.complain(`logged as ${logLevel.label}: ${text}`)
    }
  })

const world = (plan: Plan.Plan, time: Clocks.ManualClock, ledger: Ledger, tamper: Wire.Tamper | undefined) =>
  Effect.gen(function*() {
    const { books, doubted } = ledger
    const all = [books, ...ledger.visitors]
    const behaviours = new Map<string, Plan.Behaviour>()
    let tokens = 0
    const stalls = plan.faults.flatMap(({ _tag, millis }) => _tag === "LoopBlocked" ? [millis] : [])
    const stalled = stalls.reduce((sum, millis) => sum + millis, 0)

    const gateway = yield* Layer.build(TestGateway.layer(plan.gateway))
    const service = Context.get(gateway, TestGateway.TestGateway)
    const shelf: Files.Shelf = new Map()
    const castOf = (books: Books.Books): Handlers.Cast => ({
      books,
      behaviourOf: (text) => behaviours.get(/b\d+/.exec(text)?.[0] ?? ""),
      nextToken: () => ++tokens,
      told: [],
      taskId: (token) => `task-${token}`,
      shelf,
      uploads: service.uploads,
      running: { count: 0 }
    })
    /** The connections of the service, in its order, as the bots hold them. */
    const connections: Array<Verdict.Held> = []
    const setting: Instance.Setting = {
      plan,
      time,
      gateway,
      onOpened: (books, link) => void connections.push({ books, link }),
      stalled
    }
    yield* service.acks.drop({
      where: (frame) => {
        for (const books of all) books.onJudged(frame)
        return false
      }
    })

    const cast = castOf(books)
    const bot = yield* Instance.start(setting, cast, {
      name: `${plan.seed}`,
      onSuperseded: plan.bot.onSuperseded ?? "fail",
      rng: Rng.make(plan.seed, 2),
      tamper
    })
    const visits = plan.visits.map((visit, index) =>
      Visits.play(setting, visit, {
        index,
        cast: castOf(ledger.visitors[index]!),
        host: books,
        all
      })
    )

    const stage: Faults.Stage = {
      all,
      time,
      rng: Rng.make(plan.seed, 1),
      doubted,
      msgids: [],
      disturbed: new Set(),
      silentSince: new Map()
    }
    const act = Acts.acting(cast, behaviours, stage)
    const background = [
      ...plan.acts.map((one) => Effect.zipRight(Effect.sleep(one.at), act(one))),
      ...plan.faults.map((one) => Effect.zipRight(Effect.sleep(one.at), Faults.befall(stage, one)))
    ]
    const others = yield* Effect.forEach(
      background,
      (one) => Effect.forkDaemon(bot.supervised(Effect.provide(one, bot.environment)))
    )
    const visiting = yield* Effect.forEach(visits, ({ stay }) => Effect.forkDaemon(stay))

    const isQuiet = () =>
      cast.running.count === 0 &&
      [...books.callbacks.values()].every(({ isExpected, times }) => !isExpected || times > 0)

    const ending = Effect.gen(function*() {
      const users = new Set(plan.acts.filter(({ group }) => !group).map(({ who }) => who))
      const screens = yield* Effect.forEach(
        [...users],
        (who) => Effect.flatMap(service.user(who), (user) => user.screen)
      )
      const { screen } = yield* service.group("team")
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      return {
        plan,
        books,
        told: cast.told,
        screens: [...screens, yield* screen],
        frames: yield* service.received,
        connections: yield* service.connections,
        disturbed: stage.disturbed,
        now
      }
    })

    const calm = Effect.gen(function*() {
      if (yield* bot.until(plan.calmAt)) return
      books.note("CALM")
      if (yield* bot.until(recoveryMillis + stalled)) return
      if (!books.isSubscribed()) books.complain("not subscribed again, though all faults are over")
      for (let tries = 0; tries < 480 && !isQuiet(); tries++) if (yield* bot.until(5000)) return
      // What is still pursued is caught within this.
      if (yield* bot.until(90_000)) return
      if (cast.running.count > 0) books.complain(`${cast.running.count} handlers or sends never ended`)
      Verdict.living(yield* ending)
    })
    if (plan.closesAt === undefined) yield* calm
    else yield* bot.until(plan.closesAt)

    const closesAt = time.now()
    const exit = yield* bot.leave
    const isUndisturbed = Verdict.isUndisturbed(plan, closesAt, time.now(), recoveryMillis + stalled)
    if (isUndisturbed && Option.isNone(exit)) Verdict.closedInOrder(yield* ending)
    yield* Fiber.interruptAll([...others, ...visiting])
    yield* Effect.sleep("2 minutes")
    for (const remains of [bot.remains, ...visits.map((visit) => visit.remains)]) remains()
    Verdict.silentLinks(connections, stage.silentSince, yield* service.connections, stalls)
  }).pipe(
    Effect.scoped,
    Effect.provide(Logger.add(logger(ledger.books))),
    Effect.withUnhandledErrorLogLevel(Option.some(LogLevel.Info))
  )

/** The books of all bots of a history. */
interface Ledger {
  readonly books: Books.Books
  readonly visitors: ReadonlyArray<Books.Books>
  /** Lanes that nothing is certain of. */
  readonly doubted: Set<string>
}

/** The same plan always has the same history. Whoever tampers with the wire must be found out. */
export const play = async (plan: Plan.Plan, tamper?: Wire.Tamper): Promise<History> => {
  const time = Clocks.make()
  const doubted = new Set<string>()
  const options = {
    ackTimeout: 5000,
    doubted,
    isQueued: plan.run.overlap === "queue" || plan.run.overlap === "debounce"
  }
  const books = Books.make(time.now, options)
  const visitors = plan.visits.map((_, index) =>
    Books.make(time.now, { ...options, name: `[${index + 2}]`, in: books })
  )
  const shuffle = plan.shuffled ? Rng.make(plan.seed, 3).next : undefined
  const exit = await Sim.run(plan.seed, world(plan, time, { books, visitors, doubted }, tamper), {
    time,
    shuffle,
    maxMillis: 24 * 3_600_000
  })
  if (Exit.isFailure(exit)) books.complain(Cause.pretty(exit.cause))
  return { plan, books, millis: time.now() }
}
