/**
 * Runs a router: takes messages and events from the bot's streams, offers messages to the scheduler by their conversation, and
 * starts the handlers of events.
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type * as BotEvent from "../../BotEvent.js"
import type { BotRouter } from "../../BotRouter.js"
import * as Chat from "../../Chat.js"
import * as Limits from "../../Limits.js"
import type * as Message from "../../Message.js"
import * as Telemetry from "../../Telemetry.js"
import { WecomBot } from "../../WecomBot.js"
import type { ConnectionError } from "../../WecomError.js"
import * as Current from "../handlers/current.js"
import * as spans from "../telemetry/spans.js"
import * as Handling from "./handler.js"
import { resolve } from "./options.js"
import type { RunOptions } from "./options.js"
import * as Scheduler from "./scheduler.js"

const conversationOf = (message: Message.Message): string => {
  const chat = Chat.fromCallback(message)
  return chat === undefined ? JSON.stringify(message.reqId) : Chat.key(chat)
}

/** The window for the answer to an event, in milliseconds; `undefined` for events without one. */
const windowOf = (event: BotEvent.BotEvent): number | undefined => {
  switch (event.eventtype) {
    case "enter_chat":
      return Limits.welcomeWindowMillis
    case "template_card_event":
      return Limits.cardUpdateWindowMillis
    default:
      return undefined
  }
}

type TakeAll = <A extends Message.Message | BotEvent.BotEvent>(
  all: ReadonlyArray<A>,
  take: (one: A, span: Tracer.Span | undefined) => void
) => Effect.Effect<void>

const untraced: TakeAll = (all, take) =>
  Effect.sync(() => {
    for (const one of all) take(one, undefined)
  })

const traced: TakeAll = (all, take) =>
  Effect.uninterruptible(
    Effect.forEach(all, (one) => Effect.map(spans.receive(one), (span) => take(one, span)), { discard: true })
  )

const warningMillis = 60_000

/** Tells of messages that were passed over, at most once a minute, by the largest age since the last warning. */
const warnings: Effect.Effect<(age: number) => void> = Effect.map(
  Effect.zip(Effect.clock, Effect.runtime<never>()),
  ([clock, runtime]) => {
    let warnedAt = -Infinity
    let largest = 0
    return (age) => {
      largest = Math.max(largest, age)
      const now = clock.unsafeCurrentTimeMillis()
      if (now - warnedAt < warningMillis) return
      warnedAt = now
      Runtime.runFork(runtime)(Effect.logWarning(
        `messages were passed over as too old: by this machine's clock up to ${Math.round(largest / 1000)} s; ` +
          "compare it with that of the service, or raise ignoreOlderThan"
      ))
      largest = 0
    }
  }
)

/** @internal */
export const run = <E, R>(
  router: BotRouter<E, R>,
  options: RunOptions<E> = {}
): Effect.Effect<never, ConnectionError, WecomBot | R> => {
  const resolved = resolve(options)
  return Effect.gen(function*() {
    const bot = yield* WecomBot
    const clock = yield* Effect.clock
    const isTraced = options.tracing === true && (yield* spans.isTraced)
    // Handlers are interruptible, even when the region that runs the router is not.
    const runtime = yield* Effect.runtime<R>().pipe(
      Effect.annotateLogs("module", "effect-wecom/BotRouter"),
      Effect.interruptible
    )
    const handling = Handling.make<E, R>({ router, options, timeLimit: resolved.handlerTimeout, bot, clock, runtime })

    /** Runs beside the handler. Its frame is written first, or it would replace the card that the handler shows. */
    const acknowledge = (event: BotEvent.TemplateCardEvent): Effect.Effect<void> =>
      Effect.suspend(() => {
        const card = options.acknowledgeCard?.(event)
        return card === undefined ? Effect.void : Effect.asVoid(bot.updateTemplateCard(event, card))
      }).pipe(
        Effect.catchAllCause((cause) => Effect.logWarning("a card press was not acknowledged", cause)),
        bot.forkHandler,
        Effect.zipRight(Effect.yieldNow())
      )

    const warn = (handled: Current.HandledEvent, event: BotEvent.BotEvent, windowMillis: number) =>
      clock.sleep(Duration.millis(Math.max(0, event.receivedAt + windowMillis - clock.unsafeCurrentTimeMillis()))).pipe(
        Effect.zipRight(Effect.suspend(() =>
          handled.isAnswered ? Effect.void : Effect.logWarning(
            `the ${windowMillis / 1000} s for an answer to ${event.eventtype} are over and its handler has not answered`
          )
        )),
        Effect.forkScoped
      )

    const handleEvent = (event: BotEvent.BotEvent): Effect.Effect<unknown, E, R> => {
      const windowMillis = windowOf(event)
      const handled: Current.HandledEvent = { reqId: event.reqId, isAnswered: false }
      return handling.handlerOf(event).pipe(
        windowMillis === undefined
          ? (self) => self
          : (self) => Effect.zipRight(warn(handled, event, windowMillis), self),
        event.eventtype === "template_card_event" && options.acknowledgeCard !== undefined
          ? (self) => Effect.zipRight(acknowledge(event), self)
          : (self) => self,
        Effect.locally(Current.handledEvent, handled)
      ) as Effect.Effect<unknown, E, R>
    }

    const offer = Scheduler.make(resolved, handling)
    const staleness = yield* warnings

    const isInTime = ({ create_time }: Message.Message): boolean => {
      const age = create_time === undefined ? 0 : clock.unsafeCurrentTimeMillis() - create_time * 1000
      if (age <= resolved.oldest) return true
      Telemetry.unsafeIncrement(Telemetry.staleMessages)
      staleness(age)
      return false
    }

    const takeMessage = (message: Message.Message, span: Tracer.Span | undefined): void =>
      offer(conversationOf(message), { message, span })

    const takeEvent = (event: BotEvent.BotEvent, span: Tracer.Span | undefined): void =>
      handling.startEvent(event, handleEvent(event), span === undefined ? [] : [span])

    // A whole chunk in one step, so that each message taken from the stream gets its handler even if `run` is interrupted.
    const takeAll = isTraced ? traced : untraced

    yield* Effect.zip(
      Effect.ignore(Stream.runForEachChunk(
        bot.messages,
        (chunk) => takeAll(Chunk.toReadonlyArray(chunk).filter(isInTime), takeMessage)
      )),
      Effect.ignore(Stream.runForEachChunk(bot.events, (chunk) => takeAll(Chunk.toReadonlyArray(chunk), takeEvent))),
      { concurrent: true }
    )
    return yield* bot.closed
  })
}
