/** Every example as somebody without credentials sees it, in this process; `echo.test.ts` runs one as a process of its own. */
import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect, Exit } from "effect"
import { readdirSync } from "node:fs"
import { vi } from "vitest"

/** What it prints, line by line. A demo that fails fails the test. */
const printed = (name: string) =>
  Effect.gen(function*() {
    const { demo } = yield* Effect.promise(() =>
      import(`../../examples/${name}.ts`) as Promise<{ readonly demo: Effect.Effect<unknown, unknown> }>
    )
    let out = ""
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      out += String(text)
      return true
    })
    const exit = yield* Effect.exit(demo).pipe(Effect.ensuring(Effect.sync(() => write.mockRestore())))
    if (Exit.isFailure(exit)) throw new Error(`${Cause.pretty(exit.cause)}\n${out}`)
    return out
  })

/** What each shows, in this order, and all else between. */
const demos: { readonly [name: string]: ReadonlyArray<string | RegExp> } = {
  approval: [
    "alice  /deploy 1.2.3",
    "bot    [card] Deploy 1.2.3 to production?  <Approve>  <Reject>",
    "bot    [card] 1.2.3: approved by alice",
    "bot    **1.2.3** is deployed.",
    "bot    [card] 2.0.0: rejected by alice"
  ],
  bots: [
    "bot    This is aib-test-bot. You said: hello",
    "sales  This is aib-sales. You said: and hello",
    /log {4}this bot is closed for good: AuthRejected/
  ],
  layers: ["bot    You said: hello, layer by layer"],
  llm: [
    /bot {4}<think>Let me think\.<\/think>You asked: [^\n]* …/,
    /bot {4}<think>Let me think\.<\/think>You asked: \*\*为什么天空是蓝色的？\*\*\n\n1\. This model is scripted\.\n2\. [^\n]* one\.\n/
  ],
  media: [
    "bot    照片 1.png: 300000 bytes, sha256 f0a1c470ca104347cd08ab760cb2db9d3f9c6ccc7497c21b5a713646d7ec3c41\n",
    "bot    [image]",
    "bot    The link to this file has expired: please send it again."
  ],
  network: [/proxy  CONNECT 127\.0\.0\.1:\d+/, "bot    You said: hello, through the proxy"],
  promise: ["bot    You said: hello", "bot    That was all."],
  push: ["alice  subscribe", "bot    You will get the report.", /bot {4}\*\*Report of \d{4}-\d\d-\d\d\*\*/],
  router: [
    "bot    Hello alice! /help",
    "bot    #1 **Printer on fire** (approved, by alice)",
    "Only the boss may do that."
  ],
  telemetry: [
    "bot    one two three",
    /span {3}wecom\.replyStream \d+ ms, [4-9] event/,
    /span {3}count to three/,
    /span {3}wecom\.handle/,
    /span {3}wecom\.receive/,
    /metric \d+ text message/
  ]
}

describe("without credentials", () => {
  for (const [name, shows] of Object.entries(demos)) {
    it.live(`examples/${name}.ts talks to a scripted user until the script is through`, () =>
      Effect.gen(function*() {
        const out = yield* printed(name)
        expect(out).toMatch(/^ +No WECOM_BOT_ID and WECOM_BOT_SECRET: .* wss?:\/\/127\.0\.0\.1:\d+\n/)
        let rest = out
        for (const shown of shows) {
          const at = typeof shown === "string" ? rest.indexOf(shown) : rest.search(shown)
          expect(at, `${shown} in\n${rest}`).not.toBe(-1)
          rest = rest.slice(at + 1)
        }
      }))
  }

  it("no example is left out", () => {
    const files = readdirSync(new URL("../../examples", import.meta.url)).filter((file) => file.endsWith(".ts"))
    const elsewhere = ["echo.ts", "testing.test.ts"]
    expect(files.toSorted()).toEqual([...Object.keys(demos).map((name) => `${name}.ts`), ...elsewhere].toSorted())
  })
})
