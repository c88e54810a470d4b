/**
 * A gateway of its own, a bot on it, and somebody who talks to it: what every example does without credentials.
 */
import { ConfigProvider, Effect, Layer, Queue, Redacted, type Scope, Stream } from "effect"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { isInteractive, layerLogger, print, show, typedLines } from "./terminal.js"

type Gateway = TestGateway.TestGateway | NodeGateway.NodeGateway

type Answer = Effect.Effect<TestGateway.Bubble, Error>

/** Somebody in a conversation that is printed as it happens. */
export interface Speaker extends TestGateway.User {
  /** Waits for the next whole message of the bot. */
  readonly answer: Answer
  /** Does something, says what, and waits for the bot's answer. */
  readonly does: (what: string, act: Effect.Effect<unknown>) => Answer
  /** Writes something and waits for the bot's answer. */
  readonly says: (text: string) => Answer
}

const describe = (bubble: TestGateway.Bubble): string => {
  if (bubble.card === undefined) return bubble.text === "" ? `[${bubble.kind}]` : bubble.text
  const { button_list: buttons = [], main_title: title } = bubble.card
  return [`[card] ${title.title}`, ...buttons.map((button: { readonly text: string }) => `<${button.text}>`)].join("  ")
}

/** Somebody who talks to the bot. With several bots, `bot` says to which and stands before what it says. */
export const speaker = (
  userid: string,
  bot?: { readonly botId: string; readonly name: string }
): Effect.Effect<Speaker, never, TestGateway.TestGateway | Scope.Scope> =>
  Effect.gen(function*() {
    const user = yield* TestGateway.user(userid, { botId: bot?.botId })
    const answers = yield* Queue.unbounded<TestGateway.Bubble>()
    yield* user.changes.pipe(
      Stream.filter((bubble) => bubble.from === "bot" && !(bubble.thinking && !bubble.sealed)),
      Stream.tap((bubble) => show(bubble.id, bot?.name ?? "bot", describe(bubble), bubble.sealed)),
      Stream.filter((bubble) => bubble.sealed),
      Stream.runForEach((bubble) => Queue.offer(answers, bubble)),
      Effect.forkScoped
    )
    const answer = Effect.timeoutFail(Queue.take(answers), {
      duration: "30 seconds",
      onTimeout: () => new Error("the bot did not answer")
    })
    const does = (what: string, act: Effect.Effect<unknown>) =>
      print(userid, what).pipe(Effect.zipRight(act), Effect.zipRight(answer))
    return { ...user, answer, does, says: (text) => does(text, user.sendText(text)) }
  })

/** A button when the line is what stands on one, else a message. */
const sendTyped = (alice: Speaker, line: string) =>
  Effect.gen(function*() {
    for (const bubble of yield* alice.screen) {
      for (const button of bubble.card?.button_list ?? []) {
        if (button.text === line) return yield* alice.press(bubble, button.key)
      }
    }
    return yield* alice.sendText(line)
  })

/** What the reader types goes to the bot, until Ctrl-D. */
export const converse = (alice: Speaker) =>
  Effect.gen(function*() {
    if (!isInteractive) return
    yield* print("", "Now you: type a message or the text of a button. Ctrl-D ends it.")
    yield* Stream.runForEach(typedLines, (line) => Effect.zip(sendTyped(alice, line), alice.answer))
  })

/** A proxy of the environment is for the service, not for a gateway in this process. */
const withoutProxy = Effect.acquireRelease(
  Effect.sync(() => {
    const { no_proxy: before } = process.env
    process.env.no_proxy = "127.0.0.1"
    return before
  }),
  (before) =>
    Effect.sync(() => {
      if (before === undefined) delete process.env.no_proxy
      else process.env.no_proxy = before
    })
)

export interface Options {
  readonly gateway?: NodeGateway.Options | undefined
  /** What the program reads from the environment besides the bot's id, secret and address. */
  readonly config?: ReadonlyArray<readonly [name: string, value: string]> | undefined
}

/**
 * The program with the environment of a bot on a gateway of its own, until the script is through. The program is the same that
 * serves the real bot.
 */
export const onGateway = <E, E2>(
  program: Effect.Effect<unknown, E>,
  script: (alice: Speaker) => Effect.Effect<unknown, E2, Gateway | Scope.Scope>,
  options: Options = {}
) =>
  Effect.gen(function*() {
    yield* withoutProxy
    const wsUrl = yield* NodeGateway.url
    yield* print("", `No WECOM_BOT_ID and WECOM_BOT_SECRET: the bot talks to a gateway of its own, ${wsUrl}`)
    // Around the bot, so that what it still says when it is stopped is seen as well.
    const alice = yield* speaker("alice")
    const environment = new Map([
      ["WECOM_BOT_ID", TestGateway.defaultBotId],
      ["WECOM_BOT_SECRET", Redacted.value(TestGateway.defaultSecret)],
      ["WECOM_WS_URL", wsUrl],
      ...options.config ?? []
    ])
    // What else the program reads, the environment says.
    const provider = yield* Effect.configProviderWith((outer) =>
      Effect.succeed(ConfigProvider.orElse(ConfigProvider.fromMap(environment), () => outer))
    )
    yield* Effect.raceFirst(Effect.withConfigProvider(program, provider), script(alice))
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.merge(NodeGateway.layer(options.gateway), layerLogger))
  )
