/**
 * How a handler runs: in a fiber of the bot, with its own Scope, log annotations, time limit and span. A failure is logged and
 * answered, and ends nothing else.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { Batch, BotRouter, Route, RouteContext } from "../../BotRouter.js"
import { type Incoming, isMessage } from "../../Incoming.js"
import * as Message from "../../Message.js"
import * as Reply from "../../Reply.js"
import * as Telemetry from "../../Telemetry.js"
import type { WecomBot } from "../../WecomBot.js"
import * as meters from "../telemetry/meters.js"
import * as spans from "../telemetry/spans.js"
import type { Timeout } from "../time/deadlines.js"
import * as SharedDeadlines from "../time/sharedDeadlines.js"
import * as LearnedName from "./learnedName.js"
import type { RunOptions } from "./options.js"
import type { NonEmpty } from "./overlap.js"
import type * as Scheduler from "./scheduler.js"

/**
 * A message for a handler, with the root span of its trace if it has one.
 *
 * @internal
 */
export interface Item {
  readonly message: Message.Message
  readonly span: Tracer.Span | undefined
}

type Items = NonEmpty<Item>

type Roots = ReadonlyArray<Tracer.Span>

/** The messages of one handler: one message, or those of a batch that one `onBatch` route takes. */
interface Share<E, R> {
  readonly items: Array<Item>
  readonly route: Route<E, R> | undefined
}

/** A handler and the message or event it is for. For a batch that is its newest message. */
interface Handler<E, R> {
  readonly effect: Effect.Effect<unknown, E, R>
  readonly incoming: Incoming
  readonly roots: Roots
}

type Failure<E> = Cause.Cause<E | Cause.TimeoutException>

/** @internal */
export interface Environment<E, R> {
  readonly router: BotRouter<E, R>
  readonly options: RunOptions<E>
  /** After which a handler is interrupted. */
  readonly timeLimit: Duration.Duration | undefined
  readonly bot: WecomBot.Service
  readonly clock: Clock.Clock
  /** The context and FiberRefs that handlers begin with. */
  readonly runtime: Runtime.Runtime<R>
}

/** @internal */
export interface Handling<E, R> extends Scheduler.Runner<Item> {
  /** Starts the handler of an event at once: events have no order. */
  readonly startEvent: (event: Incoming, effect: Effect.Effect<unknown, E, R>, roots: Roots) => void
  /** The handler of the first route that takes this message or event, as the route gives it. */
  readonly handlerOf: (incoming: Incoming) => Effect.Effect<unknown, E, R>
}

const noRoots: Roots = []

const rootsOf = (items: ReadonlyArray<Item>): Roots => {
  const roots = items.flatMap(({ span }) => span === undefined ? [] : [span])
  return roots.length === 0 ? noRoots : roots
}

const newestOf = (items: ReadonlyArray<Item>): Message.Message => items[items.length - 1]!.message

/** Provides the Scope for the rest of the fiber. */
const provide = (scope: Scope.Scope): Effect.Effect<void> =>
  FiberRef.update(FiberRef.currentContext, Context.add(Scope.Scope, scope))

const closeScope = (scope: Scope.CloseableScope, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> =>
  Effect.catchAllCause(
    Scope.close(scope, exit),
    (cause) => Effect.logError("a handler's finalizer failed", cause)
  )

/**
 * Fails with a `TimeoutException` when the effect runs longer, by interrupting the fiber of the handler. `Effect.timeout` would
 * run two more fibers, which cost more than the handler. Must be called in an uninterruptible region.
 */
const limit = <E, R>(
  effect: Effect.Effect<unknown, E, R>,
  duration: Duration.Duration,
  onTimeout: () => void
): Effect.Effect<unknown, E | Cause.TimeoutException, R> =>
  Effect.clockWith((clock) =>
    Effect.flatMap(
      SharedDeadlines.enter(clock),
      (kept) =>
        Effect.withFiberRuntime<unknown, E | Cause.TimeoutException, R>((fiber) => {
          let isDue = false
          const timeouts = kept.deadlines.timeouts(Duration.toMillis(duration))
          const timeout: Timeout = {
            dueAt: 0,
            previous: undefined,
            next: undefined,
            onDue: () => {
              isDue = true
              onTimeout()
              fiber.unsafeInterruptAsFork(FiberId.none)
            }
          }
          timeouts.start(timeout)
          return Effect.flatMap(Effect.exit(effect), (exit) => {
            if (!isDue) timeouts.stop(timeout)
            const ended: Effect.Effect<unknown, E | Cause.TimeoutException> = isDue ? timedOut(duration) : exit
            return Effect.zipRight(SharedDeadlines.leave(clock, kept), ended)
          })
        })
    )
  )

const timedOut = (duration: Duration.Duration): Effect.Effect<never, Cause.TimeoutException> =>
  Effect.fail(new Cause.TimeoutException(`Operation timed out after '${Duration.format(duration)}'`))

const batchRouteOf = <E, R>(router: BotRouter<E, R>, message: Message.Message, context: RouteContext) => {
  try {
    const route = router.routes.find((route) => route.handle(message, context) !== undefined)
    return route?.handleBatch === undefined ? undefined : route
  } catch {
    // A guard that throws is called again by `handlerOf`, where its failure is reported.
    return undefined
  }
}

const share = <E, R>(
  router: BotRouter<E, R>,
  items: Items,
  context: RouteContext
): NonEmpty<Share<E, R>> => {
  if (items.length === 1) return [{ items: [items[0]], route: undefined }]
  const shares: Array<Share<E, R>> = []
  for (const item of items) {
    const route = batchRouteOf(router, item.message, context)
    const open = route === undefined ? undefined : shares.find((other) => other.route === route)
    if (open === undefined) shares.push({ items: [item], route })
    else open.items.push(item)
  }
  return shares as unknown as NonEmpty<Share<E, R>>
}

/** @internal */
export const make = <E, R>(
  { bot, clock, options, router, runtime, timeLimit }: Environment<E, R>
): Handling<E, R> => {
  let learning = LearnedName.initial
  const context: RouteContext = {
    get botName() {
      return options.botName ?? LearnedName.nameOf(learning)
    }
  }
  const runFork = Runtime.runFork(runtime)

  const seconds = () => Number(clock.unsafeCurrentTimeNanos()) / 1_000_000_000

  const endUnhandled = (roots: Roots) => {
    for (const span of roots) {
      span.attribute("wecom.dropped", true)
      spans.end(span, clock, Exit.void)
    }
  }

  const drop = (item: Item) => {
    Telemetry.unsafeIncrement(Telemetry.handlerDropped)
    endUnhandled(rootsOf([item]))
  }

  const learnName = (incoming: Incoming): void => {
    if (options.botName !== undefined || !isMessage(incoming) || incoming.chattype !== "group") return
    learning = LearnedName.learn(learning, Message.plainText(incoming))
  }

  const handlerOf = (incoming: Incoming): Effect.Effect<unknown, E, R> =>
    Effect.suspend(() => {
      learnName(incoming)
      for (const route of router.routes) {
        const handler = route.handle(incoming, context)
        if (handler !== undefined) return handler
      }
      return Effect.void
    })

  const answerFailure = (cause: Failure<E>, incoming: Incoming): Effect.Effect<void> =>
    Effect.suspend(() => {
      const text = isMessage(incoming) ? options.errorReply?.(cause, incoming) : undefined
      return text === undefined
        ? Effect.void
        : Effect.asVoid(bot.reply(incoming as Message.Message, Reply.markdown(text)))
    }).pipe(Effect.catchAllCause((cause) => Effect.logWarning("the error reply was not delivered", cause)))

  const report = (cause: Failure<E>, incoming: Incoming): Effect.Effect<void> =>
    Effect.zipRight(Effect.logError("a handler failed", cause), answerFailure(cause, incoming))

  /** Runs the effect in a fiber that the drain of the bot waits for. */
  const fork = (
    effect: Effect.Effect<void, never, R>,
    onExit: (exit: Exit.Exit<void>) => void
  ): Scheduler.Started => {
    let fiber: Fiber.RuntimeFiber<void> | undefined
    let isInterrupted = false
    const onForked = (forked: Fiber.RuntimeFiber<void>) => {
      fiber = forked
      fiber.addObserver(onExit)
      if (isInterrupted) fiber.unsafeInterruptAsFork(FiberId.none)
    }
    runFork(Effect.matchCause(bot.forkHandler(effect), {
      onSuccess: onForked,
      onFailure: (cause) => onExit(Exit.failCause(cause))
    }))
    return {
      interrupt: () => {
        isInterrupted = true
        fiber?.unsafeInterruptAsFork(FiberId.none)
      }
    }
  }

  /** Calls `onDropped` instead of `onEnd` when the bot closes before the handler begins. */
  const begin = (
    { effect, incoming, roots }: Handler<E, R>,
    onEnd: () => void,
    onDropped: () => void
  ): Scheduler.Started => {
    const startedAt = seconds()
    let hasBegun = false
    let isInterrupted = false
    let isTimedOut = false
    let timeout: Failure<E> | undefined

    // Set for the rest of the fiber, which is the handler's own. `Effect.annotateLogs` costs as much as the fiber.
    const annotate = FiberRef.update(
      FiberRef.currentLogAnnotations,
      HashMap.set("msgid", incoming.msgid as unknown)
    )
    const around = (self: Effect.Effect<void, never, R>) => spans.below(roots)(Effect.zipRight(annotate, self))

    const fenced = Effect.uninterruptibleMask((restore) => {
      hasBegun = true
      return Effect.flatMap(Scope.make(), (scope) => {
        const limited = timeLimit === undefined ? restore(effect) : limit(restore(effect), timeLimit, () => {
          isTimedOut = true
        })
        const handled = Effect.exit(spans.handle(limited, incoming, roots))
        return Effect.flatMap(Effect.zipRight(provide(scope), handled), (exit) => {
          const closed = closeScope(scope, exit)
          if (Exit.isSuccess(exit)) return closed
          if (!isTimedOut) return Effect.zipRight(closed, restore(report(exit.cause, incoming)))
          timeout = exit.cause
          return closed
        })
      })
    })

    const end = (exit: Exit.Exit<void>) => {
      for (const span of roots) spans.end(span, clock, exit)
      meters.handled(incoming, seconds() - startedAt)
      onEnd()
    }

    let current = fork(around(fenced), (exit) => {
      if (!hasBegun && !isInterrupted) return onDropped()
      if (timeout === undefined || isInterrupted) return end(exit)
      // The time limit has interrupted the fiber of the handler, so the report runs in another.
      current = fork(around(report(timeout, incoming)), end)
    })

    return {
      interrupt: () => {
        isInterrupted = true
        current.interrupt()
      }
    }
  }

  const beginShare = ({ items, route }: Share<E, R>, onEnd: () => void): Scheduler.Started => {
    const incoming = newestOf(items)
    const effect = route === undefined
      ? handlerOf(incoming)
      : Effect.suspend(() => route.handleBatch!(items.map(({ message }) => message) as unknown as Batch, context))
    return begin({ effect, incoming, roots: rootsOf(items) }, onEnd, () => {
      for (const item of items) drop(item)
      onEnd()
    })
  }

  return {
    now: () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n),

    start: (items, onEnd) => {
      const [first, ...rest] = share(router, items, context)
      // The shares of a batch run one after the other.
      const next = () => {
        const share = rest.shift()
        if (share === undefined) onEnd()
        else beginShare(share, next)
      }
      return beginShare(first, next)
    },

    startEvent: (incoming, effect, roots) => {
      begin({ effect, incoming, roots }, () => {}, () => endUnhandled(roots))
    },

    after: (millis, onEnd) => {
      fork(clock.sleep(Duration.millis(millis)), (exit) => onEnd(Exit.isSuccess(exit)))
    },

    supersede: (item) => endUnhandled(rootsOf([item])),
    drop,
    onWaiting: meters.handlersWaiting,
    handlerOf
  }
}
