import { describe, expect, it } from "@effect/vitest"
import { Either, Schema } from "effect"
import { Frame } from "effect-wecom"
import * as fc from "fast-check"
import * as codec from "../../src/internal/wire/codec.js"
import { parse } from "../../src/internal/wire/jsonRepair.js"
import { event, eventFrame, looseAck, message, messageFrame } from "./arbitraryFrames.js"

const decode = (wire: string, receivedAt: number) => codec.decode(wire, { unsafeCurrentTimeMillis: () => receivedAt })

const numRuns = 2_000

/** JSON that escapes nothing but what would end the string. */
const rawJson = (value: unknown): string => {
  if (typeof value === "string") return `"${value.replace(/["\\]/g, "\\$&")}"`
  if (Array.isArray(value)) return `[${value.map(rawJson).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  return `{${Object.entries(value).map(([key, field]) => `${rawJson(key)}:${rawJson(field)}`).join(",")}}`
}

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.constantFrom("\u0000", "\u0001", "\t", "\n", "\r", "\u001f", "\"", "\\", "\\n", "a", "{", ",")).map((_) =>
    _.join("")
  )
)

const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value")),
    fc.dictionary(text, tie("value"))
  )
})).value

const result = (f: () => unknown) => {
  try {
    return JSON.stringify(f())
  } catch {
    return "throws"
  }
}

describe("JSON with raw control characters", () => {
  it("is read as JSON.parse reads it when it is valid", () => {
    fc.assert(
      fc.property(json, fc.constantFrom(0, 2, "\t"), (value, space) => {
        const valid = JSON.stringify(value, null, space)
        expect(result(() => parse(valid))).toBe(result(() => JSON.parse(valid)))
      }),
      { numRuns }
    )
  })

  it("loses no character", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.stringify(parse(rawJson(value)))).toBe(JSON.stringify(value))
      }),
      { numRuns }
    )
  })

  it("keeps a character that a backslash stands before", () => {
    expect(parse("\"a\\\nb\"")).toBe("a\nb")
    expect(parse("\"a\\\\\nb\"")).toBe("a\\\nb")
  })

  it("throws nothing but a SyntaxError on what is not JSON", () => {
    fc.assert(
      fc.property(text, (anything) => {
        try {
          parse(anything)
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError)
        }
      }),
      { numRuns }
    )
  })
})

describe("the envelope", () => {
  const isAck = Schema.decodeUnknownEither(Frame.Ack)
  const isRequest = Schema.decodeUnknownEither(Frame.Request)

  it("is read as the schemas of Frame read it", () => {
    const anyFrame = fc.oneof(looseAck, messageFrame, eventFrame, fc.jsonValue())
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const wire = JSON.stringify(frame)
        const value = JSON.parse(wire)
        const inbound = decode(wire, 0)
        const ack = isAck(value)
        const request = isRequest(value)
        if (Either.isRight(request) && request.right.cmd !== "") {
          expect(inbound._tag).not.toBe("Ack")
          expect(inbound).not.toMatchObject({ reason: "NotAnEnvelope" })
        } else if (Either.isRight(ack) && (value.cmd === undefined || value.cmd === null || value.cmd === "")) {
          const { body, errcode, errmsg, headers } = ack.right
          expect(inbound).toEqual({ _tag: "Ack", ack: { headers: { req_id: headers.req_id }, errcode, errmsg, body } })
        } else if (inbound._tag === "Ack") {
          // Looser than the schema in its code and its text alone; a refusal is never read as success.
          expect(inbound.ack.headers.req_id).toBe(value.headers.req_id)
          if (inbound.ack.errcode === 0 && value.errcode !== undefined && value.errcode !== null) {
            expect(typeof value.errcode === "string" ? value.errcode.trim() : value.errcode).not.toBe("")
            expect(["number", "string"]).toContain(typeof value.errcode)
            expect(Number(value.errcode)).toBe(0)
          }
        }
      }),
      { numRuns }
    )
  })

  it("is written as JSON", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: "binary" }), fc.jsonValue(), (cmd, reqId, body) => {
        const request = Frame.request(cmd, reqId, body)
        expect(JSON.stringify(JSON.parse(codec.encode(request)))).toBe(JSON.stringify(request))
      }),
      { numRuns: 500 }
    )
  })
})

describe("a callback", () => {
  /** As it can stand on the wire: a number that JSON has no word for becomes null there. */
  const onTheWire = <A>(values: fc.Arbitrary<A>): fc.Arbitrary<A> =>
    values.map((value) => JSON.stringify(value)).filter((text) => !/[[,:]null/.test(text)).map((text) =>
      JSON.parse(text)
    )

  it("that a schema describes is read as that schema reads it", () => {
    fc.assert(
      fc.property(onTheWire(message), ({ receivedAt, reqId, ...body }) => {
        const wire = JSON.stringify({ cmd: "aibot_msg_callback", headers: { req_id: reqId }, body })
        expect(decode(wire, receivedAt)).toEqual({ _tag: "Message", message: { ...body, reqId, receivedAt } })
      }),
      { numRuns: 300 }
    )
    fc.assert(
      fc.property(onTheWire(event), ({ eventtype, receivedAt, reqId, ...body }) => {
        const wire = JSON.stringify({ cmd: "aibot_event_callback", headers: { req_id: reqId }, body })
        expect(decode(wire, receivedAt)).toEqual({ _tag: "Event", event: { ...body, reqId, receivedAt, eventtype } })
      }),
      { numRuns: 500 }
    )
  })
})
