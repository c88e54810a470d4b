import { describe, expect, it } from "@effect/vitest"
import { Frame, Reply } from "effect-wecom"
import * as fc from "fast-check"
import { vi } from "vitest"
import * as codec from "../../../src/internal/wire/codec.js"
import * as jsonRepair from "../../../src/internal/wire/jsonRepair.js"
import * as StreamText from "../../../src/internal/wire/streamText.js"
import { hostile } from "../../contract/incoming.js"

const at = 1_700_000_000_000
const clock = { unsafeCurrentTimeMillis: () => at }

const decode = (frame: unknown) => codec.decode(JSON.stringify(frame), clock)

const text = (fields: object = {}) => ({
  cmd: "aibot_msg_callback",
  headers: { req_id: "r" },
  body: {
    msgid: "m",
    aibotid: "b",
    chattype: "single",
    from: { userid: "u" },
    msgtype: "text",
    text: { content: "hi" },
    ...fields
  }
})

const event = (event: unknown, fields: object = {}) => ({
  cmd: "aibot_event_callback",
  headers: { req_id: "r" },
  body: { msgid: "m", msgtype: "event", from: { userid: "u" }, event, ...fields }
})

/** As the service may write it, and as the short way must not read it. */
const anyString = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("\"", "\\", "\n", "\u0000", "\ud800", "/", "a", "中") })
)

describe("short ways lead where the long ones do", () => {
  it("an ack written without a space reads as one with spaces", () => {
    const code = fc.oneof(fc.constant(0), fc.integer())
    fc.assert(fc.property(anyString, anyString, code, (req_id, errmsg, errcode) => {
      const ack = { headers: { req_id }, errcode, errmsg }
      expect(codec.decode(JSON.stringify(ack), clock)).toStrictEqual(codec.decode(JSON.stringify(ack, null, 1), clock))
    }))
    fc.assert(fc.property(anyString, anyString, (req_id, errmsg) => {
      const raw = (space: string) => `{"headers":{"req_id":"${req_id}"},"errcode":0,${space}"errmsg":"${errmsg}"}`
      expect(codec.decode(raw(""), clock)).toStrictEqual(codec.decode(raw(" "), clock))
    }))
  })

  it("a stream frame is written as JSON.stringify writes it", () => {
    const feedback = fc.option(fc.record({ id: anyString }), { nil: undefined })
    const image = fc.record({
      msgtype: fc.constant("image" as const),
      image: fc.record({ base64: anyString, md5: anyString })
    })
    const msgItem = fc.option(fc.array(image, { maxLength: 2 }), { nil: undefined })
    const options = fc.record({ id: anyString, content: anyString, finish: fc.boolean(), feedback, msgItem })
    const added = fc.option(fc.record({ trace: anyString }), { nil: {} })
    fc.assert(fc.property(anyString, options, added, added, (reqId, options, toFrame, toHeaders) => {
      const plain = Reply.stream(options)
      const { body, cmd, headers } = Frame.request("aibot_respond_msg", reqId, new StreamText.StreamFrameBody(plain))
      // Whoever stands between queue and connection may have added something.
      const frame = { cmd, headers: { ...headers, ...toHeaders }, body, ...toFrame }
      expect(codec.textOf(frame)).toBe(JSON.stringify({ ...frame, body: plain }))
    }))
  })
})

describe("nothing incoming is fatal", () => {
  it("any value at all decodes to something, and nothing throws", () => {
    fc.assert(fc.property(fc.anything(), (data) => void codec.decode(data, clock)))
    fc.assert(fc.property(fc.json(), (data) => void codec.decode(data, clock)))
    fc.assert(fc.property(fc.string({ unit: "binary" }), (data) => void codec.decode(data, clock)))
    for (const frame of hostile) codec.decode(frame, clock)
  })

  it("any body of a callback decodes, however it is bent", () => {
    const keys = ["msgid", "chattype", "chatid", "from", "msgtype", "text", "quote", "event", "create_time", "aibotid"]
    const bent = fc.dictionary(fc.constantFrom(...keys), fc.jsonValue())
    fc.assert(fc.property(fc.constantFrom(text(), event({ eventtype: "enter_chat" })), bent, (frame, fields) => {
      const inbound = decode({ ...frame, body: { ...frame.body, ...fields } })
      expect(["Message", "Event", "Undecodable"]).toContain(inbound._tag)
    }))
  })

  it("a create_time that cannot become a number is left out", () => {
    const frame = text()
    const inbound = decode({ ...frame, body: { ...frame.body, create_time: { toString: "" } } })
    expect(inbound).toMatchObject({ _tag: "Message", message: { msgtype: "text", msgid: frame.body.msgid } })
    expect(inbound).not.toHaveProperty("message.create_time")
  })

  it("names why", () => {
    expect(codec.decode(new Uint8Array([0xff]).buffer, clock)).toEqual({ _tag: "Undecodable", reason: "NotText" })
    expect(codec.decode("{", clock)).toEqual({ _tag: "Undecodable", reason: "NotJson" })
    expect(codec.decode("[]", clock)).toEqual({ _tag: "Undecodable", reason: "NotAnEnvelope" })
    expect(decode({ cmd: "aibot_msg_callback", headers: { req_id: "r" } })).toMatchObject({ reason: "BadMessage" })
    expect(decode({ cmd: "aibot_event_callback" })).toMatchObject({ reason: "BadEvent" })
    expect(decode({ cmd: "later" })).toEqual({ _tag: "Unknown", cmd: "later" })
  })
})

describe("acks", () => {
  it("keep their code, message and body", () => {
    const ack = { headers: { req_id: "r" }, errcode: 846608, errmsg: "no, hint: [x]", body: { a: 1 } }
    expect(decode(ack)).toEqual({ _tag: "Ack", ack })
  })

  it("without a code count as refused, unless they say nothing at all", () => {
    const code = (fields: object) => {
      const inbound = decode({ headers: { req_id: "r" }, ...fields })
      return inbound._tag === "Ack" ? inbound.ack.errcode : inbound
    }
    expect(code({})).toBe(0)
    expect(code({ errcode: null, errmsg: null })).toBe(0)
    expect(code({ errcode: "45009" })).toBe(45009)
    expect(code({ errcode: "-1" })).toBe(-1)
    for (const errcode of ["", " ", "0x0", "1e3", "ok", true, [], {}]) expect(code({ errcode })).toBe(-1)
    expect(code({ errmsg: "ok" })).toBe(-1)
  })
})

describe("messages and events", () => {
  it("keep every field nobody knows, at every depth, and take none of ours for theirs", () => {
    const quote = { msgtype: "mixed", mixed: { msg_item: [{ msgtype: "x", x: { y: [1, null] } }], more: 1 } }
    const inbound = decode(
      text({ reqId: "forged", receivedAt: 0, quote, later: { z: null }, from: { userid: "u", k: 1 } })
    )
    expect(inbound).toMatchObject({
      _tag: "Message",
      message: { reqId: "r", receivedAt: at, quote, later: { z: null }, from: { userid: "u", k: 1 } }
    })
  })

  it("a known type in a strange shape keeps the body as it came", () => {
    const body = text({ text: 5, reqId: "theirs" }).body
    expect(decode({ ...text(), body })).toMatchObject({
      _tag: "Message",
      message: { msgtype: "unknown", reqId: "r", receivedAt: at, raw: body }
    })
    const plain = decode(text({ text: 5 }))
    expect(plain._tag === "Message" && plain.message.msgtype === "unknown" && plain.message.raw).toEqual(
      text({ text: 5 }).body
    )
  })

  it("null means absent, and seconds may be a string", () => {
    const inbound = decode(text({ chatid: null, quote: null, create_time: "1700000000" }))
    expect(inbound).toMatchObject({ message: { msgtype: "text", create_time: 1700000000 } })
    expect(decode(text({ create_time: "soon" }))._tag).toBe("Message")
  })

  it("a takeover is a takeover, whatever else the frame says", () => {
    for (const fields of [{}, { from: 5, msgid: 7, chattype: "x", create_time: {} }, { msgtype: null }]) {
      expect(decode(event({ eventtype: "disconnected_event" }, fields))).toMatchObject({
        _tag: "Event",
        event: { eventtype: "disconnected_event", receivedAt: at }
      })
    }
    expect(decode({ cmd: "aibot_event_callback", body: { event: { eventtype: "disconnected_event" } } })).toMatchObject(
      {
        _tag: "Event",
        event: { eventtype: "disconnected_event" }
      }
    )
  })

  it("payloads of events are read nested first, then flat", () => {
    const nested = { eventtype: "feedback_event", id: "flat", type: 3, feedback_event: { id: "nested", type: 1 } }
    expect(decode(event(nested))).toMatchObject({ event: { event: { feedback_event: { id: "nested", type: 1 } } } })
    const flat = { eventtype: "feedback_event", id: "flat", type: 3 }
    expect(decode(event(flat))).toMatchObject({ event: { event: { feedback_event: { id: "flat", type: 3 } } } })
  })
})

describe("control characters", () => {
  it("text without them is parsed as it is, and what is broken otherwise stays broken", () => {
    expect(jsonRepair.parse("{\"a\":\"\\n\"}")).toEqual({ a: "\n" })
    expect(jsonRepair.parse("{\"a\":\t1,\n\"b\":\"\n\"}")).toEqual({ a: 1, b: "\n" })
    expect(() => jsonRepair.parse("{\"a\":\"\n\"")).toThrow()
  })

  it("a frame longer than anybody can write is not repaired: it is not JSON", () => {
    const filled = (length: number) => `{"a":"${"\u0001".repeat(length - 8)}"}`
    const longest = filled(jsonRepair.maxRepairedLength)
    expect((jsonRepair.parse(longest) as { readonly a: string }).a.length).toBe(longest.length - 8)
    expect(codec.decode(filled(longest.length + 1), clock)).toEqual({ _tag: "Undecodable", reason: "NotJson" })
    // What is JSON is read, however long.
    expect(codec.decode(JSON.stringify({ cmd: "x".repeat(longest.length), headers: {} }), clock)._tag).toBe("Unknown")
  })
})

it("no frame can throw in the socket's callback, whatever it does to the decoder", () => {
  const parsing = vi.spyOn(JSON, "parse").mockReturnValueOnce(
    new Proxy({}, {
      get: () => {
        throw new Error("hostile")
      }
    })
  )
  const inbound = codec.decode("{}", clock)
  parsing.mockRestore()
  expect(inbound).toEqual({ _tag: "Undecodable", reason: "Hostile" })
})
