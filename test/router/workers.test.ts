import { expect, it } from "@effect/vitest"
import { Effect, type Exit, Fiber, type FiberId, FiberRef, Runtime } from "effect"
import { BotRouter } from "effect-wecom"
import * as Handlers from "../../src/internal/handlers.js"
import * as Workers from "../../src/internal/workers.js"
import * as Sim from "../sim/Sim.js"
import { loose, text } from "./support.js"

const own = FiberRef.unsafeMake("nobody's")

class Task extends Workers.Work<never> {
  readonly effect: Effect.Effect<unknown, unknown>
  readonly isStoppable: boolean
  readonly onEnd: (exit: Exit.Exit<unknown, unknown>) => void
  constructor(
    effect: Effect.Effect<unknown, unknown>,
    isStoppable: boolean,
    onEnd: (exit: Exit.Exit<unknown, unknown>) => void
  ) {
    super()
    this.effect = effect
    this.isStoppable = isStoppable
    this.onEnd = onEnd
  }
  refs(base: Workers.Base) {
    return base.refs
  }
}

/** Workers, and what was told of the ends of what they ran. */
const workers = Effect.map(Effect.runtime<never>(), (runtime) => {
  const alive = new Set<Workers.Worker>()
  const ends: Array<string> = []
  const watches: Array<() => void> = []
  const pool = new Workers.Workers<never>(
    (loop) => Runtime.runFork(runtime)(loop, { immediate: false }),
    alive,
    () => {},
    (_millis, task) => void watches.push(task)
  )
  return {
    alive,
    ends,
    /** Somebody looks who was needed since the last time. */
    look: () => {
      for (const task of watches.splice(0)) task()
      return watches.length
    },
    close: () => pool.close(),
    start: (name: string, effect: Effect.Effect<unknown, unknown>) => {
      const task = new Task(effect, true, (exit) => void ends.push(`${name} ${exit._tag}`))
      pool.start(task)
      return () => task.interrupt()
    }
  }
})

const fiberOf = (into: Array<FiberId.FiberId>) => Effect.map(Effect.fiberId, (id) => void into.push(id))

const turn = Effect.repeatN(Effect.yieldNow(), 20)

it.effect("what follows one another runs in one fiber, and what runs side by side in fibers of its own", () =>
  Effect.gen(function*() {
    const self = yield* workers
    const fibers: Array<FiberId.FiberId> = []
    for (const name of ["a", "b", "c"]) {
      self.start(name, fiberOf(fibers))
      yield* turn
    }
    expect(new Set(fibers).size).toBe(1)
    for (const name of ["d", "e"]) self.start(name, Effect.zipRight(fiberOf(fibers), Effect.yieldNow()))
    yield* turn
    expect(new Set(fibers).size).toBe(2)
    expect(self.ends).toEqual(["a Success", "b Success", "c Success", "d Success", "e Success"])
    expect(self.alive.size).toBe(2)
    self.close()
    yield* turn
    expect(self.alive.size).toBe(0)
  }))

it.effect("those that nobody needed for a while are let go, and those that somebody did need are not", () =>
  Effect.gen(function*() {
    const self = yield* workers
    const together = (count: number) => {
      for (let n = 0; n < count; n++) self.start(String(n), Effect.yieldNow())
      return turn
    }
    yield* together(5)
    expect(self.alive.size).toBe(5)
    // The first time it is not known yet whether they are needed.
    expect(self.look()).toBe(1)
    yield* together(2)
    expect(self.look()).toBe(1)
    yield* turn
    expect(self.alive.size).toBe(2)
    yield* together(2)
    expect(self.look()).toBe(1)
    yield* turn
    expect(self.alive.size).toBe(2)
    expect(self.look()).toBe(0)
    yield* turn
    expect(self.alive.size).toBe(0)
    yield* together(3)
    expect(self.look()).toBe(1)
    self.close()
  }))

it.effect("a FiberRef that one sets is as new for the next", () =>
  Effect.gen(function*() {
    const self = yield* workers
    const seen: Array<string> = []
    const look = Effect.map(FiberRef.get(own), (value) => void seen.push(value))
    self.start("a", Effect.zipRight(FiberRef.set(own, "a's"), look))
    yield* turn
    self.start("b", look)
    yield* turn
    expect(seen).toEqual(["a's", "nobody's"])
    self.close()
  }))

it.effect("children end with the one that forked them, before anybody is told, and the next has none of them", () =>
  Effect.gen(function*() {
    const self = yield* workers
    const fibers: Array<FiberId.FiberId> = []
    const child = Effect.onExit(Effect.never, () => Effect.sync(() => self.ends.push("child")))
    self.start("parent", Effect.zipRight(fiberOf(fibers), Effect.zipRight(Effect.fork(child), Effect.yieldNow())))
    yield* turn
    expect(self.ends).toEqual(["child", "parent Success"])
    self.start("next", fiberOf(fibers))
    yield* turn
    expect(self.ends).toEqual(["child", "parent Success", "next Success"])
    expect(new Set(fibers).size).toBe(2)
    self.close()
  }))

it.effect("an interruption ends the one it was meant for, once it can be interrupted, and no other", () =>
  Effect.gen(function*() {
    const self = yield* workers
    const interrupt = self.start("hangs", Effect.never)
    const finished = Effect.sync(() => self.ends.push("finished"))
    const deaf = self.start("is deaf", Effect.uninterruptible(Effect.zipRight(turn, finished)))
    yield* Effect.yieldNow()
    interrupt()
    deaf()
    yield* turn
    yield* turn
    expect(self.ends).toEqual(["hangs Failure", "finished", "is deaf Failure"])
    interrupt()
    self.start("next", Effect.yieldNow())
    interrupt()
    deaf()
    yield* turn
    expect(self.ends[3]).toBe("next Success")
    self.close()
    yield* turn
    expect(self.alive.size).toBe(0)
  }))

it.effect("one that was interrupted before it began does not begin", () =>
  Effect.gen(function*() {
    const self = yield* workers
    self.start("first", Effect.void)
    yield* turn
    let hasBegun = false
    const begin = Effect.sync(() => {
      hasBegun = true
    })
    self.start("woken", begin)()
    yield* turn
    expect(self.ends).toEqual(["first Success", "woken Failure"])
    expect(hasBegun).toBe(false)
    self.close()
  }))

it.effect("one that was interrupted before its first fiber ran does not begin", () =>
  Effect.gen(function*() {
    const self = yield* workers
    let hasBegun = false
    const begin = Effect.sync(() => {
      hasBegun = true
    })
    self.start("new", begin)()
    yield* turn
    expect([self.ends, hasBegun]).toEqual([["new Failure"], false])
    self.close()
  }))

it.effect("who waits for the fiber of a handler waits for the handler, and interrupts no other", () =>
  Effect.gen(function*() {
    const self = yield* workers
    let kept: Fiber.RuntimeFiber<unknown, unknown> | undefined
    self.start("gives itself away", Effect.withFiberRuntime((fiber) => Effect.sync(() => void (kept = fiber))))
    yield* turn
    const other: Array<FiberId.FiberId> = []
    const keep = Effect.withFiberRuntime((fiber) => {
      fiber.addObserver(() => void self.ends.push("told of its end"))
      return fiberOf(other)
    })
    self.start("is observed", keep)
    yield* turn
    expect(self.ends).toEqual(["gives itself away Success", "told of its end", "is observed Success"])
    self.start("next", Effect.zipRight(fiberOf(other), Effect.yieldNow()))
    yield* turn
    expect(new Set(other).size).toBe(2)
    expect(kept?.unsafePoll()?._tag).toBe("Success")
    self.close()
  }))

it.effect("what has to be done is done, whatever stops the handlers", () =>
  Effect.gen(function*() {
    const handlers = Handlers.make(() => {})
    const runtime = yield* handlers.runtime<never>()
    const start = (task: Task) => runtime.start(task)
    const ends: Array<string> = []
    const task = (name: string, isStoppable: boolean) =>
      new Task(Effect.void, isStoppable, (exit) => void ends.push(`${name} ${exit._tag}`))
    // One worker that is new, and one that waits.
    start(task("before", true))
    yield* turn
    start(task("by the one that waited", false))
    start(task("by a new one", false))
    start(task("stopped before it began", true))
    yield* handlers.stop
    expect(start(task("never", true))).toBe(false)
    expect(start(task("late", false))).toBe(true)
    yield* handlers.ended
    expect(ends).toEqual([
      "before Success",
      "by the one that waited Success",
      "by a new one Success",
      "stopped before it began Failure",
      "late Success"
    ])
  }))

it.effect("a callback that throws is counted out all the same", () =>
  Effect.gen(function*() {
    const handlers = Handlers.make(() => {})
    const runtime = yield* handlers.runtime<never>()
    runtime.start(
      new Task(Effect.void, true, () => {
        throw new Error("on purpose")
      })
    )
    yield* handlers.ended
  }))

it.effect("a defect is told as one, and the next has another fiber", () =>
  Effect.gen(function*() {
    const self = yield* workers
    self.start("dies", Effect.die("oops"))
    yield* turn
    self.start("next", Effect.void)
    yield* turn
    expect(self.ends).toEqual(["dies Failure", "next Success"])
    self.close()
  }))

it.effect("after the close what is started still runs, and nobody waits for more", () =>
  Effect.gen(function*() {
    const self = yield* workers
    self.start("before", Effect.repeatN(Effect.yieldNow(), 5))
    yield* Effect.yieldNow()
    self.close()
    self.start("after", Effect.void)
    yield* turn
    expect(self.ends).toHaveLength(2)
    expect(self.alive.size).toBe(0)
  }))

it("a router that is interrupted leaves no fiber behind", async () => {
  const left = await Sim.runPromise(
    1,
    Effect.gen(function*() {
      const bot = yield* loose
      const fibers = new Set<Fiber.RuntimeFiber<any, any>>()
      const router = BotRouter.empty.pipe(
        BotRouter.onText(() => Effect.withFiberRuntime((fiber) => Effect.sync(() => fibers.add(fiber))))
      )
      const running = yield* Effect.fork(Effect.provide(BotRouter.run(router), bot.layer))
      for (const userid of ["alice", "bob", "carol"]) {
        bot.say(text(userid, `of ${userid}`))
        yield* Effect.sleep("1 second")
      }
      yield* Fiber.interrupt(running)
      yield* Effect.sleep("1 second")
      return [fibers.size, [...fibers].filter((fiber) => fiber.unsafePoll() === null).length]
    })
  )
  expect(left).toEqual([1, 0])
})
