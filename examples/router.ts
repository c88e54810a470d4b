/**
 * The bot of a team's help desk: twenty routes, from commands to a question that waits for its answer. Run it with
 * `npx tsx examples/router.ts`.
 */
import { Clock, Config, Context, Data, Effect, Layer, Ref, Schedule, Stream } from "effect"
import { type BotEvent, BotRouter, Incoming, Message, Reply, TemplateCard, WecomBot } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { onGateway } from "./support/demo.js"
import { main } from "./support/main.js"

/** The name people mention the bot by. */
export const botName = "Desk"

class NoSuchTicket extends Data.TaggedError("NoSuchTicket")<{ readonly id: number }> {}

class NotAllowed extends Data.TaggedError("NotAllowed") {}

interface Ticket {
  readonly id: number
  readonly title: string
  readonly by: string
  readonly state: "open" | "approved" | "closed"
}

/** What the handlers share. */
export class Desk extends Context.Tag("examples/Desk")<Desk, {
  readonly open: (title: string, by: string) => Effect.Effect<Ticket>
  readonly find: (id: number) => Effect.Effect<Ticket, NoSuchTicket>
  readonly set: (id: number, state: Ticket["state"]) => Effect.Effect<Ticket, NoSuchTicket>
  readonly all: Effect.Effect<ReadonlyArray<Ticket>>
  readonly ratings: Ref.Ref<ReadonlyArray<string>>
  readonly uptime: Effect.Effect<number>
}>() {
  static readonly layer = Layer.effect(
    Desk,
    Effect.gen(function*() {
      const tickets = yield* Ref.make<ReadonlyArray<Ticket>>([])
      const startedAt = yield* Clock.currentTimeMillis
      const all = Ref.get(tickets)
      const find = (id: number) =>
        Effect.flatMap(all, (known) => Effect.fromNullable(known[id - 1])).pipe(
          Effect.mapError(() => new NoSuchTicket({ id }))
        )
      return {
        open: (title, by) =>
          Ref.modify(tickets, (known) => {
            const ticket: Ticket = { id: known.length + 1, title, by, state: "open" }
            return [ticket, [...known, ticket]]
          }),
        find,
        set: (id, state) =>
          Effect.zipRight(
            Ref.update(tickets, (known) => known.map((ticket) => ticket.id === id ? { ...ticket, state } : ticket)),
            find(id)
          ),
        all,
        ratings: yield* Ref.make<ReadonlyArray<string>>([]),
        uptime: Effect.map(Clock.currentTimeMillis, (now) => now - startedAt)
      }
    })
  )
}

const say = (message: Message.Message, text: string) =>
  WecomBot.replyStream(message, text, { feedback: { id: message.msgid } })

const showTicket = ({ by, id, state, title }: Ticket) => `#${id} **${title}** (${state}, by ${by})`

const confirmation = ({ id, title }: Ticket) =>
  TemplateCard.buttonInteraction({
    main_title: { title: `Approve #${id}?`, desc: title.slice(0, 100) },
    button_list: [{ text: "Approve", key: "approve" }, { text: "Close", key: "close", style: 2 }],
    task_id: `ticket_${id}`
  })

const notice = (title: string) =>
  TemplateCard.textNotice({ main_title: { title }, card_action: { type: 1, url: "https://example.com/desk" } })

const idOf = (event: BotEvent.TemplateCardEvent) => Number(event.event.template_card_event.task_id?.split("_")[1])

const decide = (event: BotEvent.TemplateCardEvent, state: Ticket["state"]) =>
  Effect.gen(function*() {
    const ticket = yield* (yield* Desk).set(idOf(event), state)
    yield* WecomBot.updateTemplateCard(event, yield* notice(`#${ticket.id} ${state} by ${event.from.userid}`))
  })

/** Asks, waits, and asks again until it is told yes or no. */
const askToClear = (message: Message.Message) =>
  Effect.gen(function*() {
    yield* say(message, "Close all tickets? (yes / no)")
    const answer = yield* WecomBot.awaitReply(
      message,
      (reply): reply is Message.TextMessage =>
        reply.msgtype === "text" && /^(yes|no)$/i.test(Message.plainText(reply, { botName })),
      { timeout: "1 minute" }
    )
    if (!/yes/i.test(answer.text.content)) return yield* say(answer, "Nothing was changed.")
    const desk = yield* Desk
    yield* Effect.forEach(yield* desk.all, ({ id }) => desk.set(id, "closed"))
    return yield* say(answer, "All tickets are closed.")
  })

const forAdmins = BotRouter.empty.pipe(
  BotRouter.onCommand("/clear", askToClear),
  BotRouter.onCommand("/fail", () => Effect.dieMessage("an admin asked for it")),
  BotRouter.allowUsers(["boss"])
)

const commands = BotRouter.empty.pipe(
  BotRouter.onCommand(
    "/help",
    (message) => say(message, "/new title · /list · /show 1 · /approve 1 · /count 3 · /uptime")
  ),
  BotRouter.onCommand(
    "/new",
    (message, title) =>
      Effect.flatMap(Desk, (desk) => desk.open(title === "" ? "untitled" : title, message.from.userid)).pipe(
        Effect.flatMap((ticket) => say(message, `Opened ${showTicket(ticket)}`))
      )
  ),
  BotRouter.onCommand("/list", (message) =>
    Effect.gen(function*() {
      const tickets = yield* (yield* Desk).all
      yield* say(message, tickets.length === 0 ? "No tickets." : tickets.map(showTicket).join("\n"))
    })),
  BotRouter.onMatch(/^\/show (\d+)$/, (message, [, id]) =>
    Effect.flatMap(Desk, (desk) => desk.find(Number(id))).pipe(
      Effect.flatMap((ticket) => say(message, showTicket(ticket)))
    )),
  BotRouter.onMatch(/^\/approve (\d+)$/, (message, [, id]) =>
    Effect.gen(function*() {
      const ticket = yield* (yield* Desk).find(Number(id))
      yield* WecomBot.replyTemplateCard(message, yield* confirmation(ticket))
    })),
  BotRouter.onMatch(/^\/count (\d)$/, (message, [, upTo]) =>
    WecomBot.replyStream(
      message,
      Stream.range(1, Number(upTo)).pipe(Stream.map((n) => `${n} `), Stream.schedule(Schedule.spaced("100 millis")))
    )),
  BotRouter.onCommand(
    "/uptime",
    (message) =>
      Effect.flatMap(Effect.flatMap(Desk, (desk) => desk.uptime), (millis) => say(message, `${millis / 1000} s`))
  ),
  BotRouter.onCommand("/clear", () => new NotAllowed())
)

const messages = BotRouter.empty.pipe(
  BotRouter.onText(
    Incoming.isGroup,
    (message) => say(message, `${message.from.userid} asks the group ${message.chatid}.`)
  ),
  BotRouter.onText((message) => say(message, `You said: ${Message.plainText(message)}`)),
  BotRouter.onVoice((message) => say(message, `I heard: ${message.voice.content}`)),
  BotRouter.onImage((message) => say(message, "A nice picture.")),
  BotRouter.onMixed((message) => say(message, `${Message.attachments(message).length} picture(s) and some words.`)),
  BotRouter.onFile((message) => say(message, "I keep no files.")),
  BotRouter.onVideo((message) => say(message, "I watch no films."))
)

const events = BotRouter.empty.pipe(
  BotRouter.onEvent(
    "enter_chat",
    (event) => WecomBot.replyWelcome(event, Reply.text(`Hello ${event.from.userid}! /help`))
  ),
  BotRouter.onCardAction("approve", (event) => decide(event, "approved")),
  BotRouter.onCardAction(
    (event) => event.event.template_card_event.event_key === "close",
    (event) => decide(event, "closed")
  ),
  BotRouter.onFeedback(({ event: { feedback_event: { type } } }) =>
    Effect.flatMap(
      Desk,
      ({ ratings }) => Ref.update(ratings, (all) => [...all, { 1: "like", 2: "dislike", 3: "withdrawn" }[type]])
    )
  )
)

/** Tells whoever asked for a ticket that is not there, and keeps a count of what the handlers do. */
export const router = BotRouter.empty.pipe(
  BotRouter.concat(forAdmins),
  BotRouter.concat(commands),
  BotRouter.use((handler, incoming) =>
    Effect.catchTags(handler, {
      NoSuchTicket: ({ id }) =>
        Incoming.isMessage(incoming) ? say(incoming, `There is no ticket #${id}.`) : Effect.void,
      NotAllowed: () => Incoming.isMessage(incoming) ? say(incoming, "Only the boss may do that.") : Effect.void
    })
  ),
  BotRouter.concat(messages),
  BotRouter.concat(events),
  BotRouter.orElse((incoming) =>
    Effect.logDebug(`nothing to do for ${Incoming.isEvent(incoming) ? "an event" : "this"}`)
  )
)

export const options: BotRouter.RunOptions = {
  botName,
  handlerTimeout: "5 minutes",
  errorReply: () => "Something went wrong. A human was told.",
  tracing: true
}

const bot = NodeWecomBot.layerConfig({
  botId: Config.string("WECOM_BOT_ID"),
  secret: Config.redacted("WECOM_BOT_SECRET"),
  wsUrl: Config.withDefault(Config.string("WECOM_WS_URL"), undefined),
  // Whoever started it by hand wants to hear of a wrong secret at once.
  maxAuthFailureAttempts: Config.succeed(0)
})

const program = BotRouter.run(router, options).pipe(Effect.provide([bot, Desk.layer]))

export const demo = onGateway(program, (alice) =>
  Effect.gen(function*() {
    yield* alice.does("(opens the chat)", alice.enter)
    yield* alice.says("/new Printer on fire")
    const card = yield* alice.says("/approve 1")
    yield* alice.does("(presses Approve)", alice.press(card, "approve"))
    yield* alice.says("/show 1")
    yield* alice.says("/clear")
  }))

main(import.meta.url, { demo, program })
