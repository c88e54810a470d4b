/**
 * The handlers a bot waits for when it closes. Their frames, and those of the fibers they fork, still leave while it drains.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import type * as FiberRefs from "effect/FiberRefs"
import { globalValue } from "effect/GlobalValue"
import * as Runtime from "effect/Runtime"

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

type UpdateRefs = (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime) => FiberRefs.FiberRefs

/**
 * `fork` for the hot path.
 *
 * @internal
 */
export interface HandlerRuntime<R> {
  /** Starts a handler at once; `undefined` when none is started any more. */
  readonly start: <A, E>(
    handler: Effect.Effect<A, E, R>,
    updateRefs: UpdateRefs
  ) => Fiber.RuntimeFiber<A, E> | undefined
  /** What a handler left to be done; done even when none is started any more. */
  readonly finish: <A, E>(work: Effect.Effect<A, E, R>, updateRefs: UpdateRefs) => Fiber.RuntimeFiber<A, E>
}

/** @internal */
export interface Handlers {
  readonly fork: <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R>
  readonly runtime: <R>() => Effect.Effect<HandlerRuntime<R>, never, R>
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

  const track = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Fiber.RuntimeFiber<A, E> => {
    fibers.add(fiber)
    fiber.addObserver(() => fibers.delete(fiber))
    return fiber
  }

  return {
    fork: (handler) =>
      Effect.tap(
        Effect.forkDaemon(Effect.locally(Effect.interruptible(handler), passesDrain, true)),
        (fiber) => {
          track(fiber)
          return isStopped ? Fiber.interruptFork(fiber) : Effect.void
        }
      ),
    runtime: <R>() =>
      // Whoever runs the router may be uninterruptible; its handlers are not.
      Effect.map(
        Effect.locally(Effect.interruptible(Effect.runtime<R>()), passesDrain, true),
        (runtime): HandlerRuntime<R> => {
          const fork = Runtime.runFork(runtime)
          const finish: HandlerRuntime<R>["finish"] = (work, updateRefs) => track(fork(work, { updateRefs }))
          return { finish, start: (handler, updateRefs) => isStopped ? undefined : finish(handler, updateRefs) }
        }
      ),
    ended,
    stop: Effect.suspend(() => {
      isStopped = true
      return Effect.forEach([...fibers], Fiber.interruptFork, { discard: true })
    })
  }
}
