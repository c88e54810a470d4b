/**
 * What `BotRouter` says in types: nobody annotates a handler, E and R are what they are, and guards narrow. Checked by tsc.
 */
import { type Cause, Context, Data, Effect, type Layer, Stream } from "effect"
import type { BotEvent, Message, TemplateCard, WecomError } from "effect-wecom"
import { BotRouter, Incoming, WecomBot } from "effect-wecom"

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

const expectType = <Expected>() => <Actual>(_actual: Actual, _isExact: Equals<Actual, Expected>): void => {}

class NotFound extends Data.TaggedError("NotFound")<{ readonly id: string }> {}
class Busy extends Data.TaggedError("Busy")<{ readonly seconds: number }> {}
class Unheard extends Data.TaggedError("Unheard")<{}> {}

class Store extends Context.Tag("Store")<Store, { readonly find: (id: string) => Effect.Effect<string, NotFound> }>() {}
class Model extends Context.Tag("Model")<Model, { readonly ask: Effect.Effect<string, Busy> }>() {}

type Reply = Effect.Effect<WecomBot.Receipt, WecomError.SendError, WecomBot.WecomBot>
const say = (message: Message.Message, text: string): Reply => WecomBot.replyStream(message, text)

// The argument of a handler is its message type.
export const messages = BotRouter.empty.pipe(
  BotRouter.onText((message) => {
    expectType<Message.TextMessage>()(message, true)
    return Effect.void
  }),
  BotRouter.onImage((message) => Effect.succeed(message.image.url)),
  BotRouter.onMixed((message) => Effect.succeed(message.mixed.msg_item)),
  BotRouter.onVoice((message) => Effect.succeed(message.voice.content)),
  BotRouter.onFile((message) => Effect.succeed(message.file.url)),
  BotRouter.onVideo((message) => Effect.succeed(message.video.url)),
  BotRouter.onMessage((message) => {
    expectType<Message.Message>()(message, true)
    return Effect.void
  }),
  BotRouter.onBatch((batch) => {
    expectType<Message.Message>()(batch[0], true)
    return Effect.void
  }),
  BotRouter.onCommand("/help", (message, argument) => {
    expectType<Message.TextMessage | Message.MixedMessage>()(message, true)
    expectType<string>()(argument, true)
    return Effect.void
  }),
  BotRouter.onMatch(/^(\d+)$/, (message, match) => {
    expectType<Message.TextMessage | Message.MixedMessage>()(message, true)
    expectType<RegExpMatchArray>()(match, true)
    return Effect.void
  })
)
expectType<BotRouter.BotRouter<never, never>>()(messages, true)

export const events = BotRouter.empty.pipe(
  BotRouter.onEvent("enter_chat", (event) => {
    expectType<BotEvent.EnterChat>()(event, true)
    return Effect.void
  }),
  BotRouter.onCardAction("approve", (event) => {
    expectType<BotEvent.TemplateCardEvent>()(event, true)
    return Effect.void
  }),
  BotRouter.onCardAction((event) => event.from.userid === "boss", () => Effect.void),
  BotRouter.onFeedback((event) => {
    expectType<1 | 2 | 3>()(event.event.feedback_event.type, true)
    return Effect.void
  }),
  // @ts-expect-error no such event
  BotRouter.onEvent("left_chat", () => Effect.void),
  BotRouter.orElse((incoming) => {
    expectType<Incoming.Incoming>()(incoming, true)
    return Effect.void
  })
)

// Guards narrow.
export const guards = BotRouter.empty.pipe(
  BotRouter.onText(Incoming.isGroup, (message) => {
    expectType<string>()(message.chatid, true)
    expectType<string>()(message.text.content, true)
    return Effect.void
  }),
  BotRouter.onMessage(Incoming.isSingle, (message) => {
    expectType<"single">()(message.chattype, true)
    return Effect.void
  }),
  BotRouter.on(Incoming.isGroup, (incoming) => {
    expectType<string>()(incoming.chatid, true)
    return Effect.void
  }),
  BotRouter.onImage(Incoming.fromUsers(["alice"]), (message) => Effect.succeed(message.image.url)),
  BotRouter.on(Incoming.inChats(["room"]), (incoming) => {
    expectType<Incoming.Incoming>()(incoming, true)
    return Effect.void
  }),
  // @ts-expect-error a text has no image
  BotRouter.onText((message) => Effect.succeed(message.image)),
  BotRouter.onText((message) => {
    // @ts-expect-error not every text comes from a group
    expectType<string>()(message.chatid, true)
    return Effect.void
  })
)

// E and R of a router are those of its handlers, less the Scope each of them is given.
export const needy = BotRouter.empty.pipe(
  BotRouter.onText((message) => Effect.flatMap(Store, (store) => store.find(message.text.content))),
  BotRouter.onVoice((message) =>
    Effect.gen(function*() {
      const model = yield* Model
      yield* Effect.addFinalizer(() => Effect.void)
      if (message.voice.content === "") return yield* new Unheard()
      return yield* model.ask
    })
  ),
  BotRouter.onImage((message) => say(message, "nice"))
)
expectType<
  BotRouter.BotRouter<NotFound | Unheard | Busy | WecomError.SendError, Store | Model | WecomBot.WecomBot>
>()(needy, true)

// What no catchTag took leaves the type of `run`, which fails with what closes the bot, and with nothing else.
expectType<
  Effect.Effect<never, WecomError.ConnectionError, WecomBot.WecomBot | Store | Model>
>()(BotRouter.run(needy), true)

expectType<Layer.Layer<never, never, WecomBot.WecomBot | Store | Model>>()(BotRouter.layer(needy), true)

// Recovery inside a pipe: the tags and the failures come from the router.
export const recovered = needy.pipe(
  BotRouter.catchTag("NotFound", (error) => {
    expectType<NotFound>()(error, true)
    return Effect.logInfo(error.id)
  }),
  BotRouter.catchTags({
    Busy: (error) => {
      expectType<Busy>()(error, true)
      return Effect.logInfo(error.seconds)
    },
    Unheard: () => Effect.fail("mute" as const)
  })
)
expectType<BotRouter.BotRouter<WecomError.SendError | "mute", Store | Model | WecomBot.WecomBot>>()(recovered, true)

// @ts-expect-error nobody fails with that
needy.pipe(BotRouter.catchTag("NoSuchTag", () => Effect.void))

// @ts-expect-error nobody fails with that
needy.pipe(BotRouter.catchTags({ NoSuchTag: () => Effect.void }))

expectType<BotRouter.BotRouter<never, Store | Model | WecomBot.WecomBot>>()(
  needy.pipe(BotRouter.catchAllCause((cause) => {
    expectType<Cause.Cause<NotFound | Unheard | Busy | WecomError.SendError>>()(cause, true)
    return Effect.logError(cause)
  })),
  true
)

// A recovery may need something of its own.
expectType<BotRouter.BotRouter<WecomError.SendError | Unheard | Busy, Store | Model | WecomBot.WecomBot | Clerk>>()(
  needy.pipe(BotRouter.catchTag("NotFound", () => Clerk)),
  true
)
class Clerk extends Context.Tag("Clerk")<Clerk, {}>() {}

// What is provided is needed no more.
declare const context: Context.Context<Store | Model>
expectType<BotRouter.BotRouter<NotFound | Unheard | Busy | WecomError.SendError, WecomBot.WecomBot>>()(
  needy.pipe(BotRouter.provide(context)),
  true
)

// Middleware sees the handler and what it is for, and its own E and R join.
expectType<BotRouter.BotRouter<NotFound | "late", Store | Clerk>>()(
  BotRouter.empty.pipe(
    BotRouter.onText((message) => Effect.flatMap(Store, (store) => store.find(message.text.content))),
    BotRouter.use((handler, incoming) => {
      expectType<Effect.Effect<unknown, NotFound, Store>>()(handler, true)
      expectType<Incoming.Incoming>()(incoming, true)
      return Effect.zipRight(
        Clerk,
        Effect.timeoutFail(handler, { duration: "1 minute", onTimeout: () => "late" as const })
      )
    })
  ),
  true
)

expectType<BotRouter.BotRouter<NotFound | Busy, Store | Model>>()(
  BotRouter.empty.pipe(
    BotRouter.onText(() => Effect.flatMap(Store, (store) => store.find("x"))),
    BotRouter.concat(BotRouter.empty.pipe(BotRouter.onVoice(() => Effect.flatMap(Model, (model) => model.ask)))),
    BotRouter.allowUsers(["alice"]),
    BotRouter.allowChats(["room"]),
    BotRouter.use(Effect.withSpan("mine"))
  ),
  true
)

// The error reply knows what handlers fail with, time limits included.
export const answering = BotRouter.run(needy, {
  overlap: "latest",
  errorReply: (cause, message) => {
    expectType<Cause.Cause<NotFound | Unheard | Busy | WecomError.SendError | Cause.TimeoutException>>()(cause, true)
    expectType<Message.Message>()(message, true)
    return undefined
  },
  acknowledgeCard: (event) => {
    expectType<BotEvent.TemplateCardEvent>()(event, true)
    return undefined as TemplateCard.TemplateCard | undefined
  }
})

// A Stream's failures and needs are the handler's.
expectType<BotRouter.BotRouter<WecomError.SendError | Busy, WecomBot.WecomBot | Model>>()(
  BotRouter.empty.pipe(
    BotRouter.onText((message) => WecomBot.replyStream(message, Stream.fromEffect(Effect.flatMap(Model, (m) => m.ask))))
  ),
  true
)

// Awaiting narrows, too.
export const awaited = Effect.gen(function*() {
  const message: Message.TextMessage = yield* WecomBot.awaitReply(
    {} as Message.Message,
    (message): message is Message.TextMessage => message.msgtype === "text"
  )
  return message.text.content
})

// Options that say nothing of E suit every router; those that know too much suit none.
const anyOptions: BotRouter.RunOptions = { errorReply: () => "Sorry." }
export const suited = BotRouter.run(needy, anyOptions)
const busyOptions: BotRouter.RunOptions<Busy> = { errorReply: () => "Busy." }
// @ts-expect-error it fails with more than Busy
BotRouter.run(needy, busyOptions)
