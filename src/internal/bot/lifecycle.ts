/**
 * The close of a bot: callbacks stop, handlers end or are interrupted, open bubbles are sealed, lanes are flushed. Its services
 * close after that. `drainTimeout` and `sealTimeout` bound the whole.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as BotConfig from "../../BotConfig.js"
import type * as Connection from "../../Connection.js"
import type * as ReplyQueue from "../../ReplyQueue.js"
import type * as Bubbles from "../answer/bubbles.js"
import type * as Handlers from "../handlers/handlers.js"
import type * as Dispatch from "../receiving/dispatch.js"
import { boundedWait } from "../time/boundedWait.js"

/** @internal */
export interface ClosingParts {
  readonly bubbles: Bubbles.Bubbles
  readonly config: BotConfig.Resolved
  readonly connection: Connection.Connection.Service
  readonly handlers: Handlers.Handlers
  readonly dispatch: Dispatch.Dispatch
  readonly queue: ReplyQueue.ReplyQueue.Service
}

/** @internal */
export const close = ({ bubbles, config, connection, handlers, dispatch, queue }: ClosingParts): Effect.Effect<void> =>
  Effect.gen(function*() {
    // Without a link there is nothing to wait for.
    const whileUp = (waiting: Effect.Effect<void>, timeout: Duration.Duration) =>
      boundedWait(Effect.raceFirst(waiting, connection.down), timeout)

    yield* connection.drain
    dispatch.unsafeEnd(Option.none())
    yield* whileUp(handlers.ended, config.drainTimeout)
    yield* handlers.stop
    // Interrupted handlers hand over their bubbles when their fibers run.
    yield* Effect.yieldNow()
    bubbles.cutOffAll()
    const settled = Effect.zipRight(boundedWait(handlers.ended, config.drainTimeout), queue.flushed)
    yield* whileUp(settled, config.sealTimeout)
    const open = bubbles.size()
    const waiting = queue.unsafeSize()
    if (open > 0 || waiting > 0) {
      yield* Effect.logWarning(`closed with ${open} bubble(s) not sealed and ${waiting} frame(s) not acknowledged`)
    }
  }).pipe(Effect.annotateLogs("module", "effect-wecom/WecomBot"))
