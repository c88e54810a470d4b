/** Only public surfaces of Effect, ws, undici and Node: what they neither document nor type may change in any patch of theirs. */
import { expect, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"

const src = path.join(import.meta.dirname, "../src")

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, text: readFileSync(path.join(src, file), "utf8") }))

/** Members that were in use once, and their neighbours. */
const forbidden: ReadonlyArray<readonly [what: string, pattern: RegExp]> = [
  ["observers of a fiber", /\b_observers\b/],
  ["runtime flags of a fiber", /\bcurrentRuntimeFlags\b/],
  ["children of a fiber", /\bgetChildren\b/],
  ["FiberRefs set from outside", /\bsetFiberRefs?\b/],
  ["the stack of a fiber", /\b_(stack|fiberRefs|queue|exitValue)\b/],
  ["the state of a Scope", /\.state as\b|unknown as \{ readonly state/],
  ["the scheduler of a Clock", /\bClockScheduler\b|\.scheduler\(\)|unsafeSchedule\b/],
  ["listeners of an emitter", /\.(raw)?[lL]isteners\(/],
  ["the buffer that a socket reads into", /\bonread\b/],
  ["the socket of a WebSocket", /\._socket\b/],
  ["the receiver of a WebSocket", /\._receiver\b/],
  ["the sender of a WebSocket", /\._sender\b/],
  ["a request before it is sent", /\bfinishRequest\b/],
  ["private state of a stream", /\._(readableState|writableState|events|handle|httpMessage)\b/],
  ["the source of a response", /\bresponse as \{|\bresponse\.source\b|readonly source\?:/],
  ["a copy by prototype", /Object\.create\(/],
  ["forced collections", /\bglobalThis\.gc\b|\bexpose-gc\b|\bWeakRef\b/],
  ["a function kept by identity", /new WeakMap<(Question|Run|Function|\(\.\.\.)/]
]

it.each(forbidden)("no file of src reaches %s", (_, pattern) => {
  expect(files.filter(({ text }) => pattern.test(text)).map(({ file }) => file)).toEqual([])
})

/** Every cast past the type checker, and why it is true. */
const casts: { readonly [file: string]: readonly [count: number, why: string] } = {
  "BotRouter.ts": [1, "catchTags of Effect, with the type of a recovery"],
  "NodeWecomBot.ts": [1, "the proxy agent is an Agent of Node"],
  "Reply.ts": [1, "a body whose field is named as its msgtype"],
  "TestGateway.ts": [1, "accessors of a table, which the table types"],
  "internal/checks/bytes.ts": [1, "isWellFormed, which the library of ES2022 does not type"],
  "internal/gateway/memorySocket.ts": [1, "the socket in memory is the platform's WebSocket"],
  "internal/router/handler.ts": [2, "items of a share are not empty"],
  "internal/node/socket.ts": [1, "ws as the platform's WebSocket"]
}

it("the casts past the type checker are those listed here, each with its reason", () => {
  const found = files.flatMap(({ file, text }) => {
    const count = text.match(/\bas unknown as\b|\bas any\b/g)?.length ?? 0
    return count === 0 ? [] : [[file, count] as const]
  })
  expect(Object.fromEntries(found)).toEqual(
    Object.fromEntries(Object.entries(casts).map(([file, [count]]) => [file, count]))
  )
})
