/**
 * What a bot can do with an image, a file or a video: name it, and send it back.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect, Stream } from "effect"
import { MediaDownload, type Message, WecomBot, type WecomError } from "effect-wecom"
import { createHash } from "node:crypto"

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

const extensions = { image: /\.(png|jpe?g|gif)$/i, file: /$/, video: /\.mp4$/i } as const

/** The service takes images and videos under names that end as theirs do. */
const uploadName = ({ type }: MediaDownload.IncomingMedia, filename: string): string =>
  extensions[type].test(filename) ? filename : `${filename}.${unnamed[type].split(".")[1]}`

const sha256 = (path: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const hash = createHash("sha256")
    yield* Stream.runForEach(fs.stream(path), (bytes) => Effect.sync(() => hash.update(bytes)))
    return hash.digest("hex")
  })

/** By way of a file, so that 100 MB are never held. */
const receive = (media: MediaDownload.IncomingMedia) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const download = yield* WecomBot.downloadFile(media)
    const path = `${directory}/file`
    const size = yield* download.writeTo(path)
    return { path, size, filename: download.filename ?? unnamed[media.type], sha256: yield* sha256(path) }
  })

/**
 * Answers with the file's name, its number of bytes and its sha256, then sends the same bytes back as media of the same kind.
 * What cannot be read, or not be sent back, is answered with one sentence.
 */
const answer = (message: Message.Message, media: MediaDownload.IncomingMedia) =>
  Effect.gen(function*() {
    const { filename, path, sha256, size } = yield* receive(media)
    yield* WecomBot.replyStream(message, Stream.make(`${filename}: `, `${size} bytes, `, `sha256 ${sha256}`))
    const uploaded = yield* WecomBot.uploadMediaFile(path, {
      type: media.type,
      filename: uploadName(media, filename),
      oversized: "asFile"
    })
    // A push, for the message has been answered already.
    yield* WecomBot.sendMediaMessage(message, uploaded)
  }).pipe(
    Effect.catchTags({
      DownloadFailed: (error) => WecomBot.replyStream(message, sentence(error)),
      DecryptFailed: (error) => WecomBot.replyStream(message, sentence(error)),
      SendInvalid: (error) => WecomBot.replyStream(message, `I cannot send this file back: ${error.message}.`),
      UploadFailed: () => WecomBot.replyStream(message, "I could not send this file back: please try again later.")
    }),
    Effect.scoped,
    Effect.provide(NodeFileSystem.layer)
  )

/** The first image, file or video of a message: its own, or, as in groups, one it quotes. */
export const answerMedia = (message: Message.Message) =>
  Effect.gen(function*() {
    const [media] = MediaDownload.mediaOf(message)
    if (media === undefined) return yield* WecomBot.replyStream(message, "Send me an image, a file or a video.")
    return yield* answer(message, media)
  })
