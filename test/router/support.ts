/**
 * What the tests of routers share: log lines as values, differences of metrics, and a bot without a connection for
 * properties of thousands of messages.
 */
import { Array as Arr, Cause, Effect, HashMap, Layer, Logger, Mailbox, Metric, Ref, type Scope, Stream } from "effect"
import { type BotEvent, BotRouter, type Message, type Telemetry, WecomBot, type WecomError } from "effect-wecom"
import * as Handlers from "../../src/internal/handlers/handlers.js"
import * as Sim from "../support/simulation.js"

export interface Line {
  readonly level: string
  readonly text: string
  readonly msgid: unknown
  readonly cause: string
}

/** Every log line of the effect, from `Info` on, beside its result. */
export const logged = <A, E, R>(
  effect: (lines: Effect.Effect<ReadonlyArray<Line>>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Ref.make<ReadonlyArray<Line>>([]), (ref) => {
    const logger = Logger.make(({ annotations, cause, logLevel, message }) => {
      const line: Line = {
        level: logLevel.label,
        text: Arr.ensure(message).join(" "),
        msgid: HashMap.toEntries(annotations).find(([key]) => key === "msgid")?.[1],
        cause: Cause.pretty(cause)
      }
      Effect.runSync(Ref.update(ref, (lines) => [...lines, line]))
    })
    return Effect.provide(effect(Ref.get(ref)), Logger.replace(Logger.defaultLogger, logger))
  })

type Counter = typeof Telemetry.handlerDropped

/** How much a counter moves while the effect runs. */
export const moved = <A, E, R>(counter: Counter, effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.gen(function*() {
    const before = yield* Metric.value(counter)
    yield* effect
    return (yield* Metric.value(counter)).count - before.count
  })

/** A text of a user, as the connection hands it over. */
export const text = (userid: string, msgid: string, more?: Partial<Message.TextMessage>): Message.TextMessage => ({
  msgid,
  aibotid: "aib-test-bot",
  chattype: "single",
  from: { userid },
  msgtype: "text",
  text: { content: msgid },
  reqId: `req-${msgid}`,
  receivedAt: 0,
  ...more
})

/** A bot that hands over what it is told to and whose handlers are waited for when it closes. */
export const loose = Effect.gen(function*() {
  const messages = yield* Mailbox.make<Message.Message, WecomError.ConnectionError>()
  const events = yield* Mailbox.make<BotEvent.BotEvent, WecomError.ConnectionError>()
  const handlers = Handlers.make()
  return {
    say: (message: Message.Message) => messages.unsafeOffer(message),
    /** Interrupts the handlers, as a bot does that has waited long enough. */
    close: Effect.zipRight(handlers.stop, handlers.ended),
    layer: Layer.mock(WecomBot.WecomBot, {
      messages: Mailbox.toStream(messages),
      events: Mailbox.toStream(events),
      closed: Effect.never,
      forkHandler: handlers.fork,
      statusChanges: Stream.empty
    })
  }
})

export type Tell = (what: string) => Effect.Effect<void>

type Handle = (msgid: string, tell: Tell) => Effect.Effect<unknown, unknown, Scope.Scope | WecomBot.WecomBot>

/** Runs one handler for these messages of alice, by a router that is started so, and returns in order what it told. */
export const toldBy =
  (start: (router: Effect.Effect<never, WecomError.ConnectionError>) => Effect.Effect<unknown>) =>
  (handler: Handle, options: BotRouter.RunOptions<any>, ...msgids: ReadonlyArray<string>) =>
    Sim.runPromise(
      1,
      Effect.gen(function*() {
        const bot = yield* loose
        const seen: Array<string> = []
        const tell: Tell = (what) => Effect.sync(() => void seen.push(what))
        const router = BotRouter.empty.pipe(BotRouter.onText((message) => handler(message.msgid, tell)))
        yield* start(Effect.provide(BotRouter.run(router, options), bot.layer))
        for (const msgid of msgids) bot.say(text("alice", msgid))
        yield* Effect.sleep("1 minute")
        return seen
      })
    )

export const told = toldBy(Effect.fork)
