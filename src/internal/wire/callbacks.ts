/**
 * Bodies of callbacks as messages and events. Most bodies have the documented form and pass a compiled guard; others are decoded
 * part by part.
 */
import type * as Schema from "effect/Schema"
import type * as AST from "effect/SchemaAST"
import * as BotEvent from "../../BotEvent.js"
import type * as Frame from "../../Frame.js"
import * as Message from "../../Message.js"
import * as Forms from "./forms.js"
import type { Fields } from "./repair.js"
import * as Repair from "./repair.js"
import * as SchemaGuard from "./schemaGuard.js"

/** @internal */
export type Callback =
  | {
    readonly _tag: "Message"
    readonly message: Message.Message
    /** The fields that were changed or left out. */
    readonly repaired?: ReadonlySet<string>
  }
  | {
    readonly _tag: "Event"
    readonly event: BotEvent.BotEvent
    readonly repaired?: ReadonlySet<string>
  }

type Body = { [key: string]: unknown }

const forms: ReadonlyMap<AST.AST, Repair.Form> = new Map([
  [Message.TextMessage.ast, Forms.message],
  [Message.ImageMessage.ast, Forms.message],
  [Message.MixedMessage.ast, Forms.message],
  [Message.VoiceMessage.ast, Forms.message],
  [Message.FileMessage.ast, Forms.message],
  [Message.VideoMessage.ast, Forms.message],
  [Message.UnknownMessage.ast, Forms.message],
  [Message.Media.ast, Forms.media],
  [Message.Voice.ast, Forms.voice],
  [Message.Mixed.ast, Forms.mixed],
  [Message.MixedItem.ast, Forms.content],
  [Message.Quote.ast, Forms.content],
  [Message.From.ast, Forms.from],
  [BotEvent.EnterChat.ast, Forms.userEvent],
  [BotEvent.TemplateCardEvent.ast, Forms.userEvent],
  [BotEvent.FeedbackEvent.ast, Forms.event],
  [BotEvent.CardAction.ast, Forms.cardAction],
  [BotEvent.SelectedItems.ast, Forms.selectedItems],
  [BotEvent.SelectedItem.ast, Forms.selectedItem]
])

/** Compiled by its first callback: most bots receive few of these shapes. */
const lazily = <A>(compile: () => (value: unknown) => A): (value: unknown) => A => {
  let compiled: ((value: unknown) => A) | undefined
  return (value) => (compiled ??= compile())(value)
}

interface Decoder<A> {
  readonly accepts: (body: unknown) => body is A
  readonly repair: (body: unknown) => Repair.Repaired<A> | undefined
}

const decoder = <A>(schema: Schema.Schema<A>): Decoder<A> => {
  const accepts = lazily(() => SchemaGuard.compile(schema))
  return {
    accepts: (body): body is A => accepts(body),
    repair: lazily(() => Repair.compile(schema, forms))
  }
}

const messageDecoders: { readonly [msgtype: string]: Decoder<Message.Message> } = {
  __proto__: null as never,
  text: decoder(Message.TextMessage),
  image: decoder(Message.ImageMessage),
  mixed: decoder(Message.MixedMessage),
  voice: decoder(Message.VoiceMessage),
  file: decoder(Message.FileMessage),
  video: decoder(Message.VideoMessage)
}

const eventDecoders: { readonly [eventtype: string]: Decoder<BotEvent.BotEvent> } = {
  __proto__: null as never,
  enter_chat: decoder(BotEvent.EnterChat),
  template_card_event: decoder(BotEvent.TemplateCardEvent),
  feedback_event: decoder(BotEvent.FeedbackEvent),
  disconnected_event: decoder(BotEvent.DisconnectedEvent)
}

const unknownMessage = decoder(Message.UnknownMessage)
const unknownEvent = decoder(BotEvent.UnknownEvent)

/** The parts of a callback of unknown type that have a place in its schema. */
const commonParts = ["msgid", "aibotid", "chattype", "chatid", "from", "create_time", "response_url"]

const partsOf = (body: Fields): Body => {
  const parts: Body = {}
  for (const key of commonParts) if (body[key] !== undefined) parts[key] = body[key]
  return parts
}

/** `raw` is the body as received, when a part of it had to be changed or left out. */
const asMessage = ({ changed, value }: Repair.Repaired<Message.Message>, raw: Fields): Callback =>
  changed.size === 0
    ? { _tag: "Message", message: value }
    : { _tag: "Message", message: { ...value, raw }, repaired: changed }

const asEvent = ({ changed, value }: Repair.Repaired<BotEvent.BotEvent>, raw: Fields): Callback =>
  changed.size === 0
    ? { _tag: "Event", event: value }
    : { _tag: "Event", event: { ...value, raw }, repaired: changed }

const restore = (body: Body, key: string, value: unknown): void => {
  if (value === undefined) delete body[key]
  else body[key] = value
}

/** @internal */
export const message = (body: Body, reqId: Frame.ReqId, receivedAt: number): Callback => {
  const known = typeof body.msgtype === "string" ? messageDecoders[body.msgtype] : undefined
  if (known !== undefined) {
    // The parsed body is not shared, so the two fields of this library are written into it instead of into a copy.
    const own = body.reqId
    const ownReceivedAt = body.receivedAt
    body.reqId = reqId
    body.receivedAt = receivedAt
    if (known.accepts(body)) return { _tag: "Message", message: body }
    restore(body, "reqId", own)
    restore(body, "receivedAt", ownReceivedAt)
    const repaired = known.repair({ ...body, reqId, receivedAt })
    if (repaired !== undefined) return asMessage(repaired, body)
  }
  return asMessage(
    unknownMessage.repair({
      ...partsOf(body),
      reqId,
      receivedAt,
      msgtype: "unknown",
      raw: body
    })!,
    body
  )
}

const withPayload = new Set(["template_card_event", "feedback_event"])

/** Moves a flat payload into the object named after the eventtype, where WeCom doc 101027 has it; some sources show it flat. */
const nest = (event: Fields, eventtype: string): Fields => {
  const { eventtype: _, ...payload } = event
  return { eventtype, [eventtype]: payload }
}

/** @internal */
export const event = (body: Body, reqId: Frame.ReqId, receivedAt: number): Callback => {
  const { event } = body
  const eventtype = Repair.isFields(event) ? event.eventtype : undefined
  if (Repair.isFields(event) && typeof eventtype === "string") {
    const known = eventDecoders[eventtype]
    if (known !== undefined) {
      const nested = withPayload.has(eventtype) && !Repair.isFields(event[eventtype]) ? nest(event, eventtype) : event
      const repaired = known.repair({ ...body, reqId, receivedAt, eventtype, event: nested })
      if (repaired !== undefined) return asEvent(repaired, body)
    }
  }
  return asEvent(
    unknownEvent.repair({
      ...partsOf(body),
      reqId,
      receivedAt,
      eventtype: "unknown",
      raw: body
    })!,
    body
  )
}
