/**
 * From messages and events to handlers. A router is an immutable value built by `pipe`; the first route that accepts takes
 * the message.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as BotEvent from "./BotEvent.js"
import * as Message from "./Message.js"
import { WecomBot } from "./WecomBot.js"
import type { ConnectionError } from "./WecomError.js"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("effect-wecom/BotRouter")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * What a route is asked about: a message or an event.
 *
 * @since 0.1.0
 * @category models
 */
export type Incoming = Message.Message | BotEvent.BotEvent

/**
 * @since 0.1.0
 * @category models
 */
export interface Route<out E = never, out R = never> {
  /** The handler of this message or event, or `undefined` when the route does not take it. */
  readonly handle: (incoming: Incoming) => Effect.Effect<unknown, E, R> | undefined
}

/**
 * `E` is what its handlers may fail with, `R` what they need besides a Scope of their own.
 *
 * @since 0.1.0
 * @category models
 */
export interface BotRouter<out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: TypeId
  readonly routes: ReadonlyArray<Route<E, R>>
}

const make = <E, R>(routes: ReadonlyArray<Route<E, R>>): BotRouter<E, R> => ({
  [TypeId]: TypeId,
  routes,
  pipe() {
    return pipeArguments(this, arguments)
  }
})

/**
 * Takes nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: BotRouter = make([])

/**
 * @since 0.1.0
 * @category combinators
 */
export const append = <E1, R1>(route: Route<E1, R1>) =>
<E, R>(self: BotRouter<E, R>): BotRouter<E | E1, R | Exclude<R1, Scope.Scope>> =>
  make<E | E1, R | Exclude<R1, Scope.Scope>>([...self.routes, route as Route<E1, Exclude<R1, Scope.Scope>>])

type Append<E1, R1> = <E, R>(self: BotRouter<E, R>) => BotRouter<E | E1, R | Exclude<R1, Scope.Scope>>

const isMessage = (incoming: Incoming): incoming is Message.Message => !("eventtype" in incoming)

const onMsgType =
  <T extends Message.MsgType>(msgtype: T) =>
  <X, E1, R1>(handler: (message: Message.OfType<T>) => Effect.Effect<X, E1, R1>): Append<E1, R1> =>
    append({
      handle: (incoming) =>
        isMessage(incoming) && Message.isType(msgtype)(incoming) ? handler(incoming) : undefined
    })

/**
 * @since 0.1.0
 * @category messages
 */
export const onText: <X, E1, R1>(
  handler: (message: Message.TextMessage) => Effect.Effect<X, E1, R1>
) => Append<E1, R1> = onMsgType("text")

/**
 * @since 0.1.0
 * @category messages
 */
export const onImage: <X, E1, R1>(
  handler: (message: Message.ImageMessage) => Effect.Effect<X, E1, R1>
) => Append<E1, R1> = onMsgType("image")

/**
 * @since 0.1.0
 * @category messages
 */
export const onMixed: <X, E1, R1>(
  handler: (message: Message.MixedMessage) => Effect.Effect<X, E1, R1>
) => Append<E1, R1> = onMsgType("mixed")

/**
 * @since 0.1.0
 * @category messages
 */
export const onVoice: <X, E1, R1>(
  handler: (message: Message.VoiceMessage) => Effect.Effect<X, E1, R1>
) => Append<E1, R1> = onMsgType("voice")

/**
 * @since 0.1.0
 * @category messages
 */
export const onFile: <X, E1, R1>(
  handler: (message: Message.FileMessage) => Effect.Effect<X, E1, R1>
) => Append<E1, R1> = onMsgType("file")

/**
 * @since 0.1.0
 * @category messages
 */
export const onVideo: <X, E1, R1>(
  handler: (message: Message.VideoMessage) => Effect.Effect<X, E1, R1>
) => Append<E1, R1> = onMsgType("video")

/**
 * Every message that no earlier route took, whatever its type.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMessage = <X, E1, R1>(
  handler: (message: Message.Message) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => append({ handle: (incoming) => isMessage(incoming) ? handler(incoming) : undefined })

/**
 * @since 0.1.0
 * @category events
 */
export const onEvent = <T extends BotEvent.EventType, X, E1, R1>(
  eventtype: T,
  handler: (event: BotEvent.OfType<T>) => Effect.Effect<X, E1, R1>
): Append<E1, R1> =>
  append({
    handle: (incoming) =>
      !isMessage(incoming) && BotEvent.isType(eventtype)(incoming) ? handler(incoming) : undefined
  })

/**
 * Whatever no earlier route took.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse = <X, E1, R1>(
  handler: (incoming: Incoming) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => append({ handle: handler })

/**
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  /** How many handlers run side by side; what comes meanwhile waits in the bot's buffer. Default 64. */
  readonly concurrency?: number | undefined
}

const select = <E, R>(router: BotRouter<E, R>, incoming: Incoming): Effect.Effect<unknown, E, R> | undefined => {
  for (const route of router.routes) {
    const effect = route.handle(incoming)
    if (effect !== undefined) return effect
  }
  return undefined
}

const handle = <E, R>(router: BotRouter<E, R>, incoming: Incoming): Effect.Effect<void, never, R> =>
  Effect.suspend(() => select(router, incoming) ?? Effect.void).pipe(
    Effect.scoped,
    Effect.catchAllCause((cause) => Effect.logError("a handler failed", cause)),
    Effect.annotateLogs({ module: "effect-wecom/BotRouter", msgid: incoming.msgid }),
    Effect.asVoid
  ) as Effect.Effect<void, never, R>

/**
 * Runs the router until the bot is closed for good, which fails with a `ConnectionError`: the program that runs it exits with
 * that. A handler's failure or defect is logged with the `msgid` and ends nothing else.
 *
 * Interrupted, it stops taking messages; handlers that run belong to the bot, which gives them `drainTimeout` when it closes.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <E, R>(
  router: BotRouter<E, R>,
  options?: RunOptions
): Effect.Effect<never, ConnectionError, WecomBot | R> =>
  Effect.gen(function*() {
    const bot = yield* WecomBot
    const permits = yield* Effect.makeSemaphore(Math.max(1, options?.concurrency ?? 64))
    // The permit is taken before the fork, so that what waits, waits in the bounded buffer of the bot.
    const start = (incoming: Incoming) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(
          restore(permits.take(1)),
          bot.forkHandler(Effect.ensuring(handle(router, incoming), permits.release(1)))
        )
      )
    const incoming: Stream.Stream<Incoming, ConnectionError> = Stream.merge(bot.messages, bot.events)
    yield* Stream.runForEach(incoming, start)
    return yield* bot.closed
  })

/**
 * `run` as a layer, for apps that are layers. Nobody sees the failure of a fiber that only a layer forked: pair it with
 * `WecomBot.closed`.
 *
 * @since 0.1.0
 * @category running
 */
export const layer = <E, R>(
  router: BotRouter<E, R>,
  options?: RunOptions
): Layer.Layer<never, never, WecomBot | R> => Layer.scopedDiscard(Effect.forkScoped(Effect.interruptible(run(router, options))))
