/**
 * A bot that says back what it hears, and sends back the images, files and videos it is sent. Run it with `npm start`.
 *
 * Without credentials it talks to a scripted user on a gateway of its own. With `WECOM_BOT_ID` and `WECOM_BOT_SECRET` it
 * serves that bot, at `WECOM_WS_URL` if that is set.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Logger, Random, Schedule, Stream } from "effect"
import { type BotEvent, BotRouter, type Message, Reply, TemplateCard, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { converse, onGateway } from "./support/demo.js"
import { echoScript } from "./support/echoScript.js"
import { hasCredentials } from "./support/main.js"
import { answerMedia } from "./support/media.js"

// The bot: what it does with each message and event.

const segmenter = new Intl.Segmenter("zh", { granularity: "word" })

/** The segmenter looks at a text as a whole, which takes longer and longer with its length. */
const windowLength = 256

/** Chinese puts no spaces between words, so a segmenter has to know them. What stands between two goes with the first. */
function* words(text: string): Generator<string> {
  let from = 0
  while (from < text.length) {
    const segments = [...segmenter.segment(text.slice(from, from + windowLength))]
    const starts = segments.filter(({ index, isWordLike }) => index > 0 && isWordLike).map(({ index }) => from + index)
    const isLast = from + windowLength >= text.length
    // The last word of a window may go on behind it, unless it fills the window.
    if (!isLast && starts.length === 0) starts.push(from + (segments.at(-1)!.index || windowLength))
    for (const start of starts) {
      yield text.slice(from, start)
      from = start
    }
    if (!isLast) continue
    yield text.slice(from)
    return
  }
}

/** Word by word, or in a hundred steps when there are more words than that. */
function* steps(text: string): Generator<string> {
  const least = text.length / 100
  let step = ""
  for (const word of words(text)) {
    step += word
    if (step.length < least) continue
    yield step
    step = ""
  }
  if (step !== "") yield step
}

/** A model that writes its answer could stand here: any Stream of strings will do. */
const answer = (text: string): Stream.Stream<string> =>
  Stream.fromIterable(steps(`You said: ${text}`)).pipe(
    Stream.rechunk(1),
    Stream.schedule(Schedule.spaced("40 millis"))
  )

const echo = (message: Message.Message, text: string) =>
  WecomBot.replyStream(message, answer(text), { feedback: { id: message.msgid } })

const offerCard = (message: Message.Message) =>
  Effect.gen(function*() {
    const card = yield* TemplateCard.buttonInteraction({
      main_title: { title: "Deploy to production?", desc: "Version 1.2.3, all checks green" },
      button_list: [{ text: "Approve", key: "approve" }, { text: "Reject", key: "reject", style: 2 }],
      // No two cards of a bot may share one.
      task_id: `deploy_${yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)}`
    })
    yield* WecomBot.replyTemplateCard(message, card)
  })

const showPress = (event: BotEvent.TemplateCardEvent) =>
  Effect.gen(function*() {
    const card = yield* TemplateCard.textNotice({
      main_title: { title: `${event.from.userid} pressed ${event.event.template_card_event.event_key}` },
      card_action: { type: 1, url: "https://developer.work.weixin.qq.com/document/path/101032" }
    })
    yield* WecomBot.updateTemplateCard(event, card)
  })

const logFeedback = ({ event: { feedback_event: { id, type } } }: BotEvent.FeedbackEvent) =>
  Effect.logInfo(`feedback on the answer to ${id}: ${{ 1: "like", 2: "dislike", 3: "withdrawn" }[type]}`)

const router = BotRouter.empty.pipe(
  BotRouter.onMatch(/^card$/, offerCard),
  BotRouter.onText((message) => echo(message, message.text.content)),
  BotRouter.onVoice((message) => echo(message, message.voice.content)),
  BotRouter.onImage(answerMedia),
  BotRouter.onFile(answerMedia),
  BotRouter.onVideo(answerMedia),
  BotRouter.onEvent("enter_chat", (event) => WecomBot.replyWelcome(event, Reply.text("您好！Say anything, or: card"))),
  BotRouter.onEvent("template_card_event", showPress),
  BotRouter.onFeedback(logFeedback)
)

// The program: the bot of the environment, or the same bot on a gateway of its own.

const program = BotRouter.run(router).pipe(
  Effect.provide(NodeWecomBot.layerConfig({
    botId: Config.string("WECOM_BOT_ID"),
    secret: Config.redacted("WECOM_BOT_SECRET"),
    wsUrl: Config.withDefault(Config.string("WECOM_WS_URL"), undefined),
    // Whoever started it by hand wants to hear of a wrong secret at once.
    maxAuthFailureAttempts: Config.succeed(0)
  }))
)

const service = Effect.provide(program, Logger.pretty)

const demo = onGateway(program, (alice) => Effect.zipRight(echoScript(alice), converse(alice)))

Effect.if(hasCredentials, { onTrue: () => service, onFalse: () => demo }).pipe(
  // What ends the bot for good is for a person to fix: one line says it, and the process exits with 1.
  Effect.tapError((error) => Console.error(`echo: ${error}`)),
  Effect.tapDefect((defect) => Effect.logFatal(defect)),
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
)
