/**
 * What a fiber knows of the handler that it runs.
 */
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import type * as Frame from "../../Frame.js"

/**
 * Whether frames of this fiber are still written while the bot drains. True in the fibers of handlers and in those they fork;
 * it does not pass to a fiber that joins one.
 *
 * @internal
 */
export const passesDrain: FiberRef.FiberRef<boolean> = globalValue(
  "effect-wecom/passesDrain",
  () => FiberRef.unsafeMake(false, { join: (parent) => parent })
)

/**
 * The event that the handler is for, and whether it was answered: the window for that is short.
 *
 * @internal
 */
export interface HandledEvent {
  readonly reqId: Frame.ReqId
  isAnswered: boolean
}

/** @internal */
export const handledEvent: FiberRef.FiberRef<HandledEvent | undefined> = globalValue(
  "effect-wecom/handledEvent",
  () => FiberRef.unsafeMake<HandledEvent | undefined>(undefined)
)
