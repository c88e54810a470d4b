/**
 * The handlers a bot waits for when it closes. Their frames, and those of the fibers they fork, still leave while it drains.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"

/** @internal */
export const passesDrain: FiberRef.FiberRef<boolean> = globalValue(
  "effect-wecom/passesDrain",
  () => FiberRef.unsafeMake(false)
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
  let isStopped = false

  const ended: Effect.Effect<void> = Effect.suspend(() =>
    fibers.size === 0 ? Effect.void : Effect.zipRight(Fiber.awaitAll([...fibers]), ended)
  )

  return {
    fork: (handler) =>
      Effect.tap(
        Effect.forkDaemon(Effect.locally(Effect.interruptible(handler), passesDrain, true)),
        (fiber) => {
          fibers.add(fiber)
          fiber.addObserver(() => fibers.delete(fiber))
          return isStopped ? Fiber.interruptFork(fiber) : Effect.void
        }
      ),
    ended,
    stop: Effect.suspend(() => {
      isStopped = true
      return Effect.forEach([...fibers], Fiber.interruptFork, { discard: true })
    })
  }
}
