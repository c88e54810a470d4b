import { describe, expect, it } from "@effect/vitest"
import { Option } from "effect"
import * as ErrorCode from "../src/ErrorCode.js"
import { SendRejected } from "../src/WecomError.js"

const codes = Object.entries(ErrorCode).flatMap(([name, value]): ReadonlyArray<readonly [string, number]> =>
  typeof value === "number" ? [[name, value]] : []
)

describe("ErrorCode", () => {
  it("names every code of the table, and no other", () => {
    expect(new Set(codes.map(([, code]) => code))).toEqual(new Set(ErrorCode.table.keys()))
  })

  it.each(codes)("has texts for %s in both languages", (_, code) => {
    const entry = Option.getOrThrow(ErrorCode.lookup(code))
    expect(entry.code).toBe(code)
    for (const texts of [entry.meaning, entry.advice]) {
      expect(texts.en).toMatch(/^[\x20-\x7e]+[^.\s]$/)
      expect(texts.zh).toMatch(/[\u4e00-\u9fff]{2}/)
      expect(texts.zh).not.toMatch(/[.。]$/)
    }
    expect(ErrorCode.meaning(code)).toBe(entry.meaning.en)
    expect(ErrorCode.meaning(code, "zh")).toBe(entry.meaning.zh)
    expect(ErrorCode.advice(code)).toBe(entry.advice.en)
    expect(ErrorCode.advice(code, "zh")).toBe(entry.advice.zh)
  })

  it.each(
    [
      [0, "none"],
      [853000, "person"],
      [846609, "reconnect"],
      [846605, "push"],
      [846604, "push"],
      [846606, "terminal"],
      [846607, "wait"],
      [846608, "push"],
      [6000, "resend"],
      [40008, "fix"],
      [40016, "fix"],
      [40058, "fix"],
      [40201, "terminal"],
      [45002, "split"],
      [45009, "wait"],
      [45033, "wait"],
      [93001, "fix"],
      [93006, "fix"],
      [-1, "wait"]
    ] as const
  )("%s calls for %s", (code, cure) => {
    expect(ErrorCode.table.get(code)?.cure).toBe(cure)
  })

  it("answers an unknown code with a sentence that names it", () => {
    expect(Option.isNone(ErrorCode.lookup(123456))).toBe(true)
    for (const text of [ErrorCode.meaning, ErrorCode.advice]) {
      expect(text(123456)).toContain("123456")
      expect(text(123456, "zh")).toContain("123456")
      expect(text(NaN)).toContain("NaN")
    }
  })

  it("advises in the message of a SendRejected", () => {
    const error = new SendRejected({ command: "aibot_send_msg", errcode: 93006, errmsg: "invalid chatid" })
    expect(error.message).toContain(ErrorCode.advice(93006))
  })
})
