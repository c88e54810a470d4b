/**
 * Runs a router: from the bot's streams to the conversation a message belongs to, and around each handler what every handler
 * gets.
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type * as BotEvent from "../BotEvent.js"
import type { Batch, BotRouter, Route, RouteContext } from "../BotRouter.js"
import * as Chat from "../Chat.js"
import { type Incoming, isMessage } from "../Incoming.js"
import * as Limits from "../Limits.js"
import type * as Message from "../Message.js"
import * as Reply from "../Reply.js"
import * as Telemetry from "../Telemetry.js"
import { WecomBot } from "../WecomBot.js"
import type { ConnectionError } from "../WecomError.js"
import * as Conversations from "./conversations.js"
import * as Handlers from "./handlers.js"
import * as meters from "./meters.js"
import type { RunOptions } from "./runOptions.js"
import * as spans from "./spans.js"

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

/** Events whose answer has a window of its own, in milliseconds. */
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

/** A message on its way to its handler, with the root of its trace. */
interface Item {
  readonly message: Message.Message
  readonly span: Tracer.Span | undefined
}

type Items = Conversations.NonEmpty<Item>

/** Messages for one handler: one, or those of a batch that go to the same route that takes batches. */
interface Share<E, R> {
  readonly items: Array<Item>
  readonly route: Route<E, R> | undefined
}

const batchRouteOf = <E, R>(router: BotRouter<E, R>, message: Message.Message, context: RouteContext) => {
  try {
    const route = router.routes.find((route) => route.handle(message, context) !== undefined)
    return route?.handleBatch === undefined ? undefined : route
  } catch {
    // A guard that throws does so again where its failure is reported.
    return undefined
  }
}

const share = <E, R>(router: BotRouter<E, R>, items: Items, context: RouteContext): ReadonlyArray<Share<E, R>> => {
  const shares: Array<Share<E, R>> = []
  for (const item of items) {
    const route = items.length === 1 ? undefined : batchRouteOf(router, item.message, context)
    const open = route === undefined ? undefined : shares.find((other) => other.route === route)
    if (open === undefined) shares.push({ items: [item], route })
    else open.items.push(item)
  }
  return shares
}

/** @internal */
export const run = <E, R>(
  router: BotRouter<E, R>,
  options: RunOptions<E> = {}
): Effect.Effect<never, ConnectionError, WecomBot | R> =>
  Effect.gen(function*() {
    const bot = yield* WecomBot
    const clock = yield* Effect.clock
    const isTraced = options.tracing === true && (yield* spans.isTraced)
    const context: RouteContext = { botName: options.botName }
    const timeout = options.handlerTimeout
    const oldest = options.ignoreOlderThan === undefined ? Infinity : Duration.toMillis(options.ignoreOlderThan)

    const seconds = () => Number(clock.unsafeCurrentTimeNanos() / 1000n) / 1_000_000

    const answerFailure = (cause: Cause.Cause<E | Cause.TimeoutException>, incoming: Incoming): Effect.Effect<void> =>
      Effect.suspend(() => {
        const text = isMessage(incoming) ? options.errorReply?.(cause, incoming) : undefined
        return text === undefined
          ? Effect.void
          : Effect.asVoid(bot.reply(incoming as Message.Message, Reply.markdown(text)))
      }).pipe(Effect.catchAllCause((cause) => Effect.logWarning("the error reply was not delivered", cause)))

    /** What every handler gets: a Scope, its time limit, its share of the trace, and a fence around its failures. */
    const guarded = (
      handler: Effect.Effect<unknown, E, R>,
      incoming: Incoming,
      roots: ReadonlyArray<Tracer.Span>
    ): Effect.Effect<void, never, R> =>
      Effect.suspend(() => {
        const startedAt = seconds()
        const limited = timeout === undefined ? handler : Effect.timeout(handler, timeout)
        return spans.handle(Effect.scoped(limited), incoming, roots).pipe(
          Effect.ensuring(Effect.sync(() => meters.handled(incoming, seconds() - startedAt))),
          Effect.catchAllCause((cause) =>
            Effect.zipRight(Effect.logError("a handler failed", cause), answerFailure(cause, incoming))
          ),
          spans.below(roots),
          Effect.annotateLogs({ module: "effect-wecom/BotRouter", msgid: incoming.msgid }),
          Effect.onExit((exit) => Effect.sync(() => roots.forEach((span) => spans.end(span, clock, exit)))),
          Effect.asVoid
        ) as Effect.Effect<void, never, R>
      })

    const handleShare = ({ items, route }: Share<E, R>): Effect.Effect<void, never, R> => {
      const newest = items[items.length - 1]!.message
      const roots = items.flatMap(({ span }) => span === undefined ? [] : [span])
      const handler = Effect.suspend(() =>
        route === undefined
          ? select(router, newest, context)
          : route.handleBatch!(items.map(({ message }) => message) as unknown as Batch, context)
      )
      return guarded(handler, newest, roots)
    }

    const handle = (items: Items): Effect.Effect<void, never, R> =>
      items.length === 1
        ? handleShare({ items: [items[0]], route: undefined })
        : Effect.forEach(share(router, items, context), handleShare, { discard: true })

    /** Runs beside the handler, which may take its time; but its frame leaves first, or it would undo what the handler shows. */
    const acknowledge = (event: BotEvent.TemplateCardEvent): Effect.Effect<void> =>
      Effect.suspend(() => {
        const card = options.acknowledgeCard?.(event)
        return card === undefined ? Effect.void : Effect.asVoid(bot.updateTemplateCard(event, card))
      }).pipe(
        Effect.catchAllCause((cause) => Effect.logWarning("a card press was not acknowledged", cause)),
        bot.forkHandler,
        Effect.zipRight(Effect.yieldNow())
      )

    const warn = (answer: Handlers.Answer, event: BotEvent.BotEvent, windowMillis: number) =>
      clock.sleep(Duration.millis(Math.max(0, event.receivedAt + windowMillis - clock.unsafeCurrentTimeMillis()))).pipe(
        Effect.zipRight(Effect.suspend(() =>
          answer.isSent ? Effect.void : Effect.logWarning(
            `the ${windowMillis / 1000} s for an answer to ${event.eventtype} are over and its handler has not answered`
          )
        )),
        Effect.forkScoped
      )

    const handleEvent = (event: BotEvent.BotEvent): Effect.Effect<void, never, R> =>
      Effect.suspend(() => {
        const windowMillis = windowOf(event)
        const answer: Handlers.Answer = { reqId: event.reqId, isSent: false }
        const handler = Effect.suspend(() => select(router, event, context)).pipe(
          windowMillis === undefined
            ? (self) => self
            : (self) => Effect.zipRight(warn(answer, event, windowMillis), self),
          event.eventtype === "template_card_event" && options.acknowledgeCard !== undefined
            ? (self) => Effect.zipRight(acknowledge(event), self)
            : (self) => self,
          Effect.locally(Handlers.answer, answer)
        ) as Effect.Effect<unknown, E, R>
        return isTraced
          ? Effect.flatMap(spans.receive(event), (span) => guarded(handler, event, [span]))
          : guarded(handler, event, [])
      })

    const drop = (item: Item) => {
      Telemetry.unsafeIncrement(Telemetry.handlerDropped)
      discard(item)
    }

    const discard = ({ span }: Item) => {
      span?.attribute("wecom.dropped", true)
      spans.end(span, clock, Exit.void)
    }

    const conversations = Conversations.make<Item, R>({
      overlap: options.overlap ?? "queue",
      debounceWindow: Duration.decode(options.debounceWindow ?? defaultDebounceWindow),
      concurrency: Math.max(1, options.concurrency ?? defaultConcurrency),
      maxWaiting: options.maxWaiting ?? defaultMaxWaiting,
      clock,
      fork: bot.forkHandler,
      handle,
      discard: (item, why) => why === "superseded" ? discard(item) : drop(item),
      onWaiting: meters.handlersWaiting
    })

    const isStale = (message: Message.Message): boolean =>
      message.create_time !== undefined && clock.unsafeCurrentTimeMillis() - message.create_time * 1000 > oldest

    const place = (item: Item) =>
      Effect.map(conversations.offer(conversationOf(item.message), item), (isTaken) => {
        if (!isTaken) drop(item)
      })

    const take = (message: Message.Message): Effect.Effect<unknown, never, R> => {
      if (oldest !== Infinity && isStale(message)) {
        return Effect.sync(() => Telemetry.unsafeIncrement(Telemetry.staleMessages))
      }
      return isTraced
        ? Effect.flatMap(spans.receive(message), (span) => place({ message, span }))
        : place({ message, span: undefined })
    }

    // A message that was taken from the bot gets its handler, even when the run is interrupted at that moment.
    const takeAll = <A>(
      stream: Stream.Stream<A, ConnectionError>,
      take: (one: A) => Effect.Effect<unknown, never, R>
    ) => Effect.ignore(Stream.runForEach(stream, (one) => Effect.uninterruptible(take(one))))

    yield* Effect.zip(
      takeAll(bot.messages, take),
      takeAll(bot.events, (event) => bot.forkHandler(handleEvent(event))),
      { concurrent: true }
    )
    return yield* bot.closed
  })
