/**
 * Jobs as bots have them: answers from a second to an hour long, under everything that can go wrong on the way. One seed is one
 * bot, one gateway and ten jobs, each in a chat of its own, so that a screen shows one job and nothing else.
 */
import { Array as Arr, Cause, Effect, Exit, Fiber, Option, Random, Stream } from "effect"
import { Chat, WecomBot } from "effect-wecom"
import type { ReplyTarget, WecomError } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Bot from "./bot.js"
import { type Script, sourceOf } from "./scripts.js"
import * as Sim from "./Sim.js"

export const jobsPerBot = 10

export class ModelFailed {
  readonly _tag = "ModelFailed"
}

export type Ending = "Completes" | "Fails" | "Dies" | "Interrupted"

export type AckFault =
  | { readonly _tag: "None" }
  | { readonly _tag: "Slow"; readonly maxMillis: number }
  | { readonly _tag: "Dropped"; readonly chance: number }
  | { readonly _tag: "Lost"; readonly chance: number }
  | { readonly _tag: "Refused"; readonly errcode: number; readonly after: number; readonly times: number }

export type LinkFault = "None" | "Cut" | "Outage" | "Kicked" | "HalfOpen" | "Closed" | "LayerCloses"

export interface Job {
  readonly userid: string
  readonly script: Script
  readonly ending: Ending
  readonly ackFault: AckFault
  readonly isHandler: boolean
  readonly startsAfter: number
}

export interface Outcome {
  readonly job: Job
  readonly linkFault: LinkFault
  /** `undefined` when it never ended. */
  readonly exit: Exit.Exit<WecomBot.Receipt, WecomError.SendError | ModelFailed> | undefined
  readonly screen: ReadonlyArray<TestGateway.Bubble>
  readonly frames: ReadonlyArray<TestGateway.Received>
  readonly connections: ReadonlyArray<TestGateway.Connection>
  /** Whether the bot was subscribed, its acks came and nothing else hindered it when its layer closed. */
  readonly closedInOrder: boolean
}

/** The stream, or the whole req_id, takes no more frames from then on. */
export const goneCodes: ReadonlyArray<number> = [846608, 846604, 846605]
const passingCodes = [6000, 846607, 45009, 45033, -1, 846609]
const otherCodes = [40058, 40201, 45002, 846606, 40008]

const chance = (probability: number) => Effect.map(Random.next, (value) => value < probability)

const oneOf = <A>(items: ReadonlyArray<A>) => Effect.map(Random.nextIntBetween(0, items.length), (at) => items[at]!)

const ackFault: Effect.Effect<AckFault> = Effect.gen(function*() {
  switch (yield* oneOf(["None", "None", "Slow", "Dropped", "Lost", "Gone", "Passing", "Other"] as const)) {
    case "None":
      return { _tag: "None" }
    case "Slow":
      return { _tag: "Slow", maxMillis: yield* oneOf([300, 2000, 7000, 25_000]) }
    case "Dropped":
      return { _tag: "Dropped", chance: yield* oneOf([0.05, 0.3]) }
    case "Lost":
      return { _tag: "Lost", chance: yield* oneOf([0.05, 0.2]) }
    case "Gone":
      return {
        _tag: "Refused",
        errcode: yield* oneOf(goneCodes),
        after: yield* Random.nextIntBetween(0, 20),
        times: Infinity
      }
    case "Passing":
      return {
        _tag: "Refused",
        errcode: yield* oneOf(passingCodes),
        after: yield* Random.nextIntBetween(0, 20),
        times: yield* Random.nextIntBetween(1, 6)
      }
    case "Other":
      return {
        _tag: "Refused",
        errcode: yield* oneOf(otherCodes),
        after: yield* Random.nextIntBetween(0, 20),
        times: 1
      }
  }
})

const job = (index: number): Effect.Effect<Job> =>
  Effect.gen(function*() {
    // As many short jobs as long ones on a logarithmic scale: 1 s to 60 min.
    const seconds = Math.exp((yield* Random.next) * Math.log(3600))
    return {
      userid: `user${index}`,
      script: {
        millis: Math.round(seconds * 1000),
        deltas: yield* Random.nextIntBetween(1, 60),
        kind: yield* oneOf(["words", "words", "chinese", "long", "thinking", "code", "burst"] as const)
      },
      ending: yield* oneOf(
        ["Completes", "Completes", "Completes", "Completes", "Fails", "Dies", "Interrupted"] as const
      ),
      ackFault: yield* ackFault,
      isHandler: yield* chance(0.5),
      startsAfter: yield* Random.nextIntBetween(0, 120_000)
    }
  })

const streamId = (frame: TestGateway.Received): unknown => frame.body?.stream?.id

/** Puts the fault on the frames of this req_id. */
const arrange = (fault: AckFault, reqId: string): Effect.Effect<void, never, TestGateway.TestGateway> =>
  Effect.gen(function*() {
    const random = yield* Effect.map(Random.nextIntBetween(1, 1 << 30), (seed) => {
      let state = seed
      return () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff
    })
    switch (fault._tag) {
      case "None":
        return
      case "Slow":
        yield* TestGateway.acks.delay({ min: 0, max: fault.maxMillis }, { reqId })
        return
      case "Dropped":
        yield* TestGateway.acks.drop({ reqId, where: () => random() < fault.chance })
        return
      case "Lost":
        yield* TestGateway.acks.lose({ reqId, where: () => random() < fault.chance })
        return
      case "Refused": {
        let seen = 0
        let victim: unknown
        const isStream = fault.errcode === 846608
        yield* TestGateway.acks.refuse(fault.errcode, {
          reqId,
          times: Number.isFinite(fault.times) ? fault.times : undefined,
          where: (frame) => {
            if (seen++ < fault.after) return false
            victim ??= streamId(frame)
            return !isStream || streamId(frame) === victim
          }
        })
      }
    }
  })

const send = (userid: string) =>
  Effect.gen(function*() {
    const user = yield* TestGateway.user(userid)
    while (true) {
      const sent = yield* user.sendText("question")
      const receivedAt = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      if (sent.delivered) {
        return {
          kind: "message",
          reqId: sent.reqId,
          chat: Chat.user(userid),
          receivedAt
        } satisfies ReplyTarget.MessageTarget
      }
      yield* Effect.sleep("5 seconds")
    }
  })

const perform = (self: Job, onBegin: () => void) =>
  Effect.gen(function*() {
    yield* Effect.sleep(self.startsAfter)
    const target = yield* send(self.userid)
    yield* arrange(self.ackFault, target.reqId)
    const source = sourceOf(self.script).pipe((source) => {
      switch (self.ending) {
        case "Fails":
          return Stream.concat(source, Stream.fail(new ModelFailed()))
        case "Dies":
          return Stream.concat(source, Stream.die(new Error("a defect")))
        case "Interrupted":
          return Stream.concat(source, Stream.never)
        case "Completes":
          return source
      }
    })
    const reply = WecomBot.replyStream(target, source)
    onBegin()
    const fiber = yield* self.isHandler ? WecomBot.forkHandler(reply) : Effect.forkDaemon(reply)
    if (self.ending === "Interrupted") {
      yield* Effect.sleep(self.script.millis * (yield* Random.next))
      yield* Fiber.interrupt(fiber)
    }
    return yield* Fiber.await(fiber)
  })

/** What befalls the connection, now and then until the jobs are done. */
const disturb = (fault: LinkFault): Effect.Effect<void, never, TestGateway.TestGateway> => {
  const { faults } = TestGateway
  const once = Effect.gen(function*() {
    switch (fault) {
      case "Cut":
        return yield* faults.cut()
      case "Outage": {
        // A cut waits for a connection.
        yield* faults.cut()
        yield* faults.refuseConnections(true)
        yield* Effect.sleep(1000 * (yield* Random.nextIntBetween(1, 100)))
        return yield* faults.refuseConnections(false)
      }
      case "Kicked":
        return yield* faults.kick()
      case "HalfOpen":
        return yield* faults.halfOpen()
      case "Closed":
        return yield* faults.close(1000)
    }
  })
  if (fault === "None" || fault === "LayerCloses") return Effect.void
  return Effect.gen(function*() {
    // A retaker gives way to a rival after a few tries in ten minutes; and a bot that is hardly ever connected proves nothing.
    const shortest = fault === "Kicked" ? 11 * 60_000 : fault === "Cut" || fault === "Closed" ? 1000 : 60_000
    while (true) {
      yield* Effect.sleep(shortest + Math.exp((yield* Random.next) * Math.log(1_000_000)))
      yield* once
    }
  })
}

/** Everything that was to be seen of ten jobs on one bot. */
export const world = (seed: number): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.gen(function*() {
    const linkFault: LinkFault = yield* oneOf(
      ["None", "None", "Cut", "Outage", "Kicked", "HalfOpen", "Closed", "LayerCloses"] as const
    )
    const jobs = yield* Effect.forEach(Arr.range(1, jobsPerBot), job)
    const closesAfter = 1000 * (yield* Random.nextIntBetween(10, 1000))
    const begun = new Set<Job>()

    const run = Effect.gen(function*() {
      const disturbing = yield* Effect.fork(disturb(linkFault))
      const fibers = yield* Effect.forEach(jobs, (job) => Effect.forkDaemon(perform(job, () => begun.add(job))))
      if (linkFault === "LayerCloses") {
        yield* Effect.sleep(closesAfter)
        return fibers
      }
      yield* Fiber.awaitAll(fibers)
      yield* Fiber.interrupt(disturbing)
      yield* TestGateway.faults.refuseConnections(false)
      yield* TestGateway.acks.clear
      // Whatever is still pursued must be caught within this.
      yield* Effect.sleep("3 minutes")
      return fibers
    })
    const bot = Bot.layerOnGateway(seed, { onSuperseded: "retake", maxReconnectAttempts: -1 })
    return yield* Effect.gen(function*() {
      const fibers = yield* Effect.provide(run, bot)
      const atEnd = yield* Effect.forEach(jobs, (job) =>
        Effect.flatMap(TestGateway.user(job.userid), (user) => user.screen))
      const received = yield* TestGateway.received
      const connections = yield* TestGateway.connections
      // Sources that still run have an hour left at most.
      yield* Effect.sleep("70 minutes")
      const outcomes = yield* Effect.forEach(jobs, (job, index) =>
        Effect.map(Fiber.poll(fibers[index]!), (exit): Outcome => {
          const reqIds = new Set(atEnd[index]!.map((bubble) =>
            bubble.reqId
          ))
          return {
            job,
            linkFault,
            exit: Option.getOrUndefined(Option.map(exit, Exit.flatten)),
            screen: atEnd[index]!,
            frames: received.filter((frame) =>
              frame.reqId !== undefined && reqIds.has(frame.reqId)
            ),
            connections,
            closedInOrder: linkFault === "LayerCloses" && job.ackFault._tag === "None"
          }
        }))
      // When the layer closes early, some were not even asked yet.
      return outcomes.filter((outcome) => begun.has(outcome.job))
    }).pipe(Effect.provide(TestGateway.layer({ receivedLimit: 1_000_000 })))
  })

export const play = (seed: number): Promise<ReadonlyArray<Outcome>> =>
  Sim.runPromise(seed, world(seed), { maxMillis: 12 * 60 * 60 * 1000 })

export const failureOf = (exit: Outcome["exit"]) =>
  exit !== undefined && Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
