/**
 * Runs a router: from the bot's streams to the conversation a message belongs to, and around each handler what every handler
 * gets.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as BotEvent from "../BotEvent.js"
import type { Batch, BotRouter, RouteContext } from "../BotRouter.js"
import * as Chat from "../Chat.js"
import { type Incoming, isEvent } from "../Incoming.js"
import * as Limits from "../Limits.js"
import type * as Message from "../Message.js"
import * as Reply from "../Reply.js"
import * as Telemetry from "../Telemetry.js"
import { WecomBot } from "../WecomBot.js"
import type { ConnectionError } from "../WecomError.js"
import * as Conversations from "./conversations.js"
import type { RunOptions } from "./runOptions.js"

const defaultConcurrency = 64
const defaultMaxWaiting = 10_000
const defaultDebounceWindow = "2 seconds"

const conversationOf = (message: Message.Message): string => {
  const chat = Chat.fromCallback(message)
  return chat === undefined ? message.reqId : Chat.key(chat)
}

const select = <E, R>(
  router: BotRouter<E, R>,
  incoming: Incoming,
  context: RouteContext
): Effect.Effect<unknown, E, R> => {
  for (const route of router.routes) {
    const handler = route.handle(incoming, context)
    if (handler !== undefined) return handler
  }
  return Effect.void
}

/** The events whose answer has a window of its own, in milliseconds. */
const windowOf = (incoming: Incoming): number | undefined => {
  if (!isEvent(incoming)) return undefined
  switch (incoming.eventtype) {
    case "enter_chat":
      return Limits.welcomeWindowMillis
    case "template_card_event":
      return Limits.cardUpdateWindowMillis
    default:
      return undefined
  }
}

/** @internal */
export const run = <E, R>(
  router: BotRouter<E, R>,
  options: RunOptions<E> = {}
): Effect.Effect<never, ConnectionError, WecomBot | R> =>
  Effect.gen(function*() {
    const bot = yield* WecomBot
    const clock = yield* Effect.clock
    const context: RouteContext = { botName: options.botName }
    const timeout = options.handlerTimeout
    const oldest = options.ignoreOlderThan === undefined ? Infinity : Duration.toMillis(options.ignoreOlderThan)

    const answerFailure = (cause: Cause.Cause<E>, incoming: Incoming): Effect.Effect<void> =>
      Effect.suspend(() => {
        const text = isEvent(incoming) ? undefined : options.errorReply?.(cause, incoming)
        return text === undefined
          ? Effect.void
          : Effect.asVoid(bot.reply(incoming as Message.Message, Reply.markdown(text)))
      }).pipe(Effect.catchAllCause((cause) => Effect.logWarning("the error reply was not delivered", cause)))

    const limited = (handler: Effect.Effect<unknown, E, R>): Effect.Effect<unknown, E, R> =>
      timeout === undefined ? handler : Effect.flatMap(
        Effect.timeoutOption(handler, timeout),
        Option.match({
          onNone: () => Effect.logWarning(`a handler was interrupted after ${Duration.format(timeout)}`),
          onSome: () => Effect.void
        })
      )

    const warned = (handler: Effect.Effect<unknown, E, R>, windowMillis: number) =>
      Effect.sleep(Duration.millis(windowMillis)).pipe(
        Effect.zipRight(Effect.logWarning("the window for an answer is over and its handler still runs")),
        Effect.zipRight(Effect.never),
        Effect.raceFirst(handler)
      )

    /** What every handler gets: a Scope, its limits, and a fence around its failures. */
    const guarded = (handler: Effect.Effect<unknown, E, R>, incoming: Incoming): Effect.Effect<void, never, R> =>
      Effect.scoped(limited(handler)).pipe(
        Effect.catchAllCause((cause) =>
          Effect.zipRight(Effect.logError("a handler failed", cause), answerFailure(cause, incoming))
        ),
        Effect.annotateLogs({ module: "effect-wecom/BotRouter", msgid: incoming.msgid }),
        options.tracing === true ? Telemetry.withMessageSpan(incoming) : (self) => self,
        Effect.asVoid
      )

    const handle = (incoming: Incoming): Effect.Effect<void, never, R> =>
      guarded(Effect.suspend(() => select(router, incoming, context)), incoming)

    const handleBatch = (messages: Batch): Effect.Effect<void, never, R> => {
      const [batchRoute] = router.batchRoutes
      return batchRoute === undefined
        ? Effect.forEach(messages, handle, { discard: true })
        : guarded(Effect.suspend(() => batchRoute(messages)), messages[messages.length - 1]!)
    }

    const handleEvent = (event: BotEvent.BotEvent): Effect.Effect<void, never, R> => {
      const windowMillis = windowOf(event)
      const handler = Effect.suspend(() => select(router, event, context))
      const inTime = windowMillis === undefined ? handler : warned(handler, windowMillis)
      return guarded(Effect.zipRight(acknowledge(event), inTime), event)
    }

    const acknowledge = (event: BotEvent.BotEvent): Effect.Effect<void> =>
      Effect.suspend(() => {
        const card = event.eventtype === "template_card_event" ? options.acknowledgeCard?.(event) : undefined
        return card === undefined
          ? Effect.void
          : Effect.asVoid(bot.updateTemplateCard(event as BotEvent.TemplateCardEvent, card))
      }).pipe(Effect.catchAllCause((cause) => Effect.logWarning("a card press was not acknowledged", cause)))

    const conversations = Conversations.make<R>({
      overlap: options.overlap ?? "queue",
      debounceWindow: Duration.decode(options.debounceWindow ?? defaultDebounceWindow),
      concurrency: Math.max(1, options.concurrency ?? defaultConcurrency),
      maxWaiting: options.maxWaiting ?? defaultMaxWaiting,
      fork: bot.forkHandler,
      handle,
      handleBatch
    })

    const isStale = (message: Message.Message): boolean =>
      message.create_time !== undefined && clock.unsafeCurrentTimeMillis() - message.create_time * 1000 > oldest

    const drop = (metric: Metric.Metric.Counter<number>) => Effect.sync(() => Telemetry.unsafeIncrement(metric))

    const take = (incoming: Incoming): Effect.Effect<unknown, never, R> => {
      if (isEvent(incoming)) return bot.forkHandler(handleEvent(incoming))
      if (oldest !== Infinity && isStale(incoming)) return drop(Telemetry.staleMessages)
      return Effect.flatMap(conversations.offer(conversationOf(incoming), incoming), (isTaken) =>
        isTaken ? Effect.void : drop(Telemetry.handlerDropped))
    }

    const incoming: Stream.Stream<Incoming, ConnectionError> = Stream.merge(bot.messages, bot.events)
    // A message that was taken from the bot gets its handler, even when the run is interrupted at that moment.
    yield* Stream.runForEach(incoming, (one) =>
      Effect.uninterruptible(take(one)))
    return yield* bot.closed
  })
