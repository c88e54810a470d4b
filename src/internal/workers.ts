/**
 * Hot path. Fibers that run one handler after the other. Effect enters every fiber that is started from outside in one global
 * Set, and a table that a Set has outgrown keeps what it held from the young generation's collector: fibers that come and go
 * by the thousand are all promoted, which costs more than running them. A worker is started once.
 *
 * A handler notices none of this. It has its own FiberRefs, and whatever would outlast it in its fiber ends the worker with
 * it: an interruption, or children that the end of a fiber interrupts.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import type * as FiberRefs from "effect/FiberRefs"
import * as FiberStatus from "effect/FiberStatus"
import * as RuntimeFlags from "effect/RuntimeFlags"
import { Entries } from "./entries.js"
import * as Specimens from "./specimens.js"

/**
 * The FiberRefs that a worker begins with.
 *
 * @internal
 */
export interface Base {
  readonly refs: FiberRefs.FiberRefs
  readonly locals: Entries<FiberRef.FiberRef<any>, Arr.NonEmptyReadonlyArray<readonly [FiberId.Single, any]>>
  readonly id: FiberId.Runtime
}

/**
 * What a worker does, one after the other: handlers, and what else has to be done in a fiber as theirs.
 *
 * @internal
 */
export abstract class Work<R> {
  /** Absent before it was started. */
  worker: Worker | undefined = undefined
  /** Whether it may be left undone when the bot closes. */
  abstract readonly isStoppable: boolean
  abstract readonly effect: Effect.Effect<unknown, unknown, R>
  /** Those of the base, with what it has of its own among them. */
  abstract refs(base: Base): FiberRefs.FiberRefs
  abstract onEnd(exit: Exit.Exit<unknown, unknown>): void

  /** Does nothing once it has ended. */
  interrupt(): void {
    if (this.worker?.work === this) this.worker.interrupt()
  }
}

/** What Effect's fibers are beside their interface. */
interface Inside extends Fiber.RuntimeFiber<unknown> {
  readonly _observers: ReadonlyArray<unknown>
  readonly currentRuntimeFlags: number
  readonly getChildren: () => ReadonlySet<unknown>
  readonly setFiberRefs: (refs: FiberRefs.FiberRefs) => void
}

/** How a fiber was before it did anything. */
class AsNew implements Base {
  readonly fiber: Inside
  readonly refs: FiberRefs.FiberRefs
  readonly locals: Base["locals"]
  readonly id: FiberId.Runtime
  private readonly flags: number
  private readonly observers: number

  constructor(fiber: Inside) {
    this.fiber = fiber
    this.refs = fiber.getFiberRefs()
    this.locals = new Entries(this.refs.locals)
    this.id = fiber.id()
    this.flags = fiber.currentRuntimeFlags
    this.observers = fiber._observers.length
  }

  isStill(): boolean {
    const { fiber } = this
    return Cause.isEmpty(fiber.getFiberRef(FiberRef.interruptedCause)) &&
      fiber.currentRuntimeFlags === this.flags &&
      fiber.getChildren().size === 0 &&
      // Who came to wait for its end waits for that of its handler.
      fiber._observers.length === this.observers
  }
}

const nothing = Symbol()

/** Whoever has to know when a worker may be given other work. */
interface Employer {
  readonly onDone: (worker: Worker, work: Work<any>, exit: Exit.Exit<unknown, unknown>) => void
}

/**
 * Alive as long as its fiber is.
 *
 * @internal
 */
export class Worker {
  fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  work: Work<any> | undefined = undefined
  /** How its last work ended, when nobody was told yet: the fiber is not as new and must end first. */
  exit: Exit.Exit<unknown, unknown> | undefined = undefined
  /** There while it waits for work. */
  wake: ((effect: Effect.Effect<typeof nothing>) => void) | undefined = undefined
  /** Whatever it still does is its last. */
  isDismissed = false
  private readonly employer: Employer

  constructor(employer: Employer) {
    this.employer = employer
  }

  readonly loop: Effect.Effect<void> = Effect.withFiberRuntime((fiber) => {
    const asNew = new AsNew(fiber as unknown as Inside)
    return Effect.whileLoop<unknown, never, never>({
      while: this.goesOn.bind(this),
      body: this.next.bind(this, asNew),
      step: this.settle.bind(this, asNew)
    })
  })

  private goesOn(): boolean {
    return this.exit === undefined && (this.work !== undefined || !this.isDismissed)
  }

  /** Not an operator more than the work itself: when it fails, so does the worker. */
  private next(asNew: AsNew): Effect.Effect<unknown> {
    const { work } = this
    asNew.fiber.setFiberRefs(work === undefined ? asNew.refs : work.refs(asNew))
    return work === undefined ? this.wait : work.effect as Effect.Effect<unknown>
  }

  private readonly wait: Effect.Effect<typeof nothing> = Effect.async((resume) => {
    // Work may have come while this fiber yielded.
    if (this.work !== undefined || this.isDismissed) resume(Effect.succeed(nothing))
    else this.wake = resume
  })

  private settle(asNew: AsNew, value: unknown): void {
    const { work } = this
    if (value === nothing || work === undefined) return
    const exit = Exit.succeed(value)
    if (asNew.isStill()) {
      this.work = undefined
      this.employer.onDone(this, work, exit)
    } else {
      this.exit = exit
    }
  }

  /** It must wait, or never have run. */
  begin(work: Work<any>): void {
    this.work = work
    work.worker = this
    this.rouse()
  }

  private rouse(): void {
    this.wake?.(Effect.succeed(nothing))
    this.wake = undefined
  }

  /** Ends it once it has nothing to do. */
  dismiss(): void {
    this.isDismissed = true
    this.rouse()
  }

  interrupt(): void {
    if (this.work !== undefined) this.fiber!.unsafeInterruptAsFork(FiberId.none)
  }

  /** The same, unless what it does has to be done. */
  stop(): void {
    this.dismiss()
    if (this.work?.isStoppable === true) this.interrupt()
  }
}

/** More than a busy bot runs side by side by default, and each that waits holds a few kilobytes. */
const mostIdle = 64

/** Who had nothing to do for this long is let go. */
const idleMillis = 10_000

/** @internal */
export class Workers<R> implements Employer {
  private readonly fork: (effect: Effect.Effect<void, never, R>) => Fiber.RuntimeFiber<void>
  private readonly alive: Set<Worker>
  private readonly onEnd: () => void
  private readonly after: (millis: number, task: () => void) => void
  /** Who became idle last is asked first, so that those in front are the ones nobody needs. */
  private readonly idle: Array<Worker> = []
  /** So many were idle all the time since somebody looked. */
  private fewestIdle = 0
  private isWatched = false
  private isClosed = false

  constructor(
    fork: (effect: Effect.Effect<void, never, R>) => Fiber.RuntimeFiber<void>,
    alive: Set<Worker>,
    /** Called after the end of each work. */
    onEnd: () => void,
    /** Calls back after a while; never once the bot is closed. */
    after: (millis: number, task: () => void) => void
  ) {
    this.fork = fork
    this.alive = alive
    this.onEnd = onEnd
    this.after = after
    Specimens.keep(Worker, () => new Worker(new Workers<never>(Effect.runFork, new Set(), () => {}, () => {})))
    Specimens.keep(FiberStatus.running, () => FiberStatus.running(RuntimeFlags.none))
    Specimens.keep(AsNew, () => Specimens.ofFiber((fiber) => new AsNew(fiber as unknown as Inside)))
  }

  /** Runs it, behind those that were started before, and tells it once it has ended. */
  start(work: Work<R>): void {
    let waiting = this.idle.pop()
    while (waiting?.isDismissed === true) waiting = this.idle.pop()
    this.fewestIdle = Math.min(this.fewestIdle, this.idle.length)
    if (waiting === undefined) this.employ(work)
    else waiting.begin(work)
  }

  private employ(work: Work<R>): void {
    const worker = new Worker(this)
    worker.begin(work)
    this.alive.add(worker)
    const fiber = this.fork(worker.loop)
    worker.fiber = fiber
    fiber.addObserver((exit) => {
      this.alive.delete(worker)
      worker.isDismissed = true
      const last = worker.work
      worker.work = undefined
      if (last !== undefined) this.tell(last, worker.exit ?? exit)
    })
  }

  /** A worker is as new again. Whoever is told may have more to do, and finds this one first. */
  onDone(worker: Worker, work: Work<any>, exit: Exit.Exit<unknown, unknown>): void {
    const { idle } = this
    if (!worker.isDismissed) {
      idle.push(worker)
      this.watch()
    }
    this.tell(work, exit)
    if (worker.work !== undefined || worker.isDismissed || !this.isClosed && idle.length <= mostIdle) return
    worker.isDismissed = true
    idle.splice(idle.indexOf(worker), 1)
  }

  private watch(): void {
    if (this.isWatched) return
    this.isWatched = true
    this.fewestIdle = this.idle.length
    this.after(idleMillis, () => {
      this.isWatched = false
      for (const worker of this.idle.splice(0, this.fewestIdle)) worker.dismiss()
      if (this.idle.length > 0) this.watch()
    })
  }

  private tell(work: Work<any>, exit: Exit.Exit<unknown, unknown>): void {
    try {
      work.onEnd(exit)
    } finally {
      this.onEnd()
    }
  }

  /** Nobody waits for work any more; what is started all the same has a worker of its own. */
  close(): void {
    this.isClosed = true
    for (const worker of this.idle.splice(0)) worker.dismiss()
  }
}
