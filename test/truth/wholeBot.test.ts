import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Stream } from "effect"
import { Chat, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as fc from "fast-check"
import { runs } from "../support/runs.js"
import * as Sim from "../support/simulation.js"

/** What the gateway does to one copy of a frame. */
interface CopyFate {
  readonly refusal: number | undefined
  readonly ack: { readonly _tag: "After"; readonly millis: number } | { readonly _tag: "Never" } | {
    readonly _tag: "Lost"
  }
}

interface SendFate {
  readonly kind: "snapshot" | "final" | "push"
  readonly gap: number
  /** One per connection it is written on; later ones are faultless. */
  readonly copies: ReadonlyArray<CopyFate>
}

interface Fate {
  readonly lanes: ReadonlyArray<ReadonlyArray<SendFate>>
  readonly cuts: ReadonlyArray<number>
  /** Refusals with 40058 do not name their frame. */
  readonly areUnnamed: boolean
}

const refusals = [846605, 6000, -1, 846609, 40058]
const streamExpired = 846608

const copyFate = (codes: ReadonlyArray<number>) =>
  fc.record<CopyFate>({
    refusal: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, {
      weight: 1,
      arbitrary: fc.constantFrom(...codes)
    }),
    ack: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 400 }).map((millis) => ({ _tag: "After" as const, millis })) },
      {
        weight: 2,
        arbitrary: fc.integer({ min: 4900, max: 6000 }).map((millis) => ({ _tag: "After" as const, millis }))
      },
      {
        weight: 1,
        arbitrary: fc.integer({ min: 0, max: 29_900 }).map((millis) => ({ _tag: "After" as const, millis }))
      },
      { weight: 1, arbitrary: fc.constantFrom({ _tag: "Never" as const }, { _tag: "Lost" as const }) }
    )
  })

const fate: fc.Arbitrary<Fate> = fc.record({
  lanes: fc.array(
    fc.array(
      fc.record<SendFate>({
        kind: fc.constantFrom("snapshot", "final", "final", "push"),
        gap: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3000 })),
        // To a second copy 846608 says that the first arrived: the gateway says so itself, and only then.
        copies: fc.oneof(
          fc.constant([]),
          fc.tuple(copyFate([...refusals, streamExpired])),
          fc.tuple(copyFate([...refusals, streamExpired]), copyFate(refusals))
        )
      }),
      { minLength: 1, maxLength: 6 }
    ),
    { minLength: 1, maxLength: 3 }
  ),
  cuts: fc.array(fc.integer({ min: 0, max: 25_000 }), { maxLength: 3 }),
  areUnnamed: fc.boolean()
})

const quick: CopyFate = { refusal: undefined, ack: { _tag: "After", millis: 100 } }

const contentOf = (frame: TestGateway.Received): string | undefined =>
  frame.body?.stream?.content ?? frame.body?.markdown?.content

/** Plays a schedule against a whole bot, and returns for every frame what the bot said and what really happened to it. */
const play = ({ areUnnamed, cuts, lanes }: Fate) =>
  Effect.gen(function*() {
    const fates = new Map<string, ReadonlyArray<CopyFate>>()
    const connections = new Map<string, Array<number>>()
    const fateOf = (frame: TestGateway.Received): CopyFate | undefined => {
      const content = contentOf(frame)
      const copies = content === undefined ? undefined : fates.get(content)
      if (content === undefined || copies === undefined) return undefined
      const seen = connections.get(content) ?? []
      if (!seen.includes(frame.connection)) seen.push(frame.connection)
      connections.set(content, seen)
      return copies[seen.indexOf(frame.connection)] ?? quick
    }
    const delays = new Set<number>([quick.ack._tag === "After" ? quick.ack.millis : 0])
    for (const { ack } of lanes.flat().flatMap(({ copies }) => copies)) if (ack._tag === "After") delays.add(ack.millis)
    for (const millis of delays) {
      const where = (frame: TestGateway.Received) => {
        const ack = fateOf(frame)?.ack
        return ack?._tag === "After" && ack.millis === millis
      }
      yield* TestGateway.acks.delay(millis, { where })
    }
    for (const code of [...refusals, streamExpired]) {
      yield* TestGateway.acks.refuse(code, { where: (frame) => fateOf(frame)?.refusal === code })
    }
    yield* TestGateway.acks.drop({ where: (frame) => fateOf(frame)?.ack._tag === "Never" })
    yield* TestGateway.acks.lose({ where: (frame) => fateOf(frame)?.ack._tag === "Lost" })

    const results: Array<{ readonly name: string; readonly fate: SendFate; readonly said: string }> = []
    const lane = (sends: ReadonlyArray<SendFate>, index: number) =>
      Effect.gen(function*() {
        const user = yield* TestGateway.user(`user-${index}`)
        const { reqId } = yield* user.sendText("hi")
        const messages = yield* Stream.runCollect(Stream.take(
          Stream.filter(WecomBot.messages, (message) => message.reqId === reqId),
          1
        ))
        const message = Chunk.unsafeHead(messages)
        let stream = 0
        for (const [place, send] of sends.entries()) {
          const name = `lane ${index}, send ${place}`
          fates.set(name, send.copies)
          yield* Effect.sleep(send.gap)
          const exit = yield* Effect.exit(
            send.kind === "push"
              ? WecomBot.sendMessage(Chat.user(`user-${index}`), Reply.markdown(name))
              : WecomBot.replyStreamFrame(message, {
                id: `s${index}-${stream}`,
                content: name,
                finish: send.kind === "final"
              })
          )
          if (send.kind === "final") stream++
          const said = Exit.isSuccess(exit) ? "ok" : exit.cause._tag === "Fail" ? exit.cause.error._tag : "defect"
          results.push({ name, fate: send, said })
        }
      })
    for (const at of cuts) {
      yield* Effect.forkScoped(Effect.zipRight(Effect.sleep(at), TestGateway.faults.cut()))
    }
    yield* WecomBot.ready
    yield* Effect.forEach(lanes, lane, { concurrency: "unbounded" })
    const received = yield* TestGateway.received
    return results.map(({ fate, name, said }) => {
      const copies = received.filter((frame) => contentOf(frame) === name).map((frame) => frame.errcode)
      return { name, fate, said, copies, isDelivered: copies.includes(0) }
    })
  }).pipe(
    Effect.scoped,
    Effect.provide(
      TestGateway.layerBot({ quotas: false, maxReconnectAttempts: -1, sealTimeout: 0, unnamedRefusals: areUnnamed })
    )
  )

describe("a whole bot", () => {
  const histories = runs(450)

  it(
    `tells the truth about every frame in ${histories} histories of late, lost and refusing acks and cut links`,
    async () => {
      const seen: Record<string, number> = {}
      let resent = 0
      await fc.assert(
        fc.asyncProperty(fate, async (schedule) => {
          for (const { copies, fate: { kind }, isDelivered, name, said } of await Sim.runPromise(1, play(schedule))) {
            seen[said] = (seen[said] ?? 0) + 1
            if (copies.length > 1) resent++
            if (said === "ok") expect(isDelivered, `${name}: ok`).toBe(true)
            if (said === "SendRejected") expect(isDelivered, `${name}: rejected`).toBe(false)
            if (said === "SendUnavailable") expect(isDelivered, `${name}: unavailable`).toBe(false)
            expect(["ok", "SendRejected", "SendUnavailable", "DeliveryUnknown"]).toContain(said)
            // Another copy of a push only after the service said that it took none.
            if (kind === "push") expect(copies.slice(0, -1).every((code) => code === 846609), name).toBe(true)
          }
        }),
        { numRuns: histories }
      )
      expect(seen.ok).toBeGreaterThan(runs(300))
      expect(seen.SendRejected).toBeGreaterThan(runs(100))
      expect(seen.DeliveryUnknown).toBeGreaterThan(runs(100))
      expect(resent).toBeGreaterThan(runs(30))
    },
    60_000
  )

  it("gives every frame its own verdict when nothing goes wrong", async () => {
    const faultless = fate.map((schedule): Fate => ({
      cuts: [],
      areUnnamed: false,
      lanes: schedule.lanes.map((sends) =>
        sends.map((send) => ({
          ...send,
          copies: [{
            refusal: send.copies[0]?.refusal === 846609 ? 40058 : send.copies[0]?.refusal,
            ack: { _tag: "After", millis: send.gap }
          }]
        }))
      )
    }))
    await fc.assert(
      fc.asyncProperty(faultless, async (schedule) => {
        for (const { isDelivered, name, said } of await Sim.runPromise(1, play(schedule))) {
          expect(said, name).toBe(isDelivered ? "ok" : "SendRejected")
        }
      }),
      { numRuns: runs(100) }
    )
  })
})
