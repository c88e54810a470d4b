/**
 * Events of the bot (WeCom doc 101027). Field names are those of WeCom, except `reqId` and `receivedAt`. `eventtype`
 * is copied to the top level, so that a union of events narrows by it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Frame from "./Frame.js"
import { total } from "./internal/checks/arguments.js"
import { From } from "./Message.js"

const preserving = { parseOptions: { onExcessProperty: "preserve" } } as const

const base = {
  msgid: Schema.String,
  aibotid: Schema.optional(Schema.String),
  chattype: Schema.optional(Schema.Literal("single", "group")),
  chatid: Schema.optional(Schema.String),
  create_time: Schema.optional(Schema.Number),
  response_url: Schema.optional(Schema.String),
  msgtype: Schema.Literal("event"),
  raw: Schema.optional(Schema.Unknown),
  reqId: Frame.ReqId,
  receivedAt: Schema.Number
}

/**
 * A user opened the single chat for the first time that day. Answer with `replyWelcome` within 5 s.
 *
 * @since 0.1.0
 * @category models
 */
export const EnterChat = Schema.Struct({
  ...base,
  from: From,
  eventtype: Schema.Literal("enter_chat"),
  event: Schema.Struct({ eventtype: Schema.Literal("enter_chat") }).annotations(preserving)
}).annotations(preserving)

/**
 * A user opened the single chat for the first time that day. Answer with `replyWelcome` within 5 s.
 *
 * @since 0.1.0
 * @category models
 */
export interface EnterChat extends Schema.Schema.Type<typeof EnterChat> {}

/**
 * The options selected for one question of a card.
 *
 * @since 0.1.0
 * @category models
 */
export const SelectedItem = Schema.Struct({
  question_key: Schema.String,
  option_ids: Schema.optional(
    Schema.Struct({ option_id: Schema.Array(Schema.String) }).annotations(preserving)
  )
}).annotations(preserving)

/**
 * The options selected in a vote or multiple-choice card.
 *
 * @since 0.1.0
 * @category models
 */
export const SelectedItems = Schema.Struct({
  selected_item: Schema.Array(SelectedItem)
}).annotations(preserving)

/**
 * What was pressed or submitted on a card.
 *
 * @since 0.1.0
 * @category models
 */
export const CardAction = Schema.Struct({
  card_type: Schema.optional(Schema.String),
  event_key: Schema.optional(Schema.String),
  task_id: Schema.optional(Schema.String),
  selected_items: Schema.optional(SelectedItems)
}).annotations(preserving)

/**
 * A user pressed a button of a card, or submitted the card. Answer with `updateTemplateCard` within 5 s.
 *
 * @since 0.1.0
 * @category models
 */
export const TemplateCardEvent = Schema.Struct({
  ...base,
  from: From,
  eventtype: Schema.Literal("template_card_event"),
  event: Schema.Struct({
    eventtype: Schema.Literal("template_card_event"),
    template_card_event: CardAction
  }).annotations(preserving)
}).annotations(preserving)

/**
 * A user pressed a button of a card, or submitted the card. Answer with `updateTemplateCard` within 5 s.
 *
 * @since 0.1.0
 * @category models
 */
export interface TemplateCardEvent extends Schema.Schema.Type<typeof TemplateCardEvent> {}

/**
 * A user rated an answer that was sent with a feedback id. `type` is 1 like, 2 dislike, 3 withdrawn.
 *
 * @since 0.1.0
 * @category models
 */
export const FeedbackEvent = Schema.Struct({
  ...base,
  from: Schema.optional(From),
  eventtype: Schema.Literal("feedback_event"),
  event: Schema.Struct({
    eventtype: Schema.Literal("feedback_event"),
    feedback_event: Schema.Struct({
      id: Schema.String,
      type: Schema.Literal(1, 2, 3),
      content: Schema.optional(Schema.String),
      inaccurate_reason_list: Schema.optional(Schema.Array(Schema.Number))
    }).annotations(preserving)
  }).annotations(preserving)
}).annotations(preserving)

/**
 * A user rated an answer that was sent with a feedback id. `type` is 1 like, 2 dislike, 3 withdrawn.
 *
 * @since 0.1.0
 * @category models
 */
export interface FeedbackEvent extends Schema.Schema.Type<typeof FeedbackEvent> {}

/**
 * Another instance subscribed with this bot id, and this connection ends.
 *
 * @since 0.1.0
 * @category models
 */
export const DisconnectedEvent = Schema.Struct({
  ...base,
  msgid: Schema.optional(Schema.String),
  msgtype: Schema.optional(Schema.String),
  eventtype: Schema.Literal("disconnected_event"),
  event: Schema.Struct({ eventtype: Schema.Literal("disconnected_event") }).annotations(preserving)
}).annotations(preserving)

/**
 * Another instance subscribed with this bot id, and this connection ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface DisconnectedEvent extends Schema.Schema.Type<typeof DisconnectedEvent> {}

/**
 * An event of a type that this version does not know, or of a known type with an unknown shape. `raw` is the body as
 * received.
 *
 * @since 0.1.0
 * @category models
 */
export const UnknownEvent = Schema.Struct({
  msgid: Schema.optional(Schema.String),
  chattype: Schema.optional(Schema.String),
  chatid: Schema.optional(Schema.String),
  from: Schema.optional(From),
  create_time: Schema.optional(Schema.Number),
  reqId: Frame.ReqId,
  receivedAt: Schema.Number,
  eventtype: Schema.Literal("unknown"),
  raw: Schema.Unknown
})

/**
 * An event of a type that this version does not know, or of a known type with an unknown shape. `raw` is the body as
 * received.
 *
 * @since 0.1.0
 * @category models
 */
export interface UnknownEvent extends Schema.Schema.Type<typeof UnknownEvent> {}

/**
 * Any event, distinguished by `eventtype`. A part that did not have its documented form is left out; then `raw` is the body as
 * received.
 *
 * @since 0.1.0
 * @category models
 */
export const BotEvent = Schema.Union(EnterChat, TemplateCardEvent, FeedbackEvent, DisconnectedEvent, UnknownEvent)

/**
 * Any event, distinguished by `eventtype`.
 *
 * @since 0.1.0
 * @category models
 */
export type BotEvent = EnterChat | TemplateCardEvent | FeedbackEvent | DisconnectedEvent | UnknownEvent

/**
 * The values of `eventtype` that this version knows, and `unknown`.
 *
 * @since 0.1.0
 * @category models
 */
export type EventType = BotEvent["eventtype"]

/**
 * The type of events with this `eventtype`.
 *
 * @since 0.1.0
 * @category models
 */
export type OfType<T extends EventType> = Extract<BotEvent, { readonly eventtype: T }>

/**
 * Narrows an event to one type.
 *
 * @since 0.1.0
 * @category guards
 */
export const isType = <T extends EventType>(eventtype: T): (event: BotEvent) => event is OfType<T> =>
  total((event: BotEvent): event is OfType<T> => event.eventtype === eventtype, false)
