/**
 * The bot of a simulation: a router whose handlers do what the plan says, and tell the books what every send came to.
 */
import { Cause, Chunk, Effect, Exit, Option, Stream } from "effect"
import { BotRouter, Reply, WecomBot } from "effect-wecom"
import type { BotEvent, Message, TemplateCard, WecomError } from "effect-wecom"
import type * as TestGateway from "effect-wecom/TestGateway"
import type * as Books from "./book.js"
import * as Files from "./files.js"
import type { Behaviour } from "./plan.js"
import * as Scripts from "./scripts.js"

/** What a planned failure fails with, and a planned defect dies of. */
export class Planned extends Error {
  readonly _tag = "Planned"
}

/** One answer by `replyStream`, to be held against the screen at the end. */
export interface Told {
  readonly token: number
  readonly reqId: string
  /** What a user must have read after a success. */
  readonly wanted: string
  readonly ending: Extract<Behaviour, { readonly _tag: "Stream" }>["ending"]
  readonly exit: Exit.Exit<WecomBot.Receipt, WecomError.SendError | Planned>
}

export interface Cast {
  readonly books: Books.Books
  readonly behaviourOf: (text: string) => Behaviour | undefined
  readonly nextToken: () => number
  readonly told: Array<Told>
  readonly taskId: (token: number) => string
  readonly shelf: Files.Shelf
  /** What the service has. */
  readonly uploads: Effect.Effect<ReadonlyArray<TestGateway.UploadedMedia>>
  /** Handlers and sends that have not ended. */
  readonly running: { count: number }
}

const counted = ({ running }: Cast) => <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    running.count++
    return Effect.ensuring(effect, Effect.sync(() => void running.count--))
  })

export const verdictOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "Success"
  if (Cause.isInterruptedOnly(exit.cause)) return "Interrupted"
  const defect = Chunk.head(Cause.defects(exit.cause))
  if (Option.isSome(defect) && !(defect.value instanceof Planned)) return `Defect ${String(defect.value)}`
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause)) as
    | { readonly _tag: string; readonly reason?: unknown }
    | undefined
  if (error === undefined) return "Planned"
  return error._tag === "DeliveryUnknown" ? `${error._tag} ${String(error.reason)}` : error._tag
}

/** Makes the send with a token of its own, at the moment it is offered, and tells what it came to. */
export const say = <A, E, R>(
  cast: Cast,
  operation: string,
  send: (token: number) => Effect.Effect<A, E, R>
): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.suspend(() => {
    const token = cast.nextToken()
    return Effect.exit(Effect.onExit(
      send(token),
      (exit) => Effect.sync(() => cast.books.onVerdict(operation, token, verdictOf(exit)))
    ))
  }).pipe(counted(cast))

export const card = (cast: Cast, token: number, taskId = cast.taskId(token)): TemplateCard.TemplateCard => ({
  card_type: "button_interaction",
  main_title: { title: `card #${token}#` },
  task_id: taskId,
  button_list: [{ text: "OK", key: "ok" }]
})

const sourceOf = (
  token: number,
  { ending, script }: Extract<Behaviour, { readonly _tag: "Stream" }>
): Stream.Stream<WecomBot.AnswerPart, Planned> => {
  const source = Scripts.sourceOf(script, token)
  switch (ending) {
    case "Completes":
      return source
    case "Fails":
      return Stream.concat(source, Stream.fail(new Planned()))
    case "Dies":
      return Stream.concat(source, Stream.die(new Planned()))
    case "Hangs":
      return Stream.concat(source, Stream.never)
  }
}

const answerStream = (
  cast: Cast,
  message: Message.Message,
  { token, ...expected }: Pick<Told, "token" | "wanted" | "ending">,
  source: string | Stream.Stream<WecomBot.AnswerPart, Planned>,
  openAtOnce?: boolean
) =>
  Effect.onExit(
    WecomBot.replyStream(message, source, {
      feedback: { id: `f${token}` },
      ...(openAtOnce === undefined ? {} : { openAtOnce })
    }),
    (exit) =>
      Effect.sync(() => {
        const verdict = verdictOf(exit)
        cast.books.note("  =", "replyStream", `w${token}x`, verdict)
        cast.books.count(`replyStream ${verdict}`)
        if (verdict.startsWith("Defect")) cast.books.complain(`replyStream w${token}x ended as ${verdict}`)
        cast.told.push({ token, reqId: String(message.reqId), ...expected, exit })
      })
  ).pipe(counted(cast))

/** What a handler does about a message. */
const perform = (
  cast: Cast,
  message: Message.Message,
  behaviour: Behaviour
): Effect.Effect<unknown, unknown, WecomBot.WecomBot> => {
  switch (behaviour._tag) {
    case "Frames": {
      const id = `s-${cast.nextToken()}`
      const frameOf = (token: number, index: number) => ({
        id,
        content: `#${token}# of ${behaviour.frames}`,
        finish: index === behaviour.frames - 1
      })
      const send = (frame: Reply.StreamOptions): Effect.Effect<unknown, unknown, WecomBot.WecomBot> =>
        behaviour.ifIdle
          ? Effect.filterOrFail(
            WecomBot.replyStreamFrameIfIdle(message, frame),
            Option.isSome,
            () => ({ _tag: "Skipped" })
          )
          : WecomBot.replyStreamFrame(message, frame)
      const frame = (index: number) =>
        Effect.zipRight(
          index === 0 || behaviour.together ? Effect.void : Effect.sleep(behaviour.gap),
          say(cast, behaviour.ifIdle ? "replyStreamFrameIfIdle" : "replyStreamFrame", (token) =>
            send(frameOf(token, index)))
        )
      const indices = Array.from({ length: behaviour.frames }, (_, index) => index)
      return Effect.forEach(indices, frame, { concurrency: behaviour.together ? "unbounded" : 1, discard: true })
    }
    case "Stream": {
      const token = cast.nextToken()
      const { ending, openAtOnce, script } = behaviour
      const expected = { token, wanted: Scripts.wanted(script, token), ending }
      return answerStream(cast, message, expected, sourceOf(token, behaviour), openAtOnce)
    }
    case "Whole": {
      const token = cast.nextToken()
      const text = Scripts.words(token, behaviour.words)
      return answerStream(cast, message, { token, wanted: Scripts.essence(text), ending: "Completes" }, text)
    }
    case "Markdown":
      return say(cast, "reply", (token) => WecomBot.reply(message, Reply.markdown(`#${token}#`)))
    case "Card":
      return say(cast, "replyTemplateCard", (token) => WecomBot.replyTemplateCard(message, card(cast, token)))
    case "Combined":
      return say(cast, "replyStreamWithCard", (token) =>
        WecomBot.replyStreamWithCard(message, {
          id: `s-${token}`,
          content: `#${token}#`,
          finish: true,
          card: card(cast, token)
        }))
    case "Push":
      return Effect.forEach(
        Array.from({ length: behaviour.count }),
        () => say(cast, "sendMessage", (token) => WecomBot.sendMessage(message, Reply.markdown(`#${token}#`))),
        { concurrency: behaviour.together ? "unbounded" : 1 }
      )
    case "Ask":
      return Effect.gen(function*() {
        yield* say(cast, "reply", (token) => WecomBot.reply(message, Reply.markdown(`and then? #${token}#`)))
        const answer = yield* WecomBot.awaitReply(message, () => true, { timeout: behaviour.timeout })
        cast.books.onHandled(answer.msgid, "awaitReply")
        yield* say(cast, "reply", (token) => WecomBot.reply(answer, Reply.markdown(`I see #${token}#`)))
      })
    case "AskCard":
      return Effect.gen(function*() {
        const token = cast.nextToken()
        yield* say(
          cast,
          "sendMessage",
          (said) => WecomBot.sendMessage(message, Reply.templateCard(card(cast, said, cast.taskId(token))))
        )
        const event = yield* WecomBot.awaitCardAction(cast.taskId(token), { timeout: behaviour.timeout })
        cast.books.onHandled(event.msgid, "awaitCardAction")
        yield* say(
          cast,
          "updateTemplateCard",
          (said) => WecomBot.updateTemplateCard(event, card(cast, said, cast.taskId(token)))
        )
      })
    case "Upload":
      return Effect.flatMap(
        Files.upload(cast.books, cast.uploads, behaviour.bytes, cast.nextToken()),
        (media) => WecomBot.replyMedia(message, media)
      )
    case "Command":
      return WecomBot.command("aibot_unheard_of", { of: "it" })
    case "Forks":
      return (behaviour.as === "handler" ? WecomBot.forkHandler : Effect.forkDaemon)(
        Effect.timeout(perform(cast, message, behaviour.inner), behaviour.millis)
      )
    case "Slow":
      return Effect.sleep(behaviour.millis)
    case "Throws":
      throw new Planned()
    case "Fails":
      return Effect.fail(new Planned())
    case "Dies":
      return Effect.die(new Planned())
    case "NeverEnds":
      return Effect.never
  }
}

/** `answersAfter` is how long a welcome takes, by userid. */
export const router = (cast: Cast, answersAfter: Map<string, number>) => {
  const onText = (message: Message.TextMessage) => {
    const behaviour = cast.behaviourOf(message.text.content)
    return behaviour === undefined ? Effect.void : perform(cast, message, behaviour)
  }
  const onFile = (message: Message.OfType<"image" | "file" | "video">) => Files.fetch(cast.books, cast.shelf, message)
  const onEnter = (event: BotEvent.EnterChat) =>
    Effect.zipRight(
      Effect.sleep(answersAfter.get(event.from?.userid ?? "") ?? 0),
      say(cast, "replyWelcome", (token) => WecomBot.replyWelcome(event, Reply.text(`welcome #${token}#`)))
    )
  const onPress = (event: BotEvent.TemplateCardEvent) =>
    say(
      cast,
      "updateTemplateCard",
      (token) => WecomBot.updateTemplateCard(event, card(cast, token, event.event.template_card_event.task_id))
    )
  return BotRouter.empty.pipe(
    BotRouter.onText(onText),
    BotRouter.onImage(onFile),
    BotRouter.onFile(onFile),
    BotRouter.onVideo(onFile),
    BotRouter.onEvent("enter_chat", onEnter),
    BotRouter.onCardAction("ok", onPress),
    BotRouter.orElse(() => Effect.void),
    BotRouter.use((handler, incoming) =>
      Effect.suspend(() => {
        cast.books.onHandled(incoming.msgid, "handler")
        return Effect.ensuring(handler, Effect.sync(() => cast.books.onHandlerEnd(incoming.msgid))).pipe(counted(cast))
      })
    )
  )
}
