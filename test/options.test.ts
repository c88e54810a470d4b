/** What functions of the bot do with their options: read once, before anything is sent, and refused when they are unreadable. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { expect, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Option, Stream, TestClock } from "effect"
import { type BotEvent, type Message, Reply, ReplyTarget, type TemplateCard, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { fileURLToPath } from "node:url"
import { describe } from "vitest"
import { anything } from "./faults/hostile.js"

interface Given {
  readonly message: Message.Message
  readonly entered: BotEvent.EnterChat
}

interface Operation {
  /** All options that it has, each with a value that it takes. */
  readonly options: { readonly [option: string]: unknown }
  readonly call: (given: Given, options: any) => Effect.Effect<unknown, unknown, any>
}

const card: TemplateCard.TemplateCard = {
  card_type: "text_notice",
  main_title: { title: "a card" },
  card_action: { type: 1, url: "https://example.com" }
}
const pressed = (message: Message.Message): ReplyTarget.CardTarget => ({
  kind: "template_card_event",
  reqId: message.reqId,
  chat: ReplyTarget.fromMessage(message).chat,
  receivedAt: message.receivedAt,
  task_id: undefined
})
const upload = { type: "file", oversized: "fail", onProgress: () => Effect.void, reuse: true }
const bytes = new Uint8Array(10)

const operations: { readonly [name: string]: Operation } = {
  awaitReply: {
    options: { timeout: "1 second" },
    call: ({ message }, options) => WecomBot.awaitReply(message, () => true, options)
  },
  awaitCardAction: {
    options: { timeout: "1 second" },
    call: (_, options) => WecomBot.awaitCardAction("task", options)
  },
  command: { options: { reqId: "mine" }, call: (_, options) => WecomBot.command("ping", {}, options) },
  reply: {
    options: { split: true, onExpired: "push" },
    call: ({ message }, options) => WecomBot.reply(message, Reply.markdown("hello"), options)
  },
  replyStream: {
    options: {
      feedback: { id: "rated" },
      openAtOnce: false,
      keepAlive: true,
      maxFramesPerSecond: 10,
      maxBuffered: 1000,
      failureText: () => "failed",
      cutOffText: "cut off",
      emptyText: "empty",
      onExpired: "push",
      onGone: "push"
    },
    call: ({ message }, options) => WecomBot.replyStream(message, Stream.make("one ", "two"), options)
  },
  "replyStream of a source that fails": {
    options: { failureText: () => "failed", feedback: { id: "rated" } },
    call: ({ message }, options) =>
      WecomBot.replyStream(message, Stream.concat(Stream.make("one"), Stream.fail({ _tag: "Broken" })), options)
  },
  "replyStream of a string": {
    options: { feedback: { id: "rated" }, emptyText: "empty" },
    call: ({ message }, options) => WecomBot.replyStream(message, "", options)
  },
  replyTemplateCard: {
    options: { feedback: { id: "rated" }, onExpired: "push" },
    call: ({ message }, options) => WecomBot.replyTemplateCard(message, card, options)
  },
  replyWelcome: {
    options: { onExpired: "push" },
    call: ({ entered }, options) => WecomBot.replyWelcome(entered, Reply.text("welcome"), options)
  },
  updateTemplateCard: {
    options: { userids: ["alice"], onExpired: "push" },
    call: ({ message }, options) => WecomBot.updateTemplateCard(pressed(message), card, options)
  },
  sendMessage: {
    options: { split: true },
    call: ({ message }, options) => WecomBot.sendMessage(message, Reply.markdown("hello"), options)
  },
  downloadFile: {
    options: { maxBytes: 5 },
    call: (_, options) => WecomBot.downloadFile({ url: "ftp://nowhere" }, options)
  },
  uploadMedia: {
    options: { ...upload, filename: "a.txt" },
    call: (_, options) => WecomBot.uploadMedia(bytes, options)
  },
  uploadMediaFile: {
    options: { ...upload, filename: "a.txt" },
    call: (_, options) => WecomBot.uploadMediaFile(fileURLToPath(import.meta.url), options)
  },
  uploadMediaProgress: {
    options: { ...upload, filename: "a.txt" },
    call: (_, options) => Stream.runDrain(WecomBot.uploadMediaProgress(bytes, options))
  },
  replyMedia: {
    options: { title: "title", description: "description" },
    call: ({ message }, options) => WecomBot.replyMedia(message, { type: "video", media_id: "m" }, options)
  },
  sendMediaMessage: {
    options: { title: "title", description: "description" },
    call: ({ message }, options) => WecomBot.sendMediaMessage(message, { type: "video", media_id: "m" }, options)
  }
}

/** One of every kind; `npm run test:faults` has more. */
const forbidden = [
  ...["null", "true", "blank", "-1", "symbol", "bigint", "throwing function", "trap", "getters", "no prototype"],
  "odd options"
]

/** The call with each of these options in turn, each to its end or until it only waits. */
const exitsOf = ({ call }: Operation, calls: ReadonlyArray<object>) =>
  Effect.gen(function*() {
    const alice = yield* TestGateway.user("alice")
    yield* WecomBot.ready
    const listening = yield* Effect.fork(Effect.all([
      Effect.flatten(Stream.runHead(WecomBot.messages)),
      Effect.flatten(Stream.runHead(WecomBot.events))
    ], { concurrency: 2 }))
    yield* Effect.yieldNow()
    yield* alice.sendText("hello")
    yield* alice.enter
    const [message, entered] = yield* Fiber.join(listening)
    const exits: Array<Exit.Exit<unknown, unknown>> = []
    for (const options of calls) {
      const calling = yield* Effect.fork(
        call({ message, entered: entered as BotEvent.EnterChat }, options).pipe(
          Effect.provide(NodeFileSystem.layer)
        ) as Effect.Effect<unknown, unknown, WecomBot.WecomBot>
      )
      // The quota of a conversation, and that of uploads, allows one in this time.
      yield* TestClock.adjust("2100 millis")
      exits.push(yield* Fiber.interrupt(calling))
    }
    return exits
  }).pipe(Effect.provide(TestGateway.layerBot()))

const tagOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.match(exit, {
    onSuccess: () => "success",
    onFailure: (cause) =>
      Option.match(Cause.failureOption(cause), {
        onNone: () => Cause.isInterruptedOnly(cause) ? "waits" : `a defect: ${Cause.pretty(cause)}`,
        onSome: (error) => (error as { readonly _tag: string })._tag
      })
  })

describe.each(Object.entries(operations))("%s", (name, operation) => {
  const { options } = operation
  const keys = Object.keys(options)

  it.scoped("reads each option once", () =>
    Effect.gen(function*() {
      const reads: Array<string> = []
      const counting = new Proxy(options, {
        get: (target, key) => {
          reads.push(String(key))
          return target[String(key)]
        }
      })
      yield* exitsOf(operation, [counting])
      expect(reads).toEqual([...new Set(reads)])
      expect(reads).toEqual(expect.arrayContaining(keys))
    }))

  it.scoped("refuses an option that throws when it is read", () =>
    Effect.gen(function*() {
      const exits = yield* exitsOf(
        operation,
        keys.map((key) =>
          Object.defineProperty({ ...options }, key, {
            enumerable: true,
            get: () => {
              throw new Error("on purpose")
            }
          })
        )
      )
      const refusal = name === "downloadFile" ? "DownloadFailed" : "SendInvalid"
      expect(exits.map(tagOf)).toEqual(keys.map(() => refusal))
    }))

  it.scoped("has no defect for a value that its type forbids", () =>
    Effect.gen(function*() {
      const calls = keys.flatMap((key) =>
        anything
          .filter(([value]) => forbidden.includes(value))
          // A function that the upload runs may have defects of its own.
          .filter(([, one]) => key !== "onProgress" || typeof one !== "function")
          .map(([value, one]) => ({ name: `${key}: ${value}`, one, key }))
      )
      const exits = yield* exitsOf(operation, calls.map(({ key, one }) => ({ ...options, [key]: one })))
      const defects = calls.flatMap(({ name }, at) => {
        const tag = tagOf(exits[at]!)
        return tag.startsWith("a defect") ? [`${name}: ${tag.slice(0, 200)}`] : []
      })
      expect(defects).toEqual([])
    }))
})
