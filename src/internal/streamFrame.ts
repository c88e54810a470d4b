/**
 * Hot path. One frame of a stream as an Effect. Objects of classes, of which one is kept, and no closures: what V8 compiled for
 * those that are made for a frame is gone after each full garbage collection.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Frame from "../Frame.js"
import * as Reply from "../Reply.js"
import type { Answerable, WecomBot } from "../WecomBot.js"
import { type SendError, SendInvalid } from "../WecomError.js"
import { currentFiber } from "./currentFiber.js"
import type * as Outbox from "./outbox.js"
import * as Specimens from "./specimens.js"
import * as StreamText from "./streamText.js"
import * as targets from "./targets.js"

const unreadable = new SendInvalid({ field: "body", problem: "cannot be read", limit: "plain data" })

const bodyOf = (frame: Reply.StreamOptions): Reply.StreamBody | SendInvalid => {
  try {
    const body = Reply.stream(frame)
    return Reply.checkStreamFrame(body) ?? new StreamText.Body(body)
  } catch {
    return unreadable
  }
}

/**
 * Of the bot that is there when it runs: one step where looking up the service and going on with it are three.
 *
 * @internal
 */
export class OfWhicheverBot extends Effectable.Class<Frame.Ack, SendError, WecomBot> {
  private readonly tag: Context.Tag<WecomBot, WecomBot.Service>
  private readonly to: Answerable
  private readonly frame: Reply.StreamOptions

  constructor(tag: Context.Tag<WecomBot, WecomBot.Service>, to: Answerable, frame: Reply.StreamOptions) {
    super()
    this.tag = tag
    this.to = to
    this.frame = frame
  }

  commit(): Effect.Effect<Frame.Ack, SendError> {
    const context = currentFiber().currentContext as Context.Context<WecomBot>
    return Context.unsafeGet(context, this.tag).replyStreamFrame(this.to, this.frame)
  }
}

/** @internal */
export class StreamFrame {
  private readonly unsafeOffer: Outbox.Outbox["unsafeOffer"]
  private readonly to: Answerable
  private readonly frame: Reply.StreamOptions

  constructor(unsafeOffer: Outbox.Outbox["unsafeOffer"], to: Answerable, frame: Reply.StreamOptions) {
    this.unsafeOffer = unsafeOffer
    this.to = to
    this.frame = frame
  }

  offer(resume: (sending: Effect.Effect<Frame.Ack, SendError>) => void): Effect.Effect<void> | undefined {
    const body = bodyOf(this.frame)
    const target = body instanceof SendInvalid ? body : targets.message(this.to)
    const stream = body instanceof SendInvalid ? undefined : body.stream
    return this.unsafeOffer(
      "replyStreamFrame",
      target,
      Frame.Command.respond,
      body,
      { onConnectionLost: "resend", stream },
      resume
    )
  }
}

/** @internal */
export const keepSpecimens = (): void => {
  const to: Answerable = { kind: "message", reqId: "", chat: undefined, receivedAt: 0 }
  const frame: Reply.StreamOptions = { id: "", content: "", finish: true }
  Specimens.keep(OfWhicheverBot, () => new OfWhicheverBot({} as Context.Tag<WecomBot, WecomBot.Service>, to, frame))
  Specimens.keep(StreamFrame, () => new StreamFrame(() => undefined, to, frame))
  Specimens.keep(
    StreamText.Body,
    // Made as theirs are, or it would keep the shape of something else.
    () => new StreamText.Body(Reply.stream(frame))
  )
}
