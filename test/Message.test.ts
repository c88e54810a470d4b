import { describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import { Incoming, Message, ReplyTarget } from "effect-wecom"
import * as fc from "fast-check"
import { text } from "./router/support.js"

const base = { msgid: "m", aibotid: "b", from: { userid: "alice" }, reqId: "r", receivedAt: 5 }

const single = (content: string) => text("alice", "m", { text: { content } })
const group = (content: string) => text("alice", "m", { chattype: "group", chatid: "room", text: { content } })

describe("plainText", () => {
  it("takes the mention of the bot out of a group message, wherever it stands and whatever follows it", () => {
    const said = (content: string) => Message.plainText(group(content), { botName: "小助手 Bot+" })
    expect(said("@小助手 Bot+ 你好")).toBe("你好")
    expect(said("你好 @小助手 Bot+")).toBe("你好")
    expect(said("你好@小助手 Bot+\u2005世界")).toBe("你好世界")
    expect(said("@小助手 Bot+，你好")).toBe("，你好")
    expect(said("@小助手 Bot+")).toBe("")
    expect(said("@小助手\u3000Bot+ 你好")).toBe("你好")
    expect(said("@小助手 Bot+ @Bob hi")).toBe("@Bob hi")
  })

  it("leaves longer names and addresses alone, and everything when it does not know the bot's name", () => {
    const said = (content: string) => Message.plainText(group(content), { botName: "Bot" })
    for (
      const content of ["@Bottom hi", "@Bot2 hi", "@Bot-2 hi", "@Bot_x hi", "me@Bot.com", "write me@Bot", "@小Bot hi"]
    ) {
      expect(said(content)).toBe(content)
    }
    expect(Message.plainText(group("@Bot hi"))).toBe("@Bot hi")
    expect(Message.plainText(group("@Bot hi"), { botName: "" })).toBe("@Bot hi")
  })

  it("keeps an @ in a single chat, where nobody has to mention the bot", () => {
    expect(Message.plainText(single("@Bot hi"), { botName: "Bot" })).toBe("@Bot hi")
  })

  it("drops zero-width characters and makes full-width spaces plain, but keeps joined emoji and other spaces", () => {
    expect(Message.plainText(single("\ufeff a\u200bb\u2060c\u3000d  e\n"))).toBe("abc d  e")
    expect(Message.plainText(single("\u200d👩‍🚀 👨🏽‍💻 ❤️‍🔥 a\u200d👍"))).toBe("👩‍🚀 👨🏽‍💻 ❤️‍🔥 a👍")
    expect(Message.plainText(single("a\u0000b"))).toBe("a\u0000b")
  })

  it("reads the transcript of a voice message and all texts of a mixed one, and not the quote", () => {
    expect(Message.plainText({ ...base, chattype: "single", msgtype: "voice", voice: { content: " 明天\u3000开会 " } }))
      .toBe("明天 开会")
    const mixed: Message.MixedMessage = {
      ...base,
      chattype: "group",
      chatid: "room",
      msgtype: "mixed",
      mixed: {
        msg_item: [
          { msgtype: "text", text: { content: "@Bot first" } },
          { msgtype: "image", image: { url: "i" } },
          { msgtype: "text", text: { content: "second" } }
        ]
      },
      quote: { msgtype: "text", text: { content: "quoted" } }
    }
    expect(Message.plainText(mixed, { botName: "Bot" })).toBe("first\nsecond")
    expect(Message.plainText({ ...base, chattype: "single", msgtype: "image", image: { url: "i" } })).toBe("")
    expect(Message.plainText({ ...base, msgtype: "unknown", raw: { text: { content: "?" } } })).toBe("")
  })

  it("of any text and any name, throws never and has no mention left", () => {
    fc.assert(fc.property(fc.fullUnicodeString(), fc.fullUnicodeString({ minLength: 1 }), (content, botName) => {
      const said = Message.plainText(group(`${content} @${botName} ${content}`), { botName })
      expect(said).toBe(said.trim())
      expect(Message.plainText(single(said))).toBe(said)
    }))
  })
})

describe("attachments", () => {
  it("are the message's own, those of its mixed items and those of its quote, each with where it stood", () => {
    const quote: Message.Quote = {
      msgtype: "mixed",
      mixed: { msg_item: [{ msgtype: "image", image: { url: "q1" } }, { msgtype: "text", text: { content: "" } }] }
    }
    const file: Message.FileMessage = {
      ...base,
      chattype: "single",
      msgtype: "file",
      file: { url: "f", aeskey: "k" },
      quote
    }
    const unnamed = { name: undefined, size: undefined, isDownloadable: true }
    expect(Message.attachments(file)).toEqual([
      { type: "file", origin: "message", media: { url: "f", aeskey: "k" }, ...unnamed },
      { type: "image", origin: "quote", media: { url: "q1" }, ...unnamed }
    ])
    const mixed: Message.MixedMessage = {
      ...base,
      chattype: "single",
      msgtype: "mixed",
      mixed: { msg_item: [{ msgtype: "image", image: { url: "1" } }, { msgtype: "video", video: { url: "2" } }] },
      quote: { msgtype: "file", file: { url: "q" } }
    }
    expect(Message.attachments(mixed).map(({ media, origin, type }) => [type, origin, media.url])).toEqual([
      ["image", "mixed", "1"],
      ["video", "mixed", "2"],
      ["file", "quote", "q"]
    ])
    expect(Message.attachments(single("hi"))).toEqual([])
    expect(Message.attachments({ ...base, msgtype: "unknown", raw: { image: { url: "?" } } })).toMatchObject([{
      media: { url: "?" }
    }])
  })
})

describe("view", () => {
  it("is all of that, the chat, and a target that can be stored", () => {
    const quote: Message.Quote = { msgtype: "image", image: { url: "q" } }
    const view = Incoming.view({ ...group("@Bot hi"), quote }, { botName: "Bot" })
    expect(view).toMatchObject({
      plainText: "hi",
      attachments: [{ origin: "quote" }],
      quote,
      chat: { _tag: "Group", chatid: "room" },
      replyTarget: { kind: "message", reqId: "req-m" }
    })
    const stored = JSON.stringify(Schema.encodeSync(ReplyTarget.MessageTarget)(view.replyTarget))
    expect(Schema.decodeUnknownSync(ReplyTarget.ReplyTarget)(JSON.parse(stored))).toEqual(view.replyTarget)
    expect(Incoming.view({ ...base, msgtype: "unknown", raw: null })).toMatchObject({
      plainText: "",
      attachments: [],
      quote: undefined
    })
  })
})
