import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { createHash, randomBytes } from "node:crypto"
import { start, startSources } from "../fixtures/process.js"

const echo = "examples/echo.ts"

/** The example as the bot of the gateway of this test. */
const serve = (secret = "test-secret") =>
  Effect.flatMap(
    NodeGateway.url,
    (wsUrl) => start(echo, { WECOM_BOT_ID: TestGateway.defaultBotId, WECOM_BOT_SECRET: secret, WECOM_WS_URL: wsUrl })
  )

const lines = (text: string) => text.split("\n").slice(0, -1)

/** In several steps, and nothing that was shown is taken back. */
const grows = (history: ReadonlyArray<string>) =>
  new Set(history).size > 4 && history.every((text, at) => at === 0 || text.startsWith(history[at - 1]!))

describe("examples/echo.ts", () => {
  it.scopedLive("without credentials it prints a scripted conversation as it happens, and exits with 0", () =>
    Effect.gen(function*() {
      const ended = yield* Effect.flatMap(startSources(echo), (_) => _.ended)
      expect(ended).toMatchObject({ code: 0, stderr: "" })
      const printed = lines(ended.stdout)
      expect(printed[0]).toMatch(/ws:\/\/127\.0\.0\.1:\d+$/)

      const said = printed.flatMap((line) => /^(?:alice|bot|log) .*/.exec(line)?.[0] ?? [])
      const whole = said.filter((line) => !line.endsWith("…"))
      expect(whole.filter((line) => !line.startsWith("log"))).toEqual([
        expect.stringMatching(/^alice +\(opens/),
        expect.stringMatching(/^bot +您好/),
        expect.stringMatching(/^alice +早上好, does this thing work\?$/),
        expect.stringMatching(/^bot +.*早上好, does this thing work\?$/),
        expect.stringMatching(/^alice +\(voice\) 明天下午三点开会$/),
        expect.stringMatching(/^bot +.*明天下午三点开会$/),
        expect.stringMatching(/^alice +\(likes/),
        expect.stringMatching(/^alice +card$/),
        expect.stringMatching(/^bot +\[card\].*<Approve>.*<Reject>$/),
        expect.stringMatching(/^alice +\(presses Approve\)$/),
        expect.stringMatching(/^bot +\[card\].*approve$/),
        expect.stringMatching(/^alice +\(sends the file 月报\.txt\)$/),
        expect.stringMatching(/^bot +月报\.txt: 14 bytes, sha256 [0-9a-f]{64}$/),
        expect.stringMatching(/^bot +\[file\]$/),
        expect.stringMatching(/^alice +再见$/),
        expect.stringMatching(/^bot +.*再见$/)
      ])
      expect(whole).toContainEqual(expect.stringMatching(/^log +feedback .*: like$/))

      const from = said.findIndex((line) => /^alice +早/.test(line)) + 1
      const growing = said.slice(from, said.findIndex((line) => line.includes("(voice)")))
      expect(grows(growing.map((line) => line.replace(/ …$/, "")))).toBe(true)
    }))

  it.scopedLive("with credentials it serves that bot, and SIGTERM lets it finish what it says", () =>
    Effect.gen(function*() {
      const bot = yield* serve()
      const alice = yield* TestGateway.user("alice")

      expect(yield* Effect.flatMap(alice.enter, alice.awaitAnswer)).toMatchObject({ kind: "text" })

      const text = "  one *two* <three>\nvier 五六七八，九!  "
      for (const sent of [alice.sendText(text), alice.sendVoice(text)]) {
        const shown = yield* Effect.flatMap(sent, alice.awaitAnswer)
        expect(shown.kind).toBe("stream")
        expect(shown.text).toContain(text)
        expect(grows(shown.history.filter((_) => !_.startsWith("<think>")))).toBe(true)
        yield* alice.feedback(shown, { type: "dislike" })
      }

      for (const key of ["approve", "reject"]) {
        const card = yield* alice.say("card")
        expect(card.card).toMatchObject({ card_type: "button_interaction" })
        const updated = yield* Effect.flatMap(alice.press(card, key), alice.awaitAnswer)
        expect(updated.card).toMatchObject({ card_type: "text_notice" })
        expect(updated.card!.main_title.title).toContain(key)
      }

      const bytes = randomBytes(1000)
      const sha256 = createHash("sha256").update(bytes).digest("hex")
      for (
        const [kind, send, filename] of [["image", alice.sendImage, "照片.png"], [
          "video",
          alice.sendVideo,
          "a.mp4"
        ]] as const
      ) {
        const shown = yield* Effect.flatMap(
          Effect.flatMap(TestGateway.serveFile({ bytes, filename }), (link) => send(link)),
          alice.awaitAnswer
        )
        expect(shown).toMatchObject({ kind: "stream", text: `${filename}: 1000 bytes, sha256 ${sha256}` })
        yield* alice.awaitBubble((bubble) => bubble.from === "bot" && bubble.kind === kind)
        expect((yield* TestGateway.uploads).at(-1)).toMatchObject({
          type: kind,
          filename,
          bytes: new Uint8Array(bytes)
        })
      }
      const expired = yield* TestGateway.serveFile({ bytes, lifetime: 0 })
      const sorry = yield* Effect.flatMap(alice.sendFile(expired), alice.awaitAnswer)
      expect(sorry.text).toBe("The link to this file has expired: please send it again.")

      const long = "word ".repeat(50)
      const sent = yield* alice.sendText(long)
      yield* alice.awaitBubble((bubble) => bubble.from === "bot" && bubble.text.includes("word"))
      yield* bot.kill("SIGTERM")
      expect((yield* alice.awaitAnswer(sent)).text).toContain(long)
      const ended = yield* bot.ended
      expect(ended).toMatchObject({ code: 0, signal: null, stderr: "" })
      expect(ended.stdout).toMatch(/feedback .*: dislike/)
    }).pipe(Effect.provide(NodeGateway.layer())))

  it.scopedLive("wrong credentials end it with exit code 1 and one clear line", () =>
    Effect.gen(function*() {
      const ended = yield* Effect.flatMap(serve("not-the-secret"), (_) => _.ended)
      expect(ended.code).toBe(1)
      expect(lines(ended.stderr)).toEqual([expect.stringMatching(/^echo: .*refused the credentials.*botId and secret/)])
      expect(ended.stdout).toBe("")
    }).pipe(Effect.provide(NodeGateway.layer())))

  it.scopedLive("half of the credentials end it with exit code 1 and one clear line", () =>
    Effect.gen(function*() {
      const ended = yield* Effect.flatMap(start(echo, { WECOM_BOT_ID: "aib-mine" }), (_) => _.ended)
      expect(ended.code).toBe(1)
      expect(lines(ended.stderr)).toEqual([expect.stringMatching(/^echo: .*WECOM_BOT_SECRET/)])
    }))

  it.scopedLive("being superseded ends it with exit code 1 and one clear line", () =>
    Effect.gen(function*() {
      const bot = yield* serve()
      yield* TestGateway.awaitSubscribed()
      yield* TestGateway.faults.kick()
      const ended = yield* bot.ended
      expect(ended.code).toBe(1)
      expect(lines(ended.stderr)).toEqual([expect.stringMatching(/^echo: Superseded: another instance subscribed/)])
    }).pipe(Effect.provide(NodeGateway.layer())))
})
