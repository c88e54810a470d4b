import { describe, expect, it } from "@effect/vitest"
import { Cause, type Clock, type Duration, Effect, Exit, Fiber, FiberId, Logger, Runtime, Scope } from "effect"
import * as fc from "fast-check"
import v8 from "node:v8"
import vm from "node:vm"
import * as Alarm from "../../../src/internal/time/alarm.js"
import * as Deadlines from "../../../src/internal/time/deadlines.js"
import { pause } from "../../../src/internal/time/pause.js"
import * as SharedDeadlines from "../../../src/internal/time/sharedDeadlines.js"
import * as Clocks from "../../support/clock.js"
import { settle } from "../../support/clock.js"

v8.setFlagsFromString("--expose-gc")
const collect: () => void = vm.runInNewContext("gc")

const made = (clock: Clock.Clock): Effect.Effect<Deadlines.StoppableDeadlines, never, Scope.Scope> =>
  Effect.flatMap(Effect.runtime<never>(), (runtime) => {
    const fork: Alarm.Fork = (effect) => Runtime.runFork(runtime)(effect, { immediate: false })
    return Effect.acquireRelease(
      Effect.sync(() => Deadlines.make(clock, Alarm.of(clock, fork), fork)),
      (deadlines) => Effect.sync(deadlines.stop)
    )
  })

const started = Effect.gen(function*() {
  const clock = Clocks.make(0)
  const deadlines = yield* made(clock)
  const rung: Array<string> = []
  const after = (millis: number, name = String(millis)) => deadlines.after(millis, () => void rung.push(name))
  return { after, clock, deadlines, rung }
})

describe("deadlines", () => {
  it.scoped("call back once, in due order, those of one moment in the order they were set", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      for (const [millis, name] of [[30, "c"], [10, "a"], [20, "b1"], [20, "b2"], [5000, "late"]] as const) {
        after(millis, name)
      }
      yield* clock.advance(9)
      expect(rung).toEqual([])
      yield* clock.advance(100)
      expect(rung).toEqual(["a", "b1", "b2", "c"])
      yield* clock.advance(5000)
      expect(rung).toEqual(["a", "b1", "b2", "c", "late"])
    }))

  it.scoped("that are cancelled never call back, and thousands of them are swept away", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines, rung } = yield* started
      for (let n = 0; n < 100_000; n++) after(5000).cancel()
      after(10, "kept")
      yield* clock.advance(10_000)
      expect(rung).toEqual(["kept"])
      expect(deadlines.now()).toBe(10_000)
    }))

  it.scoped("that are over are let go of at once, though they were cancelled or another waits for longer", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines } = yield* started
      after(600_000)
      const held = (millis: number) => {
        const value = { called: false }
        const entry = deadlines.after(millis, () => {
          value.called = true
        })
        return { entry, value: new WeakRef(value) }
      }
      const [cancelled, over, waiting] = [held(300_000), held(10), held(400_000)]
      cancelled.entry.cancel()
      yield* clock.advance(20)
      // What a WeakRef was made for or asked for lives until its turn is over.
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      collect()
      expect([cancelled, over].map(({ value }) => value.deref())).toEqual([undefined, undefined])
      expect(waiting.value.deref()).toEqual({ called: false })
    }))

  it.scoped("may be set and cancelled from a callback", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines, rung } = yield* started
      const other = after(10, "other")
      deadlines.after(10, () => {
        after(0, "at once")
        after(5, "soon")
        other.cancel()
      })
      const doomed = after(12, "doomed")
      deadlines.after(11, () => {
        doomed.cancel()
      })
      yield* clock.advance(20)
      expect(rung).toEqual(["other", "at once", "soon"])
    }))

  it.scoped("an earlier one that is set while the fiber sleeps is not slept through", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      after(60_000, "later")
      yield* clock.advance(1000)
      after(10, "earlier")
      yield* clock.advance(10)
      expect(rung).toEqual(["earlier"])
    }))

  it.scoped("fractions of milliseconds neither delay them nor make the loop spin", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      let yields = 0
      clock.onYield = () => {
        if (++yields > 10_000) throw new Error("spins")
      }
      for (let n = 0; n < 300; n++) {
        yield* clock.advance(n * 1.234567)
        after(10_000, String(n))
        yield* clock.advance(10_000)
        expect(rung).toHaveLength(n + 1)
      }
    }))

  it.scoped("one sleep is enough, however many there are, and none is left behind", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines } = yield* started
      for (let n = 1000; n > 0; n--) {
        after(n)
        if (n % 100 === 0) yield* settle
      }
      yield* settle
      expect(clock.sleepers()).toBe(1)
      deadlines.stop()
      after(0.5)
      yield* settle
      expect(clock.sleepers()).toBe(0)
    }))

  it.scoped("nobody is called back once they have stopped, not even by the callback that stops them", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines, rung } = yield* started
      const pauses = deadlines.pauses(30)
      for (const name of ["a pause", "another pause"]) {
        pauses.start({
          dueAt: 0,
          previous: undefined,
          next: undefined,
          onDue: () => {
            rung.push(name)
            deadlines.stop()
          }
        })
      }
      after(31, "blames")
      yield* clock.advance(60)
      expect(rung).toEqual(["a pause"])
      expect(clock.sleepers()).toBe(0)
    }))

  it.scoped("agree with a model, whatever is set and cancelled when", () =>
    Effect.gen(function*() {
      const commands = fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant("after" as const), millis: fc.integer({ min: 0, max: 50 }) }),
          fc.record({ kind: fc.constant("cancel" as const), at: fc.nat(20) }),
          fc.record({ kind: fc.constant("advance" as const), millis: fc.integer({ min: 0, max: 30 }) })
        ),
        { maxLength: 30 }
      )
      for (const steps of fc.sample(commands, { numRuns: 60, seed: 7 })) {
        const { clock, deadlines } = yield* started
        const rung: Array<number> = []
        const model: Array<{ readonly dueAt: number; isCancelled: boolean; readonly entry: Deadlines.Deadline }> = []
        let now = 0
        for (const step of steps) {
          if (step.kind === "after") {
            const id = model.length
            const entry = deadlines.after(step.millis, () => void rung.push(id))
            model.push({ dueAt: now + step.millis, isCancelled: false, entry })
          } else if (step.kind === "cancel") {
            const chosen = model[step.at % Math.max(1, model.length)]
            if (chosen === undefined || chosen.dueAt <= now) continue
            chosen.isCancelled = true
            chosen.entry.cancel()
          } else {
            yield* clock.advance(step.millis)
            yield* settle
            now += step.millis
            const due = model.flatMap(({ dueAt, isCancelled }, id) => dueAt <= now && !isCancelled ? [id] : [])
            expect(rung.toSorted((a, b) => a - b)).toEqual(due)
          }
        }
      }
    }))
})

describe("patience: a blocked event loop accuses nobody", () => {
  it.scoped("time in which the loop stood still is given back to everybody", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      after(5000, "ack")
      yield* clock.advance(1000)
      clock.stall(60_000)
      yield* clock.advance(0)
      yield* settle
      expect(rung).toEqual([])
      yield* clock.advance(5000)
      expect(rung).toEqual(["ack"])
    }))

  it.scoped("a frame written right after the stall has its whole timeout", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      after(5000, "before")
      clock.stall(60_000)
      after(5000, "after")
      yield* clock.advance(4999)
      expect(rung).toEqual([])
      yield* clock.advance(10_000)
      expect(rung).toEqual(["before", "after"])
    }))

  it.scoped("a wake that is a little late yields to I/O before it judges, so that an ack that has arrived is read", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      const entry = after(5000, "accused")
      let yields = 0
      clock.onYield = () => {
        yields++
        entry.cancel()
      }
      yield* clock.advance(4500)
      clock.stall(900)
      yield* clock.advance(0)
      expect([rung, yields]).toEqual([[], 1])
    }))

  it.scoped("patience has an end: once the loop runs, a deadline that is due is kept", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      for (let stall = 0; stall < 5; stall++) {
        after(1000, String(stall))
        clock.stall(10_000)
        yield* clock.advance(12_000)
        yield* clock.advance(12_000)
        expect(rung).toHaveLength(stall + 1)
      }
    }))
})

describe("timeouts", () => {
  const timeout = (onDue: () => void): Deadlines.Timeout => ({ dueAt: 0, previous: undefined, next: undefined, onDue })

  it.scoped("come due in order among all other deadlines, and not when they were stopped", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines, rung } = yield* started
      const short = deadlines.timeouts(10)
      const long = deadlines.timeouts(30)
      const start = (timeouts: Deadlines.Timeouts, name: string) => {
        const one = timeout(() => void rung.push(name))
        timeouts.start(one)
        return one
      }
      start(long, "long")
      after(20, "between")
      const first = start(short, "stopped first")
      start(short, "short 1")
      const middle = start(short, "stopped")
      start(short, "short 2")
      const last = start(short, "stopped last")
      for (const one of [middle, last, first]) short.stop(one)
      yield* clock.advance(10)
      expect(rung).toEqual(["short 1", "short 2"])
      start(short, "again")
      yield* clock.advance(30)
      expect(rung).toEqual(["short 1", "short 2", "between", "again", "long"])
    }))

  it("whichever are stopped, in whatever order, the others come due in theirs", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { maxLength: 12 }).chain((stopped) =>
          fc.tuple(
            fc.constant(stopped),
            fc.shuffledSubarray([...stopped.keys()].filter((n) => stopped[n] === true), {
              minLength: stopped.filter((isStopped) => isStopped).length
            })
          )
        ),
        ([stopped, order]) =>
          Effect.runPromise(Effect.scoped(Effect.gen(function*() {
            const { clock, deadlines, rung } = yield* started
            const timeouts = deadlines.timeouts(10)
            const all = stopped.map((_, n) => timeout(() => void rung.push(String(n))))
            for (const one of all) timeouts.start(one)
            for (const n of order) timeouts.stop(all[n]!)
            yield* clock.advance(10)
            expect(rung).toEqual([...stopped.keys()].filter((n) => stopped[n] !== true).map(String))
          })))
      ),
      { numRuns: 100 }
    ))
})

describe("patience with what is read before a judgement", () => {
  it.scoped("time in which it blocks the loop is given back to everybody else", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      after(10, "first")
      after(5_000, "second")
      clock.onYield = () => {
        clock.onYield = () => {}
        clock.stall(20_000)
      }
      yield* clock.advance(15)
      yield* clock.advance(4_900)
      expect(rung).toEqual(["first"])
      yield* clock.advance(5_000)
      expect(rung).toEqual(["first", "second"])
    }))
})

describe("while somebody pauses", () => {
  type Begin = (deadlines: Deadlines.Deadlines, millis: number, onDue: () => void) => void

  const ways: Record<string, Begin> = {
    "a timeout": (deadlines, millis, onDue) =>
      deadlines.timeouts(millis).start({ dueAt: 0, previous: undefined, next: undefined, onDue }),
    "a deadline": (deadlines, millis, onDue) => void deadlines.after(millis, onDue)
  }

  it.scoped.each(["nothing", ...Object.keys(ways)])(
    "a loop that is blocked now and again keeps nobody waiting for ever, beside it %s",
    (way) =>
      Effect.gen(function*() {
        const { clock, deadlines, rung } = yield* started
        yield* Effect.forkScoped(Effect.tap(pause(deadlines, 30_000), () => Effect.sync(() => rung.push("pause"))))
        yield* settle
        ways[way]?.(deadlines, 40_000, () => rung.push(way))
        for (let n = 0; n < 10; n++) {
          yield* clock.advance(4_990)
          clock.stall(1_200)
          yield* clock.advance(0)
        }
        expect(rung).toEqual(way === "nothing" ? ["pause"] : ["pause", way])
      })
  )

  for (const [way, waited] of Object.keys(ways).flatMap((way) => [[way, 0], [way, 1_100]] as const)) {
    it.scoped(`and yet a loop that is blocked ${waited} ms into ${way} accuses nobody`, () =>
      Effect.gen(function*() {
        const { clock, deadlines, rung } = yield* started
        yield* Effect.forkScoped(pause(deadlines, 600_000))
        yield* clock.advance(5_001)
        ways[way]!(deadlines, 5_000, () => rung.push("blamed"))
        yield* clock.advance(waited)
        clock.stall(4_500)
        yield* clock.advance(1_000)
        expect(rung).toEqual([])
        yield* clock.advance(4_000)
        expect(rung).toEqual(["blamed"])
      }))
  }

  it.scoped("a loop that was blocked for less than ten seconds is no jump, and nothing is to who pauses after it", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines } = yield* started
      let ended = 0
      const pausing = Effect.forkScoped(Effect.tap(pause(deadlines, 600_000), () => Effect.sync(() => ended++)))
      const before = yield* pausing
      yield* clock.advance(4_900)
      clock.stall(5_700)
      yield* clock.advance(0)
      expect(ended).toBe(0)
      yield* Fiber.interrupt(before)
      yield* clock.advance(10_000)
      after(5_000)
      yield* settle
      clock.stall(20_000)
      yield* pausing
      yield* clock.advance(8_000)
      expect(ended).toBe(0)
    }))
})

describe("shared deadlines", () => {
  it.scoped("are the same for all who live by one Clock, and end with the last of them", () =>
    Effect.gen(function*() {
      const clock = Clocks.make(0)
      const first = yield* Scope.make()
      const second = yield* Scope.make()
      const mine = yield* Scope.extend(Effect.withClock(SharedDeadlines.shared, clock), first)
      const yours = yield* Scope.extend(Effect.withClock(SharedDeadlines.shared, clock), second)
      const others = yield* Effect.withClock(SharedDeadlines.shared, Clocks.make(0))
      expect(yours).toBe(mine)
      expect(others).not.toBe(mine)
      const rung: Array<string> = []
      for (const name of ["a", "b"]) mine.after(10, () => void rung.push(name))
      yield* settle
      expect(clock.sleepers()).toBe(1)
      yield* Scope.close(first, Exit.void)
      yield* clock.advance(20)
      expect(rung).toEqual(["a", "b"])
      yours.after(10, () => void rung.push("too late"))
      yield* Scope.close(second, Exit.void)
      yield* clock.advance(20)
      expect([rung, clock.sleepers()]).toEqual([["a", "b"], 0])
      const anew = yield* Effect.withClock(SharedDeadlines.shared, clock)
      anew.after(10, () => void rung.push("anew"))
      yield* clock.advance(20)
      expect(rung).toEqual(["a", "b", "anew"])
    }))

  it.scoped("call nobody back at once, even by a Clock on which sleep takes no time", () =>
    Effect.gen(function*() {
      const clock = Object.assign(Clocks.make(0), { sleep: () => Effect.void })
      const deadlines = yield* Effect.withClock(SharedDeadlines.shared, clock)
      let rung = 0
      deadlines.after(0, () => rung++)
      expect(rung).toBe(0)
      yield* settle
      expect(rung).toBe(1)
    }))

  it.scoped("one that breaks is reported and keeps nobody from theirs", () =>
    Effect.gen(function*() {
      const { clock, deadlines, rung } = yield* started
      deadlines.after(10, () => {
        throw new Error("on purpose")
      })
      deadlines.after(10, () => void rung.push("same moment"))
      deadlines.after(20, () => void rung.push("later"))
      yield* clock.advance(30)
      expect(rung).toEqual(["same moment", "later"])
    }))

  it.scoped("tell of a jump once, and look at the wall clock only while somebody wants to know", () =>
    Effect.gen(function*() {
      const clock = Clocks.make(0)
      const deadlines = yield* made(clock)
      expect(clock.sleepers()).toBe(0)
      let jumps = 0
      const waiting = yield* Effect.forkScoped(
        Effect.forever(Effect.tap(pause(deadlines, 600_000), () => Effect.sync(() => jumps++)))
      )
      yield* clock.advance(5_500)
      clock.jumpWall(3_600_000)
      yield* clock.advance(5_500)
      expect(jumps).toBe(1)
      yield* Fiber.interrupt(waiting)
      yield* clock.advance(5_500)
      expect(clock.sleepers()).toBe(0)
      clock.jumpWall(-3_600_000)
      yield* clock.advance(5_500)
      expect(jumps).toBe(1)
    }))

  it.scoped("a process in which somebody pauses for long wakes every second and no more", () =>
    Effect.gen(function*() {
      const clock = Clocks.make(0)
      const { sleep } = clock
      let wakes = 0
      const deadlines = yield* made(Object.assign(clock, {
        sleep: (duration: Duration.Duration) => Effect.tap(sleep(duration), () => Effect.sync(() => wakes++))
      }))
      yield* Effect.forkScoped(pause(deadlines, 600_000))
      yield* clock.advance(60_000)
      expect(wakes).toBe(60)
    }))

  it.scoped("a loop that was blocked for long counts as a jump", () =>
    Effect.gen(function*() {
      const { clock, deadlines } = yield* started
      let jumps = 0
      for (const millis of [600_000, 700_000]) {
        yield* Effect.forkScoped(Effect.tap(pause(deadlines, millis), () => Effect.sync(() => jumps++)))
      }
      yield* clock.advance(1_500)
      clock.stall(20_000)
      yield* clock.advance(2_000)
      expect(jumps).toBe(2)
    }))
})

describe("whatever happens to the alarm", () => {
  it.scoped("another takes its place when somebody interrupts its fiber", () =>
    Effect.gen(function*() {
      const { after, clock, rung } = yield* started
      const others = new Set(yield* Fiber.roots)
      after(10, "kept")
      yield* settle
      const sleepers = [...yield* Fiber.roots].filter((fiber) => !others.has(fiber))
      expect(sleepers).toHaveLength(1)
      yield* Fiber.interruptAll(sleepers)
      yield* clock.advance(20)
      expect(rung).toEqual(["kept"])
    }))

  it.scoped("a deadline that is set while one that broke is reported keeps no other from being reported", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const clock = Clocks.make(0)
      const logger = Logger.make(({ cause }) => {
        lines.push(Cause.pretty(cause).split("\n")[0]!)
        if (lines.length === 1) deadlines.after(5, () => void lines.push("set"))
      })
      const deadlines = yield* Effect.provide(made(clock), Logger.replace(Logger.defaultLogger, logger))
      deadlines.after(1000, () => {})
      for (const name of ["first", "second"]) {
        deadlines.after(10, () => {
          throw new Error(name)
        })
      }
      yield* clock.advance(100)
      expect(lines).toEqual(["Error: first", "Error: second", "set"])
    }))

  it.scoped("a callback that blocks the loop has nobody else blamed for it, even when it sets a deadline", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines, rung } = yield* started
      deadlines.after(10, () => {
        clock.stall(5_000)
        after(60_000, "late")
      })
      after(2_000, "ack")
      yield* clock.advance(20)
      yield* clock.advance(1_900)
      expect(rung).toEqual([])
      yield* clock.advance(200)
      expect(rung).toEqual(["ack"])
    }))
})

describe("the pause between two pings", () => {
  it.scoped("blames nobody and lets no I/O go first; what is due with it and blames somebody does", () =>
    Effect.gen(function*() {
      const { after, clock, deadlines, rung } = yield* started
      clock.onYield = () => void rung.push("I/O")
      yield* Effect.forkScoped(Effect.tap(pause(deadlines, 10), () => Effect.sync(() => rung.push("pause"))))
      yield* clock.advance(20)
      expect(rung).toEqual(["pause"])
      yield* Effect.forkScoped(Effect.tap(pause(deadlines, 10), () => Effect.sync(() => rung.push("pause"))))
      yield* settle
      after(10, "blames")
      after(10, "blames as well")
      yield* clock.advance(20)
      expect(rung.slice(1).filter((name) => name !== "pause")).toEqual(["I/O", "blames", "blames as well"])
    }))

  it.scoped("ends up to ten milliseconds early when somebody is awake anyway, and then wakes nobody; what blames does not", () =>
    Effect.gen(function*() {
      const { clock, deadlines, rung } = yield* started
      const ring = (name: string) => Effect.sync(() => rung.push(name))
      let wakes = 0
      const sleep = clock.sleep
      Object.assign(clock, {
        sleep: (duration: Duration.Duration) => Effect.zipRight(Effect.sync(() => wakes++), sleep(duration))
      })
      for (const name of ["first", "almost over", "far from over"]) {
        yield* Effect.forkScoped(Effect.tap(pause(deadlines, 30_000), () => ring(name)))
        yield* settle
        if (name === "first") {
          const strict = { dueAt: 0, previous: undefined, next: undefined, onDue: () => void rung.push("blames") }
          deadlines.timeouts(30_009).start(strict)
        }
        yield* clock.advance(name === "first" ? 8 : 500)
      }
      yield* clock.advance(28_942)
      expect(rung).toEqual([])
      wakes = 0
      yield* clock.advance(55)
      expect(rung).toEqual(["first", "almost over"])
      yield* clock.advance(1_000)
      expect(rung).toEqual(["first", "almost over", "blames", "far from over"])
      expect(wakes).toBeLessThanOrEqual(6)
    }))

  it.scoped("one that is shorter than what is left out, and begins again as it ends, still lasts", () =>
    Effect.gen(function*() {
      const { clock, deadlines } = yield* started
      const pauses = deadlines.pauses(5)
      let ended = 0
      const again: Deadlines.Timeout = {
        dueAt: 0,
        previous: undefined,
        next: undefined,
        onDue: () => {
          if (++ended < 1000) pauses.start(again)
        }
      }
      pauses.start(again)
      yield* clock.advance(21)
      expect(ended).toBe(4)
    }))

  it.scoped("one that breaks last of all is reported, and a logger that breaks ends nothing", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => {
        lines.push(String(message))
        throw new Error("so does this")
      })
      const clock = Clocks.make(0)
      const deadlines = yield* Effect.provide(made(clock), Logger.replace(Logger.defaultLogger, logger))
      deadlines.after(10, () => {
        throw new Error("on purpose")
      })
      yield* clock.advance(20)
      deadlines.after(10, () => void lines.push("the next"))
      yield* clock.advance(20)
      expect(lines).toEqual(["a deadline failed", "the next"])
    }))

  it.scoped("that is interrupted as it ends takes no other's place in the queue", () =>
    Effect.gen(function*() {
      const { clock, deadlines } = yield* started
      let ended = 0
      const one = pause(deadlines, 30)
      const fibers: Array<Fiber.RuntimeFiber<void>> = []
      for (let n = 0; n < 3; n++) fibers.push(yield* Effect.fork(Effect.tap(one, () => Effect.sync(() => ended++))))
      yield* settle
      // Due behind the first of them: it is interrupted after its pause is over and before its fiber runs.
      deadlines.after(30, () => fibers[0]!.unsafeInterruptAsFork(FiberId.none))
      yield* clock.advance(15)
      const late = yield* Effect.fork(Effect.tap(one, () => Effect.sync(() => ended++)))
      yield* clock.advance(100)
      expect(ended).toBeGreaterThanOrEqual(3)
      expect(late.unsafePoll()?._tag).toBe("Success")
    }))
})
