/**
 * A bot on a gateway of its own, and somebody who talks to it.
 */
import { Effect, Layer, Queue, type Scope, Stream } from "effect"
import { BotRouter } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { isInteractive, layerLogger, print, show, typedLines } from "./terminal.js"

const describe = (bubble: TestGateway.Bubble): string => {
  if (bubble.card === undefined) return bubble.text
  const { button_list: buttons = [], main_title: title } = bubble.card
  return [`[card] ${title.title}`, ...buttons.map((button: { readonly text: string }) => `<${button.text}>`)].join("  ")
}

type Answer = Effect.Effect<TestGateway.Bubble, Error>

/** Prints what the bot shows to a user, and waits for the next whole answer whenever asked. */
const follow = (user: TestGateway.User): Effect.Effect<Answer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const answers = yield* Queue.unbounded<TestGateway.Bubble>()
    yield* user.changes.pipe(
      Stream.filter((bubble) => bubble.from === "bot" && !(bubble.thinking && !bubble.sealed)),
      Stream.tap((bubble) => show(bubble.id, "bot", describe(bubble), bubble.sealed)),
      Stream.filter((bubble) => bubble.sealed),
      Stream.runForEach((bubble) => Queue.offer(answers, bubble)),
      Effect.forkScoped
    )
    return Effect.timeoutFail(Queue.take(answers), {
      duration: "30 seconds",
      onTimeout: () => new Error("the bot did not answer")
    })
  })

/** What the user does, step by step. */
const script = (alice: TestGateway.User, answer: Answer) => {
  const step = (text: string, act: Effect.Effect<unknown>) => Effect.zip(print(alice.userid, text), act)
  return Effect.gen(function*() {
    yield* step("(opens the chat)", alice.enter)
    yield* answer
    yield* step("早上好, does this thing work?", alice.sendText("早上好, does this thing work?"))
    yield* answer
    yield* step("(voice) 明天下午三点开会", alice.sendVoice("明天下午三点开会"))
    const heard = yield* answer
    yield* step("(likes that)", alice.feedback(heard, { type: "like" }))
    yield* step("card", alice.sendText("card"))
    const card = yield* answer
    yield* step("(presses Approve)", alice.press(card, "approve"))
    yield* answer
    yield* step("再见", alice.sendText("再见"))
    yield* answer
  })
}

/** A button when the line is what stands on one, else a message. */
const sendTyped = (alice: TestGateway.User, line: string) =>
  Effect.gen(function*() {
    for (const bubble of yield* alice.screen) {
      for (const button of bubble.card?.button_list ?? []) {
        if (button.text === line) return yield* alice.press(bubble, button.key)
      }
    }
    return yield* alice.sendText(line)
  })

const converse = (alice: TestGateway.User, answer: Answer) =>
  Effect.gen(function*() {
    yield* script(alice, answer)
    if (!isInteractive) return
    yield* print("", "Now you: type a message or the text of a button. Ctrl-D ends it.")
    yield* Stream.runForEach(typedLines, (line) => Effect.zip(sendTyped(alice, line), answer))
  })

export const demo = <E, R>(router: BotRouter.BotRouter<E, R>) =>
  Effect.gen(function*() {
    const wsUrl = yield* NodeGateway.url
    yield* print("", `No WECOM_BOT_ID and WECOM_BOT_SECRET: the bot talks to a gateway of its own, ${wsUrl}`)
    const alice = yield* TestGateway.user("alice")
    // Around the bot, so that what it still says when it is stopped is seen as well.
    const answer = yield* follow(alice)
    const bot = NodeWecomBot.layer({
      botId: TestGateway.defaultBotId,
      secret: TestGateway.defaultSecret,
      wsUrl
    })
    yield* Effect.raceFirst(BotRouter.run(router), converse(alice, answer)).pipe(Effect.provide(bot))
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.merge(NodeGateway.layer(), layerLogger))
  )
