/**
 * The handlers a bot waits for when it closes. Their frames, and those of the fibers they fork, still leave while it drains.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"

/**
 * Set in the fibers of handlers. It does not pass to a fiber that joins one.
 *
 * @internal
 */
export const passesDrain: FiberRef.FiberRef<boolean> = globalValue(
  "effect-wecom/passesDrain",
  () => FiberRef.unsafeMake(false, { join: (parent) => parent })
)

/**
 * Whether the event that a handler is for was answered: its window is short.
 *
 * @internal
 */
export interface Answer {
  readonly reqId: string
  isSent: boolean
}

/** @internal */
export const answer: FiberRef.FiberRef<Answer | undefined> = globalValue(
  "effect-wecom/answer",
  () => FiberRef.unsafeMake<Answer | undefined>(undefined)
)

/** @internal */
export interface Handlers {
  readonly fork: <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R>
  /** Waits until none runs. */
  readonly ended: Effect.Effect<void>
  /** Interrupts all of them, those that are forked later too, and waits for none. */
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
    const oneMoment = Effect.async<void>((resume) => {
      const onEnd = () => resume(Effect.void)
      onNoneRuns.add(onEnd)
      return Effect.sync(() => onNoneRuns.delete(onEnd))
    })
    return Effect.zipRight(oneMoment, ended)
  })

  return {
    fork: (handler) =>
      Effect.map(
        Effect.forkDaemon(Effect.interruptible(Effect.zipRight(FiberRef.set(passesDrain, true), handler))),
        (fiber) => {
          fibers.add(fiber)
          fiber.addObserver(() => leave(fiber))
          // At once, so that it never begins.
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
