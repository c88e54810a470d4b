/**
 * A bot that reads what it is sent: it names the file's name, size and sha256, then sends the same bytes back as media of the
 * same kind. Run it with `npx tsx examples/media.ts`; it takes `WECOM_BOT_ID`, `WECOM_BOT_SECRET` and `WECOM_WS_URL`.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import { Config, Console, Effect, Logger, Stream } from "effect"
import { BotRouter, MediaDownload, type Message, WecomBot, type WecomError } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import { createHash } from "node:crypto"

type MediaMessage = Message.ImageMessage | Message.FileMessage | Message.VideoMessage

/** One clear sentence for a person, whatever went wrong. */
const sentence = (error: WecomError.DownloadFailed | WecomError.DecryptFailed): string => {
  if (error._tag === "DecryptFailed") return "I could not decrypt this file: it is damaged, or its key is wrong."
  switch (error.reason._tag) {
    case "Expired":
      return "The link to this file has expired: please send it again."
    case "TooLarge":
      return "This file is too large for me."
    default:
      return "I could not fetch this file: please send it again."
  }
}

/** A name for what came without one: WeCom names files, but not every image and video. */
const unnamed = { image: "image.png", file: "file.bin", video: "video.mp4" } as const

const sha256 = (path: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const hash = createHash("sha256")
    yield* Stream.runForEach(fs.stream(path), (bytes) => Effect.sync(() => hash.update(bytes)))
    return hash.digest("hex")
  })

/** By way of a file, so that 100 MB are never held. */
const receive = (message: MediaMessage) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const download = yield* WecomBot.downloadFile(message)
    const path = `${directory}/file`
    const size = yield* download.writeTo(path)
    return { path, size, filename: download.filename ?? unnamed[message.msgtype], sha256: yield* sha256(path) }
  })

const sendBack = (message: MediaMessage, file: { readonly path: string; readonly filename: string }) =>
  Effect.gen(function*() {
    const media = yield* WecomBot.uploadMediaFile(file.path, {
      type: message.msgtype,
      filename: file.filename,
      oversized: "asFile"
    })
    // A push, for the message has been answered already.
    yield* WecomBot.sendMediaMessage(message, media)
  })

const say = (message: Message.Message, text: string) => WecomBot.replyStream(message, text)

const answer = (message: MediaMessage) =>
  receive(message).pipe(
    Effect.tap(({ filename, sha256, size }) =>
      WecomBot.replyStream(message, Stream.make(`${filename}\n\n`, `${size} bytes\n\n`, `sha256 ${sha256}`))
    ),
    Effect.flatMap((file) => sendBack(message, file)),
    Effect.catchTags({
      DownloadFailed: (error) => say(message, sentence(error)),
      DecryptFailed: (error) => say(message, sentence(error)),
      SendInvalid: (error) => say(message, `I cannot send this file back: ${error.message}.`)
    }),
    Effect.scoped
  )

/** In a group a file reaches a bot as a quote. */
const answerQuoted = (message: Message.TextMessage) =>
  Effect.gen(function*() {
    const [media] = MediaDownload.mediaOf(message)
    if (media === undefined) return yield* WecomBot.replyStream(message, "Send me an image, a file or a video.")
    const quoted = { ...message, msgtype: media.type, [media.type]: media } as unknown as MediaMessage
    return yield* answer(quoted)
  })

export const router = BotRouter.empty.pipe(
  BotRouter.onImage(answer),
  BotRouter.onFile(answer),
  BotRouter.onVideo(answer),
  BotRouter.onText(answerQuoted)
)

BotRouter.run(router).pipe(
  Effect.provide(NodeWecomBot.layerConfig({
    botId: Config.string("WECOM_BOT_ID"),
    secret: Config.redacted("WECOM_BOT_SECRET"),
    wsUrl: Config.withDefault(Config.string("WECOM_WS_URL"), undefined)
  })),
  Effect.provide(NodeFileSystem.layer),
  Effect.provide(Logger.pretty),
  Effect.tapError((error) => Console.error(`media: ${error}`)),
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
)
