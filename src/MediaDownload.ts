/**
 * Images, files and videos that users sent: over HTTP, checked, decrypted, and never held whole unless asked for.
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
 * What can be downloaded: the media of a message, of a quote or of one item of a mixed message; any of these themselves, of
 * which it is the first (its own before the quoted); or a link with its key. Without a key the file is taken as it is.
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
 * A file whose headers have come. Whichever of `stream`, `bytes` and `writeTo` is run first reads the response that waits;
 * every later run asks the server again, which works while the link lives: five minutes. WeCom doc 100719.
 *
 * @since 0.1.0
 * @category models
 */
export interface Download {
  /**
   * The name the server gave it, as one path segment without control characters; undefined when it gave none.
   */
  readonly filename: string | undefined
  /**
   * Bytes: those of the file when it came without a key. An encrypted file shows its exact length only at its end; this is
   * then the most it can have, at most 31 more than it has. Undefined when the server did not say.
   */
  readonly size: number | undefined
  /**
   * The file as it comes, decrypted. It fails unless the whole file was handed on, so what came before a failure is not a
   * file. A failure in passing (connection reset, 5xx, cut off) before the first byte is tried again, twice.
   */
  readonly stream: Stream.Stream<Uint8Array, DownloadFailed | DecryptFailed>
  /**
   * The file in memory. Failures in passing are tried again, twice, however far it had come.
   */
  readonly bytes: Effect.Effect<Uint8Array, DownloadFailed | DecryptFailed>
  /**
   * The file on disk, and its number of bytes. It is written beside `path` and renamed when it is whole, so no part of it
   * ever stands under that name, and what stood there before is replaced at once. Failures in passing are tried again.
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
   * What the bot uses of it.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Asks for the file and succeeds when its headers have come. The URL and the key appear in no log, span or error.
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
 * Asks for a file and succeeds when its headers have come.
 *
 * `requestTimeout` bounds the wait for headers and between bytes, not the whole. At most 3 redirects are followed. A link or
 * redirect to a loopback, private, link-local or metadata address is refused, unless `allowPrivateAddresses`.
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
 * Over the `HttpClient` that is provided. Names are resolved by that client: it gets each URL only after the literal check,
 * and must itself refuse names that resolve to private addresses, as the one of `NodeWecomBot` does. A proxy resolves names
 * out of our sight.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<
  MediaDownload,
  never,
  BotConfig.BotConfig | Crypto.Crypto | HttpClient.HttpClient
> = Layer.effect(MediaDownload, internal.ofContext)
