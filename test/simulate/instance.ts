/**
 * One bot of a history: on a wire of its own, with handlers that do what the plan says and books of all that it does.
 */
import { HttpClient, Socket } from "@effect/platform"
import { Context, Effect, Exit, Fiber, Layer, Option, Scope, Stream, Supervisor } from "effect"
import { BotRouter, WecomBot, type WecomError } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import type * as Clocks from "../support/clock.js"
import * as Bot from "../support/seededBot.js"
import type { Books } from "./book.js"
import * as Handlers from "./handlers.js"
import type * as Plan from "./plan.js"
import type * as Rng from "./rng.js"
import * as Verdict from "./verdict.js"
import * as Wire from "./wire.js"

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

/** Both timeouts of a close, and the polite end of the socket. */
const closeMillis = 10_000 + 5_000 + 1_000

/** What all bots of a history share. */
export interface Setting {
  readonly plan: Plan.Plan
  readonly time: Clocks.ManualClock
  readonly gateway: Context.Context<
    TestGateway.TestGateway | Socket.WebSocketConstructor | HttpClient.HttpClient
  >
  readonly onOpened: (books: Books, link: Wire.Link) => void
  /** How long the event loop stands still in all. */
  readonly stalled: number
}

export interface Instance {
  readonly cast: Handlers.Cast
  readonly environment: Context.Context<WecomBot.WecomBot | TestGateway.TestGateway>
  readonly supervised: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** `true` when it closed by itself, `false` after so long. */
  readonly until: (millis: number) => Effect.Effect<boolean>
  /** Closes it, and what it closed with when it had done so by itself. */
  readonly leave: Effect.Effect<Option.Option<Exit.Exit<never, WecomError.ConnectionError>>>
  /** What is left of it, a while after it was closed. */
  readonly remains: () => void
}

export const start = (
  { gateway, onOpened, plan, stalled, time }: Setting,
  cast: Handlers.Cast,
  options: {
    /** Tells it from every other one. */
    readonly name: string
    readonly onSuperseded: "fail" | "retake"
    readonly rng: Rng.Rng
    readonly tamper?: Wire.Tamper | undefined
  }
): Effect.Effect<Instance> =>
  Effect.gen(function*() {
    const { books } = cast
    const socket = Context.get(gateway, Socket.WebSocketConstructor)
    const wire = Wire.make(
      (url) => socket(url) as WebSocket,
      time,
      plan.latency,
      options.rng,
      books,
      (link) => onOpened(books, link),
      options.tamper
    )
    const roots = new Roots()
    const supervised = Effect.supervised(roots)
    const scope = yield* Scope.make()
    const bot = yield* Layer.buildWithScope(
      Bot.layerOnGateway(options.name, { ...plan.bot, onSuperseded: options.onSuperseded }).pipe(
        Layer.provide(Layer.succeed(Socket.WebSocketConstructor, wire)),
        Layer.provide(Layer.succeed(HttpClient.HttpClient, Context.get(gateway, HttpClient.HttpClient)))
      ),
      scope
    ).pipe(supervised)
    const environment = Context.merge(bot, Context.pick(TestGateway.TestGateway)(gateway))

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

    const leave = Effect.gen(function*() {
      const exit = yield* Fiber.poll(running)
      if (Option.isSome(exit)) Verdict.terminal(plan.bot, options.onSuperseded, books, exit.value)
      Verdict.gaveWay(options.onSuperseded, books, exit)
      books.note("CLOSES")
      const closesAt = time.now()
      books.onDraining()
      yield* Fiber.interrupt(running)
      yield* Scope.close(scope, Exit.void)
      books.onClosed()
      const took = time.now() - closesAt
      books.note("CLOSED", `after ${took / 1000} s`)
      if (took > closeMillis + stalled) books.complain(`the close took ${took / 1000} s`)
      Verdict.repeated(books)
      yield* Fiber.interrupt(watching)
      return exit
    })

    const remains = () => {
      const { count } = cast.running
      if (count > 0) books.complain(`${count} handlers or sends outlive the bot`)
      if (roots.alive.size > 0) books.complain(`${roots.alive.size} fibers outlive the bot`)
    }

    return { cast, environment, supervised, until, leave, remains }
  })
