/**
 * Runs a router: from the bot's streams to the conversation a message belongs to, and around each handler what every handler
 * gets.
 */
import type * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import { identity } from "effect/Function"
import * as HashMap from "effect/HashMap"
import * as Scope from "effect/Scope"
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
import { LazyScope } from "./lazyScope.js"
import * as meters from "./meters.js"
import type { RunOptions } from "./runOptions.js"
import * as spans from "./spans.js"

const noSpans: ReadonlyArray<Tracer.Span> = []

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

/** Made from another Map, a Map costs an object for each of its entries. */
const copy = <K, V>(map: ReadonlyMap<K, V>): Map<K, V> => {
  const into = new Map<K, V>()
  map.forEach((value, key) => into.set(key, value))
  return into
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

    const seconds = () => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000_000

    const answerFailure = (cause: Cause.Cause<E | Cause.TimeoutException>, incoming: Incoming): Effect.Effect<void> =>
      Effect.suspend(() => {
        const text = isMessage(incoming) ? options.errorReply?.(cause, incoming) : undefined
        return text === undefined
          ? Effect.void
          : Effect.asVoid(bot.reply(incoming as Message.Message, Reply.markdown(text)))
      }).pipe(Effect.catchAllCause((cause) => Effect.logWarning("the error reply was not delivered", cause)))

    const closed = (scope: LazyScope, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> | undefined => {
      const close = scope.unsafeClose(exit)
      return close && Effect.uninterruptible(
        Effect.catchAllCause(close, (cause) => Effect.logError("a handler's finalizer failed", cause))
      )
    }

    /** What a failed handler holds is let go before anybody is told. */
    const closeFailed = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
      Effect.withFiberRuntime((fiber) => {
        const scope = Context.unsafeGet(fiber.currentContext as Context.Context<Scope.Scope>, Scope.Scope)
        return scope instanceof LazyScope ? closed(scope, Exit.failCause(cause)) ?? Effect.void : Effect.void
      })

    /** What every handler gets: its time limit, its share of the trace, and a fence around its failures. */
    const guarded = (
      handler: Effect.Effect<unknown, E, R>,
      incoming: Incoming,
      roots: ReadonlyArray<Tracer.Span>
    ): Effect.Effect<void, never, R> => {
      const limited = timeout === undefined ? handler : Effect.timeout(handler, timeout)
      const fenced = Effect.catchAllCause(
        spans.handle(limited, incoming, roots),
        (cause) =>
          closeFailed(cause).pipe(
            Effect.zipRight(Effect.logError("a handler failed", cause)),
            Effect.zipRight(answerFailure(cause, incoming))
          )
      )
      return spans.below(roots)(fenced) as Effect.Effect<void, never, R>
    }

    const handlers = yield* bot.handlerRuntime<R>()
    const services = yield* Effect.context<R>()
    const annotations = HashMap.set(
      yield* FiberRef.get(FiberRef.currentLogAnnotations),
      "module",
      "effect-wecom/BotRouter" as unknown
    )

    // Hot path: a Scope and annotations in one step with the fork, and what the end sets off in an observer. As operators
    // around the handler they cost more than its fiber.
    const start = (
      work: Effect.Effect<void, never, R>,
      incoming: Incoming,
      roots: ReadonlyArray<Tracer.Span>,
      onEnd: () => void
    ): (() => void) | undefined => {
      const scope = new LazyScope()
      const annotated = HashMap.set(annotations, "msgid", incoming.msgid as unknown)
      const withItsOwn = (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime) => {
        const locals = copy(refs.locals)
        locals.set(FiberRef.currentContext, [[
          fiberId,
          Context.unsafeMake(copy(services.unsafeMap).set(Scope.Scope.key, scope))
        ]])
        locals.set(FiberRef.currentLogAnnotations, [[fiberId, annotated]])
        return FiberRefs.unsafeMake(locals)
      }
      const end = (exit: Exit.Exit<unknown, unknown>) => {
        for (const span of roots) spans.end(span, clock, exit)
        onEnd()
      }
      return handlers.start(work, withItsOwn, (exit) => {
        const close = closed(scope, exit)
        if (close === undefined) end(exit)
        else handlers.finish(close, withItsOwn, () => end(exit))
      })
    }

    const timed = (incoming: Incoming, onEnd: () => void): () => void => {
      const startedAt = seconds()
      return () => {
        meters.handled(incoming, seconds() - startedAt)
        onEnd()
      }
    }

    const rootsOf = (items: ReadonlyArray<Item>) => items.flatMap(({ span }) => span === undefined ? [] : [span])

    const handlerOf = ({ items, route }: Share<E, R>): Effect.Effect<unknown, E, R> =>
      Effect.suspend(() =>
        route === undefined
          ? select(router, items[items.length - 1]!.message, context)
          : route.handleBatch!(items.map(({ message }) => message) as unknown as Batch, context)
      )

    /** The shares of a batch follow each other in one fiber, each with a Scope of its own. */
    const handleShare = (share: Share<E, R>): Effect.Effect<void, never, R> =>
      Effect.suspend(() => {
        const newest = share.items[share.items.length - 1]!.message
        const roots = isTraced ? rootsOf(share.items) : noSpans
        const onEnd = timed(newest, () => {})
        return Effect.ensuring(
          guarded(Effect.scoped(handlerOf(share)), newest, roots),
          Effect.sync(onEnd)
        ) as Effect.Effect<void, never, R>
      })

    const startItems = (items: Items, onEnd: () => void) => {
      const newest = items[items.length - 1]!.message
      const roots = isTraced ? rootsOf(items) : noSpans
      if (items.length === 1) {
        const handler = handlerOf({ items: [items[0]], route: undefined })
        return start(guarded(handler, newest, roots), newest, roots, timed(newest, onEnd))
      }
      const shares = Effect.forEach(share(router, items, context), handleShare, { discard: true })
      return start(shares, newest, roots, onEnd)
    }

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

    const handleEvent = (event: BotEvent.BotEvent): Effect.Effect<unknown, E, R> => {
      const windowMillis = windowOf(event)
      const answer: Handlers.Answer = { reqId: event.reqId, isSent: false }
      return Effect.suspend(() => select(router, event, context)).pipe(
        windowMillis === undefined
          ? (self) => self
          : (self) => Effect.zipRight(warn(answer, event, windowMillis), self),
        event.eventtype === "template_card_event" && options.acknowledgeCard !== undefined
          ? (self) => Effect.zipRight(acknowledge(event), self)
          : (self) => self,
        Effect.locally(Handlers.answer, answer)
      ) as Effect.Effect<unknown, E, R>
    }

    const takeEvent = (event: BotEvent.BotEvent, roots: ReadonlyArray<Tracer.Span>): undefined => {
      const interrupt = start(guarded(handleEvent(event), event, roots), event, roots, timed(event, () => {}))
      if (interrupt === undefined) endUnhandled(roots)
      return undefined
    }

    const drop = (item: Item) => {
      Telemetry.unsafeIncrement(Telemetry.handlerDropped)
      discard(item)
    }

    const endUnhandled = (roots: ReadonlyArray<Tracer.Span>) => {
      for (const span of roots) {
        span.attribute("wecom.dropped", true)
        spans.end(span, clock, Exit.void)
      }
    }

    const discard = (item: Item) => endUnhandled(rootsOf([item]))

    const after = (millis: number, onEnd: (hasPassed: boolean) => void) => {
      const waiting = handlers.start(clock.sleep(Duration.millis(millis)), identity, (exit) => {
        onEnd(Exit.isSuccess(exit))
      })
      if (waiting === undefined) onEnd(false)
    }

    const conversations = Conversations.make<Item>({
      overlap: options.overlap ?? "queue",
      debounceMillis: Duration.toMillis(options.debounceWindow ?? defaultDebounceWindow),
      concurrency: Math.max(1, options.concurrency ?? defaultConcurrency),
      maxWaiting: options.maxWaiting ?? defaultMaxWaiting,
      now: () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n),
      start: startItems,
      after,
      discard: (item, why) => why === "superseded" ? discard(item) : drop(item),
      onWaiting: meters.handlersWaiting
    })

    const isStale = (message: Message.Message): boolean =>
      message.create_time !== undefined && clock.unsafeCurrentTimeMillis() - message.create_time * 1000 > oldest

    const take = (message: Message.Message, span: Tracer.Span | undefined) => {
      const item: Item = { message, span }
      if (!conversations.offer(conversationOf(message), item)) drop(item)
    }

    const takeMessage = (message: Message.Message): Effect.Effect<void> | undefined => {
      if (oldest !== Infinity && isStale(message)) {
        Telemetry.unsafeIncrement(Telemetry.staleMessages)
        return undefined
      }
      if (isTraced) return Effect.map(spans.receive(message), (span) => take(message, span))
      take(message, undefined)
      return undefined
    }

    // In one step with taking them from the bot: a message that was taken gets its handler, even when the run is interrupted
    // at that moment.
    const takeAll = <A>(stream: Stream.Stream<A, ConnectionError>, take: (one: A) => Effect.Effect<void> | undefined) =>
      Effect.ignore(Stream.runForEachChunk(stream, (chunk) =>
        Effect.suspend(() => {
          const rest = Chunk.toReadonlyArray(chunk).flatMap((one) => take(one) ?? [])
          return Effect.uninterruptible(Effect.all(rest, { discard: true }))
        })))

    yield* Effect.zip(
      takeAll(bot.messages, takeMessage),
      takeAll(bot.events, (event) =>
        isTraced
          ? Effect.map(spans.receive(event), (span) => takeEvent(event, [span]))
          : takeEvent(event, noSpans)),
      { concurrent: true }
    ).pipe(Effect.ensuring(handlers.close))
    return yield* bot.closed
  })
