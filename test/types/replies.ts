/** What the types of replies let through, and what they stop. Checked by `npm run check`; nothing here is run. */
import { Effect, Redacted, Stream } from "effect"
import { BotEvent, Chat, Reply, WecomBot } from "effect-wecom"
import type { Frame, MediaDownload, MediaUpload, Message, ReplyTarget, TemplateCard, WecomError } from "effect-wecom"
import { expectTypeOf } from "vitest"

declare const message: Message.TextMessage
declare const anyMessage: Message.Message
declare const enterChat: BotEvent.EnterChat
declare const cardEvent: BotEvent.TemplateCardEvent
declare const anyEvent: BotEvent.BotEvent
declare const messageTarget: ReplyTarget.MessageTarget
declare const anyTarget: ReplyTarget.ReplyTarget

class Overloaded {
  readonly _tag = "Overloaded"
}
interface Model {
  readonly model: unique symbol
}

type Sends<A = Frame.Ack> = Effect.Effect<A, WecomError.SendError, WecomBot.WecomBot>

// -- replyStream keeps the failures and the needs of its Stream

declare const tokens: Stream.Stream<string, Overloaded, Model>

expectTypeOf(WecomBot.replyStream(message, tokens)).toEqualTypeOf<
  Effect.Effect<WecomBot.Receipt, WecomError.SendError | Overloaded, WecomBot.WecomBot | Model>
>()
expectTypeOf(WecomBot.replyStream(message, "whole")).toEqualTypeOf<Sends<WecomBot.Receipt>>()
expectTypeOf(WecomBot.replyStream(messageTarget, Stream.make("a"))).toEqualTypeOf<Sends<WecomBot.Receipt>>()
// Not even where its context would take any failure and any need.
expectTypeOf(
  Effect.catchTags(WecomBot.downloadFile({ url: "https://example.com" }), {
    DownloadFailed: () => WecomBot.replyStream(message, "sorry"),
    DecryptFailed: () => WecomBot.uploadMedia(new Uint8Array(9), { type: "file", filename: "a.txt" })
  })
).toEqualTypeOf<
  Effect.Effect<
    MediaDownload.Download | WecomBot.Receipt | MediaUpload.Uploaded,
    WecomError.SendError | WecomError.UploadFailed,
    WecomBot.WecomBot
  >
>()
// @ts-expect-error a Stream of numbers is no answer
WecomBot.replyStream(message, Stream.make(1))
// @ts-expect-error an event takes no stream
WecomBot.replyStream(enterChat, "hello")

// -- targets are what the service accepts

expectTypeOf(WecomBot.reply(anyMessage, Reply.markdown("hi"))).toEqualTypeOf<Sends>()
expectTypeOf(WecomBot.replyWelcome(enterChat, Reply.text("hi"))).toEqualTypeOf<Sends>()
// @ts-expect-error a message is not welcomed
WecomBot.replyWelcome(message, Reply.text("hi"))
// @ts-expect-error nor is what was kept of one
WecomBot.replyWelcome(messageTarget, Reply.text("hi"))
// @ts-expect-error nor is just any event
WecomBot.replyWelcome(anyEvent, Reply.text("hi"))
// @ts-expect-error an event is not replied to
WecomBot.reply(cardEvent, Reply.markdown("hi"))
// @ts-expect-error a target of unknown kind may be an event's
WecomBot.reply(anyTarget, Reply.markdown("hi"))

// -- plain text is for welcomes alone

// @ts-expect-error the service refuses text as a reply (40008)
WecomBot.reply(message, Reply.text("hi"))
// @ts-expect-error and as a push
WecomBot.sendMessage(Chat.user("alice"), Reply.text("hi"))
// @ts-expect-error a push is no stream
WecomBot.sendMessage(Chat.user("alice"), Reply.stream({ id: "s", content: "x", finish: true }))
// @ts-expect-error a welcome is no markdown
WecomBot.replyWelcome(enterChat, Reply.markdown("hi"))

// -- cards

const buttons = {
  card_type: "button_interaction",
  main_title: { title: "Leave" },
  task_id: "leave-1",
  button_list: [{ text: "Approve", key: "approve" }]
} as const satisfies TemplateCard.TemplateCard

expectTypeOf(WecomBot.replyTemplateCard(message, buttons)).toEqualTypeOf<Sends>()
expectTypeOf(WecomBot.updateTemplateCard(cardEvent, buttons)).toEqualTypeOf<Sends>()
// @ts-expect-error a message has no card to update
WecomBot.updateTemplateCard(message, buttons)
// @ts-expect-error nor has an entering user
WecomBot.updateTemplateCard(enterChat, buttons)
// @ts-expect-error button_list is required
WecomBot.replyTemplateCard(message, { card_type: "button_interaction", main_title: { title: "x" }, task_id: "t" })
// @ts-expect-error main_title is required
WecomBot.replyTemplateCard(message, { card_type: "news_notice", card_action: { type: 1, url: "https://a.b" } })
// @ts-expect-error a vote has a submit_button
WecomBot.replyTemplateCard(message, {
  card_type: "vote_interaction",
  main_title: { title: "x" },
  task_id: "t",
  checkbox: { question_key: "q", option_list: [{ id: "1", text: "1" }] }
})
// @ts-expect-error there is no such card
WecomBot.replyTemplateCard(message, { card_type: "poem", main_title: { title: "x" } })
// @ts-expect-error the service is strict: numbers are not strings
WecomBot.replyTemplateCard(message, { ...buttons, source: { desc_color: "1" } })

// -- streams of messages and events narrow

expectTypeOf(WecomBot.messagesOf("image")).toEqualTypeOf<
  Stream.Stream<Message.ImageMessage, WecomError.ConnectionError, WecomBot.WecomBot>
>()
expectTypeOf(WecomBot.eventsOf("feedback_event")).toEqualTypeOf<
  Stream.Stream<BotEvent.FeedbackEvent, WecomError.ConnectionError, WecomBot.WecomBot>
>()
// @ts-expect-error there is no such message
WecomBot.messagesOf("hologram")
if (anyMessage.msgtype === "voice") expectTypeOf(anyMessage).toEqualTypeOf<Message.VoiceMessage>()
if (BotEvent.isType("enter_chat")(anyEvent)) expectTypeOf(anyEvent).toEqualTypeOf<BotEvent.EnterChat>()

// -- the secret is wrapped

WecomBot.layer({ botId: "bot", secret: Redacted.make("s") })
// @ts-expect-error a plain string would end in a log one day
WecomBot.layer({ botId: "bot", secret: "s" })
