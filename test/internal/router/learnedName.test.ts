import { expect, it } from "@effect/vitest"
import * as LearnedName from "../../../src/internal/router/learnedName.js"

const learned = (...texts: ReadonlyArray<string>) =>
  LearnedName.nameOf(texts.reduce(LearnedName.learn, LearnedName.initial))

it("is the mention that all messages have in common", () => {
  expect(learned("@Bot hello")).toBeUndefined()
  expect(learned("@Bot hello", "@Bot hi there")).toBe("Bot")
  expect(learned("@Zhang San @Bot /list", "@Bot hi", "ask @Bot about it")).toBe("Bot")
  expect(learned("＠Bot\u2005/a", "@Bot\n/b")).toBe("Bot")
  expect(learned("@小助手 你好", "@小助手 再见")).toBe("小助手")
})

it("takes no word after the name for a part of it", () => {
  expect(learned("@Bot hello world", "@Bot hello there")).toBe("Bot")
  expect(learned("@Bot帮我查", "@Bot帮我看")).toBe("Bot")
  expect(learned("@Bot /list a", "@Bot /list b")).toBe("Bot")
  expect(learned("@Bot /list a", "@Bot /show")).toBe("Bot")
  expect(learned("@Bot hi", "@Bot hi", "@Bot hi")).toBeUndefined()
})

it("has its other words as well once enough messages agree", () => {
  const messages = ["one", "two", "three", "four", "five"].map((word) => `@My Bot ${word}`)
  expect(learned(...messages.slice(0, 4))).toBe("My")
  expect(learned(...messages)).toBe("My Bot")
})

it("begins again when the bot is renamed", () => {
  expect(learned("@Old hi", "@Old you", "@New a", "@New b")).toBe("New")
})
