import { describe, expect, it } from "@effect/vitest"
import { Arbitrary, Either, Schema } from "effect"
import { Message } from "effect-wecom"
import * as fc from "fast-check"
import * as Plain from "../../../src/internal/wire/schemaGuard.js"

const schemas = {
  text: Message.TextMessage,
  image: Message.ImageMessage,
  mixed: Message.MixedMessage,
  voice: Message.VoiceMessage,
  file: Message.FileMessage,
  video: Message.VideoMessage
} as const

/** Replaces one value anywhere in it by another. */
const changed = (value: unknown, path: ReadonlyArray<number>, by: unknown): unknown => {
  if (path.length === 0 || typeof value !== "object" || value === null) return by
  const keys = Object.keys(value)
  if (keys.length === 0) return by
  const key = keys[path[0]! % keys.length]!
  const copy: Record<string, unknown> = Array.isArray(value) ? [...value] as never : { ...value }
  copy[key] = changed(copy[key], path.slice(1), by)
  return copy
}

describe("a schema asked by plain functions", () => {
  for (const [name, schema] of Object.entries(schemas)) {
    it(`${name}: what it says yes to, the schema decodes to the same`, () => {
      const accepts = Plain.compile(schema as unknown as Schema.Schema<Message.Message>)
      const decode = Schema.decodeUnknownEither(schema as Schema.Schema.AnyNoContext, { onExcessProperty: "preserve" })
      let accepted = 0
      let refused = 0
      fc.assert(
        fc.property(
          Arbitrary.make(schema as Schema.Schema<unknown>),
          fc.option(fc.tuple(fc.array(fc.nat(20), { maxLength: 5 }), fc.jsonValue())),
          (message, change) => {
            const json: unknown = JSON.parse(JSON.stringify(message))
            const value = change === null ? json : changed(json, change[0], change[1])
            const decoded = decode(value)
            if (accepts(value)) {
              accepted++
              expect(Either.getOrThrow(decoded)).toEqual(value)
            } else {
              refused++
              // JSON has no undefined, so that here a no of the one is a no of the other.
              expect(Either.isLeft(decoded)).toBe(true)
            }
          }
        ),
        { numRuns: 300 }
      )
      expect(accepted).toBeGreaterThan(0)
      expect(refused).toBeGreaterThan(0)
    })
  }

  it("one that transforms or refines is not taken", () => {
    for (const schema of [Schema.NumberFromString, Schema.NonEmptyString, Schema.Struct({ at: Schema.Date })]) {
      expect(() => Plain.compile(schema as unknown as Schema.Schema<unknown>)).toThrow("its decoder")
    }
  })
})
