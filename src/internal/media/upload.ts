/**
 * Uploads with init, chunks and finish. Each frame has its own `req_id`, so frames do not wait for each other's acks, and each
 * can be sent again: chunks are idempotent, and an init whose ack was lost leaves an upload that is never finished.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Connection from "../../Connection.js"
import * as Crypto from "../../Crypto.js"
import * as Frame from "../../Frame.js"
import * as Limits from "../../Limits.js"
import type { MediaUpload, Options, Progress, Uploaded } from "../../MediaUpload.js"
import { SendInvalid, UploadFailed, type UploadReason } from "../../WecomError.js"
import { cures } from "../checks/cures.js"
import * as Current from "../handlers/current.js"
import { limitOf, Quotas } from "../sending/quota.js"
import * as ChunkFrame from "../wire/chunkFrame.js"
import * as Cache from "./uploadCache.js"
import * as Plan from "./uploadPlan.js"
import * as source from "./uploadSource.js"

/** The pauses before a frame is sent again after a temporary refusal or without an ack. */
const pauses = [500, 1000]

/** 700 kB behind another chunk take this long at half a megabit per second. */
const chunkAckMillis = 20_000

type Stage = "init" | "chunk" | "finish"

interface UploadCommand {
  readonly stage: Stage
  readonly cmd: string
  readonly chunk?: number
  readonly body: () => unknown
  /** When the service forgets the upload, in wall time. */
  readonly expiresAt: number
}

const failure = ({ chunk, stage }: UploadCommand, reason: UploadReason) =>
  new UploadFailed({ stage, reason, ...(chunk === undefined ? {} : { chunk }) })

const fieldOf = (ack: Frame.Ack, field: string): unknown =>
  typeof ack.body === "object" && ack.body !== null
    ? (ack.body as { readonly [field: string]: unknown })[field]
    : undefined

const idOf = (command: UploadCommand, ack: Frame.Ack, field: string): Effect.Effect<string, UploadFailed> => {
  const id = fieldOf(ack, field)
  return typeof id === "string" && id !== "" ? Effect.succeed(id) : failure(command, { _tag: "MalformedAck" })
}

/** Reading an argument can throw, so the options are read once, here. */
const readUpload = <E, R>(from: unknown, options: Options<E, R>): Options<E, R> | SendInvalid => {
  try {
    const { filename, onProgress, oversized, reuse, type } = options
    if (typeof options !== "object" || onProgress !== undefined && typeof onProgress !== "function") {
      return new SendInvalid({ field: "options", problem: "cannot be read", limit: "a type and a filename, at least" })
    }
    return source.invalid(from) ?? { filename, onProgress, oversized, reuse, type }
  } catch {
    return new SendInvalid({ field: "arguments", problem: "cannot be read", limit: "plain data" })
  }
}

const isTemporary = (errcode: number): boolean => cures[errcode]?.[0] === "wait"

/** @internal */
export const ofContext: Effect.Effect<
  MediaUpload.Service,
  never,
  Connection.Connection | Crypto.Crypto
> = Effect.flatMap(
  Effect.all([Connection.Connection, Crypto.Crypto]),
  ([connection, crypto]) => make(connection, crypto)
)

/** @internal */
export const make = (
  connection: Pick<Connection.Connection.Service, "unsafeRequest">,
  crypto: Crypto.Crypto.Service
): Effect.Effect<MediaUpload.Service> => Effect.map(Effect.clock, (clock) => over(connection, crypto, clock))

const over = (
  connection: Pick<Connection.Connection.Service, "unsafeRequest">,
  crypto: Crypto.Crypto.Service,
  clock: Clock.Clock
): MediaUpload.Service => {
  const inFlight = Effect.unsafeMakeSemaphore(Plan.concurrencyOfAll)
  const margin = Duration.seconds(1)
  const quota = new Quotas(clock, [
    limitOf({ count: Limits.uploadsPerMinute, window: Duration.sum(Duration.minutes(1), margin) }),
    limitOf({ count: Limits.uploadsPerHour, window: Duration.sum(Duration.hours(1), margin) })
  ])
  const cache = Cache.make()

  const request = (command: UploadCommand): Effect.Effect<Frame.Ack, Connection.RequestError> =>
    Effect.withFiberRuntime((fiber) => {
      const passesDrain = fiber.getFiberRef(Current.passesDrain)
      return Effect.async((resume) => {
        const body = command.body()
        const empty = () => {
          if (body instanceof ChunkFrame.ChunkBody) body.empty()
        }
        const giveUp = connection.unsafeRequest(
          Frame.request(command.cmd, Crypto.unsafeReqId(crypto, command.cmd), body),
          {
            passesDrain,
            expiresAt: command.expiresAt,
            windowMillis: Limits.uploadSessionMillis,
            ackTimeoutMillis: command.stage === "chunk" ? chunkAckMillis : undefined
          },
          (exit) => {
            empty()
            resume(exit)
          }
        )
        return Effect.sync(() => {
          giveUp()
          empty()
        })
      })
    })

  /**
   * Sends until the frame is acked. A lost link does not count as a try: the frame is sent again over the next one, while the
   * service remembers the upload. With `isAlone` no other frame is in flight: the service answers "system error" to bursts.
   */
  const send = (command: UploadCommand, tries = 0, isAlone = false): Effect.Effect<Frame.Ack, UploadFailed> =>
    inFlight.withPermits(isAlone ? Plan.concurrencyOfAll : 1)(request(command)).pipe(
      Effect.catchAll((error) => {
        const again = (reason: UploadReason, pause: boolean, isNextAlone: boolean) =>
          tries >= pauses.length
            ? failure(command, reason)
            : Effect.zipRight(
              pause ? Effect.sleep(Duration.millis(pauses[tries]!)) : Effect.void,
              send(command, tries + 1, isNextAlone)
            )
        switch (error._tag) {
          case "DeliveryUnknown": {
            if (error.reason === "ConnectionLost") return send(command, tries, isAlone)
            return again({ _tag: "Unanswered", reason: error.reason }, true, false)
          }
          case "SendRejected": {
            const { errcode, errmsg } = error
            const reason: UploadReason = { _tag: "Refused", errcode, errmsg }
            return isTemporary(errcode) ? again(reason, true, true) : failure(command, reason)
          }
          case "SendUnavailable": {
            const reason: UploadReason = { _tag: "Unavailable", reason: error.reason }
            // The frame has waited for a connection already.
            return error.reason === "NotSubscribed" ? again(reason, false, false) : failure(command, reason)
          }
          case "SendExpired":
            return failure(command, { _tag: "SessionExpired" })
          case "SendInvalid":
            return Effect.die(error)
        }
      })
    )

  const upload: MediaUpload.Service["upload"] = (from, options) =>
    Effect.suspend(() => {
      const read = readUpload(from, options)
      return read instanceof SendInvalid ? Effect.fail(read) : uploadChecked(from, read)
    })

  const uploadChecked: MediaUpload.Service["upload"] = (from, options) =>
    Effect.gen(function*() {
      const size = source.sizeOf(from)
      const report = (progress: Progress) =>
        options.onProgress === undefined ? Effect.void : options.onProgress(progress)
      const plan = yield* Plan.make({ ...options, size, oversized: options.oversized })
      const { head, md5 } = yield* source.fingerprint(from)
      yield* Plan.checkContent(plan, head)
      const cacheKey = Cache.key(plan, md5)
      const known = options.reuse === true ? cache.get(cacheKey, yield* Clock.currentTimeMillis) : undefined
      if (known !== undefined) {
        yield* report({ sent: size, total: size })
        return known
      }

      yield* quota.take("uploads", "message")
      const init: UploadCommand = {
        stage: "init",
        cmd: Frame.Command.uploadInit,
        body: () => ({
          type: plan.type,
          filename: plan.filename,
          total_size: plan.size,
          total_chunks: plan.chunks,
          md5
        }),
        expiresAt: (yield* Clock.currentTimeMillis) + Limits.uploadSessionMillis
      }
      const uploadId = yield* Effect.flatMap(send(init), (ack) => idOf(init, ack, "upload_id"))
      const expiresAt = (yield* Clock.currentTimeMillis) + Limits.uploadSessionMillis

      const reporting = yield* Effect.makeSemaphore(1)
      let sent = 0
      const arrived = (bytes: number) =>
        reporting.withPermits(1)(Effect.suspend(() => report({ sent: sent += bytes, total: size })))

      const work = <E, R>(take: source.Take<E, R>) =>
        Effect.gen(function*() {
          while (true) {
            const piece = yield* take
            if (piece === undefined) return
            const { bytes, index } = piece
            yield* send({
              stage: "chunk",
              chunk: index,
              cmd: Frame.Command.uploadChunk,
              body: () => new ChunkFrame.ChunkBody(uploadId, index, bytes),
              expiresAt
            })
            yield* arrived(bytes.length)
          }
        })
      yield* Effect.scoped(
        Effect.flatMap(source.pieces(from), (takes) =>
          Effect.all(
            Array.from({ length: Plan.concurrency(plan.chunks) }, () => work(takes())),
            { concurrency: "unbounded", discard: true }
          ))
      )

      const finish: UploadCommand = {
        stage: "finish",
        cmd: Frame.Command.uploadFinish,
        body: () => ({ upload_id: uploadId }),
        expiresAt
      }
      const ack = yield* send(finish)
      const createdAt = Number(fieldOf(ack, "created_at"))
      const uploaded: Uploaded = {
        type: plan.type,
        media_id: yield* idOf(finish, ack, "media_id"),
        // Seconds, as a number or a string. Without them, now.
        created_at: Number.isFinite(createdAt) && createdAt > 0
          ? createdAt
          : Math.floor((yield* Clock.currentTimeMillis) / 1000)
      }
      cache.set(cacheKey, uploaded)
      return uploaded
    }).pipe(Effect.withSpan("WecomBot.uploadMedia", { attributes: { type: options.type }, captureStackTrace: false }))

  return { upload }
}
