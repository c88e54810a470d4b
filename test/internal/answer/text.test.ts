import { describe, expect, it } from "@effect/vitest"
import type { WecomBot } from "effect-wecom"
import * as fc from "fast-check"
import { make } from "../../../src/internal/answer/text.js"

const render = (parts: ReadonlyArray<WecomBot.AnswerPart>): string => {
  const rendering = make(false)
  for (const part of parts) rendering.append(part)
  rendering.finish()
  return rendering.text()
}

const text = (text: string): WecomBot.AnswerPart => ({ _tag: "Text", text })
const thought = (text: string): WecomBot.AnswerPart => ({ _tag: "Thinking", text })

/** The same text in pieces that may end anywhere. */
const cutAt = (content: string, cuts: ReadonlyArray<number>): ReadonlyArray<string> => {
  const at = [0, ...cuts.map((cut) => cut % (content.length + 1)).toSorted((a, b) => a - b), content.length]
  return at.slice(1).map((end, index) => content.slice(at[index], end))
}

const tricky = fc.array(
  fc.constantFrom(
    "<",
    "/",
    "think",
    "THINK",
    ">",
    "t",
    "hink",
    " ",
    "😀",
    "👨‍👩‍👧",
    "é",
    "字",
    "a",
    "\n",
    "<think>",
    "</think>"
  ),
  { maxLength: 20 }
).map((parts) => parts.join(""))

const cuts = fc.array(fc.nat(200), { maxLength: 12 })

describe("rendering", () => {
  it("plain strings stay as they are, tags included, wherever they are cut", () => {
    fc.assert(fc.property(tricky, cuts, (content, cuts) => {
      expect(render(cutAt(content, cuts))).toBe(content)
    }))
  })

  it("marked text renders the same wherever it is cut, and mentions no tag", () => {
    fc.assert(fc.property(tricky, cuts, fc.boolean(), (content, cuts, isThought) => {
      const part = isThought ? thought : text
      const whole = render([part(content)])
      expect(render(cutAt(content, cuts).map(part))).toBe(whole)
      expect(isThought ? whole.slice("<think>".length, -"</think>".length) : whole).not.toMatch(/<\/?think/i)
    }))
  })

  it("what is shown at any moment only grows, never ends inside a character, and is never taken back", () => {
    fc.assert(fc.property(tricky, cuts, (content, cuts) => {
      const rendering = make(true)
      const whole = render([text(content)])
      let before = ""
      for (const piece of cutAt(content, cuts)) {
        rendering.append(text(piece))
        const now = rendering.text()
        expect(now.startsWith(before)).toBe(true)
        expect(now).not.toMatch(/[\ud800-\udbff]$/)
        expect(whole.startsWith(now)).toBe(true)
        before = now
      }
    }))
  })

  it("thinking folds, also more than once", () => {
    expect(render([thought("a"), thought("b"), text("c"), thought("d"), "e"])).toBe(
      "<think>ab</think>c<think>d</think>e"
    )
    expect(render([thought("a")])).toBe("<think>a</think>")
  })

  it("what came since the beginning was replaced follows the replacement", () => {
    const rendering = make(true)
    rendering.append("one two")
    const { length } = rendering.text()
    rendering.append(" three")
    rendering.replace(length, "2")
    expect(rendering.text()).toBe("2 three")
  })

  it("half a surrogate pair at the very end is not lost", () => {
    expect(render(["a", "\ud83d"])).toBe("a\ud83d")
    expect(render(["\ud83d", "\ude00"])).toBe("😀")
  })
})
