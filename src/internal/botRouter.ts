/**
 * Runs a router: from the bot's streams to the conversation a message belongs to, and around each handler what every handler
 * gets.
 */
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type * as BotEvent from "../BotEvent.js"
import type { BotRouter } from "../BotRouter.js"
import * as Chat from "../Chat.js"
import * as Limits from "../Limits.js"
import type * as Message from "../Message.js"
import * as Telemetry from "../Telemetry.js"
import { WecomBot } from "../WecomBot.js"
import type { ConnectionError } from "../WecomError.js"
import { Conversations } from "./conversations.js"
import * as Handlers from "./handlers.js"
import { Handling, type Item, Traced } from "./handling.js"
import type { RunOptions } from "./runOptions.js"
import * as spans from "./spans.js"
import * as Specimens from "./specimens.js"

const noSpans: ReadonlyArray<Tracer.Span> = []

const defaultConcurrency = 64
const defaultMaxWaiting = 10_000
const defaultDebounceWindow = "2 seconds"

const conversationOf = (message: Message.Message): string => {
  const chat = Chat.fromCallback(message)
  return chat === undefined ? message.reqId : Chat.key(chat)
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

/**
 * Takes what the bot's streams give, all of a chunk in one step: a message that was taken gets its handler, even when the run is
 * interrupted at that moment.
 */
class Taker {
  private readonly handling: Handling<any, any>
  private readonly conversations: Conversations<Item>
  private readonly clock: Clock.Clock
  private readonly isTraced: boolean
  /** In milliseconds. */
  private readonly oldest: number
  private readonly takeEvent: (event: BotEvent.BotEvent, roots: ReadonlyArray<Tracer.Span>) => void

  constructor(
    handling: Handling<any, any>,
    conversations: Conversations<Item>,
    clock: Clock.Clock,
    isTraced: boolean,
    oldest: number,
    takeEvent: (event: BotEvent.BotEvent, roots: ReadonlyArray<Tracer.Span>) => void
  ) {
    this.handling = handling
    this.conversations = conversations
    this.clock = clock
    this.isTraced = isTraced
    this.oldest = oldest
    this.takeEvent = takeEvent
    Specimens.keep(Taker, () => new Taker({} as never, {} as never, {} as never, false, Infinity, () => {}))
  }

  takeMessages(chunk: Chunk.Chunk<Message.Message>): Effect.Effect<void> {
    const messages = Chunk.toReadonlyArray(chunk)
    if (this.isTraced) {
      return traced(messages.filter((one) => this.isInTime(one)), (one, span) => this.take(one, span))
    }
    for (const message of messages) if (this.isInTime(message)) this.take(message, undefined)
    return Effect.void
  }

  takeEvents(chunk: Chunk.Chunk<BotEvent.BotEvent>): Effect.Effect<void> {
    const events = Chunk.toReadonlyArray(chunk)
    if (this.isTraced) return traced(events, (event, span) => this.takeEvent(event, [span]))
    for (const event of events) this.takeEvent(event, noSpans)
    return Effect.void
  }

  private isInTime({ create_time }: Message.Message): boolean {
    const isStale = this.oldest !== Infinity && create_time !== undefined &&
      this.clock.unsafeCurrentTimeMillis() - create_time * 1000 > this.oldest
    if (isStale) Telemetry.unsafeIncrement(Telemetry.staleMessages)
    return !isStale
  }

  private take(message: Message.Message, span: Tracer.Span | undefined): void {
    const item: Item = span === undefined ? message : new Traced(message, span)
    if (!this.conversations.offer(conversationOf(message), item)) this.handling.drop(item)
  }
}

const traced = <A extends Message.Message | BotEvent.BotEvent>(
  all: ReadonlyArray<A>,
  take: (one: A, span: Tracer.Span) => void
): Effect.Effect<void> =>
  Effect.uninterruptible(
    Effect.forEach(all, (one) => Effect.map(spans.receive(one), (span) => take(one, span)), { discard: true })
  )

/** @internal */
export const run = <E, R>(
  router: BotRouter<E, R>,
  options: RunOptions<E> = {}
): Effect.Effect<never, ConnectionError, WecomBot | R> =>
  Effect.gen(function*() {
    const bot = yield* WecomBot
    const clock = yield* Effect.clock
    const isTraced = options.tracing === true && (yield* spans.isTraced)
    const oldest = options.ignoreOlderThan === undefined ? Infinity : Duration.toMillis(options.ignoreOlderThan)
    const handlers = yield* bot.handlerRuntime<R>()
    const handling = new Handling<E, R>({
      router,
      options,
      bot,
      clock,
      handlers,
      services: yield* Effect.context<R>(),
      annotations: HashMap.set(
        yield* FiberRef.get(FiberRef.currentLogAnnotations),
        "module",
        "effect-wecom/BotRouter" as unknown
      )
    })

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
      return handling.handlerOf(event).pipe(
        windowMillis === undefined
          ? (self) => self
          : (self) => Effect.zipRight(warn(answer, event, windowMillis), self),
        event.eventtype === "template_card_event" && options.acknowledgeCard !== undefined
          ? (self) => Effect.zipRight(acknowledge(event), self)
          : (self) => self,
        Effect.locally(Handlers.answer, answer)
      ) as Effect.Effect<unknown, E, R>
    }

    const takeEvent = (event: BotEvent.BotEvent, roots: ReadonlyArray<Tracer.Span>): void =>
      handling.startEvent(event, handleEvent(event), roots)

    const conversations = new Conversations({
      overlap: options.overlap ?? "queue",
      debounceMillis: Duration.toMillis(options.debounceWindow ?? defaultDebounceWindow),
      concurrency: Math.max(1, options.concurrency ?? defaultConcurrency),
      maxWaiting: options.maxWaiting ?? defaultMaxWaiting
    }, handling)

    const taker = new Taker(handling, conversations, clock, isTraced, oldest, takeEvent)

    yield* Effect.zip(
      Effect.ignore(Stream.runForEachChunk(bot.messages, taker.takeMessages.bind(taker))),
      Effect.ignore(Stream.runForEachChunk(bot.events, taker.takeEvents.bind(taker))),
      { concurrent: true }
    ).pipe(Effect.ensuring(handlers.close))
    return yield* bot.closed
  })
