/**
 * The bot around its connection, and the order in which it closes. Everything that takes part in messages is made when the first
 * of them comes or goes: of many bots in one process most are idle most of the time.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as BotConfig from "../BotConfig.js"
import * as Connection from "../Connection.js"
import * as Crypto from "../Crypto.js"
import * as Dedupe from "../Dedupe.js"
import * as Governor from "../Governor.js"
import * as MediaDownload from "../MediaDownload.js"
import * as MediaUpload from "../MediaUpload.js"
import * as ReplyQueue from "../ReplyQueue.js"
import type { layerWithoutDependencies, WecomBot } from "../WecomBot.js"
import * as Bubbles from "./bubbles.js"
import type * as Deadlines from "./deadlines.js"
import * as Handlers from "./handlers.js"
import type * as Inbox from "./inbox.js"
import * as Intake from "./intake.js"
import type * as Parts from "./parts.js"
import * as SharedDeadlines from "./sharedDeadlines.js"
import * as wecomBot from "./wecomBot.js"
import { within } from "./within.js"

/** @internal */
export class Bot implements Inbox.Owner {
  readonly parts: Parts.OfBot
  private madeOperations: wecomBot.Operations | undefined = undefined
  private madeIntake: Intake.Intake | undefined = undefined
  private madeBubbles: Bubbles.Bubbles | undefined = undefined
  private madeHandlers: Handlers.Handlers | undefined = undefined
  /** What handlers and bubbles wait for. */
  private later: Set<Deadlines.Entry> | undefined = undefined

  constructor(parts: Parts.OfBot) {
    this.parts = parts
  }

  get runtime(): Runtime.Runtime<never> {
    return this.parts.runtime
  }

  get inboxSize(): number {
    return this.parts.config.inboxSize
  }

  get intake(): Intake.Intake {
    const { config, connection, dedupe } = this.parts
    return this.madeIntake ??= Intake.make(config, connection, dedupe)
  }

  get handlers(): Handlers.Handlers {
    return this.madeHandlers ??= Handlers.make((millis, task) => this.after(millis, task))
  }

  get bubbles(): Bubbles.Bubbles {
    const { clock, config, queue } = this.parts
    return this.madeBubbles ??= Bubbles.make({
      queue,
      after: (delay, task) => this.after(Duration.toMillis(delay), task),
      wallTime: () => clock.unsafeCurrentTimeMillis(),
      ackHorizon: config.ackHorizon
    })
  }

  get operations(): wecomBot.Operations {
    return this.madeOperations ??= wecomBot.make(this)
  }

  private after(millis: number, task: () => void): void {
    const later = this.later ??= new Set()
    const entry = this.parts.deadlines.after(millis, () => {
      later.delete(entry)
      task()
    })
    later.add(entry)
  }

  /** Everything but its connection. */
  close(): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      const { bubbles, handlers, intake } = this
      const { config, connection, queue } = this.parts
      // With the link down nothing is waited for.
      const whileUp = (waiting: Effect.Effect<void>, timeout: Duration.Duration) =>
        within(Effect.raceFirst(waiting, connection.down), timeout)

      yield* connection.drain
      intake.unsafeEnd(Option.none())
      yield* whileUp(handlers.ended, config.drainTimeout)
      yield* handlers.stop
      // Interrupted handlers hand their bubbles over in their own turn.
      yield* Effect.yieldNow()
      bubbles.cutOffAll()
      const settled = Effect.zipRight(within(handlers.ended, config.drainTimeout), queue.flushed)
      yield* whileUp(settled, config.sealTimeout)
      const open = bubbles.size()
      const waiting = queue.unsafeSize()
      if (open > 0 || waiting > 0) {
        yield* Effect.logWarning(`closed with ${open} bubble(s) not sealed and ${waiting} frame(s) not acknowledged`)
      }
    }).pipe(
      Effect.ensuring(Effect.sync(() => {
        for (const entry of this.later ?? []) entry.cancel()
      })),
      Effect.annotateLogs("module", "effect-wecom/WecomBot")
    )
  }
}

const inside: unique symbol = Symbol("effect-wecom/bot")

/** One list for all members, so that none can be forgotten. */
const origins: { readonly [K in keyof WecomBot.Service]: "connection" | "operations" } = {
  awaitCardAction: "operations",
  awaitReply: "operations",
  closed: "connection",
  command: "operations",
  downloadFile: "operations",
  events: "operations",
  forkHandler: "operations",
  handlerRuntime: "operations",
  messages: "operations",
  ready: "connection",
  reply: "operations",
  replyMedia: "operations",
  replyStream: "operations",
  replyStreamFrame: "operations",
  replyStreamFrameIfIdle: "operations",
  replyStreamWithCard: "operations",
  replyTemplateCard: "operations",
  replyWelcome: "operations",
  sendMediaMessage: "operations",
  sendMessage: "operations",
  status: "connection",
  statusChanges: "connection",
  updateTemplateCard: "operations",
  uploadMedia: "operations"
}

interface Face {
  readonly [inside]: Bot
}

const describe = (): PropertyDescriptorMap =>
  Object.fromEntries(
    Object.entries(origins).map(([member, origin]) => [member, {
      enumerable: true,
      get(this: Face): unknown {
        const bot = this[inside]
        const source: object = origin === "operations" ? bot.operations : bot.parts.connection
        return source[member as never]
      }
    }])
  )

let descriptors: PropertyDescriptorMap | undefined

/**
 * The bot as its users know it. A record like any other to whoever copies it or takes it apart, but what belongs to a member is
 * there once for all bots, and the functions of one are made when the first of them is read.
 *
 * @internal
 */
export const service = (bot: Bot): WecomBot.Service =>
  Object.defineProperties(
    Object.defineProperty({}, inside, { value: bot }),
    descriptors ??= describe()
  ) as WecomBot.Service

/** @internal */
export const make: Effect.Effect<
  WecomBot.Service,
  never,
  Layer.Layer.Context<typeof layerWithoutDependencies> | Scope.Scope
> = Effect.gen(function*() {
  const connection = yield* Connection.Connection
  const bot = new Bot({
    config: yield* BotConfig.BotConfig,
    connection,
    crypto: yield* Crypto.Crypto,
    dedupe: yield* Dedupe.Dedupe,
    governor: yield* Governor.Governor,
    queue: yield* ReplyQueue.ReplyQueue,
    uploads: yield* MediaUpload.MediaUpload,
    downloads: yield* MediaDownload.MediaDownload,
    clock: yield* Effect.clock,
    deadlines: yield* SharedDeadlines.shared,
    runtime: yield* Effect.runtime<never>()
  })
  yield* Effect.addFinalizer(() => bot.close())
  yield* bot.intake.run(connection.callbacks).pipe(Effect.interruptible, Effect.forkScoped)
  return service(bot)
})
