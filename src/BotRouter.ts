/**
 * From messages and events to handlers. A router is an immutable value built by `pipe`; the first route that takes a message
 * or event handles it.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import type * as Scope from "effect/Scope"
import type * as BotEvent from "./BotEvent.js"
import * as Incoming from "./Incoming.js"
import * as internal from "./internal/botRouter.js"
import type { Overlap, RunOptions } from "./internal/runOptions.js"
import * as Message from "./Message.js"
import type { WecomBot } from "./WecomBot.js"
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
 * What a route may know of the bot that asks it.
 *
 * @since 0.1.0
 * @category models
 */
export interface RouteContext {
  /** The name users mention the bot by, from the options of `run`. */
  readonly botName: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Route<out E = never, out R = never> {
  /** The handler of this message or event, or `undefined` when the route does not take it. */
  readonly handle: (incoming: Incoming.Incoming, context: RouteContext) => Effect.Effect<unknown, E, R> | undefined
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
  /** Take a whole batch of messages of one conversation, under `"debounce"`. */
  readonly batchRoutes: ReadonlyArray<(messages: Batch) => Effect.Effect<unknown, E, R>>
}

/**
 * Messages of one conversation that came within one window, oldest first.
 *
 * @since 0.1.0
 * @category models
 */
export type Batch = readonly [Message.Message, ...ReadonlyArray<Message.Message>]

const make = <E, R>(
  routes: BotRouter<E, R>["routes"],
  batchRoutes: BotRouter<E, R>["batchRoutes"]
): BotRouter<E, R> => ({
  [TypeId]: TypeId,
  routes,
  batchRoutes,
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
export const empty: BotRouter = make([], [])

/**
 * Adds a route; it is asked after those that are there.
 *
 * @since 0.1.0
 * @category combinators
 */
export const append = <E1, R1>(route: Route<E1, R1>): Append<E1, R1> => <E, R>(self: BotRouter<E, R>) =>
  make<E | E1, R | Exclude<R1, Scope.Scope>>(
    [...self.routes, route as Route<E1, Exclude<R1, Scope.Scope>>],
    self.batchRoutes
  )

/**
 * What adding a handler does to the type of a router: its failures and needs join, less the Scope it is given.
 *
 * @since 0.1.0
 * @category models
 */
export type Append<E1, R1> = <E, R>(self: BotRouter<E, R>) => BotRouter<E | E1, R | Exclude<R1, Scope.Scope>>

/**
 * The routes of both, `that` after `self`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const concat = <E1, R1>(that: BotRouter<E1, R1>) => <E, R>(self: BotRouter<E, R>): BotRouter<E | E1, R | R1> =>
  make<E | E1, R | R1>([...self.routes, ...that.routes], [...self.batchRoutes, ...that.batchRoutes])

/**
 * Handles what a refinement takes, as the type it narrows to.
 *
 * @since 0.1.0
 * @category combinators
 */
export const on = <A extends Incoming.Incoming, X, E1, R1>(
  refinement: (incoming: Incoming.Incoming) => incoming is A,
  handler: (incoming: A) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => append({ handle: (incoming) => refinement(incoming) ? handler(incoming) : undefined })

type OnType<T extends Message.MsgType> = <X, E1, R1>(
  handler: (message: Message.OfType<T>) => Effect.Effect<X, E1, R1>
) => Append<E1, R1>

const onType = <T extends Message.MsgType>(msgtype: T): OnType<T> => (handler) =>
  on((incoming): incoming is Message.OfType<T> => Incoming.isMessage(incoming) && incoming.msgtype === msgtype, handler)

/**
 * @since 0.1.0
 * @category messages
 */
export const onText: OnType<"text"> = onType("text")

/**
 * @since 0.1.0
 * @category messages
 */
export const onImage: OnType<"image"> = onType("image")

/**
 * @since 0.1.0
 * @category messages
 */
export const onMixed: OnType<"mixed"> = onType("mixed")

/**
 * @since 0.1.0
 * @category messages
 */
export const onVoice: OnType<"voice"> = onType("voice")

/**
 * @since 0.1.0
 * @category messages
 */
export const onFile: OnType<"file"> = onType("file")

/**
 * @since 0.1.0
 * @category messages
 */
export const onVideo: OnType<"video"> = onType("video")

/**
 * Every message that no earlier route took, whatever its type.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMessage = <X, E1, R1>(
  handler: (message: Message.Message) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => on(Incoming.isMessage, handler)

/**
 * Text messages whose words begin with this command, such as `/help`; the handler gets what follows it, trimmed. In a group
 * the mention of the bot is taken out first, if `run` was told its name.
 *
 * @since 0.1.0
 * @category messages
 */
export const onCommand = <X, E1, R1>(
  name: string,
  handler: (message: Message.TextMessage, argument: string) => Effect.Effect<X, E1, R1>
): Append<E1, R1> =>
  append({
    handle: (incoming, context) => {
      if (!Incoming.isMessage(incoming) || incoming.msgtype !== "text") return undefined
      const words = Message.plainText(incoming, context)
      if (!words.startsWith(name)) return undefined
      const rest = words.slice(name.length)
      return rest === "" || /^\s/.test(rest) ? handler(incoming, rest.trim()) : undefined
    }
  })

/**
 * Text messages whose words match; the handler gets the match.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMatch = <X, E1, R1>(
  pattern: RegExp,
  handler: (message: Message.TextMessage, match: RegExpMatchArray) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => {
  // A global or sticky pattern remembers where it stopped, and would skip every other message.
  const stateless = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""))
  return append({
    handle: (incoming, context) => {
      if (!Incoming.isMessage(incoming) || incoming.msgtype !== "text") return undefined
      const match = stateless.exec(Message.plainText(incoming, context))
      return match === null ? undefined : handler(incoming, match)
    }
  })
}

/**
 * Takes all messages that came within one window as a whole; only under the overlap `"debounce"`, where it goes before the
 * routes of single messages.
 *
 * @since 0.1.0
 * @category messages
 */
export const onBatch =
  <X, E1, R1>(handler: (messages: Batch) => Effect.Effect<X, E1, R1>): Append<E1, R1> =>
  <E, R>(self: BotRouter<E, R>) =>
    make<E | E1, R | Exclude<R1, Scope.Scope>>(self.routes, [
      ...self.batchRoutes,
      handler as (messages: Batch) => Effect.Effect<X, E1, Exclude<R1, Scope.Scope>>
    ])

/**
 * @since 0.1.0
 * @category events
 */
export const onEvent = <T extends BotEvent.EventType, X, E1, R1>(
  eventtype: T,
  handler: (event: BotEvent.OfType<T>) => Effect.Effect<X, E1, R1>
): Append<E1, R1> =>
  on(
    (incoming): incoming is BotEvent.OfType<T> => Incoming.isEvent(incoming) && incoming.eventtype === eventtype,
    handler
  )

/**
 * Presses of the button with this key, or those a predicate takes. Answer with `updateTemplateCard` within 5 s.
 *
 * @since 0.1.0
 * @category events
 */
export const onCardAction = <X, E1, R1>(
  action: string | ((event: BotEvent.TemplateCardEvent) => boolean),
  handler: (event: BotEvent.TemplateCardEvent) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => {
  const takes = typeof action === "string"
    ? (event: BotEvent.TemplateCardEvent) => event.event.template_card_event.event_key === action
    : action
  return on(
    (incoming): incoming is BotEvent.TemplateCardEvent =>
      Incoming.isEvent(incoming) && incoming.eventtype === "template_card_event" && takes(incoming),
    handler
  )
}

/**
 * Ratings of answers that carried a feedback id.
 *
 * @since 0.1.0
 * @category events
 */
export const onFeedback = <X, E1, R1>(
  handler: (event: BotEvent.FeedbackEvent) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => onEvent("feedback_event", handler)

/**
 * Whatever no earlier route took.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse = <X, E1, R1>(
  handler: (incoming: Incoming.Incoming) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => append({ handle: (incoming) => handler(incoming) })

/**
 * The same routes, for what the predicate lets through only; the rest goes on to routes that are added later.
 *
 * @since 0.1.0
 * @category combinators
 */
export const filter =
  (predicate: (incoming: Incoming.Incoming) => boolean) => <E, R>(self: BotRouter<E, R>): BotRouter<E, R> =>
    make(
      self.routes.map((route) => ({
        handle: (incoming, context) => predicate(incoming) ? route.handle(incoming, context) : undefined
      })),
      self.batchRoutes
    )

/**
 * The same routes, for messages and events of these users only.
 *
 * @since 0.1.0
 * @category combinators
 */
export const allowUsers = (userids: Iterable<string>): <E, R>(self: BotRouter<E, R>) => BotRouter<E, R> =>
  filter(Incoming.fromUsers(userids))

/**
 * The same routes, for messages and events of these groups and single chats only, by chatid or userid.
 *
 * @since 0.1.0
 * @category combinators
 */
export const allowChats = (ids: Iterable<string>): <E, R>(self: BotRouter<E, R>) => BotRouter<E, R> =>
  filter(Incoming.inChats(ids))

/**
 * Middleware: changes every handler that is there so far, around what it does.
 *
 * @since 0.1.0
 * @category combinators
 */
export const use = <E, R, E1, R1>(
  around: (handler: Effect.Effect<unknown, E, R>) => Effect.Effect<unknown, E1, R1>
) =>
(self: BotRouter<E, R>): BotRouter<E1, Exclude<R1, Scope.Scope>> => {
  type Around = (handler: Effect.Effect<unknown, E, R>) => Effect.Effect<unknown, E1, Exclude<R1, Scope.Scope>>
  return make(
    self.routes.map((route) => ({
      handle: (incoming, context) => {
        const handler = route.handle(incoming, context)
        return handler === undefined ? undefined : (around as Around)(handler)
      }
    })),
    self.batchRoutes.map((route) => (messages) => (around as Around)(route(messages)))
  )
}

/**
 * Gives the handlers that are there so far what they need of this context.
 *
 * @since 0.1.0
 * @category combinators
 */
export const provide = <A>(context: Context.Context<A>) => <E, R>(self: BotRouter<E, R>): BotRouter<E, Exclude<R, A>> =>
  use((handler: Effect.Effect<unknown, E, R>) => Effect.provide(handler, context))(self) as BotRouter<E, Exclude<R, A>>

/**
 * Recovers handlers that are there so far from one tagged failure.
 *
 * @since 0.1.0
 * @category combinators
 */
export const catchTag = <K extends E extends { _tag: string } ? E["_tag"] : never, E, X, E1, R1>(
  tag: K,
  recover: (error: Extract<E, { _tag: K }>) => Effect.Effect<X, E1, R1>
) =>
<R>(self: BotRouter<E, R>): BotRouter<Exclude<E, { _tag: K }> | E1, R | Exclude<R1, Scope.Scope>> =>
  use((handler: Effect.Effect<unknown, E, R>) => recoverTags(handler, { [tag]: recover }))(self)

type Recover = (handler: Effect.Effect<any, any, any>, how: object) => Effect.Effect<any, any, any>

const recoverTags = Effect.catchTags as unknown as Recover

/**
 * Recovers handlers that are there so far from several tagged failures.
 *
 * @since 0.1.0
 * @category combinators
 */
export const catchTags = <
  E,
  Cases extends {
    [K in Extract<E, { _tag: string }>["_tag"]]+?: (error: Extract<E, { _tag: K }>) => Effect.Effect<any, any, any>
  }
>(cases: Cases) =>
<R>(
  self: BotRouter<E, R>
): BotRouter<
  | Exclude<E, { _tag: keyof Cases }>
  | { [K in keyof Cases]: Cases[K] extends (...args: Array<any>) => Effect.Effect<any, infer E1, any> ? E1 : never }[
    keyof Cases
  ],
  | R
  | Exclude<
    { [K in keyof Cases]: Cases[K] extends (...args: Array<any>) => Effect.Effect<any, any, infer R1> ? R1 : never }[
      keyof Cases
    ],
    Scope.Scope
  >
> => use((handler: Effect.Effect<unknown, E, R>) => recoverTags(handler, cases))(self)

/**
 * Recovers handlers that are there so far from whatever ends them, defects included.
 *
 * @since 0.1.0
 * @category combinators
 */
export const catchAllCause =
  <E, X, E1, R1>(recover: (cause: Cause.Cause<E>) => Effect.Effect<X, E1, R1>) =>
  <R>(self: BotRouter<E, R>): BotRouter<E1, R | Exclude<R1, Scope.Scope>> =>
    use((handler: Effect.Effect<unknown, E, R>) => Effect.catchAllCause(handler, recover))(self) as BotRouter<
      E1,
      R | Exclude<R1, Scope.Scope>
    >

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Overlap,
  /**
   * @since 0.1.0
   * @category models
   */
  RunOptions
}

/**
 * Runs the router until the bot is closed for good, which fails with a `ConnectionError`: the program that runs it exits with
 * that. A handler's failure or defect is logged with the `msgid` and ends nothing else.
 *
 * Events do not wait for messages: their windows are short. A handler of `enter_chat` or a card press that is still running
 * when its 5 s are over is warned in the log, and its answer fails as `SendExpired`.
 *
 * Interrupted, it stops taking messages; handlers that run belong to the bot, which gives them `drainTimeout` when it closes.
 *
 * @since 0.1.0
 * @category running
 */
export const run: <E, R>(
  router: BotRouter<E, R>,
  options?: RunOptions<E>
) => Effect.Effect<never, ConnectionError, WecomBot | R> = internal.run

/**
 * `run` as a layer, for apps that are layers. Nobody sees the failure of a fiber that only a layer forked: pair it with
 * `WecomBot.closed`.
 *
 * @since 0.1.0
 * @category running
 */
export const layer = <E, R>(
  router: BotRouter<E, R>,
  options?: RunOptions<E>
): Layer.Layer<never, never, WecomBot | R> =>
  Layer.scopedDiscard(Effect.forkScoped(Effect.interruptible(run(router, options))))
