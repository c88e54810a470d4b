/**
 * Files that users send and the bot fetches, and files that it uploads: what stands behind a link, what is wrong with it, and so
 * what may come of it. A file comes whole or not at all.
 */
import { Cause, Clock, Effect, Exit, Option, Stream } from "effect"
import { type Message, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import type { Books } from "./book.js"
import type * as Rng from "./rng.js"

/** What is wrong with a file. */
export type Trouble =
  | { readonly _tag: "None" }
  /** Its first requests get these instead. */
  | { readonly _tag: "FailsFirst"; readonly failures: ReadonlyArray<number | "reset"> }
  | { readonly _tag: "Expired" }
  /** Every connection breaks after so many bytes. */
  | { readonly _tag: "CutShort"; readonly after: number }
  | { readonly _tag: "WrongPadding" }
  | { readonly _tag: "OtherKey" }
  | { readonly _tag: "NoKey" }
  /** A fifth of it, then so long nothing. */
  | { readonly _tag: "Slow"; readonly every: number }
  | { readonly _tag: "TooLarge" }

export interface File {
  readonly type: "image" | "file" | "video"
  readonly bytes: number
  readonly isEncrypted: boolean
  readonly isFetched: "whole" | "as it comes"
  readonly redirects: number
  readonly withoutLength: boolean
  readonly trouble: Trouble
}

export const draw = (rng: Rng.Rng): File => {
  const bytes = rng.pick([1, 31, 32, 1000, 70_000, 300_000])
  const isEncrypted = rng.chance(0.8)
  const _tag = rng.weighted({
    None: 4,
    FailsFirst: 3,
    Expired: 1,
    CutShort: 2,
    WrongPadding: isEncrypted ? 1 : 0,
    OtherKey: isEncrypted ? 1 : 0,
    NoKey: isEncrypted ? 0.5 : 0,
    // Less comes in one piece.
    Slow: bytes >= 1000 ? 3 : 0,
    TooLarge: bytes >= 1000 ? 0.5 : 0
  })
  const trouble = (): Trouble => {
    switch (_tag) {
      case "FailsFirst":
        return {
          _tag,
          failures: Array.from({ length: rng.int(1, 4) }, () => rng.pick<number | "reset">([503, 500, 502, "reset"]))
        }
      case "CutShort":
        return { _tag, after: rng.int(0, bytes - 1) }
      case "Slow":
        return { _tag, every: rng.pick([200, 2000, 8000, 15_000]) }
      default:
        return { _tag }
    }
  }
  return {
    type: rng.pick(["image", "file", "video"]),
    bytes,
    isEncrypted,
    isFetched: rng.pick(["whole", "as it comes"]),
    redirects: rng.pick([0, 0, 1, 3]),
    withoutLength: rng.chance(0.2),
    trouble: trouble()
  }
}

/** Bytes that can be told from those of every other file. */
export const content = (length: number, token: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + token * 7 + (at >> 8)) & 255
  return bytes
}

interface Served {
  readonly file: File
  readonly token: number
  /** Wall time. */
  readonly expiresAt: number
  /** How many have begun to download it: a second instance may get the message once more. */
  takers: number
}

/** By link. */
export type Shelf = Map<string, Served>

const linkMillis = 5 * 60_000

const otherKey = Buffer.alloc(32, 7).toString("base64")

/** Puts it behind a link, for somebody to send. */
export const serve = (
  shelf: Shelf,
  file: File,
  token: number
): Effect.Effect<TestGateway.MediaLink, never, TestGateway.TestGateway> =>
  Effect.gen(function*() {
    const { trouble } = file
    const link = yield* TestGateway.serveFile({
      bytes: content(file.bytes, token),
      filename: `报告 ${token}.bin`,
      encrypted: file.isEncrypted,
      redirects: file.redirects,
      withoutLength: file.withoutLength,
      wrongPadding: trouble._tag === "WrongPadding",
      lifetime: trouble._tag === "Expired" ? 0 : linkMillis,
      ...(trouble._tag === "FailsFirst" ? { failures: trouble.failures } : {}),
      ...(trouble._tag === "CutShort" ? { cutAfter: trouble.after } : {}),
      ...(trouble._tag === "Slow" ? { pace: { bytes: Math.ceil(file.bytes / 5), every: trouble.every } } : {})
    })
    shelf.set(link.url, { file, token, takers: 0, expiresAt: (yield* Clock.currentTimeMillis) + linkMillis })
    switch (trouble._tag) {
      case "OtherKey":
        return { ...link, aeskey: otherKey }
      case "NoKey":
        return { ...link, aeskey: "no key" }
      default:
        return link
    }
  })

/** How it may end, when nobody interrupts it. */
const outcomes = (
  { file: { isEncrypted, isFetched, trouble, withoutLength }, takers }: Served
): ReadonlyArray<string> => {
  switch (trouble._tag) {
    case "None":
      return ["Success"]
    case "FailsFirst":
      if (trouble.failures.length <= 2) return ["Success"]
      return [
        "DownloadFailed Status",
        "DownloadFailed Network",
        // Another download used them up.
        ...(takers > 1 ? ["Success"] : [])
      ]
    case "Expired":
      return ["DownloadFailed Expired"]
    case "CutShort":
      return [
        "DownloadFailed Network",
        "DownloadFailed Truncated",
        // What was decrypted to its end before anybody knew that more was to come.
        ...(isEncrypted && (withoutLength || isFetched === "as it comes") ? ["DecryptFailed"] : [])
      ]
    case "WrongPadding":
    case "NoKey":
      return ["DecryptFailed"]
    case "OtherKey":
      // One key in 256 leaves a padding that looks right; nothing else in a file could tell.
      return ["DecryptFailed", "Success"]
    case "Slow":
      return trouble.every < 10_000 ? ["Success"] : ["DownloadFailed Timeout", "DownloadFailed Network"]
    case "TooLarge":
      return ["DownloadFailed TooLarge"]
  }
}

const verdictOf = (exit: Exit.Exit<unknown, { readonly _tag: string; readonly reason?: unknown }>): string => {
  if (Exit.isSuccess(exit)) return "Success"
  if (Exit.isInterrupted(exit)) return "Interrupted"
  // Of several chunks in flight each fails in its own way.
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (error === undefined || Cause.isDie(exit.cause)) return `Defect ${String(exit.cause)}`
  const { _tag, reason } = error
  return _tag === "DownloadFailed" ? `${_tag} ${(reason as { readonly _tag: string })._tag}` : _tag
}

const isPrefix = (of: Uint8Array, pieces: ReadonlyArray<Uint8Array>): boolean => {
  const got = Buffer.concat(pieces)
  return got.length <= of.length && got.equals(of.subarray(0, got.length))
}

/** Downloads what came in this message and holds it against what was sent. */
export const fetch = (
  books: Books,
  shelf: Shelf,
  message: Message.OfType<"image" | "file" | "video">
): Effect.Effect<void, never, WecomBot.WecomBot> =>
  Effect.suspend(() => {
    const url = message.msgtype === "image"
      ? message.image.url
      : message.msgtype === "file"
      ? message.file.url
      : message.video.url
    const served = shelf.get(url)
    if (served === undefined) return Effect.sync(() => books.complain(`nobody sent ${url}`))
    const { file, token } = served
    served.takers++
    const whole = content(file.bytes, token)
    const pieces: Array<Uint8Array> = []
    const options = file.trouble._tag === "TooLarge" ? { maxBytes: file.bytes - 100 } : undefined
    const fetching = Effect.flatMap(
      WecomBot.downloadFile(message, options),
      ({ bytes, stream }) =>
        file.isFetched === "whole"
          ? Effect.map(bytes, (all) => void pieces.push(all))
          : Stream.runForEach(stream, (piece) => Effect.sync(() => void pieces.push(piece)))
    )
    return Effect.onExit(fetching, (exit) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const verdict = verdictOf(exit)
        books.note("  =", "downloadFile", file.type, file.trouble._tag, verdict)
        books.count(`downloadFile ${verdict}`)
        const isLate = now >= served.expiresAt && verdict === "DownloadFailed Expired"
        // Whoever waits for a server while the loop stands still finds that it said nothing.
        const isStalled = verdict === "DownloadFailed Timeout" && books.faults.has("LoopBlocked")
        if (verdict !== "Interrupted" && !isLate && !isStalled && !outcomes(served).includes(verdict)) {
          books.complain(`a download (${JSON.stringify(file)}) ended as ${verdict}`)
        }
        if (file.trouble._tag === "OtherKey" || file.trouble._tag === "WrongPadding") return
        if (!isPrefix(whole, pieces)) books.complain(`a download (${JSON.stringify(file)}) gave other bytes`)
        const got = pieces.reduce((sum, { length }) => sum + length, 0)
        if (verdict === "Success" && got !== whole.length) {
          books.complain(`a download ended well with ${got} of ${whole.length} bytes`)
        }
        if (verdict !== "Success" && file.isFetched === "whole" && got > 0) {
          books.complain("a failed download gave bytes")
        }
      })).pipe(Effect.ignore)
  })

/** Uploads so many bytes; what the service has then is that file, whole, or the bot was told. */
export const upload = (
  books: Books,
  uploads: Effect.Effect<ReadonlyArray<TestGateway.UploadedMedia>>,
  length: number,
  token: number
) =>
  Effect.gen(function*() {
    const bytes = content(length, token)
    const media = yield* Effect.onExit(
      WecomBot.uploadMedia(bytes, { type: "file", filename: `report ${token}.bin` }),
      (exit) =>
        Effect.sync(() => {
          const verdict = verdictOf(exit)
          books.note("  =", "uploadMedia", length, verdict)
          books.count(`uploadMedia ${verdict}`)
          if (verdict.startsWith("Defect")) books.complain(`an upload ended as ${verdict}`)
        })
    )
    const kept = (yield* uploads).find(({ mediaId }) => mediaId === media.media_id)
    if (kept === undefined) books.complain("an upload ended well, but the service has nothing of it")
    else if (!Buffer.from(kept.bytes).equals(bytes)) books.complain("the service has other bytes than were uploaded")
    return media
  })
