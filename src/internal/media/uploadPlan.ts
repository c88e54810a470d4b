/**
 * The decisions about an upload before its first frame: its type, its chunks, how many of them are in flight, and whether the
 * service takes it at all (WeCom doc 101463).
 */
import * as Either from "effect/Either"
import * as Limits from "../../Limits.js"
import type { MediaType } from "../../Reply.js"
import { SendInvalid } from "../../WecomError.js"
import { isWellFormed, utf8Length } from "../checks/bytes.js"

/** @internal */
export interface UploadPlan {
  readonly type: MediaType
  readonly filename: string
  readonly size: number
  readonly chunks: number
}

/** @internal */
export interface UploadRequest {
  readonly type: MediaType
  readonly filename: string
  readonly size: number
  readonly oversized: "fail" | "asFile" | undefined
}

const extensions: { readonly [T in MediaType]: ReadonlyArray<string> | undefined } = {
  file: undefined,
  image: [".png", ".jpg", ".jpeg", ".gif"],
  voice: [".amr"],
  video: [".mp4"]
}

const megabytes = (bytes: number) => `${bytes / 1024 / 1024} MB`

const refuse = (field: string, problem: string, limit: string) =>
  Either.left(new SendInvalid({ field, problem, limit }))

const checkName = (filename: unknown): Either.Either<void, SendInvalid> => {
  if (typeof filename !== "string" || filename.trim() === "") {
    return refuse("filename", "is empty", "the name of a file")
  }
  const bytes = utf8Length(filename)
  if (bytes > Limits.uploadFilenameBytes) {
    return refuse("filename", `has ${bytes} bytes`, `at most ${Limits.uploadFilenameBytes} bytes of UTF-8`)
  }
  // eslint-disable-next-line no-control-regex
  return /[/\\\u0000-\u001f\u007f]/.test(filename) || !isWellFormed(filename)
    ? refuse("filename", "is a path or has control characters", "the name alone")
    : Either.void
}

const checkExtension = (type: MediaType, filename: string): Either.Either<void, SendInvalid> => {
  const allowed = extensions[type]
  const dot = filename.lastIndexOf(".")
  const extension = dot === -1 ? "" : filename.slice(dot).toLowerCase()
  return allowed === undefined || allowed.includes(extension)
    ? Either.void
    : refuse(
      "filename",
      extension === "" ? "has no extension" : `ends in ${extension}`,
      `${allowed.join(", ")} for type ${type}`
    )
}

/** As many first bytes as tell the types apart. */
export const headBytes = 16

/** At an offset, the beginnings of types that are mistaken for what the service takes. */
const signatures: ReadonlyArray<
  readonly [name: string, at: number, beginning: string, types: ReadonlyArray<MediaType>]
> = [
  ["PNG", 0, "\x89PNG", ["image"]],
  ["JPEG", 0, "\xff\xd8\xff", ["image"]],
  ["GIF", 0, "GIF8", ["image"]],
  ["WebP", 8, "WEBP", []],
  ["TIFF", 0, "II*\0", []],
  ["TIFF", 0, "MM\0*", []],
  ["PDF", 0, "%PDF-", []],
  ["AMR", 0, "#!AMR", ["voice"]],
  ["MP3", 0, "ID3", []],
  ["Ogg", 0, "OggS", []],
  ["WAV", 8, "WAVE", []],
  ["AVI", 8, "AVI ", []],
  ["Matroska or WebM", 0, "\x1a\x45\xdf\xa3", []],
  ...["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"].map((brand) =>
    ["HEIC", 4, `ftyp${brand}`, []] as const
  ),
  ["AVIF", 4, "ftypavif", []],
  ["M4A", 4, "ftypM4A", []],
  ["QuickTime", 4, "ftypqt", []],
  ["MP4", 4, "ftyp", ["video"]]
]

/**
 * Refuses bytes that are known to be of a type that the service does not show. Bytes that nothing is known of pass.
 *
 * @internal
 */
export const checkContent = ({ type }: UploadPlan, head: Uint8Array): Either.Either<void, SendInvalid> => {
  const allowed = extensions[type]
  if (allowed === undefined) return Either.void
  const text = String.fromCharCode(...head)
  const known = signatures.find(([, at, beginning]) => text.startsWith(beginning, at))
  return known === undefined || known[3].includes(type)
    ? Either.void
    : refuse("source", `is ${known[0]} by its first bytes`, `${allowed.join(", ")} for type ${type}`)
}

/** @internal */
export const make = (request: UploadRequest): Either.Either<UploadPlan, SendInvalid> =>
  Either.gen(function*() {
    const { filename, size } = request
    if (typeof request.type !== "string" || !Object.hasOwn(extensions, request.type)) {
      return yield* refuse("type", "is not a media type", Object.keys(extensions).join(", "))
    }
    yield* checkName(filename)
    if (!Number.isSafeInteger(size) || size < 0) {
      return yield* refuse("size", "is not a size", "a whole number of bytes")
    }
    const isOversized = size > Limits.mediaBytes[request.type]
    const type = isOversized && request.oversized === "asFile" ? "file" : request.type
    yield* checkExtension(type, filename)
    if (size < Limits.uploadMinBytes) {
      return yield* refuse("size", `is ${size} bytes`, `at least ${Limits.uploadMinBytes} bytes`)
    }
    const most = Limits.mediaBytes[type]
    if (size > most) {
      return yield* refuse("size", `is ${size} bytes`, `at most ${most} bytes (${megabytes(most)}) for type ${type}`)
    }
    const chunks = Math.ceil(size / Limits.uploadChunkBytes)
    if (chunks > Limits.uploadChunks) {
      return yield* refuse("size", `needs ${chunks} chunks`, `at most ${Limits.uploadChunks} chunks`)
    }
    return { type, filename, size, chunks }
  })

/**
 * The most chunks of one upload in flight. The service answers more of them with "system error".
 *
 * @internal
 */
export const concurrency = (chunks: number): number => chunks <= 4 ? Math.max(1, chunks) : chunks <= 10 ? 3 : 2

/** The most frames of all uploads of a bot in flight. */
export const concurrencyOfAll = 4
