/**
 * Uploads of images, voice clips, videos and files, in chunks over the long connection (WeCom doc 101463).
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Connection from "./Connection.js"
import type * as Crypto from "./Crypto.js"
import { invalid, required } from "./internal/checks/arguments.js"
import * as internal from "./internal/media/upload.js"
import type { MediaType } from "./Reply.js"
import { SendInvalid, type UploadFailed } from "./WecomError.js"

/**
 * Reads from a position into a buffer, and succeeds with the number of bytes read; 0 at the end.
 *
 * @since 0.1.0
 * @category models
 */
export type Read<E = never, R = never> = (into: Uint8Array, position: number) => Effect.Effect<number, E, R>

/**
 * The bytes to upload: an array, a Stream with its number of bytes, or a source with random access such as a file. A
 * Stream is run twice, for the md5 and for the chunks, and must emit the same bytes each time. A source with random
 * access is read into a few buffers that are reused.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<E = never, R = never> =
  | Uint8Array
  | { readonly stream: Stream.Stream<Uint8Array, E, R>; readonly size: number }
  | { readonly open: Effect.Effect<Read<E, R>, E, R | Scope.Scope>; readonly size: number }

/**
 * The number of bytes that the service has acked, and the total.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  readonly sent: number
  readonly total: number
}

/**
 * The options of an upload.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<E = never, R = never> {
  /**
   * The media type. Images are png, jpg or gif of at most 10 MB, voice clips amr of 2 MB, videos mp4 of 10 MB; files
   * are anything of at most 20 MB. All have at least 5 bytes.
   */
  readonly type: MediaType
  /** The file name that users see: at most 256 bytes of UTF-8, with an extension that fits its type. */
  readonly filename: string
  /**
   * What to do with an image, voice clip or video that is too large for its type: fail, or upload it as a `file` if
   * it is not too large for that. `Uploaded.type` is the type it was uploaded as. Default `"fail"`.
   */
  readonly oversized?: "fail" | "asFile" | undefined
  /** Run after every chunk that the service has acked, one at a time. The upload waits for it, and fails if it fails. */
  readonly onProgress?: ((progress: Progress) => Effect.Effect<unknown, E, R>) | undefined
  /**
   * Whether to return the media id of an earlier upload of the same bytes with the same type and name while it is
   * valid, 3 days. Default `false`.
   */
  readonly reuse?: boolean | undefined
}

/**
 * The result of an upload. `media_id` can be sent any number of times for 3 days after `created_at`, which is in
 * seconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Uploaded {
  readonly type: MediaType
  readonly media_id: string
  readonly created_at: number
}

/**
 * The media that `replyMedia` and `sendMediaMessage` send: the result of an upload, or the stored part of one.
 *
 * @since 0.1.0
 * @category models
 */
export type Sendable = Pick<Uploaded, "type" | "media_id">

/**
 * The text shown with a video: a title of at most 64 bytes, and a description of at most 512 bytes of UTF-8. Other
 * media have neither.
 *
 * @since 0.1.0
 * @category models
 */
export interface VideoOptions {
  readonly title?: string | undefined
  readonly description?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace MediaUpload {
  /**
   * The interface that the bot uses.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly upload: <E = never, R = never, E2 = never, R2 = never>(
      source: Source<E, R>,
      options: Options<E2, R2>
    ) => Effect.Effect<Uploaded, UploadFailed | SendInvalid | E | E2, R | R2>
  }
}

/**
 * The uploads of a bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class MediaUpload extends Context.Tag("effect-wecom/MediaUpload")<MediaUpload, MediaUpload.Service>() {}

/**
 * Uploads bytes in chunks of 512 KiB, several at a time: all of up to 4 chunks, three of up to 10, otherwise two.
 *
 * Type, size, name and number of chunks are checked before the first frame; a violation fails as `SendInvalid` with
 * the limit. A chunk that is refused temporarily or not answered is sent again, at most twice. After a lost link the
 * upload continues with the missing chunks. Any other failure is an `UploadFailed`. The service accepts 30 uploads a
 * minute and 1000 an hour from a bot; further uploads wait. Interruption stops the upload immediately.
 *
 * @since 0.1.0
 * @category accessors
 */
export const upload = <E = never, R = never, E2 = never, R2 = never>(
  source: Source<E, R>,
  options: Options<E2, R2>
): Effect.Effect<Uploaded, UploadFailed | SendInvalid | E | E2, MediaUpload | R | R2> =>
  Effect.flatMap(MediaUpload, (media) => media.upload(source, options))

/**
 * A file as a source. It is opened twice, for the md5 and for the chunks.
 *
 * @since 0.1.0
 * @category sources
 */
export const fromFile = (
  path: string
): Effect.Effect<Source<PlatformError>, SendInvalid | PlatformError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const info = yield* fs.stat(path)
    if (info.type !== "File") {
      return yield* new SendInvalid({ field: "path", problem: `is a ${info.type}`, limit: "the path of a file" })
    }
    const open = Effect.map(fs.open(path, { flag: "r" }), (file): Read<PlatformError> => {
      const turn = Effect.unsafeMakeSemaphore(1)
      return (into, position) =>
        turn.withPermits(1)(Effect.zipRight(file.seek(position, "start"), Effect.map(file.read(into), Number)))
    })
    return { open, size: Number(info.size) }
  })

/**
 * The last segment of a path.
 *
 * @since 0.1.0
 * @category sources
 */
export const basename: (path: string) => string = required(
  "path",
  "a string",
  (path: string) => path.replace(/[/\\]+$/, "").split(/[/\\]/).at(-1)!
)

/**
 * A step of an upload. Only the last one has `media`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step extends Progress {
  readonly media: Uploaded | undefined
}

/** Options that throw when they are read pass through: the upload refuses them. */
const readOr = <E, R>(options: Options<E, R>, use: (read: Options<E, R>) => Options<E, R>): Options<E, R> => {
  // Spreading a string would create a field for each of its characters.
  if (typeof options !== "object") return options
  try {
    return use({ ...options })
  } catch {
    return options
  }
}

/**
 * An upload as a Stream of its steps, for any function that uploads. Ending the Stream ends the upload.
 *
 * @since 0.1.0
 * @category sources
 */
export const steps = <E, R, E2 = never, R2 = never>(
  options: Options<E2, R2>,
  run: (options: Options<E2, R2>) => Effect.Effect<Uploaded, E, R>
): Stream.Stream<Step, E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const mailbox = yield* Mailbox.make<Step, E>()
    let last: Progress = { sent: 0, total: 0 }
    const watched = (read: Options<E2, R2>): Options<E2, R2> => {
      const { onProgress } = read
      if (onProgress !== undefined && typeof onProgress !== "function") return read
      return {
        ...read,
        onProgress: (progress) => {
          last = progress
          return Effect.zipRight(
            mailbox.offer({ ...progress, media: undefined }),
            onProgress === undefined ? Effect.void : onProgress(progress)
          )
        }
      }
    }
    const uploading: unknown = typeof run === "function" ? run(readOr(options, watched)) : run
    if (!Effect.isEffect(uploading)) return yield* Effect.die(invalid("run", uploading, "a function that uploads"))
    yield* (uploading as Effect.Effect<Uploaded, E, R>).pipe(
      Effect.flatMap((media) => mailbox.offer({ ...last, media })),
      Mailbox.into(mailbox),
      Effect.forkScoped
    )
    return Mailbox.toStream(mailbox)
  }))

/**
 * Uploads over the connection of the bot.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<MediaUpload, never, Connection.Connection | Crypto.Crypto> = Layer.effect(
  MediaUpload,
  internal.ofContext
)
