/**
 * The bot under endurance: everything real but the quotas, with short timeouts, so that a fault every second is not lost in the
 * wait for the one before. Every send notes its verdict.
 */
import { Socket } from "@effect/platform"
import { Cause, Effect, Exit, Layer, Schedule, Stream } from "effect"
import { BotRouter, Governor, Reconnect, Reply, WecomBot } from "effect-wecom"
import type { Message } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import type { WebSocket } from "ws"
import { answer, failureText, maxTokens, single } from "./protocol.js"

export const verdicts = [
  "none",
  "Success",
  "SendRejected",
  "SendUnavailable",
  "SendExpired",
  "Unknown",
  "Failed"
] as const
export type Verdict = typeof verdicts[number]

/** By token: the index of its verdict. Made once, so that the books of the test do not look like a leak. */
export const said = new Uint8Array(maxTokens)
/** By token: whether it is a whole answer, whose refusals are not the end of it. */
export const isAnswer = new Uint8Array(maxTokens)
let tokens = 0
export const tokenCount = () => tokens

/** Sockets that were opened and are not closed. */
export const sockets = new Set<WebSocket>()

const verdictOf = (exit: Exit.Exit<unknown, unknown>): Verdict => {
  if (Exit.isSuccess(exit)) return "Success"
  const error = exit.cause._tag === "Fail" ? exit.cause.error as { readonly _tag?: string } : undefined
  switch (error?._tag) {
    case "SendRejected":
    case "SendUnavailable":
    case "SendExpired":
      return error._tag
    case "DeliveryUnknown":
      return "Unknown"
    default:
      return "Failed"
  }
}

const say = <A, E, R>(send: (token: number) => Effect.Effect<A, E, R>, whole = false): Effect.Effect<void, never, R> =>
  Effect.suspend(() => {
    const token = ++tokens
    isAnswer[token] = whole ? 1 : 0
    return Effect.exit(send(token)).pipe(
      Effect.map((exit) => {
        said[token] = verdicts.indexOf(verdictOf(exit))
        if (Exit.isFailure(exit) && Cause.isDie(exit.cause)) throw new Error(Cause.pretty(exit.cause))
      })
    )
  })

const words = (token: number) =>
  Stream.fromIterable(["one", " two", " three", ` ${answer(token)}`]).pipe(
    Stream.rechunk(1),
    Stream.tap(() => Effect.sleep(30))
  )

const handle = (message: Message.TextMessage): Effect.Effect<unknown, unknown, WecomBot.WecomBot> => {
  const number = Number(message.text.content.slice(1))
  switch (number % 8) {
    case 0:
    case 1:
      return say((token) => WecomBot.replyStream(message, words(token), { failureText: () => failureText }), true)
    case 2: {
      const id = `s${number}`
      const frame = (finish: boolean) =>
        say((token) => WecomBot.replyStreamFrame(message, { id, content: single(token), finish }))
      return Effect.all([frame(false), frame(false), frame(true)], { concurrency: "unbounded", discard: true })
    }
    case 3:
      return say((token) => WecomBot.reply(message, Reply.markdown(single(token))))
    case 4:
      return say((token) => WecomBot.sendMessage(message, Reply.markdown(single(token))))
    case 5:
      return say((token) => WecomBot.replyStream(message, answer(token), { failureText: () => failureText }), true)
    case 6:
      return Effect.fail("a handler that fails")
    default:
      return WecomBot.replyStream(message, Stream.concat(words(0), Stream.never)).pipe(Effect.timeout(300))
  }
}

export const router = BotRouter.empty.pipe(BotRouter.onText(handle))

/** One final each, to fill what remembers the latest so and so many. */
export const isWarming = { on: true }

export const warming = BotRouter.empty.pipe(
  BotRouter.onText((message) =>
    isWarming.on
      ? WecomBot.replyStreamFrame(message, { id: message.msgid, content: "warm", finish: true })
      : handle(message)
  )
)

const socketLayer = (wsUrl: string) =>
  Layer.effect(
    Socket.WebSocketConstructor,
    Effect.map(Socket.WebSocketConstructor, (open) => (url: string, protocols?: string | Array<string>) => {
      const opened = open(url, protocols)
      const ws = opened as unknown as WebSocket
      sockets.add(ws)
      ws.once("close", () => sockets.delete(ws))
      return opened
    })
  ).pipe(Layer.provide(NodeWecomBot.layerWebSocketConstructor(wsUrl, { proxy: false })))

const reconnect = Layer.succeed(Reconnect.Reconnect, {
  lost: { delays: Schedule.spaced("100 millis"), maxAttempts: Infinity },
  refused: { delays: Schedule.spaced("100 millis"), maxAttempts: Infinity },
  superseded: { delays: Schedule.spaced("100 millis"), maxAttempts: Infinity }
})

export const layer = (wsUrl: string): Layer.Layer<WecomBot.WecomBot> =>
  WecomBot.layer({
    wsUrl,
    botId: TestGateway.defaultBotId,
    secret: TestGateway.defaultSecret,
    heartbeatInterval: "500 millis",
    pingTimeout: "1 second",
    subscribeTimeout: "1 second",
    ackTimeout: "1 second",
    ackHorizon: "5 seconds"
  }, Layer.merge(reconnect, Governor.layerUnlimited)).pipe(
    Layer.provide([socketLayer(wsUrl), NodeWecomBot.layerHttpClient({ wsUrl, proxy: false })]),
    Layer.orDie
  )
