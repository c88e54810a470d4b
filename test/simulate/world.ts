/**
 * Plays one history: the whole bot against the gateway in memory, its users and its faults, from the first subscribe until the
 * layer is closed and everything has come to rest.
 */
import { HttpClient, Socket } from "@effect/platform"
import {
  Cause,
  Context,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  LogLevel,
  Option,
  Redacted,
  Scope,
  Stream,
  Supervisor
} from "effect"
import { BotRouter, Chat, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Bot from "../sim/bot.js"
import * as SimClock from "../sim/clock.js"
import * as Sim from "../sim/Sim.js"
import * as Books from "./book.js"
import * as Faults from "./faults.js"
import * as Files from "./files.js"
import * as Handlers from "./handlers.js"
import type * as Plan from "./plan.js"
import * as Rng from "./rng.js"
import * as Verdict from "./verdict.js"
import * as Wire from "./wire.js"

export interface History {
  readonly plan: Plan.Plan
  readonly books: Books.Books
  /** Simulated milliseconds. */
  readonly millis: number
}

/** Every fiber of the bot that is alive. */
class Roots extends Supervisor.AbstractSupervisor<number> {
  readonly alive = new Set<Fiber.RuntimeFiber<any, any>>()
  readonly value = Effect.sync(() => this.alive.size)
  override onStart<A, E, R>(
    _context: Context.Context<R>,
    _effect: Effect.Effect<A, E, R>,
    _parent: Option.Option<Fiber.RuntimeFiber<any, any>>,
    fiber: Fiber.RuntimeFiber<A, E>
  ) {
    this.alive.add(fiber)
  }
  override onEnd<A, E>(_exit: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>) {
    this.alive.delete(fiber)
  }
}

/** From the last fault until the bot must be subscribed: a dead link's 40 s, the longest delay of a reconnect, and 2 s. */
const recoveryMillis = 40_000 + 30_000 + 2_000

/** Both timeouts of a close, and the polite end of the socket. */
const closeMillis = 10_000 + 5_000 + 1_000

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

type Acting = (act: Plan.Act) => Effect.Effect<void, never, TestGateway.TestGateway | WecomBot.WecomBot>

const meanwhile = { wait: false } as const

const acting = (cast: Handlers.Cast, behaviours: Map<string, Plan.Behaviour>, msgids: Array<string>): Acting => (act) =>
  Effect.gen(function*() {
    const who: TestGateway.Participant = act.group
      ? (yield* TestGateway.group("team")).member(act.who)
      : yield* TestGateway.user(act.who)
    const sent = (what: string, { delivered, msgid }: TestGateway.Sent) => {
      msgids.push(msgid)
      cast.books.note(act.who, what, msgid, delivered ? "" : "(to nobody)")
    }
    switch (act._tag) {
      case "Writes": {
        const name = `b${behaviours.size}`
        behaviours.set(name, act.behaviour)
        cast.books.note(act.who, "writes", name, JSON.stringify(act.behaviour))
        const content = act.group ? `@Bot ${name}` : name
        return sent("wrote", yield* who.send({ msgtype: "text", text: { content } }, meanwhile))
      }
      case "Enters":
        return sent("enters", yield* who.sendEvent("enter_chat", undefined, meanwhile))
      case "Presses": {
        const shown = (yield* who.screen).filter(({ card }) => card?.button_list !== undefined).at(-1)
        return shown === undefined ? undefined : sent("presses", yield* who.press(shown, "ok", meanwhile))
      }
      case "Sends": {
        const link = yield* Files.serve(cast.shelf, act.file, cast.nextToken())
        cast.books.note(act.who, "sends", JSON.stringify(act.file))
        return sent("sent", yield* who.send({ msgtype: act.file.type, [act.file.type]: link }, meanwhile))
      }
      case "Rates": {
        const shown = (yield* who.screen).filter(({ feedbackId }) => feedbackId !== undefined).at(-1)
        return shown === undefined ? undefined : sent("rates", yield* who.feedback(shown, { type: "like" }, meanwhile))
      }
      case "IsPushedTo":
        return yield* Effect.forEach(
          Array.from({ length: act.count }),
          () =>
            Handlers.say(
              cast,
              "sendMessage",
              (token) => WecomBot.sendMessage(Chat.user(act.who), Reply.markdown(`#${token}#`))
            ),
          { concurrency: "unbounded", discard: true }
        )
    }
  })

const world = (
  plan: Plan.Plan,
  time: SimClock.SimClock,
  books: Books.Books,
  doubted: Set<string>,
  tamper: Wire.Tamper | undefined
) =>
  Effect.gen(function*() {
    const behaviours = new Map<string, Plan.Behaviour>()
    let tokens = 0
    const stage: Faults.Stage = {
      books,
      time,
      rng: Rng.make(plan.seed, 1),
      doubted,
      msgids: [],
      silentSince: new Map()
    }
    const stalls = plan.faults.flatMap(({ _tag, millis }) => _tag === "LoopBlocked" ? [millis] : [])
    const stalled = stalls.reduce((sum, millis) => sum + millis, 0)

    const gateway = yield* Layer.build(TestGateway.layer(plan.gateway))
    const service = Context.get(gateway, TestGateway.TestGateway)
    const cast: Handlers.Cast = {
      books,
      behaviourOf: (text) => behaviours.get(/b\d+/.exec(text)?.[0] ?? ""),
      nextToken: () => ++tokens,
      told: [],
      taskId: (token) => `task-${token}`,
      shelf: new Map(),
      uploads: service.uploads,
      running: { count: 0 }
    }
    yield* service.acks.drop({
      where: (frame) => {
        books.onJudged(frame)
        return false
      }
    })
    const socket = Context.get(gateway, Socket.WebSocketConstructor)
    const wire = Wire.make(
      (url) => socket(url) as WebSocket,
      time,
      plan.latency,
      Rng.make(plan.seed, 2),
      books,
      tamper
    )

    const roots = new Roots()
    const supervised = Effect.supervised(roots)
    const scope = yield* Scope.make()
    const bot = yield* Layer.buildWithScope(
      Bot.layerOnGateway(plan.seed, plan.bot).pipe(
        Layer.provide(Layer.succeed(Socket.WebSocketConstructor, wire)),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, Context.get(gateway, HttpClient.HttpClient)))
      ),
      scope
    ).pipe(supervised)
    const environment = Context.merge(bot, Context.make(TestGateway.TestGateway, service))

    const answersAfter = new Map(
      plan.acts.flatMap((act) => act._tag === "Enters" ? [[act.who, act.answersAfter] as const] : [])
    )
    const running = yield* BotRouter.run(Handlers.router(cast, answersAfter), plan.run).pipe(
      Effect.provide(environment),
      supervised,
      Effect.forkDaemon
    )
    const watching = yield* WecomBot.statusChanges.pipe(
      Stream.runForEach((status) => Effect.sync(() => books.onStatus(status))),
      Effect.provide(environment),
      Effect.forkDaemon
    )
    const act = acting(cast, behaviours, stage.msgids)
    const background = [
      ...plan.acts.map((one) => Effect.zipRight(Effect.sleep(one.at), act(one))),
      ...plan.faults.map((one) => Effect.zipRight(Effect.sleep(one.at), Faults.befall(stage, one)))
    ]
    const others = yield* Effect.forEach(
      background,
      (one) => Effect.forkDaemon(supervised(Effect.provide(one, environment)))
    )

    /** `true` when the bot closed by itself. */
    const until = (millis: number): Effect.Effect<boolean> =>
      Effect.async((resume) => {
        const cancel = time.after(millis, () => {
          running.removeObserver(ended)
          resume(Effect.succeed(false))
        })
        const ended = () => {
          cancel()
          resume(Effect.succeed(true))
        }
        running.addObserver(ended)
      })
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
        now
      }
    })

    const calm = Effect.gen(function*() {
      if (yield* until(plan.calmAt)) return
      books.note("CALM")
      if (yield* until(recoveryMillis + stalled)) return
      if (!books.isSubscribed()) books.complain("not subscribed again, though all faults are over")
      for (let tries = 0; tries < 480 && !isQuiet(); tries++) if (yield* until(5000)) return
      // What is still pursued is caught within this.
      if (yield* until(90_000)) return
      if (cast.running.count > 0) books.complain(`${cast.running.count} handlers or sends never ended`)
      Verdict.living(yield* ending)
    })
    if (plan.closesAt === undefined) yield* calm
    else yield* until(plan.closesAt)

    const exit = yield* Fiber.poll(running)
    if (Option.isSome(exit)) Verdict.terminal(plan, books, exit.value)
    books.note("CLOSES")
    const closesAt = time.now()
    books.onDraining()
    yield* Fiber.interrupt(running)
    yield* Scope.close(scope, Exit.void)
    books.onClosed()
    const took = time.now() - closesAt
    books.note("CLOSED", `after ${took / 1000} s`)
    if (took > closeMillis + stalled) books.complain(`the close took ${took / 1000} s`)
    const isUndisturbed = Verdict.isUndisturbed(plan, closesAt, time.now(), recoveryMillis + stalled)
    if (isUndisturbed && Option.isNone(exit)) Verdict.closedInOrder(yield* ending)
    Verdict.repeated(books)
    yield* Fiber.interruptAll(others)
    yield* Fiber.interrupt(watching)
    yield* Effect.sleep("2 minutes")
    if (cast.running.count > 0) books.complain(`${cast.running.count} handlers or sends outlive the bot`)
    if (roots.alive.size > 0) {
      books.complain(`${roots.alive.size} fibers outlive the bot`)
    }
    Verdict.silentLinks(books, stage.silentSince, yield* service.connections, stalls)
  }).pipe(
    Effect.scoped,
    Effect.provide(Logger.add(logger(books))),
    Effect.withUnhandledErrorLogLevel(Option.some(LogLevel.Info))
  )

/** The same plan always has the same history. Whoever tampers with the wire must be found out. */
export const play = async (plan: Plan.Plan, tamper?: Wire.Tamper): Promise<History> => {
  const time = SimClock.make()
  const doubted = new Set<string>()
  const books = Books.make(time.now, {
    ackTimeout: 5000,
    doubted,
    isQueued: plan.run.overlap === "queue" || plan.run.overlap === "debounce"
  })
  const shuffle = plan.shuffled ? Rng.make(plan.seed, 3).next : undefined
  const exit = await Sim.run(plan.seed, world(plan, time, books, doubted, tamper), {
    time,
    shuffle,
    maxMillis: 24 * 3_600_000
  })
  if (Exit.isFailure(exit)) books.complain(Cause.pretty(exit.cause))
  return { plan, books, millis: time.now() }
}
