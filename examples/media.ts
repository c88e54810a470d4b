/**
 * A bot that reads what it is sent: it names the file's name, size and sha256, then sends the same bytes back as media of the
 * same kind. Run it with `npx tsx examples/media.ts`.
 *
 * Without credentials somebody sends it files from a gateway of its own, one of them broken.
 */
import { Effect } from "effect"
import { BotRouter } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"
import { answerMedia } from "./support/media.js"

export const router = BotRouter.empty.pipe(
  BotRouter.onImage(answerMedia),
  BotRouter.onFile(answerMedia),
  BotRouter.onVideo(answerMedia),
  // In a group a file reaches a bot as a quote.
  BotRouter.onText(answerMedia)
)

const program = BotRouter.run(router).pipe(Effect.provide(NodeWecomBot.layerConfig()))

export const demo = onGateway(program, (alice) =>
  Effect.gen(function*() {
    const picture = yield* TestGateway.serveFile({ bytes: new Uint8Array(300_000).fill(1), filename: "照片 1.png" })
    yield* alice.does("(sends an image)", alice.sendImage(picture))
    yield* alice.answer
    const expired = yield* TestGateway.serveFile({ bytes: new Uint8Array(100), filename: "old.pdf", lifetime: 0 })
    yield* alice.does("(sends a file whose link has expired)", alice.sendFile(expired))
  }))

main(import.meta.url, { demo, program })
