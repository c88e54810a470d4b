/**
 * The service in a process of its own, so that its memory is not the bot's: users who write, and a fault every second.
 */
import { Effect, Fiber, ManagedRuntime, Random, Schedule } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { maxTokens, type Notice, type Order, tokenOf } from "./protocol.js"

const { acks, faults } = TestGateway
const accepted = new Uint8Array(maxTokens)
const injected: Record<string, number> = {}
const users = 200
let written = 0

const runtime = ManagedRuntime.make(NodeGateway.layer({
  // What is too much is another suite's; here it would only slow things down.
  quotas: false,
  offlineMessages: "redeliver",
  secondNonStreamResponse: "accept",
  supersededCloseAfter: "2 seconds",
  receivedLimit: 100
}))

const tell = (notice: Notice) => process.send!(notice)

/** Looks at every frame after the gateway has judged it. */
const judged = (frame: TestGateway.Received) => {
  queueMicrotask(() => {
    if (frame.errcode !== 0) return
    const stream = frame.body?.stream
    const token = tokenOf(frame.text, stream === undefined || stream.finish === true)
    if (token !== undefined && accepted[token]! < 255) accepted[token]!++
  })
  return false
}

const write = Effect.gen(function*() {
  const user = yield* TestGateway.user(`user${written % users}`)
  yield* user.sendText(`m${written++}`, { wait: false })
})

const single = ["ping", "aibot_subscribe", "aibot_send_msg"]
const sends = [
  "aibot_respond_msg",
  "aibot_respond_welcome_msg",
  "aibot_respond_update_msg",
  "aibot_send_msg"
]

const chance = (probability: number) => () => Math.random() < probability

const lasting = (rule: Effect.Effect<TestGateway.Rule, never, TestGateway.TestGateway>) =>
  Effect.flatMap(rule, ({ remove }) => Effect.ensuring(Effect.sleep(900), remove))

const toggled = (set: (on: boolean) => Effect.Effect<void, never, TestGateway.TestGateway>) =>
  Effect.zipRight(set(true), Effect.ensuring(Effect.sleep(600), set(false)))

const kinds: Readonly<Record<string, Effect.Effect<void, never, TestGateway.TestGateway>>> = {
  cut: faults.cut(),
  "close 1000": faults.close(1000),
  "close 1011": faults.close(1011),
  "half open": faults.halfOpen(),
  kick: faults.kick(),
  "subscription forgotten": faults.forgetSubscription(),
  "pongs muted": lasting(faults.mutePongs),
  "subscribes muted": lasting(faults.muteSubscribe),
  "acks late": lasting(acks.delay({ min: 0, max: 1500 })),
  "acks dropped": lasting(acks.drop({ cmd: sends, where: chance(0.3) })),
  "acks twice": lasting(acks.duplicate({ cmd: single })),
  "acks reordered": lasting(acks.reorder({ cmd: sends }, { size: 3, order: "shuffle" })),
  "frames lost": lasting(acks.lose({ cmd: sends, where: chance(0.3) })),
  "refused 40058": lasting(acks.refuse(40058, { cmd: sends, where: chance(0.3) })),
  "refused 45009": lasting(acks.refuse(45009, { cmd: sends, where: chance(0.3) })),
  "refused 846609": lasting(acks.refuse(846609, { cmd: sends, where: chance(0.1) })),
  "connections refused": toggled((on) => faults.refuseConnections(on)),
  "upgrade refused 503": toggled((on) => faults.refuseConnections(on ? { status: 503 } : false)),
  "never opens": toggled(faults.neverOpen),
  "credentials refused": toggled(faults.refuseCredentials),
  garbage: faults.pushRaw(Buffer.from([0xff, 0x00, 0x7b])),
  "restart": Effect.zipRight(faults.cut(), toggled((on) => faults.refuseConnections(on)))
}

/** One that waits for a connection that never comes must not pile up. */
const fault = Effect.gen(function*() {
  const names = Object.keys(kinds)
  const name = names[yield* Random.nextIntBetween(0, names.length)]!
  injected[name] = (injected[name] ?? 0) + 1
  yield* kinds[name]!.pipe(Effect.timeoutOption("950 millis"))
})

const calm = Effect.all([
  acks.clear,
  acks.drop({ where: judged }),
  faults.refuseConnections(false),
  faults.neverOpen(false),
  faults.refuseCredentials(false)
])

let traffic: Fiber.RuntimeFiber<unknown, unknown> | undefined
let trouble: Fiber.RuntimeFiber<unknown, unknown> | undefined

const obey = async (order: Order): Promise<void> => {
  switch (order._tag) {
    case "Warm":
      await runtime.runPromise(Effect.forEach(
        Array.from({ length: order.messages }),
        // The bot gets its turn in between.
        () => Effect.zipRight(write, written % 50 === 0 ? Effect.sleep(20) : Effect.void),
        { discard: true }
      ))
      tell({ _tag: "Warmed" })
      return
    case "Traffic":
      if (traffic !== undefined) await Effect.runPromise(Fiber.interrupt(traffic))
      traffic = order.on ? runtime.runFork(Effect.repeat(write, Schedule.spaced("20 millis"))) : undefined
      return
    case "Faults":
      if (trouble !== undefined) await Effect.runPromise(Fiber.interrupt(trouble))
      trouble = order.on ? runtime.runFork(Effect.repeat(fault, Schedule.fixed("1 second"))) : undefined
      await runtime.runPromise(calm)
      return
    case "Report":
      tell({ _tag: "Report", accepted: Buffer.from(accepted).toString("base64"), faults: injected })
      return
    case "Stop":
      await runtime.dispose()
      process.disconnect()
  }
}

process.on("message", (order: Order) => void obey(order))
await runtime.runPromise(calm)
tell({ _tag: "Listening", url: await runtime.runPromise(NodeGateway.url) })
