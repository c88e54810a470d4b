/**
 * The object store of the service: files that users sent, encrypted, behind links that are valid for five minutes, with the
 * faults that a test requests. `memoryHttp` and `nodeFiles` turn a `FileResponse` into HTTP.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Limits from "../../Limits.js"
import * as cryptoFile from "../crypto.js"
import type { Engine } from "./engine.js"
import type { MediaLink } from "./people.js"

/**
 * A file to serve, with its faults.
 *
 * @since 0.1.0
 * @category media
 */
export interface ServedFile {
  readonly bytes: Uint8Array
  /**
   * The name in `Content-Disposition`, as the service writes it: form-urlencoded, and once more as `filename*`. Default: no
   * such header.
   */
  readonly filename?: string | undefined
  /**
   * The whole `Content-Disposition`, instead of `filename`.
   */
  readonly contentDisposition?: string | undefined
  /**
   * Whether it is encrypted; the link then has an `aeskey` of 43 characters. Default: `true`.
   */
  readonly encrypted?: boolean | undefined
  /**
   * Ends the ciphertext with an invalid padding. Default: `false`.
   */
  readonly wrongPadding?: boolean | undefined
  /**
   * How long the link is valid; later requests get 403. With zero it is never valid. Default: 5 minutes.
   */
  readonly lifetime?: Duration.DurationInput | undefined
  /**
   * Omits `Content-Length`. Default: `false`.
   */
  readonly withoutLength?: boolean | undefined
  /**
   * Ends the connection after this many bytes of the body. Default: never.
   */
  readonly cutAfter?: number | undefined
  /**
   * Sends `bytes` bytes per `every`. Default: without pauses.
   */
  readonly pace?: { readonly bytes: number; readonly every: Duration.DurationInput } | undefined
  /**
   * The number of redirects before the file. Default: 0.
   */
  readonly redirects?: number | undefined
  /**
   * Redirects to this URL instead of serving the file.
   */
  readonly redirectTo?: string | undefined
  /**
   * The answers to the first requests, one after the other: a status, or a broken connection. Default: none.
   */
  readonly failures?: ReadonlyArray<number | "reset"> | undefined
  /**
   * The answer instead of the file, with any status, headers (such as `Content-Type` and `Content-Encoding`) and body. Default:
   * the file.
   */
  readonly answer?:
    | {
      readonly status?: number | undefined
      readonly headers?: { readonly [name: string]: string } | undefined
      readonly body?: Uint8Array | undefined
    }
    | undefined
}

/**
 * A request for a file.
 *
 * @since 0.1.0
 * @category media
 */
export interface DownloadRequest {
  readonly url: string
  /**
   * In milliseconds of Effect's Clock.
   */
  readonly at: number
  /**
   * The status of the answer; 0 for a broken connection.
   */
  readonly status: number
}

/** @internal */
export interface FileResponse {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  /** Fails where the connection breaks. */
  readonly body: Stream.Stream<Uint8Array, Error>
}

/** @internal */
export interface Downloads {
  /** The origin of the links. `NodeGateway` sets it to its port. */
  baseUrl: string
  readonly serve: (file: ServedFile) => MediaLink
  readonly requests: () => ReadonlyArray<DownloadRequest>
  /** `undefined`: the connection breaks. */
  readonly answer: (url: URL) => FileResponse | undefined
}

const pieceBytes = 64 * 1024

const broken = (): Error => Object.assign(new Error("the gateway cut the connection"), { code: "ECONNRESET" })

const piecesOf = (bytes: Uint8Array, size: number): Stream.Stream<Uint8Array> =>
  Stream.suspend(() =>
    Stream.range(0, Math.ceil(bytes.length / size) - 1).pipe(
      Stream.rechunk(1),
      Stream.map((i) => bytes.subarray(i * size, (i + 1) * size))
    )
  )

const formUrlEncoded = (text: string): string => new URLSearchParams({ name: text }).toString().slice("name=".length)

const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

const dispositionOf = (file: ServedFile): string | undefined =>
  file.contentDisposition ??
    (file.filename === undefined
      ? undefined
      : `attachment; filename="${formUrlEncoded(file.filename)}"; filename*=UTF-8''${percentEncoded(file.filename)}`)

const encrypted = (file: ServedFile, key: Uint8Array): Stream.Stream<Uint8Array> =>
  Stream.suspend(() => {
    const cipher = cryptoFile.fileCipher(key)
    return Stream.concat(
      Stream.map(piecesOf(file.bytes, pieceBytes), (bytes) => cipher.update(bytes)),
      Stream.sync(() =>
        file.wrongPadding === true
          ? cipher.update(new Uint8Array(cryptoFile.encryptedLength(file.bytes.length) - file.bytes.length))
          : cipher.finish()
      )
    )
  })

const cut = (stream: Stream.Stream<Uint8Array>, after: number | undefined): Stream.Stream<Uint8Array, Error> => {
  if (after === undefined) return stream
  return Stream.suspend(() => {
    let left = after
    return stream.pipe(
      Stream.takeUntil((bytes) => (left -= bytes.length) <= 0),
      Stream.map((bytes) => left < 0 ? bytes.subarray(0, bytes.length + left) : bytes),
      Stream.concat(Stream.failSync(broken))
    )
  })
}

const paced = (stream: Stream.Stream<Uint8Array>, pace: ServedFile["pace"]): Stream.Stream<Uint8Array> =>
  pace === undefined
    ? stream
    : stream.pipe(
      Stream.flatMap((bytes) => piecesOf(bytes, pace.bytes)),
      Stream.zipWithIndex,
      Stream.mapEffect(([bytes, i]) => Effect.delay(Effect.succeed(bytes), i === 0 ? Duration.zero : pace.every)),
      Stream.rechunk(1)
    )

/** @internal */
export const make = (engine: Engine): Downloads => {
  interface Stored {
    readonly file: ServedFile
    readonly key: Uint8Array | undefined
    readonly expiresAt: number
    failed: number
  }
  const stored = new Map<string, Stored>()
  const requests: Array<DownloadRequest> = []

  const answerOf = (url: URL): FileResponse | undefined => {
    const found = stored.get(url.pathname)
    const plain = (status: number, headers: FileResponse["headers"] = {}, text = ""): FileResponse => ({
      status,
      headers: { "content-length": String(text.length), ...headers },
      body: text === "" ? Stream.empty : Stream.succeed(new TextEncoder().encode(text))
    })
    if (found === undefined) return plain(404)
    const { expiresAt, file, key } = found
    const failure = file.failures?.[found.failed++]
    if (failure === "reset") return undefined
    if (failure !== undefined) return plain(failure)
    if (engine.queue.now() >= expiresAt) {
      const text = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
      return plain(403, { "content-type": "application/xml" }, text)
    }
    if (file.answer !== undefined) {
      const { body = file.bytes, headers, status = 200 } = file.answer
      return {
        status,
        headers: { "content-length": String(body.length), ...headers },
        body: Stream.succeed(body)
      }
    }
    if (file.redirectTo !== undefined) return plain(302, { location: file.redirectTo })
    const hop = Number(url.searchParams.get("hop") ?? "0")
    if (hop < (file.redirects ?? 0)) {
      const next = new URL(url)
      next.searchParams.set("hop", String(hop + 1))
      return plain(302, { location: next.href })
    }
    const length = key === undefined ? file.bytes.length : cryptoFile.encryptedLength(file.bytes.length)
    const disposition = dispositionOf(file)
    return {
      status: 200,
      headers: {
        "content-type": "application/octet-stream",
        ...(file.withoutLength === true ? {} : { "content-length": String(length) }),
        ...(disposition === undefined ? {} : { "content-disposition": disposition })
      },
      body: cut(
        paced(key === undefined ? piecesOf(file.bytes, pieceBytes) : encrypted(file, key), file.pace),
        file.cutAfter
      )
    }
  }

  const downloads: Downloads = {
    baseUrl: "https://files.gateway.test",
    serve: (file) => {
      const path = `/media/${engine.nextId("file")}`
      const key = file.encrypted === false
        ? undefined
        : Uint8Array.from({ length: cryptoFile.keyBytes }, () => Math.floor(engine.random() * 256))
      const lifetime = Duration.toMillis(file.lifetime ?? Limits.downloadUrlMillis)
      stored.set(path, { file, key, expiresAt: engine.queue.now() + lifetime, failed: 0 })
      const url = `${downloads.baseUrl}${path}?sign=${engine.nextId("sign")}`
      return key === undefined ? { url } : { url, aeskey: Buffer.from(key).toString("base64").replace(/=+$/, "") }
    },
    requests: () => [...requests],
    answer: (url) => {
      const answer = answerOf(url)
      requests.push({ url: url.href, at: engine.queue.now(), status: answer?.status ?? 0 })
      engine.watch.notify()
      return answer
    }
  }
  return downloads
}
