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
import { invalid, required } from "./internal/checks/arguments.js"
import type { Overlap, RunOptions } from "./internal/router/options.js"
import * as internal from "./internal/router/run.js"
import * as Message from "./Message.js"
import type { WecomBot } from "./WecomBot.js"
import type { ConnectionError } from "./WecomError.js"

/**
 * Marks a router.
 *
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("effect-wecom/BotRouter")

/**
 * Marks a router.
 *
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * What a route knows of its bot.
 *
 * @since 0.1.0
 * @category models
 */
export interface RouteContext {
  /** The name by which users mention the bot, from the options of `run`. */
  readonly botName: string | undefined
}

/**
 * Which messages and events a route takes, and their handlers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Route<out E = never, out R = never> {
  /** The handler of this message or event, or `undefined` when the route does not take it. */
  readonly handle: (incoming: Incoming.Incoming, context: RouteContext) => Effect.Effect<unknown, E, R> | undefined
  /** Under `"debounce"`: the handler of all messages of a batch that `handle` takes. Without it they are handled one by one. */
  readonly handleBatch?: ((messages: Batch, context: RouteContext) => Effect.Effect<unknown, E, R>) | undefined
}

/**
 * `E` are the failures of its handlers, `R` their requirements other than their own Scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface BotRouter<out E = never, out R = never> extends Pipeable {
  readonly [TypeId]: TypeId
  readonly routes: ReadonlyArray<Route<E, R>>
}

/**
 * Messages of one conversation that came within one window, oldest first.
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
 * The type of a router with one more handler: failures and requirements join, without the Scope that every handler gets.
 *
 * @since 0.1.0
 * @category models
 */
export type Append<E1, R1> = <E, R>(self: BotRouter<E, R>) => BotRouter<E | E1, R | Exclude<R1, Scope.Scope>>

/** Throws `SendInvalid` for a value that is no router when it is composed, and not with the first message. */
const routesOf = <E, R>(router: BotRouter<E, R>): ReadonlyArray<Route<E, R>> => {
  try {
    const { routes } = router
    if (Array.isArray(routes)) return routes
  } catch {
    // The value cannot be read. The error below names it.
  }
  throw invalid("router", router, "BotRouter.empty, and what the functions of BotRouter make of it")
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
 * The routes of both, `that` after `self`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const concat = <E1, R1>(that: BotRouter<E1, R1>) => <E, R>(self: BotRouter<E, R>): BotRouter<E | E1, R | R1> =>
  make<E | E1, R | R1>([...routesOf(self), ...routesOf(that)])

/**
 * Handles the messages and events that a refinement or a predicate takes.
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
  // Suspended, so that middleware also sees exceptions of the handler.
  return append({ handle: (incoming) => takes(incoming) ? Effect.suspend(() => handler(incoming)) : undefined })
}

/**
 * Adds a handler for one type of message, or for those of the type that a guard takes.
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
 * Images. They come from single chats only; in a group an image is quoted.
 *
 * @since 0.1.0
 * @category messages
 */
export const onImage: OnMessage<Message.OfType<"image">> = onType("image")

/**
 * Messages of texts and images together.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMixed: OnMessage<Message.OfType<"mixed">> = onType("mixed")

/**
 * Voice messages: transcripts, which may be empty. They come from single chats only.
 *
 * @since 0.1.0
 * @category messages
 */
export const onVoice: OnMessage<Message.OfType<"voice">> = onType("voice")

/**
 * Files. They come from single chats only; in a group a file is quoted.
 *
 * @since 0.1.0
 * @category messages
 */
export const onFile: OnMessage<Message.OfType<"file">> = onType("file")

/**
 * Videos. They come from single chats only.
 *
 * @since 0.1.0
 * @category messages
 */
export const onVideo: OnMessage<Message.OfType<"video">> = onType("video")

/**
 * Every message that no earlier route takes.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMessage: OnMessage<Message.Message> = onMessages((_message): _message is Message.Message => true)

/**
 * Text messages that begin with this command, such as `/help`. The handler gets the rest of the text, trimmed. In a group the
 * mention of the bot is removed first, if `run` knows its name.
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
      return rest === "" || /^\s/.test(rest) ? Effect.suspend(() => handler(incoming, rest.trim())) : undefined
    }
  })

/**
 * Text messages that match. The handler gets the match.
 *
 * @since 0.1.0
 * @category messages
 */
export const onMatch = <X, E1, R1>(
  pattern: RegExp,
  handler: (message: Message.TextMessage, match: RegExpMatchArray) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => {
  // A global or sticky pattern keeps a position, and would skip every other message.
  const stateless = withoutState(pattern)
  return append({
    handle: (incoming, context) => {
      if (!Incoming.isMessage(incoming) || incoming.msgtype !== "text") return undefined
      const match = stateless.exec(Message.plainText(incoming, context))
      return match === null ? undefined : Effect.suspend(() => handler(incoming, match))
    }
  })
}

/**
 * Every message that no earlier route takes, in batches: under the overlap `"debounce"` the messages of one window, otherwise
 * one by one.
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
 * Events of one type. `enter_chat` and `template_card_event` must be answered within 5 s.
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
 * Presses of the button with this key, or the presses that a predicate takes. Answer with `updateTemplateCard` within 5 s.
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
 * Ratings of answers with a feedback id.
 *
 * @since 0.1.0
 * @category events
 */
export const onFeedback = <X, E1, R1>(
  handler: (event: BotEvent.FeedbackEvent) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => onEvent("feedback_event", handler)

/**
 * Every message and event that no earlier route takes.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse = <X, E1, R1>(
  handler: (incoming: Incoming.Incoming) => Effect.Effect<X, E1, R1>
): Append<E1, R1> => append({ handle: (incoming) => Effect.suspend(() => handler(incoming)) })

/**
 * The same routes for the messages and events that the predicate takes. The others go on to routes that are added later.
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
 * The same routes for messages and events of these users only.
 *
 * @since 0.1.0
 * @category combinators
 */
export const allowUsers = (userids: Iterable<string>): <E, R>(self: BotRouter<E, R>) => BotRouter<E, R> =>
  filter(Incoming.fromUsers(userids))

/**
 * The same routes for messages and events of these groups and single chats only, by chatid or userid.
 *
 * @since 0.1.0
 * @category combinators
 */
export const allowChats = (ids: Iterable<string>): <E, R>(self: BotRouter<E, R>) => BotRouter<E, R> =>
  filter(Incoming.inChats(ids))

/**
 * Middleware: wraps all handlers added so far. It gets the message or event of the handler, for a batch the newest message.
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
 * Provides this context to the handlers added so far.
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
 * Recovers the handlers added so far from every cause, defects included.
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
 * Runs the router until the bot is closed for good, and then fails with its `ConnectionError`. The failure or defect of a
 * handler is logged with the `msgid`, and ends nothing else.
 *
 * Events do not wait for messages: their windows are short. A handler of `enter_chat` or of a card press that has not answered
 * within its 5 s is logged as a warning, and its answer fails as `SendExpired`.
 *
 * After an interruption no messages are taken. Running handlers belong to the bot, which waits for them for up to
 * `drainTimeout` when it closes.
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
 * `run` as a layer. A layer does not fail when a fiber that it forked fails, so run `WecomBot.closed` beside it.
 *
 * @since 0.1.0
 * @category running
 */
export const layer = <E, R>(
  router: BotRouter<E, R>,
  options?: RunOptions<E>
): Layer.Layer<never, never, WecomBot | R> =>
  Layer.scopedDiscard(Effect.forkScoped(Effect.interruptible(run(router, options))))
