/**
 * The handlers a bot waits for when it closes. Their frames, and those of the fibers they fork, still leave while it drains.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { globalValue } from "effect/GlobalValue"
import * as Runtime from "effect/Runtime"
import * as Specimens from "./specimens.js"
import * as Workers from "./workers.js"

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

/**
 * `fork` for the hot path.
 *
 * @internal
 */
export interface HandlerRuntime<R> {
  /** Starts it, and tells it of its end. `false`: the bot closes, and it will be left undone. */
  start(work: Workers.Work<R>): boolean
  /** Lets go of what is kept for the next handlers. */
  readonly close: Effect.Effect<void>
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

/** Those of one bot. */
interface Count {
  running: number
  isStopped: boolean
}

class Pooled<R> implements HandlerRuntime<R> {
  private readonly pool: Workers.Workers<R>
  private readonly count: Count

  constructor(pool: Workers.Workers<R>, count: Count) {
    this.pool = pool
    this.count = count
  }

  start(work: Workers.Work<R>): boolean {
    if (this.count.isStopped && work.isStoppable) return false
    this.count.running++
    this.pool.start(work)
    return true
  }

  readonly close = Effect.sync(() => this.pool.close())
}

const specimen = (): Pooled<never> =>
  new Pooled(new Workers.Workers<never>(Effect.runFork, new Set(), () => {}, () => {}), {
    running: 0,
    isStopped: false
  })

/** @internal */
export const make = (after: (millis: number, task: () => void) => void): Handlers => {
  const fibers = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  const workers = new Set<Workers.Worker>()
  const onNoneRuns = new Set<() => void>()
  const count: Count = { running: 0, isStopped: false }

  const leave = () => {
    if (--count.running > 0) return
    for (const resume of onNoneRuns) resume()
    onNoneRuns.clear()
  }

  const ended: Effect.Effect<void> = Effect.suspend(() => {
    if (count.running === 0) return Effect.void
    const oneMoment = Effect.async<void>((resume) => {
      const onEnd = () => resume(Effect.void)
      onNoneRuns.add(onEnd)
      return Effect.sync(() => onNoneRuns.delete(onEnd))
    })
    return Effect.zipRight(oneMoment, ended)
  })

  return {
    fork: (handler) =>
      Effect.tap(
        Effect.forkDaemon(Effect.locally(Effect.interruptible(handler), passesDrain, true)),
        (fiber) => {
          count.running++
          fibers.add(fiber)
          fiber.addObserver(() => {
            fibers.delete(fiber)
            leave()
          })
          return count.isStopped ? Fiber.interruptFork(fiber) : Effect.void
        }
      ),
    runtime: <R>() =>
      // Whoever runs the router may be uninterruptible; its handlers are not.
      Effect.map(
        Effect.locally(Effect.interruptible(Effect.runtime<R>()), passesDrain, true),
        (runtime): HandlerRuntime<R> => {
          const runFork = Runtime.runFork(runtime)
          // A worker that wakes does so in its turn, and those that are new do not overtake it.
          const pool = new Workers.Workers<R>((loop) => runFork(loop, { immediate: false }), workers, leave, after)
          Specimens.keep(Pooled, specimen)
          return new Pooled(pool, count)
        }
      ),
    ended,
    stop: Effect.suspend(() => {
      count.isStopped = true
      for (const worker of workers) worker.stop()
      return Effect.forEach([...fibers], Fiber.interruptFork, { discard: true })
    })
  }
}
