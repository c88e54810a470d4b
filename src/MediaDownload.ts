/**
 * Downloads of images, files and videos that users sent: over HTTP, verified, decrypted, and streamed unless the
 * whole file is requested.
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
 * The media to download: the media of a message, of a quote or of an item of a mixed message; a message, quote or
 * item, whose first media is taken (its own before that of its quote); or a link with its key. Without a key the file
 * is not decrypted.
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
 * The options of a download.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The maximum size of the file in bytes. Default: the `maxDownloadBytes` of the bot, 100 MB. */
  readonly maxBytes?: number | undefined
}

/**
 * A file whose response headers have arrived. The first run of `stream`, `bytes` or `writeTo` reads that response.
 * Every later run sends a new request, which works while the link is valid: five minutes. WeCom doc 100719.
 *
 * @since 0.1.0
 * @category models
 */
export interface Download {
  /** The file name from the response, as one path segment without control characters; undefined without one. */
  readonly filename: string | undefined
  /**
   * The size in bytes. For an encrypted file it is an upper bound, at most 31 bytes too large, because the padding is
   * known only at the end. Undefined when the response has no length.
   */
  readonly size: number | undefined
  /**
   * The decrypted bytes. The Stream fails unless it emitted the whole file, so bytes emitted before a failure are not
   * a complete file. A temporary failure (connection reset, 5xx, early end) before the first byte is retried, at most
   * twice.
   */
  readonly stream: Stream.Stream<Uint8Array, DownloadFailed | DecryptFailed>
  /** The file in memory. Temporary failures are retried, at most twice, also after the first byte. */
  readonly bytes: Effect.Effect<Uint8Array, DownloadFailed | DecryptFailed>
  /**
   * Writes the file to disk, and succeeds with its number of bytes. It is written next to `path` and renamed when it
   * is complete, so `path` never holds a partial file, and an existing file is replaced atomically. Temporary
   * failures are retried.
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
   * The interface that the bot uses.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Requests the file and succeeds when the headers of the response arrive. The URL and the key appear in no log,
     * span or error.
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
 * Requests a file and succeeds when the headers of the response arrive.
 *
 * `requestTimeout` limits the wait for headers and the wait between bytes, not the whole download. At most 3
 * redirects are followed. A link or redirect to a loopback, private, link-local or metadata address is refused;
 * `allowPrivateAddresses` allows loopback and private addresses.
 *
 * Fails as `DownloadFailed`, whose `reason` gives the cause, or as `DecryptFailed`.
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
 * Every image, file and video of a message, in the order of the message, then those of its quote.
 *
 * @since 0.1.0
 * @category accessors
 */
export const mediaOf: (
  message: Message.Message | Message.Quote | typeof Message.MixedItem.Type
) => ReadonlyArray<IncomingMedia> = total(source.mediaOf, [])

/**
 * Downloads over the provided `HttpClient`. This layer checks the literal address of each URL. The client resolves
 * names, so it must itself refuse names that resolve to private addresses, as the client of `NodeWecomBot` does.
 * Names that a proxy resolves cannot be checked.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  MediaDownload,
  never,
  BotConfig.BotConfig | Crypto.Crypto | HttpClient.HttpClient
> = Layer.effect(MediaDownload, internal.ofContext)
