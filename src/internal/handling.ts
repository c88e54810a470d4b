/**
 * Hot path. What every handler gets: a Scope and annotations of its own, its time limit, its share of the trace, and a fence
 * around its failures. Scope, annotations and end are no operators around the handler, which would cost more than its fiber;
 * and what is done for each message is a method, because V8 compiles the closures of every run anew.
 */
import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as HashMap from "effect/HashMap"
import * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { Batch, BotRouter, Route, RouteContext } from "../BotRouter.js"
import { type Incoming, isMessage } from "../Incoming.js"
import type * as Message from "../Message.js"
import * as Reply from "../Reply.js"
import * as Telemetry from "../Telemetry.js"
import type { WecomBot } from "../WecomBot.js"
import type * as Conversations from "./conversations.js"
import { Entries } from "./entries.js"
import type * as Handlers from "./handlers.js"
import { LazyScope } from "./lazyScope.js"
import * as meters from "./meters.js"
import type { RunOptions } from "./runOptions.js"
import * as spans from "./spans.js"
import * as Specimens from "./specimens.js"
import * as Workers from "./workers.js"

/**
 * A message on its way to its handler, with the root of its trace.
 *
 * @internal
 */
export class Traced {
  readonly message: Message.Message
  readonly span: Tracer.Span

  constructor(message: Message.Message, span: Tracer.Span) {
    this.message = message
    this.span = span
  }
}

/**
 * A message on its way to its handler. Thousands may wait, so there is nothing around one that has no trace.
 *
 * @internal
 */
export type Item = Message.Message | Traced

const messageOf = (item: Item): Message.Message => item instanceof Traced ? item.message : item

type Items = Conversations.NonEmpty<Item>

type Roots = ReadonlyArray<Tracer.Span>

/** Messages for one handler: one, or those of a batch that go to the same route that takes batches. */
interface Share<E, R> {
  readonly items: Array<Item>
  readonly route: Route<E, R> | undefined
}

/** @internal */
export interface Environment<E, R> {
  readonly router: BotRouter<E, R>
  readonly options: RunOptions<E>
  readonly bot: WecomBot.Service
  readonly clock: Clock.Clock
  readonly handlers: Handlers.HandlerRuntime<R>
  readonly services: Context.Context<R>
  readonly annotations: HashMap.HashMap<string, unknown>
}

const noRoots: Roots = []

const rootsOf = (items: ReadonlyArray<Item>): Roots => {
  // The common case without a closure.
  if (items.length === 1) return items[0] instanceof Traced ? [items[0].span] : noRoots
  return items.flatMap((item) => item instanceof Traced ? [item.span] : [])
}

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

/** A handler that runs, or is about to. */
class Handler<R> extends Workers.Work<R> {
  readonly isStoppable = true
  readonly handling: Handling<any, R>
  readonly effect: Effect.Effect<unknown, unknown, R>
  private readonly incoming: Incoming
  private readonly roots: Roots
  private readonly onEnded: (() => void) | undefined
  /** In seconds; absent when its parts are measured each by itself. */
  private readonly startedAt: number | undefined
  private readonly scope = new LazyScope()

  constructor(
    handling: Handling<any, R>,
    effect: Effect.Effect<unknown, unknown, R>,
    incoming: Incoming,
    roots: Roots,
    startedAt: number | undefined,
    onEnded: (() => void) | undefined
  ) {
    super()
    this.handling = handling
    this.effect = effect
    this.incoming = incoming
    this.roots = roots
    this.startedAt = startedAt
    this.onEnded = onEnded
  }

  refs({ id, locals: base }: Workers.Base): FiberRefs.FiberRefs {
    const { environment, services } = this.handling
    const own = Context.unsafeMake(services.toMap().set(Scope.Scope.key, this.scope))
    const annotations = HashMap.set(environment.annotations, "msgid", this.incoming.msgid as unknown)
    const locals = base.toMap()
    locals.set(FiberRef.currentContext, [[id, own]])
    locals.set(FiberRef.currentLogAnnotations, [[id, annotations]])
    return FiberRefs.unsafeMake(locals)
  }

  onEnd(exit: Exit.Exit<unknown, unknown>): void {
    const close = closed(this.scope, exit)
    if (close === undefined) this.end(exit)
    else this.handling.environment.handlers.start(new Remains(this, close, exit))
  }

  end(exit: Exit.Exit<unknown, unknown>): void {
    for (const span of this.roots) spans.end(span, this.handling.environment.clock, exit)
    if (this.startedAt !== undefined) meters.handled(this.incoming, this.handling.seconds() - this.startedAt)
    this.onEnded?.()
  }
}

/** The finalizers of a handler that has ended. */
class Remains<R> extends Workers.Work<R> {
  readonly isStoppable = false
  readonly effect: Effect.Effect<void>
  private readonly handler: Handler<R>
  private readonly exit: Exit.Exit<unknown, unknown>

  constructor(handler: Handler<R>, effect: Effect.Effect<void>, exit: Exit.Exit<unknown, unknown>) {
    super()
    this.handler = handler
    this.effect = effect
    this.exit = exit
  }

  refs(base: Workers.Base): FiberRefs.FiberRefs {
    return this.handler.refs(base)
  }

  onEnd(): void {
    this.handler.end(this.exit)
  }
}

/** Time that passes while the bot lives. */
class Pause extends Workers.Work<never> {
  readonly isStoppable = true
  readonly effect: Effect.Effect<void>
  private readonly onPassed: (hasPassed: boolean) => void

  constructor(effect: Effect.Effect<void>, onPassed: (hasPassed: boolean) => void) {
    super()
    this.effect = effect
    this.onPassed = onPassed
  }

  refs(base: Workers.Base): FiberRefs.FiberRefs {
    return base.refs
  }

  onEnd(exit: Exit.Exit<unknown, unknown>): void {
    this.onPassed(Exit.isSuccess(exit))
  }
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

/** The handler of a message or event, which is looked for when it is to run. */
class Selected<E, R> extends Effectable.Class<unknown, E, R> {
  private readonly router: BotRouter<E, R>
  private readonly incoming: Incoming
  private readonly context: RouteContext

  constructor(router: BotRouter<E, R>, incoming: Incoming, context: RouteContext) {
    super()
    this.router = router
    this.incoming = incoming
    this.context = context
  }

  commit(): Effect.Effect<unknown, E, R> {
    return select(this.router, this.incoming, this.context)
  }
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
    const route = batchRouteOf(router, messageOf(item), context)
    const open = route === undefined ? undefined : shares.find((other) => other.route === route)
    if (open === undefined) shares.push({ items: [item], route })
    else open.items.push(item)
  }
  return shares
}

/** With a handler that never runs. */
const specimen = (): Handling<never, never> => {
  const handling = new Handling<never, never>({
    router: { routes: [] } as never,
    options: {},
    bot: {} as never,
    clock: { unsafeCurrentTimeNanos: () => 1n } as Clock.Clock,
    handlers: {
      start: (work) => {
        Specimens.keep(Handler, () => work)
        return true
      },
      close: Effect.void
    },
    services: Context.empty(),
    annotations: HashMap.empty()
  })
  handling.startEvent({} as Incoming, Effect.void, noRoots)
  return handling
}

/** @internal */
export class Handling<E, R> implements Conversations.Host<Item> {
  readonly environment: Environment<E, R>
  readonly services: Entries<string, unknown>
  private readonly context: RouteContext

  constructor(environment: Environment<E, R>) {
    this.environment = environment
    this.services = new Entries(environment.services.unsafeMap)
    this.context = { botName: environment.options.botName }
    Specimens.keep(Handling, specimen)
    Specimens.keep(Selected, () => new Selected({ routes: [] } as never, {} as Incoming, { botName: undefined }))
  }

  seconds(): number {
    return Number(this.environment.clock.unsafeCurrentTimeNanos()) / 1_000_000_000
  }

  start(items: Items, onEnded: () => void): Workers.Work<R> | undefined {
    const newest = messageOf(items[items.length - 1]!)
    const roots = rootsOf(items)
    return items.length === 1
      ? this.begin(this.guarded(this.handlerOf(newest), newest, roots), newest, roots, this.seconds(), onEnded)
      : this.begin(this.handlerOfBatch(items), newest, roots, undefined, onEnded)
  }

  /** Events have no order and wait for nobody. */
  startEvent(event: Incoming, handler: Effect.Effect<unknown, E, R>, roots: Roots): void {
    const started = this.begin(this.guarded(handler, event, roots), event, roots, this.seconds(), undefined)
    if (started === undefined) this.endUnhandled(roots)
  }

  /** The handler, with nothing around it. */
  handlerOf(incoming: Incoming): Effect.Effect<unknown, E, R> {
    return new Selected(this.environment.router, incoming, this.context)
  }

  now(): number {
    return Number(this.environment.clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }

  onWaiting(change: number): void {
    meters.handlersWaiting(change)
  }

  discard(item: Item, why: Conversations.Why): void {
    if (why === "superseded") this.endUnhandled(rootsOf([item]))
    else this.drop(item)
  }

  drop(item: Item): void {
    Telemetry.unsafeIncrement(Telemetry.handlerDropped)
    this.endUnhandled(rootsOf([item]))
  }

  private endUnhandled(roots: Roots): void {
    for (const span of roots) {
      span.attribute("wecom.dropped", true)
      spans.end(span, this.environment.clock, Exit.void)
    }
  }

  after(millis: number, onPassed: (hasPassed: boolean) => void): void {
    const { clock, handlers } = this.environment
    if (!handlers.start(new Pause(clock.sleep(Duration.millis(millis)), onPassed))) onPassed(false)
  }

  private begin(
    effect: Effect.Effect<unknown, never, R>,
    incoming: Incoming,
    roots: Roots,
    startedAt: number | undefined,
    onEnded: (() => void) | undefined
  ): Workers.Work<R> | undefined {
    const handler = new Handler(this, effect, incoming, roots, startedAt, onEnded)
    return this.environment.handlers.start(handler) ? handler : undefined
  }

  private guarded(
    handler: Effect.Effect<unknown, E, R>,
    incoming: Incoming,
    roots: Roots
  ): Effect.Effect<unknown, never, R> {
    const { handlerTimeout } = this.environment.options
    const limited = handlerTimeout === undefined ? handler : Effect.timeout(handler, handlerTimeout)
    const fenced = Effect.catchAllCause(
      spans.handle(limited, incoming, roots),
      (cause) => this.onFailure(cause, incoming)
    )
    return spans.below(roots)(fenced) as Effect.Effect<unknown, never, R>
  }

  private onFailure(cause: Cause.Cause<E | Cause.TimeoutException>, incoming: Incoming): Effect.Effect<void> {
    return closeFailed(cause).pipe(
      Effect.zipRight(Effect.logError("a handler failed", cause)),
      Effect.zipRight(this.answerFailure(cause, incoming))
    )
  }

  private answerFailure(cause: Cause.Cause<E | Cause.TimeoutException>, incoming: Incoming): Effect.Effect<void> {
    const { bot, options } = this.environment
    return Effect.suspend(() => {
      const text = isMessage(incoming) ? options.errorReply?.(cause, incoming) : undefined
      return text === undefined
        ? Effect.void
        : Effect.asVoid(bot.reply(incoming as Message.Message, Reply.markdown(text)))
    }).pipe(Effect.catchAllCause((cause) => Effect.logWarning("the error reply was not delivered", cause)))
  }

  /** The shares of a batch follow each other in one fiber, each with a Scope of its own. */
  private handlerOfBatch(items: Items): Effect.Effect<unknown, never, R> {
    return Effect.forEach(
      share(this.environment.router, items, this.context),
      ({ items, route }) => Effect.suspend(() => this.handlerOfShare(items as unknown as Items, route)),
      { discard: true }
    )
  }

  private handlerOfShare(items: Items, route: Route<E, R> | undefined): Effect.Effect<void, never, R> {
    const newest = messageOf(items[items.length - 1]!)
    const startedAt = this.seconds()
    const messages = items.map(messageOf) as unknown as Batch
    const handler = route === undefined
      ? this.handlerOf(newest)
      : Effect.suspend(() => route.handleBatch!(messages, this.context))
    return Effect.ensuring(
      this.guarded(Effect.scoped(handler), newest, rootsOf(items)),
      Effect.sync(() => meters.handled(newest, this.seconds() - startedAt))
    ) as Effect.Effect<void, never, R>
  }
}
