/**
 * A conversation with a card: somebody asks for a deployment, a card asks whether they mean it, and the same handler goes on when
 * the button is pressed. Run it with `npx tsx examples/approval.ts`, and say `/deploy 1.2.3` to the bot.
 */
import { Effect, Fiber, Random } from "effect"
import { BotRouter, Reply, TemplateCard, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"

const question = (version: string, task_id: string) =>
  TemplateCard.buttonInteraction({
    main_title: { title: `Deploy ${version} to production?`, desc: "All checks are green" },
    button_list: [{ text: "Approve", key: "approve" }, { text: "Reject", key: "reject", style: 2 }],
    task_id
  })

const verdict = (title: string) =>
  TemplateCard.textNotice({
    main_title: { title },
    card_action: { type: 1, url: "https://example.com/deployments" }
  })

/** Stands for what takes a while. */
const deploy = (_version: string) => Effect.sleep("200 millis")

export const router = BotRouter.empty.pipe(
  BotRouter.onCommand("/deploy", (message, version) =>
    Effect.gen(function*() {
      // No two cards of a bot may share a task_id, ever.
      const taskId = `deploy_${yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)}`
      // Waits before the card is there, so that no press can be missed. The press comes here alone, to no other route.
      const press = yield* Effect.fork(WecomBot.awaitCardAction(taskId, { timeout: "10 minutes" }))
      yield* WecomBot.replyTemplateCard(message, yield* question(version, taskId))
      const event = yield* Fiber.join(press)
      const approved = event.event.template_card_event.event_key === "approve"
      // Within 5 s of the press; what takes longer comes after it.
      yield* WecomBot.updateTemplateCard(
        event,
        yield* verdict(`${version}: ${approved ? "approved" : "rejected"} by ${event.from.userid}`)
      )
      if (!approved) return
      yield* deploy(version)
      yield* WecomBot.sendMessage(message, Reply.markdown(`**${version}** is deployed.`))
    }).pipe(
      Effect.catchTag("TimeoutException", () =>
        WecomBot.sendMessage(message, Reply.markdown("Nobody decided within 10 minutes: nothing was deployed.")))
    )),
  BotRouter.onText((message) => WecomBot.replyStream(message, "Say `/deploy 1.2.3`."))
)

// While one question waits for its answer, the conversation goes on.
const program = BotRouter.run(router, { overlap: "concurrent", botName: "Bot" }).pipe(
  Effect.provide(NodeWecomBot.layerConfig())
)

export const demo = onGateway(program, (alice) =>
  Effect.gen(function*() {
    const card = yield* alice.says("/deploy 1.2.3")
    yield* alice.does("(presses Approve)", alice.press(card, "approve"))
    yield* alice.answer
    const other = yield* alice.says("/deploy 2.0.0")
    yield* alice.does("(presses Reject)", alice.press(other, "reject"))
  }))

main(import.meta.url, { demo, program })
