/**
 * The handlers of a bot that run. Its drain waits for them, and their frames are still written meanwhile.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Current from "./current.js"

/** @internal */
export interface Handlers {
  readonly fork: <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R>
  /** Ends when no handler runs. */
  readonly ended: Effect.Effect<void>
  /** Interrupts all handlers, and those that are forked later, and does not wait for them. */
  readonly stop: Effect.Effect<void>
}

/** @internal */
export const make = (): Handlers => {
  const fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  const onNoneRuns = new Set<() => void>()
  let isStopped = false

  const leave = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => {
    fibers.delete(fiber)
    if (fibers.size > 0) return
    for (const resume of onNoneRuns) resume()
    onNoneRuns.clear()
  }

  const ended: Effect.Effect<void> = Effect.suspend(() => {
    if (fibers.size === 0) return Effect.void
    const thisTime = Effect.async<void>((resume) => {
      const onEnd = () => resume(Effect.void)
      onNoneRuns.add(onEnd)
      return Effect.sync(() => onNoneRuns.delete(onEnd))
    })
    return Effect.zipRight(thisTime, ended)
  })

  return {
    fork: (handler) =>
      Effect.map(
        Effect.forkDaemon(Effect.interruptible(Effect.zipRight(FiberRef.set(Current.passesDrain, true), handler))),
        (fiber) => {
          fibers.add(fiber)
          fiber.addObserver(() => leave(fiber))
          // Before it begins.
          if (isStopped) fiber.unsafeInterruptAsFork(FiberId.none)
          return fiber
        }
      ),
    ended,
    stop: Effect.sync(() => {
      isStopped = true
      for (const fiber of fibers) fiber.unsafeInterruptAsFork(FiberId.none)
    })
  }
}
