import { describe, expect } from "@effect/vitest"
import { Effect, Metric, Queue } from "effect"
import { BotRouter, Chat, type Incoming, Message, Telemetry, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { memory, onPort } from "../contract/harness.js"
import type { IncomingCase } from "./cases.js"
import * as Cases from "./cases.js"

type Handled = { readonly [field: string]: unknown }

const attachmentsOf = (message: Message.Message): Handled =>
  Message.attachments(message).length === 0
    ? {}
    : { attachments: Message.attachments(message).map(({ media, ...rest }) => ({ ...rest, url: media.url })) }

const describeMessage = (route: string, message: Message.Message, more: Handled = {}): Handled => {
  const chat = Chat.fromCallback(message)
  return {
    ...message,
    ...attachmentsOf(message),
    route,
    userid: message.from.userid,
    isAnonymous: Message.isAnonymous(message),
    chat: chat === undefined ? undefined : Chat.id(chat),
    words: Message.plainText(message),
    ...more
  }
}

const describeEvent = (event: Incoming.Incoming): Handled => {
  if (!("eventtype" in event)) return {}
  switch (event.eventtype) {
    case "template_card_event": {
      const { event_key, selected_items } = event.event.template_card_event
      return { ...event, route: event.eventtype, event_key, selected: selected_items?.selected_item ?? [] }
    }
    case "feedback_event": {
      const { inaccurate_reason_list, type } = event.event.feedback_event
      return { ...event, route: event.eventtype, type, reasons: inaccurate_reason_list }
    }
    default:
      return { ...event, route: event.eventtype }
  }
}

const repairs = (field: string) =>
  Effect.map(Metric.value(Metric.tagged(Telemetry.incomingRepaired, "field", field)), ({ count }) => count)

const run = (one: IncomingCase) =>
  Effect.gen(function*() {
    const handled = yield* Queue.unbounded<Handled>()
    const tell = (message: Message.Message, described: Handled) =>
      Effect.zipRight(
        Queue.offer(handled, described),
        // The gateway has not issued these callbacks, so it refuses the answer, and has received it.
        Effect.ignore(WecomBot.replyStreamFrame(message, { id: "s", content: "seen", finish: true }))
      )
    const command = (name: string) =>
      BotRouter.onCommand(name, (message, argument) => tell(message, describeMessage(name, message, { argument })))
    const router = BotRouter.empty.pipe(
      command("/pay"),
      command("/list"),
      BotRouter.onMatch(/^帮我查/, (message, [match]) => tell(message, describeMessage("match", message, { match }))),
      BotRouter.onMessage((message) => tell(message, describeMessage(message.msgtype, message))),
      BotRouter.orElse((event) => Queue.offer(handled, describeEvent(event)))
    )
    const counted = yield* Effect.forEach(one.repaired ?? [], repairs)
    yield* Effect.forkScoped(BotRouter.run(router, one.botName === undefined ? {} : { botName: one.botName }))
    yield* WecomBot.ready
    for (const frame of one.frames) yield* TestGateway.faults.pushRaw(Cases.dataOf(frame))
    const seen = yield* Effect.forEach(one.handled, () => Queue.take(handled))
    expect(seen).toMatchObject(one.handled)
    for (const field of one.absent ?? []) expect(seen.at(-1)).not.toHaveProperty(field)
    for (const [n, field] of (one.repaired ?? []).entries()) expect(yield* repairs(field)).toBe(counted[n]! + 1)
    if (one.answeredUnder !== undefined) {
      const answer = yield* TestGateway.awaitReceived({ cmd: "aibot_respond_msg" })
      expect([answer.reqId]).toEqual(one.answeredUnder)
    }
    expect((yield* WecomBot.status)._tag).toBe("Subscribed")
    expect(yield* Queue.size(handled)).toBe(0)
  })

for (const harness of [memory, onPort]) {
  describe(`the corpus over ${harness.name}`, () => {
    for (const [name, one] of Cases.read<IncomingCase>("incoming")) harness.test(name, () => run(one))
  })
}
