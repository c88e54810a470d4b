import { describe, expect, it } from "@effect/vitest"
import type { Schema } from "effect"
import { Arbitrary } from "effect"
import { BotEvent, Message } from "effect-wecom"
import * as fc from "fast-check"
import * as codec from "../../src/internal/wire/codec.js"
import { runs } from "../support/runs.js"

const clock = { unsafeCurrentTimeMillis: () => 0 }

type Body = { readonly [field: string]: unknown }

const bodyOf = (incoming: object): Body => {
  const { eventtype: _, raw: _raw, receivedAt: _at, reqId: _id, ...body } = JSON.parse(JSON.stringify(incoming))
  return body
}

/** The paths of all parts, but of those below `kept` fields of the top. */
const pathsOf = (
  value: unknown,
  kept: ReadonlySet<string>,
  path: ReadonlyArray<string> = []
): Array<ReadonlyArray<string>> =>
  typeof value !== "object" || value === null ?
    [] :
    Object.entries(value).flatMap(([key, part]) =>
      path.length === 0 && kept.has(key) ? [] : [[...path, key], ...pathsOf(part, kept, [...path, key])]
    )

const replaced = (value: any, [key, ...rest]: ReadonlyArray<string>, part: unknown): unknown => {
  if (key === undefined) return part
  const copy = Array.isArray(value) ? [...value] : { ...value }
  copy[key] = replaced(value[key], rest, part)
  return copy
}

const optional = ["quote", "create_time", "response_url", "chatid", "from", "msgid", "aibotid", "chattype"]

const decode = (cmd: string, body: unknown): any =>
  codec.decode(JSON.stringify({ cmd, headers: { req_id: "r" }, body }), clock)

const schemas = {
  text: Message.TextMessage,
  image: Message.ImageMessage,
  mixed: Message.MixedMessage,
  voice: Message.VoiceMessage,
  file: Message.FileMessage,
  video: Message.VideoMessage
} as const

describe("any one part replaced by any JSON value", () => {
  for (const [msgtype, schema] of Object.entries(schemas)) {
    it(`leaves a ${msgtype} message what it is`, () => {
      const message = Arbitrary.make(schema as unknown as Schema.Schema<Message.Message>)
      fc.assert(
        fc.property(message, fc.nat(), fc.jsonValue(), (message, at, value) => {
          const body = bodyOf(message)
          const paths = [...optional.map((key) => [key]), ...pathsOf(body, new Set(["msgtype", msgtype]))]
          const { _tag, message: decoded } = decode(
            "aibot_msg_callback",
            replaced(body, paths[at % paths.length]!, value)
          )
          expect([_tag, decoded.msgtype]).toEqual(["Message", msgtype])
          expect(decoded.from).toHaveProperty("userid", expect.any(String))
          expect(Message.plainText(decoded, { botName: "Bot" })).toEqual(expect.any(String))
          for (const { media } of Message.attachments(decoded)) expect(media.url).toEqual(expect.any(String))
        }),
        { numRuns: runs(10_000) }
      )
    })
  }

  it("leaves a press and an enter_chat what they are", () => {
    const event = fc.oneof(
      ...[BotEvent.EnterChat, BotEvent.TemplateCardEvent].map((schema) =>
        Arbitrary.make(schema as unknown as Schema.Schema<BotEvent.BotEvent>)
      )
    )
    fc.assert(
      fc.property(event, fc.nat(), fc.jsonValue(), (event, at, value) => {
        const body = bodyOf(event)
        const paths = pathsOf(body, new Set(["event"]))
        const decoded = decode("aibot_event_callback", replaced(body, paths[at % paths.length]!, value))
        expect([decoded._tag, decoded.event.eventtype]).toEqual(["Event", event.eventtype])
      }),
      { numRuns: runs(10_000) }
    )
  })
})
