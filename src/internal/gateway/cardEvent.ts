/**
 * The keys that a card offers, and the event of a press.
 */
import { isRecord } from "./frames.js"
import type { Selected } from "./people.js"
import type { Bubble } from "./screen.js"

type Card = NonNullable<Bubble["card"]>

const list = (value: unknown): ReadonlyArray<any> => Array.isArray(value) ? value : []

/** @internal */
export const keys = (card: Card): ReadonlyArray<string> => [
  ...list(card.button_list).map((button) => button.key),
  ...list(card.action_menu?.action_list).map((action) => action.key),
  ...(card.submit_button === undefined ? [] : [card.submit_button.key])
]

const questions = (card: Card): ReadonlyArray<any> =>
  [card.checkbox, card.button_selection, ...list(card.select_list)].filter(isRecord)

const checkSelected = (card: Card, selected: Selected): void => {
  for (const [key, ids] of Object.entries(selected)) {
    const question = questions(card).find((question) => question.question_key === key)
    if (question === undefined) {
      throw new Error(
        `this card has no question "${key}", only ${JSON.stringify(questions(card).map((_) => _.question_key))}`
      )
    }
    const offered = list(question.option_list).map((option) => option.id)
    const unknown = ids.find((id) => !offered.includes(id))
    if (unknown !== undefined) {
      throw new Error(`question "${key}" has no option "${unknown}", only ${JSON.stringify(offered)}`)
    }
  }
}

/** @internal */
export const firstQuestion = (card: Card): string => {
  const question = questions(card)[0]
  if (question === undefined) throw new Error("this card asks nothing")
  return question.question_key
}

/** @internal */
export const submitKey = (card: Card): string => {
  if (card.submit_button === undefined) throw new Error("this card has no submit button: press one of its buttons")
  return card.submit_button.key
}

/**
 * The payload of the `template_card_event`.
 *
 * @internal
 */
export const payload = (card: Card, eventKey: string, selected: Selected | undefined) => {
  if (!keys(card).includes(eventKey)) {
    throw new Error(`this card has no key "${eventKey}", only ${JSON.stringify(keys(card))}`)
  }
  if (selected !== undefined) checkSelected(card, selected)
  return {
    card_type: card.card_type,
    event_key: eventKey,
    task_id: card.task_id,
    ...(selected === undefined ? {} : {
      selected_items: {
        selected_item: Object.entries(selected).map(([question_key, option_id]) => ({
          question_key,
          option_ids: { option_id }
        }))
      }
    })
  }
}
