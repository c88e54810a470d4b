import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import { Arbitrary, Effect, Either } from "effect"
import * as fc from "fast-check"
import * as TemplateCard from "../src/TemplateCard.js"
import type { SendInvalid } from "../src/WecomError.js"

type Card = Record<string, any>

const invalid = (card: unknown): SendInvalid => {
  const verdict = TemplateCard.validate(card)
  if (Either.isRight(verdict)) throw new Error(`accepted: ${JSON.stringify(verdict.right).slice(0, 500)}`)
  return verdict.left
}
const valid = (card: unknown): TemplateCard.TemplateCard => Either.getOrThrow(TemplateCard.validate(card))

const option = { id: "o1", text: "option" }
const selection = { question_key: "q1", option_list: [option] }

const samples: Card = {
  source: { icon_url: "https://example.com/i.png", desc: "desc", desc_color: 1 },
  action_menu: { desc: "more", action_list: [{ text: "mute", key: "mute" }] },
  main_title: { title: "title", desc: "desc" },
  emphasis_content: { title: "100", desc: "percent" },
  quote_area: { type: 1, url: "https://example.com", title: "title", quote_text: "quote" },
  sub_title_text: "sub title",
  horizontal_content_list: [{ keyname: "name", value: "value" }],
  vertical_content_list: [{ title: "title", desc: "desc" }],
  card_image: { url: "https://example.com/p.png", aspect_ratio: 2.25 },
  image_text_area: { image_url: "https://example.com/p.png", title: "title", desc: "desc" },
  jump_list: [{ type: 1, url: "https://example.com", title: "title" }],
  card_action: { type: 1, url: "https://example.com" },
  button_selection: selection,
  button_list: [{ text: "yes", key: "yes", style: 4 }],
  checkbox: { question_key: "q1", mode: 1, disable: false, option_list: [{ ...option, is_checked: true }] },
  select_list: [selection],
  submit_button: { text: "submit", key: "submit" },
  task_id: "task_1@a-b",
  feedback: { id: "feedback" }
}

// R required, o optional, - not part of the type, in the order of WeCom doc 101032: text_notice, news_notice,
// button_interaction, vote_interaction, multiple_interaction.
const types = ["text_notice", "news_notice", "button_interaction", "vote_interaction", "multiple_interaction"] as const
const table: { readonly [field: string]: string } = {
  source: "ooooo",
  action_menu: "ooo--",
  main_title: "oRRRR",
  emphasis_content: "o----",
  quote_area: "ooo--",
  sub_title_text: "o-o--",
  horizontal_content_list: "ooo--",
  vertical_content_list: "-o---",
  card_image: "-o---",
  image_text_area: "-o---",
  jump_list: "oo---",
  card_action: "RRo--",
  button_selection: "--o--",
  button_list: "--R--",
  checkbox: "---R-",
  select_list: "----R",
  submit_button: "---RR",
  task_id: "ooRRR",
  feedback: "ooooo"
}

const fieldsOf = (type: number, kinds: string): Card =>
  Object.fromEntries(
    Object.entries(table).filter(([, kind]) => kinds.includes(kind[type]!)).map(([field]) => [field, samples[field]])
  )
const full = (type: number): Card => ({ card_type: types[type], ...fieldsOf(type, "Ro") })
const without = (card: Card, ...fields: ReadonlyArray<string>): Card =>
  Object.fromEntries(Object.entries(card).filter(([field]) => !fields.includes(field)))
const [textNotice, newsNotice, buttonInteraction, voteInteraction, multipleInteraction] = [0, 1, 2, 3, 4].map(full) as [
  Card,
  Card,
  Card,
  Card,
  Card
]

describe("the table of fields", () => {
  const rows = Object.entries(table).flatMap(([field, kinds]) =>
    types.map((type, i) => ({ field, type, i, kind: kinds[i]! }))
  )

  it.each(rows.filter((row) => row.kind === "R"))("$type cannot do without $field", ({ field, i, type }) => {
    expect(valid(full(i)).card_type).toBe(type)
    for (const card of [without(full(i), field), { ...full(i), [field]: undefined }]) {
      const error = invalid(card)
      expect(error.field).toBe(`template_card.${field}`)
      expect(error.problem).toBe("is missing")
      expect(error.limit).toMatch(/\(required\)$/)
    }
    expect(invalid({ ...full(i), [field]: null })).toMatchObject({
      field: `template_card.${field}`,
      problem: "is null"
    })
  })

  it.each(rows.filter((row) => row.kind === "o"))("$type may have $field or not", ({ field, i }) => {
    // The two kinds of "at least one of" keep their other half; an action_menu goes with its task_id.
    valid(without(full(i), field, ...(field === "task_id" ? ["action_menu"] : [])))
    valid({ ...full(i), ...(field === "task_id" ? { action_menu: undefined } : {}), [field]: undefined })
    expect(valid(full(i))).toHaveProperty(field)
    expect(invalid({ ...full(i), [field]: null }).field).toBe(`template_card.${field}`)
  })

  it.each(rows.filter((row) => row.kind === "-"))("$type has no $field", ({ field, i, type }) => {
    const error = invalid({ ...full(i), [field]: samples[field] })
    expect(error.field).toBe(`template_card.${field}`)
    expect(error.problem).toBe(`is not a field of a ${type} card`)
    expect(error.limit).toContain("main_title")
    expect(error.limit).not.toContain(field)
  })

  it.each(types.map((type, i) => ({ type, i })))("$type needs no optional field", ({ i, type }) => {
    const extra = type === "text_notice"
      ? { sub_title_text: "text" }
      : type === "news_notice"
      ? { image_text_area: samples.image_text_area }
      : {}
    expect(Object.keys(valid({ card_type: type, ...fieldsOf(i, "R"), ...extra }))).toContain("card_type")
  })
})

describe("conditions", () => {
  it("a text_notice needs a main_title.title or a sub_title_text", () => {
    const bare = without(textNotice, "main_title", "sub_title_text")
    valid({ ...bare, main_title: { title: "t" } })
    valid({ ...bare, sub_title_text: "t" })
    for (const title of [{}, { main_title: { desc: "d" } }, { main_title: { title: "" }, sub_title_text: "" }]) {
      expect(invalid({ ...bare, ...title }).message).toBe(
        "template_card.main_title.title is missing; allowed: a main_title.title or a sub_title_text"
      )
    }
  })

  it("a news_notice needs a card_image or an image_text_area", () => {
    valid(without(newsNotice, "card_image"))
    valid(without(newsNotice, "image_text_area"))
    expect(invalid(without(newsNotice, "card_image", "image_text_area"))).toMatchObject({
      field: "template_card.card_image",
      limit: "a card_image or an image_text_area"
    })
  })

  it.each([["text_notice", textNotice], ["news_notice", newsNotice]])(
    "an action_menu on a %s needs a task_id",
    (_, card) => {
      valid(without(card, "task_id", "action_menu"))
      expect(invalid(without(card, "task_id"))).toMatchObject({
        field: "template_card.task_id",
        limit: "a task_id, because there is an action_menu"
      })
    }
  )

  const byType: ReadonlyArray<readonly [string, number, string, (area: Card) => Card]> = [
    ["quote_area", 1, "url", (area) => ({ ...textNotice, quote_area: area })],
    ["quote_area", 2, "appid", (area) => ({ ...textNotice, quote_area: area })],
    ["horizontal_content_list[0]", 1, "url", (area) => ({
      ...textNotice,
      horizontal_content_list: [{ keyname: "k", ...area }]
    })],
    ["horizontal_content_list[0]", 3, "userid", (area) => ({
      ...textNotice,
      horizontal_content_list: [{ keyname: "k", ...area }]
    })],
    ["jump_list[0]", 1, "url", (area) => ({ ...textNotice, jump_list: [{ title: "t", ...area }] })],
    ["jump_list[0]", 2, "appid", (area) => ({ ...textNotice, jump_list: [{ title: "t", ...area }] })],
    ["jump_list[0]", 3, "question", (area) => ({ ...textNotice, jump_list: [{ title: "t", ...area }] })],
    ["card_action", 1, "url", (area) => ({ ...newsNotice, card_action: area })],
    ["card_action", 2, "appid", (area) => ({ ...newsNotice, card_action: area })],
    ["card_action", 1, "url", (area) => ({ ...buttonInteraction, card_action: area })],
    ["card_action", 2, "appid", (area) => ({ ...buttonInteraction, card_action: area })],
    ["image_text_area", 1, "url", (area) => ({ ...newsNotice, image_text_area: { image_url: "i", ...area } })],
    ["image_text_area", 2, "appid", (area) => ({ ...newsNotice, image_text_area: { image_url: "i", ...area } })]
  ]
  it.each(byType)("%s of type %i needs its %s", (at, type, field, card) => {
    valid(card({ type, [field]: "x" }))
    expect(invalid(card({ type })).message).toBe(
      `template_card.${at}.${field} is missing; allowed: a string that is not empty, because type is ${type}`
    )
    expect(invalid(card({ type, [field]: "" })).problem).toBe("is empty")
    expect(invalid(card({ type, url: undefined, [field]: 1 })).problem).toBe("is a number")
  })

  const enums: ReadonlyArray<readonly [string, ReadonlyArray<number>, (value: unknown) => Card]> = [
    ["source.desc_color", [0, 1, 2, 3], (desc_color) => ({ ...textNotice, source: { desc_color } })],
    ["quote_area.type", [0, 1, 2], (type) => ({ ...textNotice, quote_area: { type, url: "u", appid: "a" } })],
    ["horizontal_content_list[0].type", [0, 1, 3], (type) => ({
      ...textNotice,
      horizontal_content_list: [{ type, keyname: "k", url: "u", userid: "a" }]
    })],
    ["jump_list[0].type", [0, 1, 2, 3], (type) => ({
      ...textNotice,
      jump_list: [{ type, title: "t", url: "u", appid: "a", question: "q" }]
    })],
    ["card_action.type", [1, 2], (type) => ({ ...textNotice, card_action: { type, url: "u", appid: "a" } })],
    ["card_action.type", [0, 1, 2], (type) => ({ ...buttonInteraction, card_action: { type, url: "u", appid: "a" } })],
    ["image_text_area.type", [0, 1, 2], (type) => ({
      ...newsNotice,
      image_text_area: { type, image_url: "i", url: "u", appid: "a" }
    })],
    ["button_list[0].style", [1, 2, 3, 4], (style) => ({
      ...buttonInteraction,
      button_list: [{ text: "t", key: "k", style }]
    })],
    ["checkbox.mode", [0, 1], (mode) => ({ ...voteInteraction, checkbox: { ...samples.checkbox, mode } })]
  ]
  it.each(enums)("%s is one of %j, as a JSON number", (at, values, card) => {
    for (const value of [0, 1, 2, 3, 4, 5]) {
      if (values.includes(value)) valid(card(value))
      else {
        const error = invalid(card(value))
        expect(error.field).toBe(`template_card.${at}`)
        expect(error.problem).toBe("is another value")
        expect(error.limit).toMatch(/^\d(, \d)* or \d as a JSON number$/)
        for (const allowed of values) expect(error.limit).toContain(String(allowed))
      }
    }
    for (const value of ["1", true, 1.5, NaN, null, [1], {}]) {
      expect(invalid(card(value)).field).toBe(`template_card.${at}`)
    }
  })

  const flags: ReadonlyArray<readonly [string, (value: unknown) => Card]> = [
    ["checkbox.disable", (disable) => ({ ...voteInteraction, checkbox: { ...samples.checkbox, disable } })],
    ["checkbox.option_list[0].is_checked", (is_checked) => ({
      ...voteInteraction,
      checkbox: { question_key: "q", option_list: [{ ...option, is_checked }] }
    })],
    ["select_list[0].disable", (disable) => ({ ...multipleInteraction, select_list: [{ ...selection, disable }] })],
    ["button_selection.disable", (disable) => ({ ...buttonInteraction, button_selection: { ...selection, disable } })]
  ]
  it.each(flags)("%s is a JSON boolean", (at, card) => {
    valid(card(true))
    valid(card(false))
    for (const value of [0, 1, "true"]) {
      expect(invalid(card(value))).toMatchObject({ field: `template_card.${at}`, limit: "true or false" })
    }
  })

  it.each([1.3, 1.777, 2.25])("takes an aspect ratio of %f", (aspect_ratio) => {
    valid({ ...newsNotice, card_image: { url: "u", aspect_ratio } })
  })
  it.each([1.29, 2.26, NaN, Infinity, -Infinity])("refuses an aspect ratio of %f", (aspect_ratio) => {
    expect(invalid({ ...newsNotice, card_image: { url: "u", aspect_ratio } }).message).toBe(
      "template_card.card_image.aspect_ratio is out of range; allowed: a number from 1.3 to 2.25"
    )
  })

  it.each(["abc", "0-9_@-Z", "x".repeat(128)])("takes the task_id %s", (task_id) => {
    valid({ ...buttonInteraction, task_id })
  })
  it.each(["", "a b", "a.b", "任务", "a\n", "x".repeat(129)])("refuses the task_id %j", (task_id) => {
    expect(invalid({ ...buttonInteraction, task_id })).toMatchObject({
      field: "template_card.task_id",
      limit: "1 to 128 of 0-9 A-Z a-z _ @ -"
    })
  })
})

describe("required parts", () => {
  const parts: ReadonlyArray<readonly [string, (part: Card) => Card, Card]> = [
    ["action_menu", (action_menu) => ({ ...textNotice, action_menu }), samples.action_menu],
    ["action_menu.action_list[0]", (action) => ({
      ...textNotice,
      action_menu: { desc: "d", action_list: [action] }
    }), { text: "t", key: "k" }],
    ["horizontal_content_list[0]", (row) => ({ ...textNotice, horizontal_content_list: [row] }), { keyname: "k" }],
    ["vertical_content_list[0]", (row) => ({ ...newsNotice, vertical_content_list: [row] }), { title: "t" }],
    ["jump_list[0]", (row) => ({ ...textNotice, jump_list: [row] }), { title: "t" }],
    ["card_action", (card_action) => ({ ...buttonInteraction, card_action }), { type: 0 }],
    ["card_image", (card_image) => ({ ...newsNotice, card_image }), { url: "u" }],
    ["image_text_area", (image_text_area) => ({ ...newsNotice, image_text_area }), { image_url: "u" }],
    ["submit_button", (submit_button) => ({ ...voteInteraction, submit_button }), { text: "t", key: "k" }],
    ["button_selection", (button_selection) => ({ ...buttonInteraction, button_selection }), selection],
    ["select_list[0]", (row) => ({ ...multipleInteraction, select_list: [row] }), selection],
    ["select_list[0].option_list[0]", (row) => ({
      ...multipleInteraction,
      select_list: [{ question_key: "q", option_list: [row] }]
    }), option],
    ["button_list[0]", (row) => ({ ...buttonInteraction, button_list: [row] }), { text: "t", key: "k" }],
    ["checkbox", (checkbox) => ({ ...voteInteraction, checkbox }), { question_key: "q", option_list: [option] }],
    ["checkbox.option_list[0]", (row) => ({
      ...voteInteraction,
      checkbox: { question_key: "q", option_list: [row] }
    }), option],
    ["feedback", (feedback) => ({ ...voteInteraction, feedback }), { id: "f" }]
  ]
  it.each(parts)("%s needs each of its required fields and takes no unknown one", (at, card, part) => {
    valid(card(part))
    for (const field of Object.keys(part)) {
      expect(invalid(card(without(part, field)))).toMatchObject({
        field: `template_card.${at}.${field}`,
        problem: "is missing"
      })
    }
    expect(invalid(card({ ...part, nope: 1 })).message).toMatch(
      new RegExp(`^template_card\\.${at.replace(/[[\].]/g, "\\$&")}\\.nope is not a field of an? `)
    )
    for (const wrong of ["text", 1, null, []]) expect(invalid(card(wrong as Card)).field).toMatch(`template_card.${at}`)
  })
})

const list = (n: number, entry: (i: number) => unknown) => Array.from({ length: n }, (_, i) => entry(i))

describe("counts", () => {
  const counts: ReadonlyArray<readonly [string, number, number, (n: number) => Card]> = [
    ["action_menu.action_list", 1, 3, (n) => ({
      ...textNotice,
      action_menu: { desc: "d", action_list: list(n, (i) => ({ text: "t", key: `k${i}` })) }
    })],
    ["horizontal_content_list", 0, 6, (n) => ({
      ...textNotice,
      horizontal_content_list: list(n, () => ({ keyname: "k" }))
    })],
    ["vertical_content_list", 0, 4, (n) => ({ ...newsNotice, vertical_content_list: list(n, () => ({ title: "t" })) })],
    ["jump_list", 0, 3, (n) => ({ ...newsNotice, jump_list: list(n, () => ({ title: "t" })) })],
    ["button_list", 1, 6, (n) => ({
      ...buttonInteraction,
      button_list: list(n, (i) => ({ text: "t", key: `k${i}` }))
    })],
    ["select_list", 1, 3, (n) => ({
      ...multipleInteraction,
      select_list: list(n, (i) => ({ ...selection, question_key: `q${i}` }))
    })],
    ["select_list[0].option_list", 1, 10, (n) => ({
      ...multipleInteraction,
      select_list: [{ question_key: "q", option_list: list(n, (i) => ({ id: `${i}`, text: "t" })) }]
    })],
    ["button_selection.option_list", 1, 10, (n) => ({
      ...buttonInteraction,
      button_selection: { question_key: "q", option_list: list(n, (i) => ({ id: `${i}`, text: "t" })) }
    })],
    ["checkbox.option_list", 1, 20, (n) => ({
      ...voteInteraction,
      checkbox: { question_key: "q", option_list: list(n, (i) => ({ id: `${i}`, text: "t" })) }
    })]
  ]
  it.each(counts)("%s holds %i to %i", (at, min, max, card) => {
    valid(card(min))
    valid(card(max))
    for (const wrong of min === 0 ? [max + 1] : [0, max + 1]) {
      const error = invalid(card(wrong))
      expect(error.field).toBe(`template_card.${at}`)
      expect(error.problem).toMatch(new RegExp(`^has ${wrong} \\w+$`))
      expect(error.limit).toMatch(min === 0 ? `at most ${max}` : `1 to ${max}`)
    }
  })

  it("speaks of buttons", () => {
    expect(invalid({ ...buttonInteraction, button_list: list(7, (i) => ({ text: "t", key: `k${i}` })) }).message)
      .toBe("template_card.button_list has 7 buttons; allowed: 1 to 6 buttons")
  })
})

describe("keys", () => {
  const sizes: ReadonlyArray<readonly [string, number, (text: string) => Card]> = [
    ["action_menu.action_list[0].key", 1024, (key) => ({
      ...textNotice,
      action_menu: { desc: "d", action_list: [{ text: "t", key }] }
    })],
    ["button_list[1].key", 1024, (key) => ({
      ...buttonInteraction,
      button_list: [{ text: "t", key: "k" }, { text: "t", key }]
    })],
    ["submit_button.key", 1024, (key) => ({ ...voteInteraction, submit_button: { text: "t", key } })],
    ["checkbox.question_key", 1024, (question_key) => ({
      ...voteInteraction,
      checkbox: { ...samples.checkbox, question_key }
    })],
    ["select_list[0].question_key", 1024, (question_key) => ({
      ...multipleInteraction,
      select_list: [{ ...selection, question_key }]
    })],
    ["button_selection.question_key", 1024, (question_key) => ({
      ...buttonInteraction,
      button_selection: { ...selection, question_key }
    })],
    ["select_list[0].option_list[0].id", 128, (id) => ({
      ...multipleInteraction,
      select_list: [{ ...selection, option_list: [{ id, text: "t" }] }]
    })],
    ["checkbox.option_list[0].id", 128, (id) => ({
      ...voteInteraction,
      checkbox: { question_key: "q", option_list: [{ id, text: "t" }] }
    })],
    ["jump_list[0].question", 200, (question) => ({ ...textNotice, jump_list: [{ type: 3, title: "t", question }] })],
    ["feedback.id", 256, (id) => ({ ...textNotice, feedback: { id } })]
  ]
  it.each(sizes)("%s takes up to %i bytes of UTF-8, not characters", (at, max, card) => {
    // One, two, three and four bytes a character, filled up to the edge.
    for (const character of ["k", "é", "键", "😀"]) {
      const size = Buffer.byteLength(character)
      const edge = character.repeat(Math.floor(max / size)) + "k".repeat(max % size)
      valid(card(edge))
      expect(invalid(card(edge + "k"))).toMatchObject({ field: `template_card.${at}`, problem: `is ${max + 1} bytes` })
      expect(invalid(card(edge + "k")).limit).toContain(`${max} bytes of UTF-8`)
    }
    expect(invalid(card("")).problem).toBe("is empty")
    expect(invalid(card("\ud800")).problem).toBe("holds half of a surrogate pair")
  })

  const unique: ReadonlyArray<readonly [string, string, (a: string, b: string) => Card]> = [
    ["action_menu.action_list", "key", (a, b) => ({
      ...textNotice,
      action_menu: { desc: "d", action_list: [{ text: "t", key: a }, { text: "t", key: b }] }
    })],
    ["button_list", "key", (a, b) => ({
      ...buttonInteraction,
      button_list: [{ text: "t", key: a }, { text: "t", key: b }]
    })],
    ["select_list", "question_key", (a, b) => ({
      ...multipleInteraction,
      select_list: [{ ...selection, question_key: a }, { ...selection, question_key: b }]
    })],
    ["select_list[0].option_list", "id", (a, b) => ({
      ...multipleInteraction,
      select_list: [{ question_key: "q", option_list: [{ id: a, text: "t" }, { id: b, text: "t" }] }]
    })],
    ["button_selection.option_list", "id", (a, b) => ({
      ...buttonInteraction,
      button_selection: { question_key: "q", option_list: [{ id: a, text: "t" }, { id: b, text: "t" }] }
    })],
    ["checkbox.option_list", "id", (a, b) => ({
      ...voteInteraction,
      checkbox: { question_key: "q", option_list: [{ id: a, text: "t" }, { id: b, text: "t" }] }
    })]
  ]
  it.each(unique)("%s repeats no %s", (at, key, card) => {
    valid(card("a", "A"))
    expect(invalid(card("a", "a"))).toMatchObject({
      field: `template_card.${at}[1].${key}`,
      problem: `repeats the ${key} of [0]`,
      limit: `every ${key} once in its list`
    })
  })
})

const schemas = {
  text_notice: TemplateCard.TextNotice,
  news_notice: TemplateCard.NewsNotice,
  button_interaction: TemplateCard.ButtonInteraction,
  vote_interaction: TemplateCard.VoteInteraction,
  multiple_interaction: TemplateCard.MultipleInteraction
} as const
const constructors = {
  text_notice: TemplateCard.textNotice,
  news_notice: TemplateCard.newsNotice,
  button_interaction: TemplateCard.buttonInteraction,
  vote_interaction: TemplateCard.voteInteraction,
  multiple_interaction: TemplateCard.multipleInteraction
} as { readonly [type: string]: (fields: any) => Either.Either<TemplateCard.TemplateCard, SendInvalid> }

describe("constructors", () => {
  it.each(types)("any %s card comes back as it is, also through JSON", (type) => {
    fc.assert(
      fc.property(Arbitrary.make<any, any, never>(schemas[type]), (card: Card) => {
        expect(valid(card)).toEqual(card)
        const parsed = JSON.parse(JSON.stringify(card))
        expect(JSON.parse(JSON.stringify(valid(parsed)))).toEqual(parsed)
        const { card_type, ...fields } = card
        expect(Either.getOrThrow(constructors[type]!(fields))).toEqual(card)
        expect(card_type).toBe(type)
      }),
      { numRuns: 60 }
    )
  })

  it.effect("a card can be yielded, and a broken one fails with SendInvalid", () =>
    Effect.gen(function*() {
      const { card_type: _, ...fields } = voteInteraction
      const card = yield* TemplateCard.voteInteraction(fields as any)
      expect(card).toEqual(voteInteraction)
      const error = yield* Effect.flip(TemplateCard.voteInteraction({ ...fields, task_id: "a b" } as any))
      expect(error._tag).toBe("SendInvalid")
      expect(error.field).toBe("template_card.task_id")
    }))

  it("the result is a copy: later changes to the input do not reach it", () => {
    const buttons = [{ text: "t", key: "k" }]
    const card = Either.getOrThrow(TemplateCard.buttonInteraction({
      main_title: {},
      button_list: buttons,
      task_id: "t"
    }))
    buttons.push({ text: "t", key: "k" })
    expect(card.button_list).toHaveLength(1)
  })

  it("a card type among the fields cannot turn one card into another", () => {
    const card = Either.getOrThrow(
      TemplateCard.voteInteraction({ ...voteInteraction, card_type: "text_notice" } as any)
    )
    expect(card.card_type).toBe("vote_interaction")
  })
})

describe("hostile input", () => {
  const cyclic: Card = { ...textNotice }
  cyclic.source = cyclic
  const throwing = (field: string): Card =>
    Object.defineProperty({ ...textNotice }, field, {
      enumerable: true,
      get: () => {
        throw new Error("boom")
      }
    })
  const cases: ReadonlyArray<readonly [string, unknown, string]> = [
    ["null", null, "template_card"],
    ["undefined", undefined, "template_card"],
    ["a string", "text_notice", "template_card"],
    ["a list", [], "template_card.card_type"],
    ["no type", {}, "template_card.card_type"],
    ["an unknown type", { card_type: "constructor" }, "template_card.card_type"],
    ["a listed type", { ...textNotice, card_type: ["text_notice"] }, "template_card.card_type"],
    ["a throwing type", {
      card_type: {
        toString: () => {
          throw new Error("boom")
        }
      }
    }, "template_card"],
    ["a symbol as type", { card_type: Symbol("text_notice") }, "template_card.card_type"],
    ["a cycle", cyclic, "template_card.source.card_type"],
    ["a throwing getter", throwing("source"), "template_card"],
    ["an unknown throwing getter", throwing("nope"), "template_card"],
    [
      "a proxy",
      new Proxy(textNotice, {
        ownKeys: () => {
          throw new Error("boom")
        }
      }),
      "template_card"
    ],
    ["__proto__", JSON.parse("{\"card_type\":\"text_notice\",\"__proto__\":{\"a\":1}}"), "template_card.__proto__"],
    ["constructor", { ...textNotice, constructor: 1 }, "template_card.constructor"],
    ["toJSON", { ...textNotice, toJSON: () => ({}) }, "template_card.toJSON"],
    ["a symbol key", { ...textNotice, [Symbol("s")]: 1 }, "template_card[\"Symbol(s)\"]"],
    ["an odd key", { ...textNotice, ["\ud800\n".repeat(40)]: 1 }, `template_card["${"\\ud800\\n".repeat(16)}"]`],
    ["a String object", { ...textNotice, sub_title_text: new String("x") }, "template_card.sub_title_text"],
    ["half a surrogate pair", { ...textNotice, sub_title_text: "a\udc00" }, "template_card.sub_title_text"],
    [
      "a huge key",
      { ...buttonInteraction, button_list: [{ text: "t", key: "k".repeat(5_000_000) }] },
      "template_card.button_list[0].key"
    ],
    ["a huge task_id", { ...buttonInteraction, task_id: "k".repeat(5_000_000) }, "template_card.task_id"],
    [
      "a sparse list",
      { ...buttonInteraction, button_list: Object.assign([], { length: 1e9 }) },
      "template_card.button_list[0]"
    ],
    ["an array-like", { ...buttonInteraction, button_list: { length: 1, 0: {} } }, "template_card.button_list"],
    ["a bigint", { ...newsNotice, card_image: { url: "u", aspect_ratio: 2n } }, "template_card.card_image.aspect_ratio"]
  ]
  it.each(cases)("%s gives SendInvalid", (_, card, field) => {
    const error = invalid(card)
    expect(error._tag).toBe("SendInvalid")
    expect(error.field).toBe(field)
    expect(error.message.length).toBeLessThan(500)
  })

  it("never throws, and never repeats a value, whatever is put wherever", () => {
    const marker = "c0ntent-of-the-user"
    const weird = fc.oneof(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true, withNullPrototype: true }),
      fc.constantFrom<unknown>(marker, [marker], { [marker.length]: marker }, marker.repeat(3000), `${marker}\ud800`)
    )
    const paths = (value: unknown): ReadonlyArray<ReadonlyArray<string>> =>
      typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => [[key], ...paths(inner).map((rest) => [key, ...rest])])
        : []
    const replace = (value: any, [head, ...rest]: ReadonlyArray<string>, by: unknown): any => {
      if (head === undefined) return by
      const copy = Array.isArray(value) ? [...value] : { ...value }
      copy[head] = replace(value[head], rest, by)
      return copy
    }
    const mutated = fc.constantFrom(...[0, 1, 2, 3, 4]).chain((i) =>
      fc.tuple(fc.constantFrom(...paths(full(i))), weird).map(([path, value]) => replace(full(i), path, value))
    )
    fc.assert(
      fc.property(fc.oneof(mutated, weird), (card) => {
        const verdict = TemplateCard.validate(card)
        if (Either.isLeft(verdict)) expect(verdict.left.message).not.toContain(marker)
        else JSON.stringify(verdict.right)
      }),
      { numRuns: 500 }
    )
  })
})

describe("types", () => {
  it("a literal with a missing or foreign field does not compile", () => {
    const main_title = { title: "t" }
    const checked = () => [
      // @ts-expect-error a text_notice needs a card_action
      TemplateCard.textNotice({ main_title }),
      // @ts-expect-error a news_notice needs a main_title
      TemplateCard.newsNotice({ card_action: { type: 1, url: "u" }, card_image: { url: "u" } }),
      // @ts-expect-error a button_interaction needs a task_id
      TemplateCard.buttonInteraction({ main_title, button_list: [{ text: "t", key: "k" }] }),
      // @ts-expect-error a button needs a key
      TemplateCard.buttonInteraction({ main_title, task_id: "t", button_list: [{ text: "t" }] }),
      // @ts-expect-error a style is a number from 1 to 4
      TemplateCard.buttonInteraction({ main_title, task_id: "t", button_list: [{ text: "t", key: "k", style: 5 }] }),
      // @ts-expect-error a vote_interaction needs a checkbox
      TemplateCard.voteInteraction({ main_title, task_id: "t", submit_button: { text: "t", key: "k" } }),
      TemplateCard.multipleInteraction({
        main_title,
        task_id: "t",
        submit_button: { text: "t", key: "k" },
        select_list: [{ question_key: "q", option_list: [{ id: "i", text: "t" }] }],
        // @ts-expect-error a multiple_interaction has no jump_list
        jump_list: []
      }),
      // @ts-expect-error a notice's card_action does something
      TemplateCard.textNotice({ main_title, card_action: { type: 0 } })
    ]
    expect(checked).toBeTypeOf("function")
  })

  it("cards are plain records, told apart by card_type", () => {
    expectTypeOf<TemplateCard.TextNotice["card_type"]>().toEqualTypeOf<"text_notice">()
    expectTypeOf<TemplateCard.TemplateCard["card_type"]>().toEqualTypeOf<(typeof types)[number]>()
    expectTypeOf<TemplateCard.ButtonInteraction["task_id"]>().toEqualTypeOf<string>()
    expectTypeOf<TemplateCard.TextNotice["task_id"]>().toEqualTypeOf<string | undefined>()
    expectTypeOf<typeof TemplateCard.TemplateCard.Type>().toMatchTypeOf<TemplateCard.TemplateCard>()
    expectTypeOf(TemplateCard.validate).returns.toEqualTypeOf<Either.Either<TemplateCard.TemplateCard, SendInvalid>>()
  })
})
