import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { BotRouter } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { createHash, randomBytes } from "node:crypto"
import { router } from "../../examples/media.js"
import { wrongKey } from "../setup/ciphertexts.js"

const bot = Layer.unwrapEffect(Effect.map(
  NodeGateway.url,
  (wsUrl) =>
    NodeWecomBot.layer({ botId: TestGateway.defaultBotId, secret: TestGateway.defaultSecret, wsUrl, drainTimeout: 0 })
))

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

describe("examples/media.ts", () => {
  it.scopedLive("names the file, its size and its sha256, sends the same bytes back, and says what it cannot read", () =>
    Effect.gen(function*() {
      yield* Effect.forkScoped(BotRouter.run(router))
      const alice = yield* TestGateway.user("alice")

      const kinds = [
        ["image", alice.sendImage, "照片 1.png", 300_000],
        ["image", alice.sendImage, "photo", 300],
        ["file", alice.sendFile, "report.pdf", 1_300_000],
        ["video", alice.sendVideo, undefined, 100]
      ] as const
      const seen = new Set<string>()
      for (const [kind, send, filename, size] of kinds) {
        const bytes = randomBytes(size)
        const sent = yield* send(yield* TestGateway.serveFile({ bytes, filename }))
        const shown = yield* alice.awaitAnswer(sent)
        expect(shown.kind).toBe("stream")
        expect(shown.text).toContain(filename ?? "video.mp4")
        expect(shown.text).toContain(`${size} bytes`)
        expect(shown.text).toContain(sha256(bytes))
        const back = yield* alice.awaitBubble((bubble) =>
          bubble.from === "bot" && bubble.kind === kind && !seen.has(bubble.id)
        )
        seen.add(back.id)
        const media = (yield* TestGateway.uploads).at(-1)!
        expect(back.media).toEqual({ media_id: media.mediaId })
        expect(media).toMatchObject({
          type: kind,
          filename: filename === "photo" ? "photo.png" : filename ?? "video.mp4"
        })
        expect(sha256(media.bytes)).toBe(sha256(bytes))
      }

      const bytes = randomBytes(1000)
      const { aeskey, url } = yield* TestGateway.serveFile({ bytes })
      const unreadable = [
        [yield* TestGateway.serveFile({ bytes, lifetime: 0 }), "expired"],
        [yield* TestGateway.serveFile({ bytes, wrongPadding: true }), "damaged"],
        [{ url, aeskey: wrongKey(bytes, aeskey!) }, "damaged"],
        [yield* TestGateway.serveFile({ bytes, cutAfter: 500 }), "send it again"]
      ] as const
      for (const [link, says] of unreadable) {
        const { text } = yield* Effect.flatMap(alice.sendFile(link), alice.awaitAnswer)
        expect(text).toContain(says)
        expect(text).toMatch(/^I could not|^The link|^This file/)
        expect(text.match(/[.!?](\s|$)/g)).toHaveLength(1)
      }

      const team = yield* TestGateway.group("team")
      const quoted = { msgtype: "file", file: yield* TestGateway.serveFile({ bytes, filename: "a.txt" }) }
      const bob = team.member("bob")
      const { text } = yield* Effect.flatMap(bob.sendQuote(quoted, "what is this?"), bob.awaitAnswer)
      expect(text).toContain(sha256(bytes))
      yield* bob.awaitBubble((bubble) => bubble.kind === "file")
    }).pipe(Effect.provide(bot), Effect.provide(NodeGateway.layer())))
})
