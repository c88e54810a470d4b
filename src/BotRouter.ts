/**
 * Routes messages and events to handlers. A router is an immutable value built with `pipe`. The first route that
 * accepts a message or event handles it.
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
import { invalid, required } from "./internal/checks/arguments.js"
import type { Overlap, RunOptions } from "./internal/router/options.js"
import * as internal from "./internal/router/run.js"
import * as Message from "./Message.js"
import type { WecomBot } from "./WecomBot.js"
import type { ConnectionError } from "./WecomError.js"

/**
 * The type id of a router.
 *
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("effect-wecom/BotRouter")

/**
 * The type id of a router.
 *
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * What a route knows about the bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface RouteContext {
  /** The name by which users mention the bot, from the options of `run`. */
  readonly botName: string | undefined
}

/**
 * Which messages and events a route accepts, and the handler for them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Route<out E = never, out R = never> {
  /** The handler of this message or event, or `undefined` when the route does not accept it. */
  readonly handle: (incoming: Incoming.Incoming, context: RouteContext) => Effect.Effect<unknown, E, R> | undefined
  /**
   * Under `"debounce"`: the handler of all messages of a batch that `handle` accepts. Absent: they are handled one by
   * one.
   */
  readonly handleBatch?: ((messages: Batch, context: RouteContext) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * A list of routes. `E` is the failure type of the handlers, `R` their requirements except `Scope`: each handler gets
 * its own.
 *
 * @since 0.1.0
 * @category models
 */
export interface BotRouter<out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: TypeId
  readonly routes: ReadonlyArray<Route<E, R>>
}

/**
 * Messages of one conversation that arrived within one window, oldest first.
 *
 * @since 0.1.0
 * @category models
 */
export type Batch = readonly [Message.Message, ...ReadonlyArray<Message.Message>]

const make = <E, R>(routes: ReadonlyArray<Route<E, R>>): BotRouter<E, R> => ({
  [TypeId]: TypeId,
  routes,
  pipe() {
    return pipeArguments(this, arguments)
  }
})

/**
 * A router without routes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: BotRouter = make([])

/**
 * How adding a handler changes the type of a router: the failures and requirements of the handler are added, except
 * `Scope`.
 *
 * @since 0.1.0
 * @category models
 */
export type Append<E1, R1> = <E, R>(self: BotRouter<E, R>) => BotRouter<E | E1, R | Exclude<R1, Scope.Scope>>

/** Throws `SendInvalid` for a value that is no router, when the router is built rather than at the first message. */
const routesOf = <E, R>(router: BotRouter<E, R>): ReadonlyArray<Route<E, R>> => {
  try {
    const { routes } = router
    if (Array.isArray(routes)) return routes
  } catch {
    // A value that throws when it is read is no router either.
  }
  throw invalid("router", router, "BotRouter.empty, or a router built from it with the functions of BotRouter")
}

const withoutState = required(
  "pattern",
  "a RegExp",
  (pattern: RegExp) => new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""))
)

/**
 * Adds a route after the existing ones.
 *
 * @since 0.1.0
 * @category combinators
 */
export const append = <E1, R1>(route: Route<E1, R1>): Append<E1, R1> => <E, R>(self: BotRouter<E, R>) =>
  make<E | E1, R | Exclude<R1, Scope.Scope>>([...routesOf(self), route as Route<E1, Exclude<R1, Scope.Scope>>])

/**
 * The routes of both routers, those of `that` after those of `self`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const concat = <E1, R1>(that: BotRouter<E1, R1>) => <E, R>(self: BotRouter<E, R>): BotRouter<E | E1, R | R1> =>
  make<E | E1, R | R1>([...routesOf(self), ...routesOf(that)])

/**
 * Handles the messages and events that satisfy a refinement, as the type it narrows to, or those that satisfy a
 * predicate.
 *
 * @since 0.1.0
 * @category combinators
 */
export const on: {
  <A extends Incoming.Incoming, X, E1, R1>(
    refinement: (incoming: Incoming.Incoming) => incoming is A,
    handler: (incoming: A) => Effect.Effect<X, E1, R1>
  ): Append<E1, R1>
  <X, E1, R1>(
    predicate: (incoming: Incoming.Incoming) => boolean,
    handler: (incoming: Incoming.Incoming) => Effect.Effect<X, E1, R1>
  ): Append<E1, R1>
} = <X, E1, R1>(
  takes: (incoming: Incoming.Incoming) => boolean,
  handler: (incoming: any) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => {
  // Suspended, so that middleware also sees an exception thrown before the handler returns its Effect.
  return append({ handle: (incoming) => takes(incoming) ? Effect.suspend(() => handler(incoming)) : undefined })
}

/**
 * How handlers of one kind of message are added: for all messages of that kind, or for those that satisfy a guard, as
 * the type it narrows to.
 *
 * @since 0.1.0
 * @category models
 */
export interface OnMessage<M extends Message.Message> {
  <X, E1, R1>(handler: (message: M) => Effect.Effect<X, E1, R1>): Append<E1, R1>
  <A extends M, X, E1, R1>(
    guard: (message: M) => message is A,
    handler: (message: A) => Effect.Effect<X, E1, R1>
  ): Append<E1, R1>
  <X, E1, R1>(
    predicate: (message: M) => boolean,
    handler: (message: M) => Effect.Effect<X, E1, R1>
  ): Append<E1, R1>
}

type Handler<M> = (message: M) => Effect.Effect<unknown, unknown, unknown>

const onMessages = <M extends Message.Message>(isOne: (message: Message.Message) => message is M): OnMessage<M> =>
  ((...args: [Handler<M>] | [(message: M) => boolean, Handler<M>]) => {
    const [guard, handler] = args.length === 1 ? [() => true, args[0]] : args
    return on(
      (incoming): incoming is M => Incoming.isMessage(incoming) && isOne(incoming) && guard(incoming),
      handler
    )
  }) as OnMessage<M>

const onType = <T extends Message.MsgType>(msgtype: T): OnMessage<Message.OfType<T>> =>
  onMessages(Message.isType(msgtype))

/**
 * Text messages, with or without a quote.
 *
 * @since 0.1.0
 * @category messages
 */
export const onText: OnMessage<Message.OfType<"text">> = onType("text")

/**
 * Images. The service sends them from single chats only; in a group, users quote an image.
 *
 * @since 0.1.0
 * @category messages
 */
export const onImage: OnMessage<Message.OfType<"image">> = onType("image")

/**
 * Messages that mix texts and images.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMixed: OnMessage<Message.OfType<"mixed">> = onType("mixed")

/**
 * Voice messages, as transcripts, which may be empty. The service sends them from single chats only.
 *
 * @since 0.1.0
 * @category messages
 */
export const onVoice: OnMessage<Message.OfType<"voice">> = onType("voice")

/**
 * Files. The service sends them from single chats only; in a group, users quote a file.
 *
 * @since 0.1.0
 * @category messages
 */
export const onFile: OnMessage<Message.OfType<"file">> = onType("file")

/**
 * Videos. The service sends them from single chats only.
 *
 * @since 0.1.0
 * @category messages
 */
export const onVideo: OnMessage<Message.OfType<"video">> = onType("video")

/**
 * Every message that no earlier route accepts, of any type.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMessage: OnMessage<Message.Message> = onMessages((_message): _message is Message.Message => true)

const hasWords = (incoming: Incoming.Incoming): incoming is Message.TextMessage | Message.MixedMessage =>
  Incoming.isMessage(incoming) && (incoming.msgtype === "text" || incoming.msgtype === "mixed")

/**
 * Text and mixed messages that begin with this command, such as `/help`. The handler gets the rest of the text, trimmed. In a
 * group the mention of the bot is removed first: by the `botName` of `run`, or by the name that its group messages have in common.
 *
 * @since 0.1.0
 * @category messages
 */
export const onCommand = <X, E1, R1>(
  name: string,
  handler: (message: Message.TextMessage | Message.MixedMessage, argument: string) => Effect.Effect<X, E1, R1>
): Append<E1, R1> =>
  append({
    handle: (incoming, context) => {
      if (!hasWords(incoming)) return undefined
      const words = Message.plainText(incoming, context)
      if (!words.startsWith(name)) return undefined
      const rest = words.slice(name.length)
      return rest === "" || /^\s/.test(rest) ? Effect.suspend(() => handler(incoming, rest.trim())) : undefined
    }
  })

/**
 * Text and mixed messages whose text matches the pattern. The handler gets the match. Mentions are removed as by `onCommand`.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMatch = <X, E1, R1>(
  pattern: RegExp,
  handler: (message: Message.TextMessage | Message.MixedMessage, match: RegExpMatchArray) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => {
  // A global or sticky pattern keeps its `lastIndex` between calls and would miss matches.
  const stateless = withoutState(pattern)
  return append({
    handle: (incoming, context) => {
      if (!hasWords(incoming)) return undefined
      const match = stateless.exec(Message.plainText(incoming, context))
      return match === null ? undefined : Effect.suspend(() => handler(incoming, match))
    }
  })
}

/**
 * Every message that no earlier route accepts, in batches: under the overlap `"debounce"` a batch holds the messages
 * that arrived within one window, otherwise one message.
 *
 * @since 0.1.0
 * @category messages
 */
export const onBatch = <X, E1, R1>(handler: (messages: Batch) => Effect.Effect<X, E1, R1>): Append<E1, R1> =>
  append({
    handle: (incoming) => Incoming.isMessage(incoming) ? Effect.suspend(() => handler([incoming])) : undefined,
    handleBatch: (messages) => Effect.suspend(() => handler(messages))
  })

/**
 * Events of one type. Replies to `enter_chat` and `template_card_event` must be sent within 5 s.
 *
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
 * Presses of the button with this key, or those that satisfy a predicate. Answer with
 * `updateTemplateCard` within 5 s.
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
 * Ratings of answers that were sent with a feedback id.
 *
 * @since 0.1.0
 * @category events
 */
export const onFeedback = <X, E1, R1>(
  handler: (event: BotEvent.FeedbackEvent) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => onEvent("feedback_event", handler)

/**
 * Every message and event that no earlier route accepts.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse = <X, E1, R1>(
  handler: (incoming: Incoming.Incoming) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => append({ handle: (incoming) => Effect.suspend(() => handler(incoming)) })

/**
 * The same routes, limited to messages and events that satisfy the predicate. The others pass to routes added later.
 *
 * @since 0.1.0
 * @category combinators
 */
export const filter =
  (predicate: (incoming: Incoming.Incoming) => boolean) => <E, R>(self: BotRouter<E, R>): BotRouter<E, R> =>
    make(
      routesOf(self).map((route) => ({
        ...route,
        handle: (incoming, context) => predicate(incoming) ? route.handle(incoming, context) : undefined
      }))
    )

/**
 * The same routes, limited to messages and events of these users.
 *
 * @since 0.1.0
 * @category combinators
 */
export const allowUsers = (userids: Iterable<string>): <E, R>(self: BotRouter<E, R>) => BotRouter<E, R> =>
  filter(Incoming.fromUsers(userids))

/**
 * The same routes, limited to messages and events of these groups and single chats, by chatid or userid.
 *
 * @since 0.1.0
 * @category combinators
 */
export const allowChats = (ids: Iterable<string>): <E, R>(self: BotRouter<E, R>) => BotRouter<E, R> =>
  filter(Incoming.inChats(ids))

/**
 * Middleware: wraps every handler added so far. `around` gets the handler and the message or event it handles; for a
 * batch, the newest message.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { BotRouter, WecomBot } from "effect-wecom"
 *
 * const router = BotRouter.empty.pipe(
 *   BotRouter.onText((message) => WecomBot.replyStream(message, "hello")),
 *   BotRouter.use((handler, incoming) => Effect.annotateLogs(handler, "msgid", incoming.msgid ?? "none"))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const use = <E, R, E1, R1>(
  around: (
    handler: Effect.Effect<unknown, E, R>,
    incoming: Incoming.Incoming
  ) => Effect.Effect<unknown, E1, R1>
) =>
(self: BotRouter<E, R>): BotRouter<E1, Exclude<R1, Scope.Scope>> =>
  make(
    routesOf(self).map(({ handle, handleBatch }) => {
      const inner = around as (
        ...args: Parameters<typeof around>
      ) => Effect.Effect<unknown, E1, Exclude<R1, Scope.Scope>>
      return {
        handle: (incoming, context) => {
          const handler = handle(incoming, context)
          return handler === undefined ? undefined : Effect.suspend(() => inner(handler, incoming))
        },
        handleBatch: handleBatch && ((messages, context) =>
          Effect.suspend(() => inner(handleBatch(messages, context), messages[messages.length - 1]!)))
      }
    })
  )

/**
 * Provides the handlers added so far with the services of a context.
 *
 * @since 0.1.0
 * @category combinators
 */
export const provide = <A>(context: Context.Context<A>) => <E, R>(self: BotRouter<E, R>): BotRouter<E, Exclude<R, A>> =>
  use((handler: Effect.Effect<unknown, E, R>) => Effect.provide(handler, context))(self) as BotRouter<E, Exclude<R, A>>

/**
 * Recovers the handlers added so far from one tagged failure.
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
 * Recovers the handlers added so far from several tagged failures.
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
 * Recovers the handlers added so far from every cause, including defects.
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
 * Runs the router until the bot is closed for good, and then fails with the `ConnectionError`, so that the program
 * exits with that failure. A failure or defect of a handler is logged with the `msgid` and does not affect anything
 * else.
 *
 * Events do not wait for messages, because their windows are short. When a handler of `enter_chat` or
 * `template_card_event` still runs after its 5 s, a warning is logged, and its reply fails as `SendExpired`.
 *
 * Options that make no sense throw a `SendInvalid` that names the option.
 *
 * Interruption stops the router from taking messages. Handlers that already run belong to the bot, which waits up to
 * `drainTimeout` for them when it closes.
 *
 * @example
 * ```ts
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import { Effect } from "effect"
 * import { BotRouter, WecomBot } from "effect-wecom"
 * import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
 *
 * const router = BotRouter.empty.pipe(
 *   BotRouter.onCommand("/help", (message) => WecomBot.replyStream(message, "Say anything.")),
 *   BotRouter.onText((message) => WecomBot.replyStream(message, `You said: ${message.text.content}`))
 * )
 *
 * const main = () =>
 *   BotRouter.run(router, { overlap: "latest" }).pipe(
 *     Effect.provide(NodeWecomBot.layerConfig()),
 *     NodeRuntime.runMain
 *   )
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run: <E, R>(
  router: BotRouter<E, R>,
  options?: RunOptions<E>
) => Effect.Effect<never, ConnectionError, WecomBot | R> = internal.run

/**
 * `run` as a layer, for applications that are built of layers. The failure of a fiber forked by a layer is not
 * reported anywhere: use it together with `WecomBot.closed`.
 *
 * @since 0.1.0
 * @category running
 */
export const layer = <E, R>(
  router: BotRouter<E, R>,
  options?: RunOptions<E>
): Layer.Layer<never, never, WecomBot | R> =>
  Layer.scopedDiscard(Effect.forkScoped(Effect.interruptible(run(router, options))))
