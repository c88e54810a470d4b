/**
 * The parts of cards. Public through `TemplateCard`, which explains the numbers.
 */
import * as Schema from "effect/Schema"
import * as Limits from "../../Limits.js"
import {
  between,
  bytes,
  Flag,
  integer,
  items,
  NonEmptyText,
  pattern,
  requiredByType,
  struct,
  Text,
  uniqueBy
} from "./cardRules.js"

const Key = bytes(1, Limits.cardKeyBytes)
const OptionId = bytes(1, Limits.cardOptionIdBytes)
const jump = { url: Schema.optional(Text), appid: Schema.optional(Text), pagepath: Schema.optional(Text) }

/**
 * The id of a card in its events and updates: 1 to 128 of `0-9 A-Z a-z _ @ -`, used once by a bot.
 *
 * @since 0.1.0
 * @category parts
 */
export const TaskId = pattern(
  /^[0-9A-Za-z_@-]+$/,
  Limits.cardTaskIdBytes,
  `1 to ${Limits.cardTaskIdBytes} of 0-9 A-Z a-z _ @ -`,
  (seed) => `task_${seed}@-`
)

/**
 * Shows thumbs up and down: a `feedback_event` contains `id` (1 to 256 bytes). WeCom doc 101031.
 *
 * @since 0.1.0
 * @category parts
 */
export const Feedback = struct("a feedback object", {
  id: bytes(1, Limits.feedbackIdBytes)
})

/**
 * The values of the `Feedback` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface Feedback extends Schema.Schema.Type<typeof Feedback> {}

/**
 * The line above the title: an icon and up to about 13 characters. `desc_color` is 0 grey (default), 1 black, 2 red,
 * 3 green.
 *
 * @since 0.1.0
 * @category parts
 */
export const Source = struct("a source object", {
  icon_url: Schema.optional(Text),
  desc: Schema.optional(Text),
  desc_color: Schema.optional(integer(0, 1, 2, 3))
})

/**
 * The values of the `Source` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface Source extends Schema.Schema.Type<typeof Source> {}

/**
 * The menu in the corner: 1 to 3 actions with different keys of at most 1024 bytes. A card with a menu needs a `task_id`.
 *
 * @since 0.1.0
 * @category parts
 */
export const ActionMenu = struct("an action_menu object", {
  desc: Text,
  action_list: items(struct("an action", { text: Text, key: Key }), "actions", 1, Limits.cardActions).pipe(
    uniqueBy("key")
  )
})

/**
 * The values of the `ActionMenu` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface ActionMenu extends Schema.Schema.Type<typeof ActionMenu> {}

/**
 * The title (about 26 characters) and a line under it (about 30).
 *
 * @since 0.1.0
 * @category parts
 */
export const MainTitle = struct("a main_title object", {
  title: Schema.optional(Text),
  desc: Schema.optional(Text)
})

/**
 * The values of the `MainTitle` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface MainTitle extends Schema.Schema.Type<typeof MainTitle> {}

/**
 * One big figure (about 10 characters) and what it counts (about 15).
 *
 * @since 0.1.0
 * @category parts
 */
export const EmphasisContent = struct("an emphasis_content object", {
  title: Schema.optional(Text),
  desc: Schema.optional(Text)
})

/**
 * The values of the `EmphasisContent` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface EmphasisContent extends Schema.Schema.Type<typeof EmphasisContent> {}

/**
 * A quoted text. A click does nothing (`type` 0 or absent), opens `url` (1), or a mini program `appid` (2).
 *
 * @since 0.1.0
 * @category parts
 */
export const QuoteArea = struct("a quote_area object", {
  type: Schema.optional(integer(0, 1, 2)),
  ...jump,
  title: Schema.optional(Text),
  quote_text: Schema.optional(Text)
}).pipe(requiredByType({ 1: "url", 2: "appid" }))

/**
 * The values of the `QuoteArea` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface QuoteArea extends Schema.Schema.Type<typeof QuoteArea> {}

/**
 * A row of name (about 5 characters) and value (about 26). A click does nothing (`type` 0 or absent), opens `url` (1), or
 * the profile of the member `userid` (3); there is no 2.
 *
 * @since 0.1.0
 * @category parts
 */
export const HorizontalContent = struct("a horizontal_content_list entry", {
  type: Schema.optional(integer(0, 1, 3)),
  keyname: Text,
  value: Schema.optional(Text),
  url: Schema.optional(Text),
  userid: Schema.optional(Text)
}).pipe(requiredByType({ 1: "url", 3: "userid" }))

/**
 * The values of the `HorizontalContent` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface HorizontalContent extends Schema.Schema.Type<typeof HorizontalContent> {}

/**
 * A second title (about 26 characters) and text (about 112).
 *
 * @since 0.1.0
 * @category parts
 */
export const VerticalContent = struct("a vertical_content_list entry", {
  title: Text,
  desc: Schema.optional(Text)
})

/**
 * The values of the `VerticalContent` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface VerticalContent extends Schema.Schema.Type<typeof VerticalContent> {}

/**
 * A link line (about 13 characters). A click does nothing (`type` 0 or absent), opens `url` (1), a mini program `appid` (2),
 * or asks the bot `question` (3, at most 200 bytes).
 *
 * @since 0.1.0
 * @category parts
 */
export const Jump = struct("a jump_list entry", {
  type: Schema.optional(integer(0, 1, 2, 3)),
  title: Text,
  ...jump,
  question: Schema.optional(bytes(0, Limits.cardQuestionBytes))
}).pipe(requiredByType({ 1: "url", 2: "appid", 3: "question" }))

/**
 * The values of the `Jump` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface Jump extends Schema.Schema.Type<typeof Jump> {}

/**
 * The action of a click on a notice: opens `url` (1) or a mini program `appid` (2).
 *
 * @since 0.1.0
 * @category parts
 */
export const CardAction = struct("a card_action object", {
  type: integer(1, 2),
  ...jump
}).pipe(requiredByType({ 1: "url", 2: "appid" }))

/**
 * The values of the `CardAction` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface CardAction extends Schema.Schema.Type<typeof CardAction> {}

/**
 * The action of a click on an interactive card: none (0), or opens `url` (1) or a mini program `appid` (2).
 *
 * @since 0.1.0
 * @category parts
 */
export const OptionalCardAction = struct("a card_action object", {
  type: integer(0, 1, 2),
  ...jump
}).pipe(requiredByType({ 1: "url", 2: "appid" }))

/**
 * The values of the `OptionalCardAction` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface OptionalCardAction extends Schema.Schema.Type<typeof OptionalCardAction> {}

/**
 * A wide picture. `aspect_ratio` is width by height, 1.3 (default) to 2.25.
 *
 * @since 0.1.0
 * @category parts
 */
export const CardImage = struct("a card_image object", {
  url: NonEmptyText,
  aspect_ratio: Schema.optional(between(Limits.cardAspectRatioMin, Limits.cardAspectRatioMax))
})

/**
 * The values of the `CardImage` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface CardImage extends Schema.Schema.Type<typeof CardImage> {}

/**
 * A small picture with text beside it. A click does nothing (`type` 0 or absent), opens `url` (1), or a mini program
 * `appid` (2).
 *
 * @since 0.1.0
 * @category parts
 */
export const ImageTextArea = struct("an image_text_area object", {
  type: Schema.optional(integer(0, 1, 2)),
  ...jump,
  title: Schema.optional(Text),
  desc: Schema.optional(Text),
  image_url: NonEmptyText
}).pipe(requiredByType({ 1: "url", 2: "appid" }))

/**
 * The values of the `ImageTextArea` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface ImageTextArea extends Schema.Schema.Type<typeof ImageTextArea> {}

/**
 * The button that sends the answers: its text (about 10 characters) and the `event_key` of the event it causes.
 *
 * @since 0.1.0
 * @category parts
 */
export const SubmitButton = struct("a submit_button object", {
  text: Text,
  key: Key
})

/**
 * The values of the `SubmitButton` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface SubmitButton extends Schema.Schema.Type<typeof SubmitButton> {}

/**
 * A drop-down of 1 to 10 options with different ids. `selected_id` preselects one, the first by default; `disable` works
 * in card updates only.
 *
 * @since 0.1.0
 * @category parts
 */
export const Selection = struct("a selection", {
  question_key: Key,
  title: Schema.optional(Text),
  disable: Schema.optional(Flag),
  selected_id: Schema.optional(Text),
  option_list: items(struct("an option", { id: OptionId, text: Text }), "options", 1, Limits.cardSelectOptions).pipe(
    uniqueBy("id")
  )
})

/**
 * The values of the `Selection` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface Selection extends Schema.Schema.Type<typeof Selection> {}

/**
 * A button (about 10 characters): `style` 1 (default) to 4, and the `event_key` of the event it causes.
 *
 * @since 0.1.0
 * @category parts
 */
export const Button = struct("a button", {
  text: Text,
  style: Schema.optional(integer(1, 2, 3, 4)),
  key: Key
})

/**
 * The values of the `Button` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface Button extends Schema.Schema.Type<typeof Button> {}

/**
 * A question with 1 to 20 options of different ids. `mode` is 0 for one answer (default) or 1 for several; `disable`
 * works in card updates only.
 *
 * @since 0.1.0
 * @category parts
 */
export const Checkbox = struct("a checkbox object", {
  question_key: Key,
  disable: Schema.optional(Flag),
  mode: Schema.optional(integer(0, 1)),
  option_list: items(
    struct("an option", { id: OptionId, text: Text, is_checked: Schema.optional(Flag) }),
    "options",
    1,
    Limits.cardCheckboxOptions
  ).pipe(uniqueBy("id"))
})

/**
 * The values of the `Checkbox` schema.
 *
 * @since 0.1.0
 * @category parts
 */
export interface Checkbox extends Schema.Schema.Type<typeof Checkbox> {}
