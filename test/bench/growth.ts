/**
 * Whether a frame costs the same however much the bot remembers: one that is sent with 1, 100 and 10,000 lanes open beside it,
 * one that is received and decoded with 10, 1,000 and 100,000 msgids. Runs in a process of its own and reports microseconds of
 * CPU for each.
 */
import * as BotConfig from "effect-wecom/BotConfig"
import * as Connection from "effect-wecom/Connection"
import * as Dedupe from "effect-wecom/Dedupe"
import * as ReplyQueue from "effect-wecom/ReplyQueue"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as codec from "../../src/internal/wire/codec.js"
import { median } from "./median.js"

/** A reply takes a fraction of a microsecond here, and noise is not to be most of what is measured. */
const replies = 2_000_000
const messages = 200_000
const rounds = 7
/** Of the first size too: V8 changes its mind about what it has compiled once or twice. */
const warmUps = 3

const micros = (run: () => void, frames: number): number => {
  const cpu = process.cpuUsage()
  run()
  const { system, user } = process.cpuUsage(cpu)
  return (user + system) / frames
}

/** A connection that acks at once, except the frames of the lanes that stay open. */
const acking = {
  unsafeRequest: (request, options, onExit) => {
    options?.onWritten?.()
    if (request.cmd !== "stays") {
      onExit(Exit.succeed({ headers: request.headers, errcode: 0, errmsg: "ok", body: undefined }))
    }
    return () => {}
  }
} as Connection.Connection.Service

const queue = Effect.runSync(
  ReplyQueue.ReplyQueue.pipe(
    Effect.provide(ReplyQueue.layer),
    Effect.provide(Layer.succeed(Connection.Connection, acking)),
    Effect.provide(BotConfig.layer({ botId: "b", secret: Redacted.make("s") }))
  )
)

const lanes = (open: number) => {
  for (let i = queue.unsafeSize(); i < open - 1; i++) {
    queue.unsafeOffer({ cmd: "stays", headers: { req_id: `open${i}` } }, undefined, () => {})
  }
  const request = { cmd: "aibot_respond_msg", headers: { req_id: "r" }, body: {} }
  const stream = { id: "r", finish: false }
  return () => {
    for (let i = 0; i < replies; i++) queue.unsafeOffer(request, { stream }, () => {})
  }
}

const clock = { unsafeCurrentTimeMillis: () => 0 }

const msgids = (remembered: number) => {
  const dedupe = Effect.runSync(Dedupe.make({ capacity: remembered }))
  const frame = (id: number) =>
    `{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ${id}"},"body":{"msgid":"MSG${id}","aibotid":"aibBench",` +
    `"chattype":"single","from":{"userid":"alice"},"create_time":1790000000,"msgtype":"text","text":{"content":"你好"}}}`
  let next = 0
  const isNew = () => {
    const inbound = codec.decode(frame(next++), clock)
    return dedupe.isNew(inbound._tag === "Message" ? inbound.message.msgid : "")
  }
  const rest = Effect.whileLoop({ while: () => next % messages !== 0, body: isNew, step: () => {} })
  return () => Effect.runSync(Effect.zipRight(Effect.suspend(isNew), rest))
}

const measure = (make: (size: number) => () => void, frames: number, sizes: ReadonlyArray<number>) =>
  sizes.map((size) => {
    const run = make(size)
    for (let i = 0; i < warmUps; i++) run()
    return median(Array.from({ length: rounds }, () => micros(run, frames)))
  })

process.send!({
  lanes: measure(lanes, replies, [1, 100, 10_000]),
  msgids: measure(msgids, messages, [10, 1000, 100_000])
})
process.exit(0)
