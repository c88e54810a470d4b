/**
 * Callbacks between the step that reads them and the one that deals them out: what is dealt out right behind an ack must find
 * whoever begins to wait when he hears of that ack, so they go last in their turn.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { Callback } from "../Connection.js"
import * as Telemetry from "../Telemetry.js"
import type { ConnectionError } from "../WecomError.js"
import type { Sink } from "./connection.js"
import type { Intake } from "./intake.js"

/** @internal */
export interface Owner {
  readonly runtime: Runtime.Runtime<never>
  readonly inboxSize: number
  /** Made when the first callback comes. */
  readonly intake: Intake
}

/** @internal */
export class Inbox implements Sink {
  private readonly owner: Owner
  private waiting: Array<Callback> = []
  private end: Exit.Exit<void, ConnectionError> | undefined = undefined
  private isScheduled = false
  /** Kept until the next, so that V8 does not forget what messages look like. */
  last: Callback | undefined = undefined
  /** Where the memory of seen messages takes its time. */
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined

  constructor(owner: Owner) {
    this.owner = owner
  }

  unsafeOffer(callback: Callback): boolean {
    if (this.end !== undefined || this.waiting.length >= this.owner.inboxSize) return false
    this.waiting.push(callback)
    this.schedule()
    return true
  }

  unsafeDone(end: Exit.Exit<void, ConnectionError>): boolean {
    if (this.end !== undefined) return false
    this.end = end
    this.schedule()
    return true
  }

  /** What waits is dropped. */
  stop(): Effect.Effect<void> {
    return Effect.suspend(() => {
      for (const _ of this.waiting) Telemetry.unsafeIncrement(Telemetry.inboxDropped)
      this.waiting = []
      this.end ??= Exit.void
      return this.fiber === undefined ? Effect.void : Fiber.interrupt(this.fiber)
    })
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    const scheduler = FiberRefs.getOrDefault(this.owner.runtime.fiberRefs, FiberRef.currentScheduler)
    // One turn for whoever is called back now, one for the fiber that hears of it.
    scheduler.scheduleTask(() => scheduler.scheduleTask(() => this.dealOut(), 0), 0)
  }

  private dealOut(): void {
    this.isScheduled = false
    if (this.fiber !== undefined) return
    const { intake } = this.owner
    if (intake.unsafeDispatch === undefined) return this.dealOutSlowly(intake)
    intake.unsafeDispatch(this.take())
    this.endOf(intake)
  }

  private dealOutSlowly(intake: Intake): void {
    const all = Effect.whileLoop({
      while: () => this.waiting.length > 0,
      body: () => intake.dispatch(this.take()),
      step: () => {}
    })
    const fiber = this.fiber = Runtime.runFork(this.owner.runtime)(Effect.interruptible(all))
    fiber.addObserver(() => {
      this.fiber = undefined
      // What came after it had looked for the last time found it still there.
      if (this.waiting.length > 0) this.schedule()
      else this.endOf(intake)
    })
  }

  private take(): ReadonlyArray<Callback> {
    const { waiting } = this
    this.waiting = []
    this.last = waiting[waiting.length - 1]
    return waiting
  }

  private endOf(intake: Intake): void {
    if (this.end !== undefined) intake.unsafeEnd(Option.flatMap(Exit.causeOption(this.end), Cause.failureOption))
  }
}
