/**
 * Takes callbacks from the connection: duplicates are dropped, effects that await a callback come first, the bot's streams get
 * the rest.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type * as BotConfig from "../../BotConfig.js"
import type * as BotEvent from "../../BotEvent.js"
import * as Chat from "../../Chat.js"
import type * as Connection from "../../Connection.js"
import type * as Dedupe from "../../Dedupe.js"
import type * as Message from "../../Message.js"
import * as Telemetry from "../../Telemetry.js"
import type { ConnectionError } from "../../WecomError.js"
import * as meters from "../telemetry/meters.js"
import * as Awaiters from "./awaiters.js"
import * as Broadcast from "./broadcast.js"

type Awaited<A> = Effect.Effect<A, Cause.TimeoutException | ConnectionError>

/** @internal */
export interface Dispatch {
  readonly messages: Stream.Stream<Message.Message, ConnectionError>
  readonly events: Stream.Stream<BotEvent.BotEvent, ConnectionError>
  readonly awaitReply: (
    chat: Chat.Chat,
    predicate: (message: Message.Message) => boolean,
    timeout: Duration.DurationInput | undefined
  ) => Awaited<Message.Message>
  readonly awaitCardAction: (
    taskId: string,
    timeout: Duration.DurationInput | undefined
  ) => Awaited<BotEvent.TemplateCardEvent>
  /** Dispatches the callbacks of a connection in order, until they end. */
  readonly run: (callbacks: Connection.Connection.Service["callbacks"]) => Effect.Effect<void>
  /** Ends the streams after the values they still hold. */
  readonly unsafeEnd: (how: Option.Option<ConnectionError>) => void
}

const awaitTimeout = Duration.minutes(5)

const alwaysNew = Effect.succeed(true)

/** @internal */
export const make = (
  config: BotConfig.Resolved,
  connection: Pick<Connection.Connection.Service, "closed">,
  dedupe: Dedupe.Dedupe.Service
): Dispatch => {
  const onDrop = () => Telemetry.unsafeIncrement(Telemetry.subscriberDropped)
  const messages = Broadcast.make<Message.Message, ConnectionError>(config.inboxSize, onDrop)
  const events = Broadcast.make<BotEvent.BotEvent, ConnectionError>(config.inboxSize, onDrop)
  const replies = Awaiters.make<Message.Message>(messages.unsafePublish)
  const cardActions = Awaiters.make<BotEvent.TemplateCardEvent>(events.unsafePublish)

  const publish = (callback: Connection.Callback) => {
    meters.received(callback._tag === "Message" ? callback.message : callback.event)
    if (callback._tag === "Message") {
      const chat = replies.size() === 0 ? undefined : Chat.fromCallback(callback.message)
      if (chat !== undefined && replies.unsafeOffer(Chat.key(chat), callback.message)) return
      messages.unsafePublish(callback.message)
      return
    }
    const { event } = callback
    if (event.eventtype === "template_card_event") {
      const { task_id } = event.event.template_card_event
      if (task_id !== undefined && cardActions.unsafeOffer(task_id, event)) return
    }
    events.unsafePublish(event)
  }

  /** Throws when it is not a duration. */
  const limited = (timeout: Duration.DurationInput | undefined) => {
    const limit = Duration.decode(timeout ?? awaitTimeout)
    return <A>(waiting: Effect.Effect<A>) => Effect.raceFirst(waiting, connection.closed).pipe(Effect.timeout(limit))
  }

  /** Callbacks without an id cannot be told apart, so they all are new. */
  const msgidOf = (callback: Connection.Callback): string | undefined => {
    const msgid = callback._tag === "Message" ? callback.message.msgid : callback.event.msgid
    return msgid === "" ? undefined : msgid
  }

  const publishIfNew = (callback: Connection.Callback, isNew: boolean) => {
    if (isNew) publish(callback)
    else Telemetry.unsafeIncrement(Telemetry.duplicates)
  }

  const isNew = (callback: Connection.Callback): Effect.Effect<boolean> => {
    const msgid = msgidOf(callback)
    return msgid === undefined ? alwaysNew : dedupe.isNew(msgid)
  }

  const { unsafeIsNew } = dedupe

  const unsafePublishIfNew = (callback: Connection.Callback, isNew: (msgid: string) => boolean) => {
    const msgid = msgidOf(callback)
    publishIfNew(callback, msgid === undefined || isNew(msgid))
  }

  const warnDedupeFailed = Effect.logWarning("deduplication failed; the message counts as new")

  /** Callbacks that are not dispatched when the bot closes are dropped and counted. */
  const dispatch = (callbacks: ReadonlyArray<Connection.Callback>): Effect.Effect<void> => {
    let at = 0
    const isLeft = () => at < callbacks.length
    const all: Effect.Effect<void> = unsafeIsNew === undefined
      ? Effect.whileLoop({
        while: isLeft,
        body: () => isNew(callbacks[at]!),
        step: (isNew) => publishIfNew(callbacks[at++]!, isNew)
      })
      : Effect.sync(() => {
        for (; isLeft(); at++) unsafePublishIfNew(callbacks[at]!, unsafeIsNew)
      })
    // A policy of the user that fails or dies must not end the dispatch.
    const withoutDedupeFailures: Effect.Effect<void> = Effect.catchAllCause(all, () => {
      if (isLeft()) publish(callbacks[at++]!)
      return Effect.zipRight(warnDedupeFailed, withoutDedupeFailures)
    })
    const countLost = Effect.suspend(() => Metric.incrementBy(Telemetry.inboxDropped, callbacks.length - at))
    return Effect.onInterrupt(withoutDedupeFailures, () => countLost)
  }

  const unsafeEnd: Dispatch["unsafeEnd"] = (how) => {
    messages.unsafeEnd(how)
    events.unsafeEnd(how)
  }

  const run: Dispatch["run"] = (mailbox) =>
    Effect.gen(function*() {
      while (true) {
        const [callbacks, isDone] = yield* mailbox.takeAll
        yield* dispatch(Chunk.toReadonlyArray(callbacks))
        if (isDone) return unsafeEnd(Option.none())
      }
    }).pipe(Effect.catchAllCause((cause) => Effect.sync(() => unsafeEnd(Cause.failureOption(cause)))))

  return {
    get messages() {
      return messages.stream
    },
    get events() {
      return events.stream
    },
    awaitReply: (chat, predicate, timeout) => replies.take(Chat.key(chat), predicate, limited(timeout)),
    awaitCardAction: (taskId, timeout) => cardActions.take(taskId, () => true, limited(timeout)),
    run,
    unsafeEnd
  }
}
