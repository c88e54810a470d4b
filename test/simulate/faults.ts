/**
 * The faults of a plan, as they befall the gateway, the wire and the machine.
 */
import { Effect } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import type * as Clocks from "../support/clock.js"
import type { Books } from "./book.js"
import { type Fault, goneCodes, type LaneFault } from "./plan.js"
import type * as Rng from "./rng.js"

export interface Stage {
  /** Of every bot. */
  readonly all: ReadonlyArray<Books>
  readonly time: Clocks.ManualClock
  readonly rng: Rng.Rng
  /** Lanes whose acks were doubled: what is known of them rests on an assumption that does not hold. */
  readonly doubted: Set<string>
  readonly msgids: Array<string>
  /** Lanes with a fault of their own. */
  readonly disturbed: Set<string>
  /** When a connection became half open, by its number. */
  readonly silentSince: Map<number, number>
}

const replies = ["aibot_respond_msg", "aibot_respond_welcome_msg", "aibot_respond_update_msg"]
const single = ["ping", "aibot_subscribe", "aibot_send_msg"]

const garbage: ReadonlyArray<string | Uint8Array> = [
  "",
  "{",
  "null",
  "[]",
  "42",
  "\"text\"",
  "{\"cmd\":\"aibot_msg_callback\"}",
  "{\"cmd\":\"aibot_msg_callback\",\"headers\":{\"req_id\":\"x\"},\"body\":{\"msgid\":7}}",
  "{\"cmd\":\"unheard_of\",\"headers\":{\"req_id\":\"x\"},\"body\":{}}",
  "{\"headers\":{\"req_id\":\"nobody\"},\"errcode\":0,\"errmsg\":\"ok\"}",
  "{\"headers\":{\"req_id\":\"nobody\"},\"errcode\":40058}",
  "{\"headers\":{},\"errcode\":0}",
  "{\"errcode\":0}",
  "{\"cmd\":\"ping\",\"headers\":{\"req_id\":\"p\"}}",
  "{\"cmd\":\"aibot_event_callback\",\"headers\":{\"req_id\":\"e\"},\"body\":{\"msgtype\":\"event\",\"event\":{}}}",
  "{\"cmd\":\"aibot_msg_callback\",\"headers\":{\"req_id\":\"d\"},\"body\":{\"__proto__\":{\"a\":1}}}",
  `{"cmd":"aibot_msg_callback","headers":{"req_id":"c"},"body":{"a":"${"\u0001".repeat(1000)}"}}`,
  "x".repeat(200_000),
  new Uint8Array([0xff, 0xfe, 0x00, 0x01]),
  new Uint8Array(0)
]

const { acks, faults } = TestGateway

/** A rule that holds for a while. */
const lasting = (
  rule: Effect.Effect<TestGateway.Rule, never, TestGateway.TestGateway>,
  millis: number
) => Effect.flatMap(rule, ({ remove }) => Effect.ensuring(Effect.sleep(millis), remove))

const toggled = (
  set: (on: boolean) => Effect.Effect<void, never, TestGateway.TestGateway>,
  millis: number
) => Effect.zipRight(set(true), Effect.ensuring(Effect.sleep(millis), set(false)))

/** Every second it goes down, and for a moment nobody is there. */
const restarting = (
  { time }: Stage,
  millis: number
): Effect.Effect<void, never, TestGateway.TestGateway> =>
  Effect.gen(function*() {
    for (const end = time.now() + millis; time.now() < end;) {
      // Where there is no connection it would wait for one.
      if ((yield* TestGateway.connections).some(({ state }) => state !== "closed")) yield* faults.cut()
      yield* toggled(faults.refuseConnections, 300)
      yield* Effect.sleep(700)
    }
  })

/** Takes every frame of the first stream it sees. */
const goneStream = (all: ReadonlyArray<Books>) => {
  let victim: string | undefined
  return (frame: TestGateway.Received): boolean => {
    const stream = frame.body?.stream
    if (stream === undefined) return false
    // To a second copy of a final 846608 says that the first arrived: the gateway says so itself, and only then.
    const isSecondCopy = stream.finish === true && all.some((books) => books.finalsOf(stream.id) > 1)
    victim ??= stream.id
    return victim === stream.id && !isSecondCopy
  }
}

/** Puts the fault on the frames of this req_id. */
export const arrange = (
  stage: Stage,
  fault: LaneFault,
  reqId: string
): Effect.Effect<unknown, never, TestGateway.TestGateway> => {
  const { all, rng } = stage
  stage.disturbed.add(reqId)
  for (const books of all) books.onFault(fault._tag, Infinity, reqId)
  switch (fault._tag) {
    case "AcksLate":
      return acks.delay({ min: 0, max: fault.max }, { reqId })
    case "AcksDropped":
      return acks.drop({ reqId, where: () => rng.chance(fault.chance) })
    case "FramesLost":
      return acks.lose({ reqId, where: () => rng.chance(fault.chance) })
    case "Refused": {
      let seen = 0
      const isVictim = goneCodes.includes(fault.code) ? goneStream(all) : () => true
      const where = (frame: TestGateway.Received) => seen++ >= fault.after && isVictim(frame)
      const times = Number.isFinite(fault.times) ? fault.times : undefined
      return acks.refuse(fault.code, { reqId, times, where })
    }
  }
}

/** What it does; returns when it is over. */
export const befall = (stage: Stage, fault: Fault): Effect.Effect<void, never, TestGateway.TestGateway> =>
  Effect.gen(function*() {
    const { rng, time } = stage
    const tell = (millis: number, detail?: string) => {
      for (const books of stage.all) books.onFault(fault._tag, millis, detail)
    }
    const begin = (detail?: string) => tell(fault.millis, detail)
    const isUp = (yield* TestGateway.connections).some(({ state }) => state !== "closed")
    const momentary = (effect: Effect.Effect<void, never, TestGateway.TestGateway>, detail?: string) =>
      Effect.suspend(() => {
        if (!isUp) return Effect.void
        tell(0, detail)
        return effect
      })
    switch (fault._tag) {
      case "Cut":
        return yield* momentary(faults.cut())
      case "Closed":
        return yield* momentary(faults.close(fault.code), `${fault.code}`)
      case "HalfOpen": {
        const silent = (yield* TestGateway.connections).filter(({ state }) => state !== "closed").at(-1)
        if (silent !== undefined) stage.silentSince.set(silent.number, time.now())
        return yield* momentary(faults.halfOpen())
      }
      case "Forgotten":
        return yield* momentary(faults.forgetSubscription())
      case "Garbage": {
        const what = garbage[fault.what % garbage.length]!
        return yield* momentary(faults.pushRaw(what), JSON.stringify(what).slice(0, 100))
      }
      case "Kick": {
        const isSubscribed = (yield* TestGateway.connections).some(({ state }) => state === "subscribed")
        return isSubscribed ? yield* momentary(faults.kick()) : undefined
      }
      case "Redelivery": {
        if (stage.msgids.length === 0) return
        const isSubscribed = (yield* TestGateway.connections).some(({ halfOpen, state }) =>
          state === "subscribed" && !halfOpen
        )
        return isSubscribed ? yield* momentary(faults.redeliver(rng.pick(stage.msgids))) : undefined
      }
      case "LoopBlocked": {
        begin()
        return time.stall(fault.millis)
      }
      case "MachineSlept": {
        tell(0, `for ${fault.millis / 1000} s`)
        return time.jumpWall(fault.millis)
      }
      default:
        begin()
    }
    switch (fault._tag) {
      case "PongsMuted":
        return yield* lasting(faults.mutePongs, fault.millis)
      case "SubscribesMuted":
        return yield* lasting(faults.muteSubscribe, fault.millis)
      case "CredentialsRefused":
        return yield* toggled(faults.refuseCredentials, fault.millis)
      case "ConnectionsRefused": {
        const how = fault.status === undefined ? true : { status: fault.status }
        return yield* toggled((on) => faults.refuseConnections(on ? how : false), fault.millis)
      }
      case "NeverOpens":
        return yield* toggled(faults.neverOpen, fault.millis)
      case "Restarting":
        return yield* restarting(stage, fault.millis)
      case "AcksLate":
        return yield* lasting(acks.delay({ min: 0, max: fault.max }), fault.millis)
      case "AcksDropped":
        return yield* lasting(acks.drop({ where: () => rng.chance(fault.chance) }), fault.millis)
      case "FramesLost":
        return yield* lasting(acks.lose({ where: () => rng.chance(fault.chance) }), fault.millis)
      case "AcksTwice":
        return yield* lasting(
          acks.duplicate({
            where: (frame) => {
              if (single.includes(frame.cmd!)) return true
              if (!replies.includes(frame.cmd!)) return false
              stage.doubted.add(String(frame.reqId))
              return true
            }
          }),
          fault.millis
        )
      case "AcksReordered":
        return yield* lasting(acks.reorder({}, { size: fault.size, order: "shuffle" }), fault.millis)
      case "Refused":
        return yield* lasting(
          acks.refuse(fault.code, {
            // A subscribe on a new connection is never refused for want of a subscription.
            where: (frame) => frame.cmd !== "aibot_subscribe" && frame.cmd !== "ping" && rng.chance(fault.chance)
          }),
          fault.millis
        )
      case "StreamGone":
        yield* acks.refuse(fault.code, { where: goneStream(stage.all) })
    }
  })
