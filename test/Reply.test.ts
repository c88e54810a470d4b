import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import { WSClient } from "@wecom/aibot-node-sdk"
import { Arbitrary, Either } from "effect"
import * as fc from "fast-check"
import { base64Length, exceedsBytes, isWellFormed, utf8Length, utf8LengthPure } from "../src/internal/checks/bytes.js"
import * as Reply from "../src/Reply.js"
import type * as TemplateCard from "../src/TemplateCard.js"
import type { SendInvalid } from "../src/WecomError.js"
import { runs } from "./support/runs.js"

type Validate = (body: unknown) => Either.Either<unknown, SendInvalid>

const valid = <A>(verdict: Either.Either<A, SendInvalid>): A => Either.getOrThrow(verdict)
const invalid = (verdict: Either.Either<unknown, SendInvalid>): SendInvalid => {
  if (Either.isRight(verdict)) throw new Error(`accepted: ${JSON.stringify(verdict.right).slice(0, 500)}`)
  return verdict.left
}

const card: TemplateCard.TemplateCard = {
  card_type: "text_notice",
  main_title: { title: "title" },
  card_action: { type: 1, url: "https://example.com" }
}
const msgItem: Reply.MsgItem = {
  msgtype: "image",
  image: { base64: "aGVsbG8=", md5: "5d41402abc4b2a76b9719d911017c592" }
}
const feedback = { id: "f" }

const commands: { readonly [command: string]: Validate } = {
  reply: Reply.validateReply,
  welcome: Reply.validateWelcome,
  push: Reply.validatePush
}
const bodies: ReadonlyArray<readonly [string, unknown, string]> = [
  ["stream", Reply.stream({ id: "s", content: "hi", finish: true }), "reply"],
  ["stream_with_template_card", Reply.streamWithCard({ id: "s", content: "hi", card }), "reply"],
  ["markdown", Reply.markdown("hi"), "reply push"],
  ["template_card", Reply.templateCard(card), "reply welcome push"],
  ["file", Reply.media("file", "m"), "reply push"],
  ["image", Reply.media("image", "m"), "reply push"],
  ["voice", Reply.media("voice", "m"), "reply push"],
  ["video", Reply.media("video", "m", { title: "t", description: "d" }), "reply push"],
  ["text", Reply.text("hi"), "welcome"]
]

describe("which command takes which body", () => {
  it.each(
    bodies.flatMap(([msgtype, body, takes]) =>
      Object.keys(commands).map((command) => ({ msgtype, body, command, takes: takes.split(" ").includes(command) }))
    )
  )("$command of $msgtype: $takes", ({ body, command, takes }) => {
    const verdict = commands[command]!(body)
    if (takes) expect(valid(verdict)).toEqual(body)
    else expect(invalid(verdict).field).toBe("msgtype")
  })

  it("says what to send instead of text", () => {
    for (const validate of [Reply.validateReply, Reply.validatePush]) {
      const error = invalid(validate(Reply.text("hi")))
      expect(error.message).toMatch(/40008/)
      expect(error.message).toMatch(/Reply\.markdown\(content\)/)
    }
  })

  it("an update takes a card", () => {
    const body = Reply.updateCard(card, { userids: ["a", "b"] })
    expect(valid(Reply.validateUpdateCard(body))).toEqual(body)
    expect(valid(Reply.validateUpdateCard(Reply.updateCard(card)))).toEqual(Reply.updateCard(card))
    expect(invalid(Reply.validateUpdateCard(Reply.updateCard(card, { userids: [] }))).message).toBe(
      "userids is empty; allowed: at least one userid, or no userids for all users"
    )
    expect(invalid(Reply.validateUpdateCard(Reply.updateCard(card, { userids: ["a", ""] }))).field).toBe("userids[1]")
    expect(invalid(Reply.validateUpdateCard(Reply.templateCard(card))).field).toBe("msgtype")
    expect(invalid(Reply.validateUpdateCard({ ...body, response_type: "x" })).field).toBe("response_type")
    expect(invalid(Reply.validateUpdateCard({ response_type: "update_template_card" })).field).toBe("template_card")
  })

  it("names the field of a card inside a body like the card does itself", () => {
    const broken = { ...card, card_action: { type: 1 } } as TemplateCard.TemplateCard
    for (
      const verdict of [
        Reply.validateReply(Reply.templateCard(broken)),
        Reply.validateReply(Reply.streamWithCard({ id: "s", content: "hi", card: broken })),
        Reply.validateWelcome(Reply.templateCard(broken)),
        Reply.validatePush(Reply.templateCard(broken)),
        Reply.validateUpdateCard(Reply.updateCard(broken))
      ]
    ) expect(invalid(verdict).field).toBe("template_card.card_action.url")
  })

  it("a body holds nothing beside what its msgtype names", () => {
    expect(invalid(Reply.validateReply({ ...Reply.markdown("hi"), text: { content: "hi" } })).message).toBe(
      "text is not a field of a markdown message; allowed: msgtype, markdown"
    )
    expect(invalid(Reply.validateReply({ msgtype: "markdown", stream: {} })).field).toBe("stream")
    expect(invalid(Reply.validateReply({ msgtype: "file", file: { media_id: "m", title: "t" } })).field).toBe(
      "file.title"
    )
  })
})

describe("limits", () => {
  const sizes: ReadonlyArray<readonly [string, number, number, (text: string) => unknown, Validate]> = [
    ["stream.content", 0, 20480, (content) => Reply.stream({ id: "s", content }), Reply.validateReply],
    ["stream.content", 1, 20480, (content) => Reply.stream({ id: "s", content, finish: true }), Reply.validateReply],
    ["stream.id", 1, 256, (id) => Reply.stream({ id, content: "hi" }), Reply.validateReply],
    [
      "stream.feedback.id",
      1,
      256,
      (id) => Reply.stream({ id: "s", content: "hi", feedback: { id } }),
      Reply.validateReply
    ],
    ["stream.content", 0, 20480, (content) => Reply.streamWithCard({ id: "s", content, card }), Reply.validateReply],
    ["markdown.content", 1, 20480, (content) => Reply.markdown(content), Reply.validateReply],
    ["markdown.content", 1, 20480, (content) => Reply.markdown(content), Reply.validatePush],
    ["markdown.feedback.id", 1, 256, (id) => Reply.markdown("hi", { feedback: { id } }), Reply.validatePush],
    ["template_card.feedback.id", 1, 256, (id) => Reply.templateCard(card, { feedback: { id } }), Reply.validatePush],
    ["text.content", 1, 20480, (content) => Reply.text(content), Reply.validateWelcome],
    ["video.title", 0, 64, (title) => ({ msgtype: "video", video: { media_id: "m", title } }), Reply.validateReply],
    [
      "video.description",
      0,
      512,
      (description) => ({ msgtype: "video", video: { media_id: "m", description } }),
      Reply.validatePush
    ]
  ]
  it.each(sizes)("%s has %i to %i bytes of UTF-8", (field, min, max, body, validate) => {
    for (const character of ["x", "é", "字", "😀"]) {
      const size = Buffer.byteLength(character)
      const edge = character.repeat(Math.floor(max / size)) + "x".repeat(max % size)
      valid(validate(body(edge)))
      const error = invalid(validate(body(edge + "x")))
      expect(error).toMatchObject({ field, problem: `is ${max + 1} bytes` })
      expect(error.limit).toContain(`${max} bytes of UTF-8`)
    }
    if (min === 0) valid(validate(body("")))
    else expect(invalid(validate(body(""))).field).toBe(field)
  })

  it("a media_id is not empty", () => {
    for (const type of ["file", "image", "voice", "video"] as const) {
      expect(invalid(Reply.validateReply(Reply.media(type, ""))).message).toBe(
        `${type}.media_id is empty; allowed: a string that is not empty`
      )
    }
  })

  it("a stream cut between two surrogates is not lost", () => {
    valid(Reply.validateReply(Reply.stream({ id: "s", content: "ab\ud83d" })))
    expect(invalid(Reply.validateReply(Reply.stream({ id: "s\ud83d", content: "ab" }))).field).toBe("stream.id")
  })

  it("msg_item belongs to the final frame and holds at most 10 images", () => {
    const frame = (n: number, finish = true) =>
      Reply.validateReply(
        Reply.stream({ id: "s", content: "hi", finish, msgItem: Array.from({ length: n }, () => msgItem) })
      )
    valid(frame(10))
    expect(invalid(frame(11)).message).toBe("stream.msg_item has 11 images; allowed: at most 10 images")
    expect(invalid(frame(1, false)).message).toBe(
      "stream.msg_item is on a frame that is not final; allowed: msg_item with finish: true only"
    )
  })

  it("an image is base64 of at most 10 MB with the md5 of its bytes", () => {
    const verdict = (image: { base64: string; md5: string }) =>
      Reply.validateReply(
        Reply.stream({ id: "s", content: "hi", finish: true, msgItem: [{ msgtype: "image", image }] })
      )
    const base64 = (size: number) => Buffer.alloc(size).toString("base64")
    const { md5 } = msgItem.image
    for (const size of [1, 2, 3, 10 * 1024 * 1024]) valid(verdict({ base64: base64(size), md5 }))
    expect(invalid(verdict({ base64: base64(10 * 1024 * 1024 + 1), md5 })).message).toBe(
      "stream.msg_item[0].image.base64 is base64 of 10485761 bytes; allowed: base64 of at most 10485760 bytes"
    )
    for (const text of ["", "a", "aGVsbG8", "aGVs bG8=", "aGVsbG-_", "=aaa", "a===", "data:image/png;base64,aGVs"]) {
      expect(invalid(verdict({ base64: text, md5 })).field).toBe("stream.msg_item[0].image.base64")
    }
    for (const wrong of ["", md5.slice(1), md5 + "0", md5.replace("5", "g")]) {
      expect(invalid(verdict({ base64: base64(1), md5: wrong }))).toMatchObject({
        field: "stream.msg_item[0].image.md5",
        limit: "32 hex digits"
      })
    }
  })
})

describe("a final frame shows something", () => {
  const invisible = [
    "",
    " \t\r\n",
    "\u3000\u00a0",
    "\u200b\u200c\u200d\ufeff\u2060",
    "\u0000\u0007",
    "\u00ad\u2800\u3164\ufe0f",
    "<think></think>",
    " <think> \n</think>\u200b",
    "<think>only a thought</think>",
    "<think>a</think> <think>b</think>\n",
    "<think>never closed, so it swallows the answer"
  ]
  const visible = [
    "x",
    "。",
    "👍",
    "<think></think>ok",
    "ok<think>",
    "<think>a</think>b<think>",
    "<thinking>",
    "\u200bx",
    "-"
  ]
  it.each(invisible)("%j is not visible", (content) => {
    expect(Reply.hasVisible(content)).toBe(false)
    valid(Reply.validateReply(Reply.stream({ id: "s", content })))
    expect(invalid(Reply.validateReply(Reply.stream({ id: "s", content, finish: true })))).toMatchObject({
      field: "stream.content",
      problem: "has nothing visible"
    })
    expect(invalid(Reply.validateReply(Reply.streamWithCard({ id: "s", content, finish: true }))).field).toBe(
      "stream.content"
    )
    // The service accepts images at the end of a stream, and shows none.
    expect(invalid(Reply.validateReply(Reply.stream({ id: "s", content, finish: true, msgItem: [msgItem] }))).field)
      .toBe("stream.content")
    for (const validate of [Reply.validateReply, Reply.validatePush]) {
      expect(invalid(validate(Reply.markdown(content))).field).toBe("markdown.content")
    }
    expect(invalid(Reply.validateWelcome(Reply.text(content))).field).toBe("text.content")
    valid(Reply.validateReply(Reply.streamWithCard({ id: "s", content, finish: true, card })))
  })
  it.each(visible)("%j is visible", (content) => {
    expect(Reply.hasVisible(content)).toBe(true)
    valid(Reply.validateReply(Reply.stream({ id: "s", content, finish: true })))
  })

  it("a title and a description that are too long are cut at a character", () => {
    const { video } = Reply.media("video", "m", { title: `${"字".repeat(21)}a\u{1f600}`, description: "é".repeat(300) })
    expect(video).toMatchObject({ title: `${"字".repeat(21)}a`, description: "é".repeat(256) })
    valid(Reply.validateReply(Reply.media("video", "m", { title: "x".repeat(65), description: "x".repeat(513) })))
  })

  it("an empty msg_item shows nothing", () => {
    const body = { msgtype: "stream", stream: { id: "s", finish: true, content: "", msg_item: [] } }
    expect(invalid(Reply.validateReply(body)).field).toBe("stream.content")
  })

  it("agrees with taking the think blocks out first", () => {
    const piece = fc.constantFrom("<think>", "</think>", " ", "\u200b", "x", "<", "think>")
    fc.assert(
      fc.property(fc.array(piece).map((pieces) => pieces.join("")), (text) => {
        const outside = text.replace(/<think>[^]*?(<\/think>|$)/g, "")
        expect(Reply.hasVisible(text)).toBe(/[^\s\u200b]/.test(outside))
      }),
      { numRuns: 1000 }
    )
  })

  it("stays fast on long texts without anything visible", () => {
    const started = performance.now()
    for (const unit of [" ", "\u200b", "<think></think>", "<think>", "<think> "]) Reply.hasVisible(unit.repeat(100_000))
    expect(performance.now() - started).toBeLessThan(2000)
  })
})

describe("the official SDK", () => {
  const client = new WSClient({ botId: "b", secret: "s" }) as any
  const capture = async (send: (client: any) => Promise<unknown>): Promise<string> => {
    let body: unknown
    client.wsManager.sendReply = (_: string, sent: unknown) => {
      body = sent
      return Promise.resolve({})
    }
    await send(client)
    return JSON.stringify(body)
  }
  const frame = { headers: { req_id: "r" } }
  const cases: ReadonlyArray<readonly [string, unknown, (client: any) => Promise<unknown>]> = [
    ["replyStream", Reply.stream({ id: "s", content: "c" }), (_) => _.replyStream(frame, "s", "c")],
    [
      "replyStream, final",
      Reply.stream({ feedback, msgItem: [msgItem], finish: true, content: "c", id: "s" }),
      (_) => _.replyStream(frame, "s", "c", true, [msgItem], feedback)
    ],
    [
      "replyStreamWithCard",
      Reply.streamWithCard({
        id: "s",
        content: "c",
        finish: true,
        msgItem: [msgItem],
        feedback,
        card,
        cardFeedback: feedback
      }),
      (_) =>
        _.replyStreamWithCard(frame, "s", "c", true, {
          msgItem: [msgItem],
          streamFeedback: feedback,
          templateCard: card,
          cardFeedback: feedback
        })
    ],
    [
      "replyStreamWithCard, no card",
      Reply.streamWithCard({ id: "s", content: "c" }),
      (_) => _.replyStreamWithCard(frame, "s", "c")
    ],
    ["replyTemplateCard", Reply.templateCard(card), (_) => _.replyTemplateCard(frame, card)],
    [
      "replyTemplateCard, feedback",
      Reply.templateCard(card, { feedback }),
      (_) => _.replyTemplateCard(frame, card, feedback)
    ],
    ["updateTemplateCard", Reply.updateCard(card), (_) => _.updateTemplateCard(frame, card)],
    [
      "updateTemplateCard, some",
      Reply.updateCard(card, { userids: ["a"] }),
      (_) => _.updateTemplateCard(frame, card, ["a"])
    ],
    ["replyMedia", Reply.media("image", "m"), (_) => _.replyMedia(frame, "image", "m")],
    [
      "replyMedia, video",
      Reply.media("video", "m", { description: "d", title: "t" }),
      (_) => _.replyMedia(frame, "video", "m", { description: "d", title: "t" })
    ],
    [
      "replyMedia, empty title",
      Reply.media("video", "m", { title: "" }),
      (_) => _.replyMedia(frame, "video", "m", { title: "" })
    ]
  ]
  it.each(cases)("%s builds the same JSON, key by key", async (_, body, send) => {
    expect(JSON.stringify(body)).toBe(await capture(send))
  })
})

describe("hostile input", () => {
  const boom = () => {
    throw new Error("boom")
  }
  const inputs: ReadonlyArray<readonly [string, unknown]> = [
    ["null", null],
    ["undefined", undefined],
    ["a string", "stream"],
    ["a list", []],
    ["a throwing getter", {
      get msgtype() {
        return boom()
      }
    }],
    ["a throwing inner getter", {
      msgtype: "stream",
      stream: {
        id: "s",
        finish: false,
        get content() {
          return boom()
        }
      }
    }],
    ["a proxy", new Proxy({}, { get: boom, has: boom, ownKeys: boom })],
    ["a symbol", { msgtype: Symbol("stream") }],
    ["a prototype name", { msgtype: "__proto__" }],
    ["no stream", { msgtype: "stream" }],
    ["a null stream", { msgtype: "stream", stream: null }],
    ["content of another type", { msgtype: "stream", stream: { id: "s", finish: false, content: 1 } }],
    ["finish as a number", { msgtype: "stream", stream: { id: "s", finish: 1, content: "c" } }],
    ["a prototype key", JSON.parse("{\"msgtype\":\"markdown\",\"markdown\":{\"content\":\"c\",\"__proto__\":{}}}")],
    ["a huge content", Reply.markdown("字".repeat(2_000_000))]
  ]
  it.each(inputs)("%s gives SendInvalid", (_, body) => {
    for (
      const validate of [Reply.validateReply, Reply.validateWelcome, Reply.validatePush, Reply.validateUpdateCard]
    ) {
      const error = invalid(validate(body))
      expect(error._tag).toBe("SendInvalid")
      expect(error.message.length).toBeLessThan(500)
    }
    expect(Reply.checkStreamFrame(body as any)?._tag).toBe("SendInvalid")
  })

  it("names the body when it is no object at all", () => {
    expect(invalid(Reply.validateReply(null)).message).toBe("body is null; allowed: a message body")
    expect(invalid(Reply.validatePush({})).field).toBe("msgtype")
  })

  it("never shows what was in it", () => {
    const marker = "c0ntent-of-the-user"
    fc.assert(fc.property(fc.anything(), fc.boolean(), (any, long) => {
      const content = long ? marker.repeat(2000) : [marker, any]
      for (const body of [{ msgtype: "markdown", markdown: { content } }, { msgtype: marker, any }]) {
        expect(invalid(Reply.validateReply(body)).message).not.toContain(marker)
      }
    }))
  })
})

describe("any body", () => {
  const schemas = {
    reply: [Reply.ReplyBody, Reply.validateReply],
    welcome: [Reply.WelcomeBody, Reply.validateWelcome],
    update: [Reply.UpdateCardBody, Reply.validateUpdateCard],
    push: [Reply.PushBody, Reply.validatePush]
  } as const
  it.each(Object.entries(schemas))("that the schema of a %s makes comes back as it is", (_, [schema, validate]) => {
    fc.assert(
      fc.property(Arbitrary.make<any, any, never>(schema as any), (body) => {
        expect(valid(validate(body) as Either.Either<unknown, SendInvalid>)).toEqual(body)
      }),
      { numRuns: 100 }
    )
  })
})

describe("checkStreamFrame", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "",
      " ",
      "<think></think>",
      "<think>",
      "x",
      "字".repeat(6826) + "xx",
      "字".repeat(6827),
      "x".repeat(20480),
      "x".repeat(20481),
      "x".repeat(256),
      "键".repeat(86),
      "a\ud800"
    )
  )
  const odd = fc.constantFrom<unknown>(null, 1, {}, [], true, undefined)
  const sometimes = <A>(arbitrary: fc.Arbitrary<A>) => fc.oneof({ weight: 8, arbitrary }, { weight: 1, arbitrary: odd })
  const stream = fc.record({
    id: sometimes(text),
    finish: sometimes(fc.boolean()),
    content: sometimes(text),
    feedback: sometimes(fc.record({ id: text })),
    msg_item: sometimes(fc.array(fc.constant(msgItem), { maxLength: 12 })),
    extra: odd
  }, { requiredKeys: [] })
  const plain = fc.record({ id: text, finish: fc.boolean(), content: text })
  const body = fc.oneof(
    fc.record({ msgtype: fc.constant("stream"), stream: fc.oneof(plain, stream) }),
    fc.record({
      msgtype: sometimes(fc.constantFrom("stream", "text")),
      stream: sometimes(fc.oneof(plain, stream)),
      extra: odd
    }, {
      requiredKeys: []
    })
  )

  it("agrees with the schema on every frame", () => {
    let accepted = 0
    fc.assert(
      fc.property(body, (body) => {
        const verdict = Reply.validateReply(body)
        const error = Reply.checkStreamFrame(body as any)
        expect(error).toEqual(Either.isLeft(verdict) ? verdict.left : undefined)
        if (error === undefined) accepted++
      }),
      { numRuns: runs(3000) }
    )
    expect(accepted).toBeGreaterThan(runs(300))
  })
})

describe("bytes", () => {
  const text = fc.string({ unit: "binary" }).map((text) => text + "\ud83d")

  it("counts UTF-8 like Buffer, with or without it", () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: "grapheme" }), fc.string16bits()), (text) => {
        expect(utf8LengthPure(text)).toBe(Buffer.byteLength(text))
        expect(utf8Length(text)).toBe(Buffer.byteLength(text))
        expect(isWellFormed(text)).toBe(Buffer.from(text).toString() === text)
      }),
      { numRuns: 1000 }
    )
  })

  it("judges a limit like the count does", () => {
    fc.assert(
      fc.property(fc.string16bits(), fc.nat(40), (text, limit) => {
        expect(exceedsBytes(text, limit)).toBe(Buffer.byteLength(text) > limit)
      }),
      { numRuns: 1000 }
    )
  })

  it("knows what base64 decodes to", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect(base64Length(Buffer.from(bytes).toString("base64"))).toBe(bytes.length)
    }))
  })
})

describe("types", () => {
  it("each constructor makes the body of its type", () => {
    expectTypeOf(Reply.media("file", "m")).toEqualTypeOf<Extract<Reply.MediaBody, { readonly msgtype: "file" }>>()
    expectTypeOf(Reply.markdown("m")).toMatchTypeOf<Reply.PushBody>()
    expectTypeOf(Reply.stream({ id: "s", content: "" })).not.toMatchTypeOf<Reply.PushBody>()
    expectTypeOf(Reply.text("t")).toMatchTypeOf<Reply.WelcomeBody>()
    expectTypeOf(Reply.text("t")).not.toMatchTypeOf<Reply.ReplyBody>()
    const checked = () => [
      // @ts-expect-error only a video has a title
      Reply.media("file", "m", { title: "t" }),
      // @ts-expect-error a frame needs its content
      Reply.stream({ id: "s" }),
      Reply.media("image" as Reply.MediaType, "m")
    ]
    expect(checked).toBeTypeOf("function")
  })
})
