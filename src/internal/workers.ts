/**
 * Hot path. Fibers that run one handler after the other. Effect enters every fiber that is started from outside in one global
 * Set, and a table that a Set has outgrown keeps what it held from the young generation's collector: fibers that come and go
 * by the thousand are all promoted, which costs more than running them. A worker is started once.
 *
 * A handler notices none of this. It has its own FiberRefs, and whatever would outlast it in its fiber ends the worker with
 * it: an interruption, or children that the end of a fiber interrupts.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import type * as FiberRefs from "effect/FiberRefs"
import * as Specimens from "./specimens.js"

/**
 * What a handler has of its own among the FiberRefs of the runtime.
 *
 * @internal
 */
export type OwnRefs = (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime) => FiberRefs.FiberRefs

/** @internal */
export interface Workers<R> {
  /** Runs it, behind those that were started before, and calls back once it has ended. Gives what interrupts it. */
  readonly start: <A, E>(
    effect: Effect.Effect<A, E, R>,
    refs: OwnRefs,
    isStoppable: boolean,
    onEnd: (exit: Exit.Exit<A, E>) => void
  ) => () => void
  /** Nobody waits for work any more; what is started all the same has a worker of its own. */
  readonly close: () => void
}

interface Work {
  readonly effect: Effect.Effect<any, any, any>
  readonly refs: OwnRefs
  readonly isStoppable: boolean
  readonly onEnd: (exit: Exit.Exit<any, any>) => void
}

/**
 * Alive as long as its fiber is.
 *
 * @internal
 */
export class Worker {
  fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  work: Work | undefined = undefined
  /** How the work ended, when nobody was told yet. */
  exit: Exit.Exit<any, any> | undefined = undefined
  /** There while it waits for work. */
  wake: ((effect: Effect.Effect<void>) => void) | undefined = undefined
  /** Whatever it still does is its last. */
  isDismissed = false
  isOver = false

  /** Ends it once it has nothing to do. */
  dismiss() {
    this.isDismissed = true
    this.wake?.(Effect.void)
    this.wake = undefined
  }

  interrupt() {
    if (this.work !== undefined) this.fiber!.unsafeInterruptAsFork(FiberId.none)
  }

  /** The same, unless what it does has to be done. */
  stop() {
    this.dismiss()
    if (this.work?.isStoppable === true) this.interrupt()
  }
}

Specimens.keep(new Worker())

/** More than a busy bot runs side by side by default, and each that waits holds a kilobyte. */
const mostIdle = 64

/** What Effect's fibers are beside their interface. */
interface Inside extends Fiber.RuntimeFiber<unknown> {
  readonly _observers: ReadonlyArray<unknown>
  readonly currentRuntimeFlags: number
  readonly getChildren: () => ReadonlySet<unknown>
  readonly setFiberRefs: (refs: FiberRefs.FiberRefs) => void
}

const isAsNew = (fiber: Inside, flags: number, observers: number): boolean =>
  Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause)) &&
  fiber.currentRuntimeFlags === flags &&
  fiber.getChildren().size === 0 &&
  // Who came to wait for its end waits for that of its handler.
  fiber._observers.length === observers

const nothing = Symbol()

/** @internal */
export const make = <R>(
  fork: (effect: Effect.Effect<void, never, R>) => Fiber.RuntimeFiber<void>,
  alive: Set<Worker>
): Workers<R> => {
  const idle: Array<Worker> = []
  let isClosed = false

  const loop = (worker: Worker): Effect.Effect<void, never, R> =>
    Effect.withFiberRuntime<void, never, R>((self) => {
      const fiber = self as unknown as Inside
      const flags = fiber.currentRuntimeFlags
      const observers = fiber._observers.length
      const base = fiber.getFiberRefs()
      const id = fiber.id()

      const wait = Effect.async<unknown>((resume) => {
        // Work may have come while this fiber yielded.
        if (worker.work !== undefined || worker.isDismissed) resume(Effect.succeed(nothing))
        else worker.wake = () => resume(Effect.succeed(nothing))
      })

      return Effect.whileLoop<unknown, never, R>({
        while: () => !worker.isOver && (worker.work !== undefined || !worker.isDismissed),
        // Not an operator more than the handler itself: when it fails, so does the worker.
        body: () => {
          if (worker.work === undefined) {
            fiber.setFiberRefs(base)
            return wait
          }
          fiber.setFiberRefs(worker.work.refs(base, id))
          return worker.work.effect as Effect.Effect<unknown, never, R>
        },
        step: (value) => {
          const { work } = worker
          if (value === nothing || work === undefined) return
          const exit = Exit.succeed(value)
          if (!isAsNew(fiber, flags, observers)) {
            worker.exit = exit
            worker.isOver = true
            return
          }
          // Whoever is told may have more to do, and finds this one first.
          worker.work = undefined
          if (!worker.isDismissed) idle.push(worker)
          work.onEnd(exit)
          if (worker.work !== undefined || worker.isDismissed || !isClosed && idle.length <= mostIdle) return
          worker.isDismissed = true
          idle.splice(idle.indexOf(worker), 1)
        }
      })
    })

  const begin = (work: Work): Worker => {
    let waiting = idle.pop()
    while (waiting?.isDismissed === true) waiting = idle.pop()
    if (waiting !== undefined) {
      waiting.work = work
      waiting.wake?.(Effect.void)
      waiting.wake = undefined
      return waiting
    }
    const worker = new Worker()
    worker.work = work
    alive.add(worker)
    const fiber = fork(loop(worker))
    worker.fiber = fiber
    fiber.addObserver((exit) => {
      alive.delete(worker)
      worker.isDismissed = true
      worker.work?.onEnd(worker.exit ?? exit)
      worker.work = undefined
    })
    return worker
  }

  return {
    start: (effect, refs, isStoppable, onEnd) => {
      const work: Work = { effect, refs, isStoppable, onEnd }
      const worker = begin(work)
      return () => {
        if (worker.work === work) worker.interrupt()
      }
    },
    close: () => {
      isClosed = true
      for (const worker of idle.splice(0)) worker.dismiss()
    }
  }
}
