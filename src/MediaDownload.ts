/**
 * Downloads of images, files and videos that users sent: over HTTP, checked, decrypted, and in memory as a whole only on
 * request.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import type * as BotConfig from "./BotConfig.js"
import type * as Crypto from "./Crypto.js"
import { total } from "./internal/checks/arguments.js"
import * as internal from "./internal/media/download.js"
import * as source from "./internal/media/downloadSource.js"
import type * as Message from "./Message.js"
import type { DecryptFailed, DownloadFailed } from "./WecomError.js"

/**
 * What can be downloaded: the media of a message, of a quote or of one item of a mixed message; one of these as a whole, which
 * means its first media (its own before the quoted); or a link with its key. Without a key the file is read as it is.
 *
 * @since 0.1.0
 * @category models
 */
export type Source =
  | Message.Media
  | { readonly url: string; readonly aeskey?: string | Redacted.Redacted | undefined }
  | Message.Message
  | Message.Quote
  | typeof Message.MixedItem.Type

/**
 * How a file is downloaded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The most bytes the file may have. Default: the bot's `maxDownloadBytes`, 100 MB.
   */
  readonly maxBytes?: number | undefined
}

/**
 * A file whose headers have arrived. The first run of `stream`, `bytes` or `writeTo` reads the waiting response; every later
 * run requests the file again, which works for the five minutes of the link. WeCom doc 100719.
 *
 * @since 0.1.0
 * @category models
 */
export interface Download {
  /**
   * The name from the server, as one path segment without control characters; undefined without one.
   */
  readonly filename: string | undefined
  /**
   * The size in bytes: exact for a file without a key. For an encrypted file it is the most it can have, at most 31 more than
   * it has. Undefined when the server does not say.
   */
  readonly size: number | undefined
  /**
   * The decrypted file as it arrives. Fails unless the whole file was read, so what was read before a failure is not a file. A
   * temporary failure (connection reset, 5xx, truncation) before the first byte is retried twice.
   */
  readonly stream: Stream.Stream<Uint8Array, DownloadFailed | DecryptFailed>
  /**
   * The file in memory. Temporary failures are retried twice.
   */
  readonly bytes: Effect.Effect<Uint8Array, DownloadFailed | DecryptFailed>
  /**
   * Writes the file to disk, and succeeds with its number of bytes. It is written beside `path` and renamed when it is
   * complete, so `path` never contains a part of it, and an existing file is replaced at once. Temporary failures are retried
   * twice.
   */
  readonly writeTo: (
    path: string
  ) => Effect.Effect<number, DownloadFailed | DecryptFailed | PlatformError, FileSystem.FileSystem>
}

/**
 * One image, file or video in a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface IncomingMedia extends Message.Media {
  readonly type: "image" | "file" | "video"
}

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace MediaDownload {
  /**
   * Downloads as the bot uses them.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Requests the file and succeeds when its headers have arrived. The URL and the key appear in no log, span or error.
     */
    readonly download: (
      source: Source,
      options?: Options
    ) => Effect.Effect<Download, DownloadFailed | DecryptFailed>
  }
}

/**
 * The downloads of a bot.
 *
 * @since 0.1.0
 * @category tags
 */
export class MediaDownload extends Context.Tag("effect-wecom/MediaDownload")<MediaDownload, MediaDownload.Service>() {}

/**
 * Requests a file and succeeds when its headers have arrived.
 *
 * `requestTimeout` bounds the wait for headers and between bytes, not the whole. At most 3 redirects are followed. A link or
 * redirect to a loopback, private, link-local or metadata address is refused, unless `allowPrivateAddresses` is set.
 *
 * Fails as `DownloadFailed`, whose `reason` says why, or as `DecryptFailed`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const download = (
  source: Source,
  options?: Options
): Effect.Effect<Download, DownloadFailed | DecryptFailed, MediaDownload> =>
  Effect.flatMap(MediaDownload, (media) => media.download(source, options))

/**
 * Every image, file and video of a message in the order of the text, then those of what it quotes.
 *
 * @since 0.1.0
 * @category accessors
 */
export const mediaOf: (
  message: Message.Message | Message.Quote | typeof Message.MixedItem.Type
) => ReadonlyArray<IncomingMedia> = total(source.mediaOf, [])

/**
 * Downloads over the provided `HttpClient`. That client resolves names: it gets a URL after the check of literal addresses, and
 * must itself refuse names that resolve to private addresses, as the client of `NodeWecomBot` does. A proxy resolves names
 * where no check sees them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  MediaDownload,
  never,
  BotConfig.BotConfig | Crypto.Crypto | HttpClient.HttpClient
> = Layer.effect(MediaDownload, internal.ofContext)
