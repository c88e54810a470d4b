/**
 * Template cards: the five types, their parts, and constructors that check a card before it is sent.
 *
 * Every rule is from WeCom doc 101032. Field names are those of WeCom, and sizes are bytes of UTF-8. Lengths given as
 * "about" are recommendations for a good layout and are not enforced. Enums are JSON numbers and flags are JSON
 * booleans; the service refuses other types.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  ActionMenu,
  Button,
  CardAction,
  CardImage,
  Checkbox,
  EmphasisContent,
  Feedback,
  HorizontalContent,
  ImageTextArea,
  Jump,
  MainTitle,
  OptionalCardAction,
  QuoteArea,
  Selection,
  Source,
  SubmitButton,
  TaskId,
  VerticalContent
} from "./internal/bodies/cardParts.js"
import { items, struct, Text, uniqueBy } from "./internal/bodies/cardRules.js"
import { rule, validator } from "./internal/bodies/sendInvalid.js"
import * as Limits from "./Limits.js"
import type { SendInvalid } from "./WecomError.js"

const HorizontalContents = items(HorizontalContent, "entries", 0, Limits.cardHorizontalContents)
const Jumps = items(Jump, "entries", 0, Limits.cardJumps)

const menuNeedsTask = <A extends { readonly action_menu?: unknown; readonly task_id?: unknown }, I>(
  self: Schema.Schema<A, I>
): Schema.Schema<A, I> =>
  rule<Schema.Schema<A, I>>((card: A) =>
    card.action_menu === undefined || card.task_id !== undefined
      ? undefined
      : { path: ["task_id"], problem: "is missing", limit: "a task_id, because there is an action_menu" }
  )(self)

/**
 * A text notice. Requires `card_action`, and a title: `main_title.title` or `sub_title_text`. With `action_menu` also
 * requires a `task_id`.
 *
 * @since 0.1.0
 * @category cards
 */
export const TextNotice = struct("a text_notice card", {
  card_type: Schema.Literal("text_notice"),
  source: Schema.optional(Source),
  action_menu: Schema.optional(ActionMenu),
  main_title: Schema.optional(MainTitle),
  emphasis_content: Schema.optional(EmphasisContent),
  quote_area: Schema.optional(QuoteArea),
  sub_title_text: Schema.optional(Text),
  horizontal_content_list: Schema.optional(HorizontalContents),
  jump_list: Schema.optional(Jumps),
  card_action: CardAction,
  task_id: Schema.optional(TaskId),
  feedback: Schema.optional(Feedback)
}).pipe(
  menuNeedsTask,
  rule((card) =>
    card.main_title?.title || card.sub_title_text
      ? undefined
      : { path: ["main_title", "title"], problem: "is missing", limit: "a main_title.title or a sub_title_text" }
  )
)

/**
 * A `text_notice` card.
 *
 * @since 0.1.0
 * @category cards
 */
export interface TextNotice extends Schema.Schema.Type<typeof TextNotice> {}

/**
 * A notice with a picture. Requires `main_title`, `card_action`, and `card_image` or `image_text_area`. With
 * `action_menu` also requires a `task_id`.
 *
 * @since 0.1.0
 * @category cards
 */
export const NewsNotice = struct("a news_notice card", {
  card_type: Schema.Literal("news_notice"),
  source: Schema.optional(Source),
  action_menu: Schema.optional(ActionMenu),
  main_title: MainTitle,
  quote_area: Schema.optional(QuoteArea),
  horizontal_content_list: Schema.optional(HorizontalContents),
  vertical_content_list: Schema.optional(
    items(VerticalContent, "entries", 0, Limits.cardVerticalContents)
  ),
  card_image: Schema.optional(CardImage),
  image_text_area: Schema.optional(ImageTextArea),
  jump_list: Schema.optional(Jumps),
  card_action: CardAction,
  task_id: Schema.optional(TaskId),
  feedback: Schema.optional(Feedback)
}).pipe(
  menuNeedsTask,
  rule((card) =>
    card.card_image !== undefined || card.image_text_area !== undefined
      ? undefined
      : { path: ["card_image"], problem: "is missing", limit: "a card_image or an image_text_area" }
  )
)

/**
 * A `news_notice` card.
 *
 * @since 0.1.0
 * @category cards
 */
export interface NewsNotice extends Schema.Schema.Type<typeof NewsNotice> {}

/**
 * A card with 1 to 6 buttons. Requires `main_title`, `button_list` and `task_id`.
 *
 * @since 0.1.0
 * @category cards
 */
export const ButtonInteraction = struct("a button_interaction card", {
  card_type: Schema.Literal("button_interaction"),
  source: Schema.optional(Source),
  action_menu: Schema.optional(ActionMenu),
  main_title: MainTitle,
  quote_area: Schema.optional(QuoteArea),
  sub_title_text: Schema.optional(Text),
  horizontal_content_list: Schema.optional(HorizontalContents),
  card_action: Schema.optional(OptionalCardAction),
  button_selection: Schema.optional(Selection),
  button_list: items(Button, "buttons", 1, Limits.cardButtons).pipe(uniqueBy("key")),
  task_id: TaskId,
  feedback: Schema.optional(Feedback)
})

/**
 * A `button_interaction` card.
 *
 * @since 0.1.0
 * @category cards
 */
export interface ButtonInteraction extends Schema.Schema.Type<typeof ButtonInteraction> {}

/**
 * A card with one question. Requires `main_title`, `checkbox`, `submit_button` and `task_id`.
 *
 * @since 0.1.0
 * @category cards
 */
export const VoteInteraction = struct("a vote_interaction card", {
  card_type: Schema.Literal("vote_interaction"),
  source: Schema.optional(Source),
  main_title: MainTitle,
  checkbox: Checkbox,
  submit_button: SubmitButton,
  task_id: TaskId,
  feedback: Schema.optional(Feedback)
})

/**
 * A `vote_interaction` card.
 *
 * @since 0.1.0
 * @category cards
 */
export interface VoteInteraction extends Schema.Schema.Type<typeof VoteInteraction> {}

/**
 * A card with 1 to 3 drop-downs. Requires `main_title`, `select_list`, `submit_button` and `task_id`.
 *
 * @since 0.1.0
 * @category cards
 */
export const MultipleInteraction = struct("a multiple_interaction card", {
  card_type: Schema.Literal("multiple_interaction"),
  source: Schema.optional(Source),
  main_title: MainTitle,
  select_list: items(Selection, "selections", 1, Limits.cardSelects).pipe(uniqueBy("question_key")),
  submit_button: SubmitButton,
  task_id: TaskId,
  feedback: Schema.optional(Feedback)
})

/**
 * A `multiple_interaction` card.
 *
 * @since 0.1.0
 * @category cards
 */
export interface MultipleInteraction extends Schema.Schema.Type<typeof MultipleInteraction> {}

/**
 * Any card, distinguished by `card_type`.
 *
 * @since 0.1.0
 * @category cards
 */
export const TemplateCard = Schema.Union(
  TextNotice,
  NewsNotice,
  ButtonInteraction,
  VoteInteraction,
  MultipleInteraction
).annotations({ description: "a template card" })

/**
 * Any card, distinguished by `card_type`.
 *
 * @since 0.1.0
 * @category cards
 */
export type TemplateCard = TextNotice | NewsNotice | ButtonInteraction | VoteInteraction | MultipleInteraction

/**
 * The argument of a constructor: the card without its `card_type`.
 *
 * @since 0.1.0
 * @category cards
 */
export type Fields<Card extends TemplateCard> = Omit<Card, "card_type">

const at = { at: ["template_card"], root: "template_card" } as const

const construct = <A extends TemplateCard, I>(card_type: A["card_type"], schema: Schema.Schema<A, I>) => {
  const decode = validator(schema, at)
  return (fields: Fields<A>): Either.Either<A, SendInvalid> => decode(() => ({ ...fields, card_type }))
}

/**
 * A `text_notice` card, or `SendInvalid` for the first rule that it breaks.
 *
 * @since 0.1.0
 * @category constructors
 */
export const textNotice: (fields: Fields<TextNotice>) => Either.Either<TextNotice, SendInvalid> = construct(
  "text_notice",
  TextNotice
)

/**
 * A `news_notice` card, or `SendInvalid` for the first rule that it breaks.
 *
 * @since 0.1.0
 * @category constructors
 */
export const newsNotice: (fields: Fields<NewsNotice>) => Either.Either<NewsNotice, SendInvalid> = construct(
  "news_notice",
  NewsNotice
)

/**
 * A `button_interaction` card. Yield it in `Effect.gen`: a broken rule fails with a `SendInvalid` that names the field.
 *
 * @example
 * ```ts
 * import { TemplateCard } from "effect-wecom"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const card = yield* TemplateCard.buttonInteraction({
 *     main_title: { title: "Deploy to production?" },
 *     button_list: [{ text: "Yes", key: "yes" }, { text: "No", key: "no", style: 2 }],
 *     task_id: "deploy_42"
 *   })
 *   return card.card_type
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const buttonInteraction: (fields: Fields<ButtonInteraction>) => Either.Either<ButtonInteraction, SendInvalid> =
  construct(
    "button_interaction",
    ButtonInteraction
  )

/**
 * A `vote_interaction` card, or `SendInvalid` for the first rule that it breaks.
 *
 * @since 0.1.0
 * @category constructors
 */
export const voteInteraction: (fields: Fields<VoteInteraction>) => Either.Either<VoteInteraction, SendInvalid> =
  construct(
    "vote_interaction",
    VoteInteraction
  )

/**
 * A `multiple_interaction` card, or `SendInvalid` for the first rule that it breaks.
 *
 * @since 0.1.0
 * @category constructors
 */
export const multipleInteraction: (
  fields: Fields<MultipleInteraction>
) => Either.Either<MultipleInteraction, SendInvalid> = construct(
  "multiple_interaction",
  MultipleInteraction
)

const decodeAny = validator(TemplateCard, at)

/**
 * Checks any value as a card, for cards that come as JSON. The result is a copy, so later changes of the value cannot
 * change the card that is sent. A violation names the path of the first broken rule
 * (`template_card.button_list[2].key`), never its content.
 *
 * @since 0.1.0
 * @category validation
 */
export const validate = (card: unknown): Either.Either<TemplateCard, SendInvalid> => decodeAny(() => card)

export {
  /**
   * @since 0.1.0
   * @category parts
   */
  ActionMenu,
  /**
   * @since 0.1.0
   * @category parts
   */
  Button,
  /**
   * @since 0.1.0
   * @category parts
   */
  CardAction,
  /**
   * @since 0.1.0
   * @category parts
   */
  CardImage,
  /**
   * @since 0.1.0
   * @category parts
   */
  Checkbox,
  /**
   * @since 0.1.0
   * @category parts
   */
  EmphasisContent,
  /**
   * @since 0.1.0
   * @category parts
   */
  Feedback,
  /**
   * @since 0.1.0
   * @category parts
   */
  HorizontalContent,
  /**
   * @since 0.1.0
   * @category parts
   */
  ImageTextArea,
  /**
   * @since 0.1.0
   * @category parts
   */
  Jump,
  /**
   * @since 0.1.0
   * @category parts
   */
  MainTitle,
  /**
   * @since 0.1.0
   * @category parts
   */
  OptionalCardAction,
  /**
   * @since 0.1.0
   * @category parts
   */
  QuoteArea,
  /**
   * @since 0.1.0
   * @category parts
   */
  Selection,
  /**
   * @since 0.1.0
   * @category parts
   */
  Source,
  /**
   * @since 0.1.0
   * @category parts
   */
  SubmitButton,
  /**
   * @since 0.1.0
   * @category parts
   */
  TaskId,
  /**
   * @since 0.1.0
   * @category parts
   */
  VerticalContent
} from "./internal/bodies/cardParts.js"
