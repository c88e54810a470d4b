/**
 * The kinds of rules for cards and reply bodies.
 */
import * as Schema from "effect/Schema"
import { exceedsBytes, isWellFormed, utf8Length } from "../checks/bytes.js"
import { rule, type Violation } from "./sendInvalid.js"

/**
 * A struct with a name for its errors: "is not a field of a vote_interaction card".
 */
export const struct = <Fields extends Schema.Struct.Fields>(noun: string, fields: Fields): Schema.Struct<Fields> =>
  Schema.Struct(fields).annotations({ description: noun })

const wellFormed = (text: string): Violation | undefined =>
  isWellFormed(text) ? undefined : { problem: "holds half of a surrogate pair", limit: "well-formed Unicode" }

/**
 * Text of any length without lone surrogates: a strict JSON parser refuses the whole frame for one.
 */
export const Text = Schema.String.pipe(rule(wellFormed, { description: "a string" }))

const notEmpty = "a string that is not empty"

/**
 * Ids and URLs: text that is not empty.
 */
export const NonEmptyText = Schema.String.pipe(
  rule((text) => text === "" ? { problem: "is empty", limit: notEmpty } : wellFormed(text), {
    description: notEmpty,
    jsonSchema: { minLength: 1 }
  })
)

const bytesRule = (min: 0 | 1, max: number, limit: string) => (text: string): Violation | undefined =>
  text.length < min
    ? { problem: "is empty", limit }
    : exceedsBytes(text, max)
    ? { problem: `is ${utf8Length(text)} bytes`, limit }
    : undefined

const bytesLimit = (min: 0 | 1, max: number): string => `${min === 1 ? "1 to" : "at most"} ${max} bytes of UTF-8`

/**
 * Text with limits in bytes.
 */
export const bytes = (min: 0 | 1, max: number) => {
  const limit = bytesLimit(min, max)
  const size = bytesRule(min, max, limit)
  return Schema.String.pipe(
    rule((text) => size(text) ?? wellFormed(text), { description: limit, jsonSchema: { minLength: min } })
  )
}

/**
 * Text for people. Lone surrogates are allowed: a stream can be cut between two surrogates, and losing the answer would be
 * worse.
 */
export const contentBytes = (min: 0 | 1, max: number) => {
  const limit = bytesLimit(min, max)
  return Schema.String.pipe(rule(bytesRule(min, max, limit), { description: limit, jsonSchema: { minLength: min } }))
}

/**
 * A string of one alphabet.
 */
export const pattern = (regex: RegExp, max: number, limit: string, example: (seed: number) => string) =>
  Schema.String.pipe(
    rule(
      (text) =>
        text === ""
          ? { problem: "is empty", limit }
          : text.length > max
          ? { problem: `is ${text.length} characters`, limit }
          : regex.test(text)
          ? undefined
          : { problem: "holds other characters", limit },
      { description: limit, arbitrary: () => (fc) => fc.nat().map(example) }
    )
  )

/**
 * A list of `min` to `max` entries. `noun` is their plural.
 */
export const items = <S extends Schema.Schema.Any>(item: S, noun: string, min: 0 | 1, max: number) => {
  const limit = min === 1 ? `1 to ${max} ${noun}` : `at most ${max} ${noun}`
  return Schema.Array(item).pipe(
    rule(
      (list) => list.length < min || list.length > max ? { problem: `has ${list.length} ${noun}`, limit } : undefined,
      { description: `a list of ${limit}`, jsonSchema: { minItems: min, maxItems: max } }
    )
  )
}

/**
 * Entries with distinct `key`s.
 */
export const uniqueBy =
  <K extends string>(key: K) =>
  <A extends ReadonlyArray<{ readonly [P in K]: string }>, I>(self: Schema.Schema<A, I>): Schema.Schema<A, I> =>
    rule<Schema.Schema<A, I>>((list: A) => {
      const seen = new Map<string, number>()
      for (let i = 0; i < list.length; i++) {
        const value: string = list[i]![key]
        const before = seen.get(value)
        if (before !== undefined) {
          return {
            path: [i, key],
            problem: `repeats the ${key} of [${before}]`,
            limit: `every ${key} once in its list`
          }
        }
        seen.set(value, i)
      }
      return undefined
    })(self)

/**
 * `type` decides which other field is required.
 */
export const requiredByType =
  <K extends string>(fields: { readonly [type: number]: K }) =>
  <A extends { readonly type?: number | undefined } & { readonly [P in K]?: string | undefined }, I>(
    self: Schema.Schema<A, I>
  ): Schema.Schema<A, I> =>
    rule<Schema.Schema<A, I>>((value: A) => {
      const field = value.type === undefined ? undefined : fields[value.type]
      if (field === undefined || (value[field] !== undefined && value[field] !== "")) return undefined
      return {
        path: [field],
        problem: value[field] === "" ? "is empty" : "is missing",
        limit: `${notEmpty}, because type is ${value.type}`
      }
    })(self)

/**
 * A number within inclusive bounds.
 */
export const between = (min: number, max: number) => {
  const limit = `a number from ${min} to ${max}`
  return Schema.Number.pipe(
    rule((value) => value >= min && value <= max ? undefined : { problem: "is out of range", limit }, {
      description: limit,
      jsonSchema: { minimum: min, maximum: max }
    })
  )
}

/**
 * One of the integers. The service refuses them as strings.
 */
export const integer = <L extends readonly [number, ...Array<number>]>(...values: L) => Schema.Literal(...values)

/**
 * A JSON boolean. The service refuses 0, 1 and strings.
 */
export const Flag = Schema.Boolean.annotations({ description: "true or false" })
