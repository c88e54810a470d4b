/** What handlers need and how they fail reaches whoever runs the router. Checked by `npm run check`; nothing here is run. */
import { Context, Data, Effect } from "effect"
import type { Layer, Scope, Stream } from "effect"
import { BotRouter, Reply, WecomBot } from "effect-wecom"
import type { BotEvent, Message, WecomError } from "effect-wecom"
import { expectTypeOf } from "vitest"

class Database extends Context.Tag("test/Database")<Database, { readonly find: (key: string) => string }>() {}
class Model
  extends Context.Tag("test/Model")<Model, { readonly ask: (text: string) => Stream.Stream<string, Overloaded> }>()
{}
class NotFound extends Data.TaggedError("NotFound")<{ readonly key: string }> {}
class Overloaded extends Data.TaggedError("Overloaded")<{ readonly seconds: number }> {}

const router = BotRouter.empty.pipe(
  BotRouter.onText((message) =>
    Effect.gen(function*() {
      expectTypeOf(message).toEqualTypeOf<Message.TextMessage>()
      const database = yield* Database
      if (message.text.content === "") return yield* new NotFound({ key: database.find("") })
      const model = yield* Model
      yield* WecomBot.replyStream(message, model.ask(message.text.content))
    })
  ),
  BotRouter.onEvent("enter_chat", (event) => {
    expectTypeOf(event).toEqualTypeOf<BotEvent.EnterChat>()
    return WecomBot.replyWelcome(event, Reply.text("hi"))
  })
)

// -- what handlers need is what run needs

expectTypeOf(router).toEqualTypeOf<
  BotRouter.BotRouter<NotFound | Overloaded | WecomError.SendError, WecomBot.WecomBot | Database | Model>
>()
expectTypeOf(BotRouter.run(router)).toEqualTypeOf<
  Effect.Effect<never, WecomError.ConnectionError, WecomBot.WecomBot | Database | Model>
>()
expectTypeOf(BotRouter.layer(router)).toMatchTypeOf<
  Layer.Layer<never, never, WecomBot.WecomBot | Database | Model>
>()
// @ts-expect-error the needs of the handlers are still open
Effect.runPromise(BotRouter.run(router))

// -- a handler's Scope is its own

declare const scoped: Effect.Effect<void, never, Scope.Scope | Database>

expectTypeOf(BotRouter.empty.pipe(BotRouter.onText(() => scoped))).toEqualTypeOf<BotRouter.BotRouter<never, Database>>()

// -- failures: handled ones are gone, the others are still there

expectTypeOf(
  router.pipe(BotRouter.catchTags({
    NotFound: ({ key }) => Effect.logWarning(key),
    Overloaded: ({ seconds }) => Effect.sleep(seconds * 1000)
  }))
).toEqualTypeOf<BotRouter.BotRouter<WecomError.SendError, WecomBot.WecomBot | Database | Model>>()

expectTypeOf(
  router.pipe(BotRouter.catchAllCause(() => Effect.void))
).toEqualTypeOf<BotRouter.BotRouter<never, WecomBot.WecomBot | Database | Model>>()

// -- run fails with what closes the bot, never with what a handler fails with

BotRouter.run(router, {
  errorReply: (cause, message) => {
    expectTypeOf(message).toEqualTypeOf<Message.Message>()
    return cause._tag === "Fail" && cause.error._tag === "NotFound" ? cause.error.key : undefined
  }
})

// @ts-expect-error there is no such event
BotRouter.onEvent("no_such_event", () => Effect.void)
// @ts-expect-error a welcome to a message does not compile in a handler either
BotRouter.onText((message) => WecomBot.replyWelcome(message, Reply.text("hi")))
