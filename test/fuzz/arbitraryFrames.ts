/** Frames of the service: as its documentation describes them, broken in every way, and no frames at all. */
import type { Schema } from "effect"
import { Arbitrary } from "effect"
import { BotEvent, Frame, Message } from "effect-wecom"
import * as fc from "fast-check"

const wire = (cmd: string, { receivedAt: _, reqId, ...body }: { reqId: string | number; receivedAt: number }) => ({
  cmd,
  headers: { req_id: reqId },
  body: body as { readonly [field: string]: unknown }
})

const isJson = (value: unknown): boolean => {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}

/** JSON loses digits of larger numbers. */
const hasExactReqId = ({ reqId }: { readonly reqId: Frame.ReqId }): boolean =>
  typeof reqId === "string" || Math.abs(reqId) <= Number.MAX_SAFE_INTEGER

/** The messages this version knows, from their schema. */
export const message: fc.Arbitrary<Message.Message> = fc.oneof(
  ...[
    Message.TextMessage,
    Message.ImageMessage,
    Message.MixedMessage,
    Message.VoiceMessage,
    Message.FileMessage,
    Message.VideoMessage
  ].map((schema) => Arbitrary.make(schema as Schema.Schema<Message.Message>))
).filter(hasExactReqId)

/** The events this version knows, from their schema. */
export const event: fc.Arbitrary<BotEvent.BotEvent> = fc.oneof(
  ...[BotEvent.EnterChat, BotEvent.TemplateCardEvent, BotEvent.FeedbackEvent]
    .map((schema) => Arbitrary.make(schema as Schema.Schema<BotEvent.BotEvent>))
).filter(hasExactReqId)

export const messageFrame = message.map((_) => wire(Frame.Command.messageCallback, _))

export const eventFrame = event.map(({ eventtype: _, ...rest }) => wire(Frame.Command.eventCallback, rest))

/** Acks that forget fields, or have them with other types. */
export const looseAck = fc.record({
  cmd: fc.option(fc.constantFrom("", null, "aibot_respond_msg"), { nil: undefined }),
  headers: fc.oneof(fc.record({ req_id: fc.string() }), fc.jsonValue()),
  errcode: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.jsonValue()),
  errmsg: fc.oneof(fc.string(), fc.jsonValue()),
  body: fc.jsonValue()
}, { requiredKeys: [] })

const hostileNames = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "then",
  "toJSON",
  "text",
  "unknown",
  "event",
  ""
]

const hostileFrame = fc.record({
  cmd: fc.constantFrom<string>(...Object.values(Frame.Command), ...hostileNames, "aibot_new_callback"),
  headers: fc.oneof(fc.record({ req_id: fc.oneof(fc.string(), fc.constantFrom(...hostileNames)) }), fc.jsonValue()),
  body: fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom(...hostileNames, "msgtype", "msgid", "from", "eventtype"), fc.jsonValue()),
    fc.record({
      msgid: fc.string(),
      from: fc.record({ userid: fc.string() }),
      msgtype: fc.constantFrom(...hostileNames),
      event: fc.record({ eventtype: fc.constantFrom(...hostileNames) })
    })
  )
})

const nestings: ReadonlyArray<string> = [50, 5_000, 200_000].flatMap((depth) => [
  "[".repeat(depth) + "]".repeat(depth),
  "{\"a\":".repeat(depth) + "1" + "}".repeat(depth),
  "[".repeat(depth),
  `{"cmd":"aibot_msg_callback","headers":{"req_id":"deep"},"body":{"msgid":"deep-${depth}","aibotid":"b",` +
  `"chattype":"single","from":{"userid":"u"},"msgtype":"text","text":{"content":"x"},"quote":` +
  "{\"msgtype\":".repeat(depth) + "\"text\"" + "}".repeat(depth) + "}}",
  `{"headers":{"req_id":"deep"},"errcode":0,"errmsg":"ok","body":${"[".repeat(depth)}${"]".repeat(depth)}}`,
  `{"cmd":"aibot_event_callback","headers":{"req_id":"deep"},"body":{"msgid":"deep-event-${depth}","msgtype":"event",` +
  `"event":${"{\"event\":".repeat(depth)}1${"}".repeat(depth)}}}`
])

const huge: ReadonlyArray<string> = [
  JSON.stringify({ cmd: "x".repeat(1_000_000), headers: { req_id: "r" } }),
  JSON.stringify({ headers: { req_id: "r".repeat(1_000_000) }, errcode: 0, errmsg: "m".repeat(1_000_000) }),
  `{"cmd":"ping","headers":{"req_id":"${"\u0001".repeat(300_000)}"}}`,
  "x".repeat(2_000_000),
  `"${"\\".repeat(1_000_001)}`
]

const snippets = fc.oneof(
  fc.constantFrom(
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "1e999",
    "-",
    "\\u0000",
    "\\ud800",
    "\ud800",
    "\udfff",
    "\ufeff",
    "\u2028",
    "\"cmd\":\"\",",
    "\"cmd\":\"ping\",",
    "\"errcode\":0,",
    "\"errcode\":-1,",
    "\"headers\":{},",
    "\"__proto__\":{\"errcode\":0},",
    "\"msgtype\":\"video\",",
    "\"reqId\":1,",
    "\"receivedAt\":\"x\","
  ),
  fc.integer({ min: 0, max: 0x1f }).map((code) => String.fromCharCode(code)),
  fc.string({ maxLength: 8 })
)

interface Edit {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 })),
  insert: fc.oneof(fc.constant(""), snippets)
})

const mutated = (texts: ReadonlyArray<string>): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...texts), fc.array(edit, { minLength: 1, maxLength: 4 })).map(([text, edits]) =>
    edits.reduce((mutant, { at, insert, remove }) => {
      const place = Math.floor(at * mutant.length)
      return mutant.slice(0, place) + insert + mutant.slice(place + remove)
    }, text)
  )

/** What legitimately ends a session is tested elsewhere. */
const endsTheSession = (frame: string | Uint8Array): boolean => {
  const text = typeof frame === "string" ? frame : ""
  return text.includes("disconnected_event") || text.includes("846609")
}

/** So many frames; the same ones for the same seed. */
export const frames = (numRuns: number, seed: number): ReadonlyArray<string | Uint8Array> => {
  const described = fc.sample(fc.oneof(messageFrame, eventFrame, looseAck, hostileFrame), { numRuns: 4_000, seed })
    .filter(isJson)
    .map((frame) => JSON.stringify(frame))
  const random = fc.sample(
    fc.oneof(
      { weight: 8, arbitrary: mutated(described) },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
      { weight: 1, arbitrary: fc.constantFrom(...described).map((text) => new TextEncoder().encode(text)) }
    ),
    { numRuns: numRuns - described.length - nestings.length - huge.length, seed }
  )
  return [...described, ...nestings, ...huge, ...random].map((frame) => endsTheSession(frame) ? "another frame" : frame)
}
