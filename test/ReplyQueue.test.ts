import { describe, expect, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Layer } from "effect"
import { BotConfig, Connection, type Frame, ReplyQueue, WecomError } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as fc from "fast-check"
import type * as PendingAcks from "../src/internal/connection/acks.js"
import * as Requests from "../src/internal/connection/requests.js"
import * as internal from "../src/internal/sending/lanes.js"
import * as Deadlines from "../src/internal/time/deadlines.js"
import * as Agenda from "./truth/agenda.js"

type Answer = Exit.Exit<Frame.Ack, Connection.RequestError>

interface Written {
  readonly reqId: string
  readonly name: string
  readonly options: Connection.RequestOptions | undefined
  readonly answer: (exit: Answer) => void
}

const ack = (reqId: string | number): Answer => Exit.succeed({ headers: { req_id: reqId }, errcode: 0, errmsg: "ok" })

const lost = (command = "c"): Answer => Exit.fail(new WecomError.DeliveryUnknown({ command, reason: "ConnectionLost" }))

const rejected = (errcode: number): Answer =>
  Exit.fail(new WecomError.SendRejected({ command: "c", errcode, errmsg: "" }))

/** Lanes over a connection that is played by the test. */
const played = (maxReplyQueueSize?: number) =>
  Effect.gen(function*() {
    const written: Array<Written> = []
    const connection = {
      respond: undefined as ((request: Frame.Request) => Answer | undefined) | undefined
    }
    const service = {
      unsafeRequest: (
        request: Frame.Request,
        options: Connection.RequestOptions | undefined,
        onExit: (exit: Answer) => void
      ) => {
        const exit = connection.respond?.(request)
        if (exit !== undefined) {
          onExit(exit)
          return () => {}
        }
        written.push({ reqId: String(request.headers.req_id), name: String(request.body), options, answer: onExit })
        options?.onWritten?.()
        return () => {}
      }
    } as unknown as Connection.Connection.Service
    const context = yield* Layer.build(ReplyQueue.layer.pipe(
      Layer.provide(Layer.succeed(Connection.Connection, service)),
      Layer.provide(BotConfig.layer({ botId: "b", secret: TestGateway.defaultSecret, maxReplyQueueSize }))
    ))
    const queue = Context.get(context, ReplyQueue.ReplyQueue)
    const answers: Array<string> = []
    const offer = (reqId: string, name: string, options?: ReplyQueue.Options) =>
      queue.unsafeOffer({ cmd: "c", headers: { req_id: reqId }, body: name }, options, (exit) => {
        answers.push(`${name}: ${Exit.match(exit, { onSuccess: () => "ok", onFailure: tagOf })}`)
      })
    return { answers, connection, offer, queue, written }
  })

const tagOf = (cause: any) => cause.error?._tag ?? "?"

const names = (written: ReadonlyArray<Written>) => written.map((frame) => frame.name)

describe("order: frames of one req_id leave one at a time, in order", () => {
  it.scoped("each after the ack of the one before; lanes do not wait for each other", () =>
    Effect.gen(function*() {
      const { answers, offer, queue, written } = yield* played()
      for (const name of ["a1", "a2"]) offer("a", name)
      offer("b", "b1")
      expect(names(written)).toEqual(["a1", "b1"])
      written[0]!.answer(ack("a"))
      expect(names(written)).toEqual(["a1", "b1", "a2"])
      expect(answers).toEqual(["a1: ok"])
      expect(queue.unsafeIsIdle("a")).toBe(false)
      written[2]!.answer(ack("a"))
      expect(queue.unsafeIsIdle("a")).toBe(true)
      expect(queue.unsafeSize()).toBe(1)
    }))

  it.scoped("an idle lane costs nothing: the last answer leaves no trace", () =>
    Effect.gen(function*() {
      const { connection, offer, queue } = yield* played()
      connection.respond = (request) => ack(request.headers.req_id)
      for (let n = 0; n < 10_000; n++) offer(`lane-${n}`, "x")
      expect(queue.unsafeSize()).toBe(0)
      yield* queue.flushed
    }))

  it.scoped("a lane that fails as a whole, 10,000 frames deep, is answered in order and does not overflow the stack", () =>
    Effect.gen(function*() {
      const { answers, connection, offer, queue, written } = yield* played(10_000)
      for (let n = 0; n < 10_000; n++) offer("a", String(n))
      connection.respond = () => Exit.fail(new WecomError.SendUnavailable({ command: "c", reason: "Closed" }))
      written[0]!.answer(lost())
      expect(answers).toHaveLength(10_000)
      expect(answers[0]).toBe("0: DeliveryUnknown")
      expect(answers[9999]).toBe("9999: SendUnavailable")
      expect(queue.unsafeSize()).toBe(0)
    }))

  it.scoped("whatever happens, a lane keeps its order, has one frame in flight and answers everybody once", () =>
    Effect.gen(function*() {
      const steps = fc.array(
        fc.oneof(
          fc.record({
            kind: fc.constant("offer" as const),
            lane: fc.integer({ min: 0, max: 2 }),
            resend: fc.boolean()
          }),
          fc.record({
            kind: fc.constantFrom("ack" as const, "lost" as const, "reject" as const, "giveUp" as const),
            at: fc.nat(20)
          })
        ),
        { maxLength: 40 }
      )
      const lanes = yield* Effect.forEach(Array.from({ length: 200 }), () => played())
      let run = 0
      fc.assert(
        fc.property(steps, (steps) => {
          const { answers, offer, queue, written } = lanes[run++]!
          const giveUps: Array<() => void> = []
          const given = new Set<string>()
          const inFlight: Array<Written> = []
          let seen = 0
          const collect = () => {
            while (seen < written.length) inFlight.push(written[seen++]!)
            const reqIds = inFlight.map((frame) => frame.reqId)
            expect(new Set(reqIds).size).toBe(reqIds.length)
          }
          let next = 0
          for (const step of steps) {
            if (step.kind === "offer") {
              const name = String(next++)
              giveUps.push(offer(`lane-${step.lane}`, name, step.resend ? { onConnectionLost: "resend" } : undefined))
            } else if (step.kind === "giveUp") {
              if (giveUps.length === 0) continue
              const at = step.at % giveUps.length
              if (!answers.some((answer) => answer.startsWith(`${at}:`))) given.add(String(at))
              giveUps[at]!()
            } else if (inFlight.length > 0) {
              const [frame] = inFlight.splice(step.at % inFlight.length, 1)
              frame!.answer(step.kind === "ack" ? ack(frame!.reqId) : step.kind === "lost" ? lost() : rejected(1))
            }
            collect()
          }
          for (let frame = inFlight.shift(); frame !== undefined; frame = inFlight.shift()) {
            frame.answer(ack(frame.reqId))
            collect()
          }
          expect(queue.unsafeSize()).toBe(0)
          const answered = answers.map((answer) => answer.split(":")[0]!)
          expect(new Set(answered).size).toBe(answered.length)
          for (let n = 0; n < next; n++) expect(answered.includes(String(n))).toBe(!given.has(String(n)))
          for (const reqId of new Set(written.map((frame) => frame.reqId))) {
            const order = written.filter((frame) => frame.reqId === reqId).map((frame) => Number(frame.name))
            expect(order).toEqual(order.toSorted((a, b) => a - b))
          }
        }),
        { numRuns: 200, endOnFailure: true }
      )
    }))
})

describe("sending again", () => {
  it.scoped("846608 to the second copy of a final whose stream may be older than what the queue has seen says nothing", () =>
    Effect.gen(function*() {
      const { answers, offer, written } = yield* played()
      const now = yield* Clock.currentTimeMillis
      const final = { onConnectionLost: "resend", stream: { id: "s", finish: true } } as const
      offer("a", "older", { ...final, expiresAt: now + 59_999, windowMillis: 60_000 })
      offer("b", "of unknown age", final)
      for (const frame of written.slice()) frame.answer(lost())
      for (const frame of written.slice(2)) frame.answer(rejected(846608))
      expect(answers).toEqual(["older: DeliveryUnknown", "of unknown age: DeliveryUnknown"])
    }))
})

describe("giving up", () => {
  it.scoped("a frame nobody waits for any more is not sent again", () =>
    Effect.gen(function*() {
      const { offer, queue, written } = yield* played()
      const giveUp = offer("a", "snapshot", { onConnectionLost: "resend" })
      expect(written[0]!.options?.isWanted?.()).toBe(true)
      giveUp()
      expect(written[0]!.options?.isWanted?.()).toBe(false)
      written[0]!.answer(lost())
      expect(names(written)).toEqual(["snapshot"])
      expect(queue.unsafeSize()).toBe(0)
    }))
})

it("a second copy that waits for a connection does not leave when its caller went away", () => {
  let writer: PendingAcks.Writer | undefined
  const sent: Array<string> = []
  const config = Effect.runSync(BotConfig.resolve({ botId: "b", secret: TestGateway.defaultSecret }))
  const clock = Effect.runSync(Effect.clock)
  const deadlines = Deadlines.make(clock, () => () => {}, Effect.runFork)
  const requests = new Requests.Requests(config, deadlines, clock)
  const connection = {
    unsafeRequest: (...args: Parameters<typeof requests.submit>) => requests.submit(...args)
  } as unknown as Connection.Connection.Service
  const queue = Effect.runSync(internal.make(connection, config))
  const session: Parameters<Requests.Requests["begin"]>[0] = {
    send: (reqId, _text, _timeout, own) => {
      sent.push(String(reqId))
      writer = own
      return true
    }
  }
  requests.begin(session)
  const giveUp = queue.unsafeOffer({ cmd: "c", headers: { req_id: "a" } }, { onConnectionLost: "resend" }, () => {})
  requests.suspend()
  writer!.onVerdict({ _tag: "Unknown", reason: "ConnectionLost" })
  giveUp()
  requests.begin(session)
  expect(sent).toEqual(["a"])
})

it("a frame that waited for a connection has what an ack may take once it is written, and no end of its wait", () => {
  const agenda = Agenda.make(0)
  const config = Effect.runSync(BotConfig.resolve({ botId: "b", secret: TestGateway.defaultSecret }))
  const requests = new Requests.Requests(config, agenda, Effect.runSync(Effect.clock))
  const exits: Array<Answer> = []
  requests.submit({ cmd: "c", headers: { req_id: "a" } }, undefined, (exit) => exits.push(exit))
  agenda.at(29_000, 0, () => requests.begin({ send: () => true }))
  agenda.runToEnd()
  expect(exits).toEqual([])
})
