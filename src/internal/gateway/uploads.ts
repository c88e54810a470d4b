/**
 * The upload commands: sessions of 30 minutes that survive a reconnect, chunks in any order and more than once, and a check of
 * the whole file at the end (WeCom doc 101463).
 */
import * as Either from "effect/Either"
import { createHash } from "node:crypto"
import * as ErrorCode from "../../ErrorCode.js"
import { Command } from "../../Frame.js"
import * as Limits from "../../Limits.js"
import { base64Length } from "../checks/bytes.js"
import { refuse } from "./bodies.js"
import type { Checked } from "./bodies.js"
import type { CommandContext, CommandHandler, CommandResult } from "./commands.js"
import { isRecord } from "./frames.js"
import type { Received } from "./frames.js"
import * as Quota from "./quota.js"
import type { Bot } from "./world.js"

/**
 * A file that a bot has uploaded.
 *
 * @since 0.1.0
 * @category media
 */
export interface UploadedMedia {
  readonly botId: string
  readonly mediaId: string
  readonly type: "file" | "image" | "voice" | "video"
  readonly filename: string
  readonly bytes: Uint8Array
  readonly md5: string
  /**
   * In milliseconds of Effect's Clock.
   */
  readonly createdAt: number
}

interface UploadSession {
  readonly id: string
  readonly type: UploadedMedia["type"]
  readonly filename: string
  readonly totalSize: number
  readonly totalChunks: number
  readonly md5: string | undefined
  readonly expiresAt: number
  readonly chunks: Map<number, Buffer>
  media: UploadedMedia | undefined
}

/** @internal */
export interface Uploads {
  readonly handlers: ReadonlyArray<readonly [cmd: string, handler: CommandHandler]>
  readonly media: () => ReadonlyArray<UploadedMedia>
  /** Whether the bot has uploaded it, and it has not expired. */
  readonly isKnown: (botId: string, mediaId: string, now: number) => boolean
}

const invalid = (hint: string) => refuse(ErrorCode.invalidParameter, hint)

const isInteger = (value: unknown, min: number, max: number): value is number =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max

const fieldsOf = (frame: Received): { readonly [field: string]: unknown } => isRecord(frame.body) ? frame.body : {}

const resultOf = (result: Checked<unknown>): CommandResult =>
  Either.isLeft(result) ? result.left : { errcode: ErrorCode.ok, body: result.right }

const sessionOf = (
  fields: { readonly [field: string]: unknown },
  context: CommandContext
): Checked<Omit<UploadSession, "id">> => {
  const { filename, md5, total_chunks, total_size, type } = fields
  if (typeof type !== "string" || !Object.hasOwn(Limits.mediaBytes, type)) {
    return invalid("type must be file, image, voice or video")
  }
  const mediaType = type as UploadedMedia["type"]
  if (typeof filename !== "string" || filename === "" || Buffer.byteLength(filename) > Limits.uploadFilenameBytes) {
    return invalid("filename must have 1 to 256 bytes")
  }
  if (!isInteger(total_size, Limits.uploadMinBytes, Limits.mediaBytes[mediaType])) {
    return invalid(`total_size must be from 5 to ${Limits.mediaBytes[mediaType]} for type ${type}`)
  }
  if (!isInteger(total_chunks, Math.ceil(total_size / Limits.uploadChunkBytes), Limits.uploadChunks)) {
    return invalid("total_chunks must be from 1 to 100, of at most 512 KiB each")
  }
  if (md5 !== undefined && (typeof md5 !== "string" || !/^[0-9a-f]{32}$/.test(md5))) {
    return invalid("md5 must be 32 digits of lower-case hex")
  }
  return Either.right({
    type: mediaType,
    filename,
    totalSize: total_size,
    totalChunks: total_chunks,
    md5,
    expiresAt: context.now + Limits.uploadSessionMillis,
    chunks: new Map(),
    media: undefined
  })
}

/** @internal */
export const make = (): Uploads => {
  const sessions = new Map<Bot, Map<string, UploadSession>>()
  const quotas = new Map<Bot, Quota.QuotaWindow>()
  const media: Array<UploadedMedia> = []
  // Chunks whose ack is not sent yet, by connection.
  const inFlight = new Map<number, number>()

  const getOrMake = <A>(map: Map<Bot, A>, bot: Bot, make: () => A): A => {
    const known = map.get(bot)
    if (known !== undefined) return known
    const made = make()
    map.set(bot, made)
    return made
  }

  const sessionsOf = (bot: Bot) => getOrMake(sessions, bot, () => new Map<string, UploadSession>())

  const known = (context: CommandContext, uploadId: unknown): Checked<UploadSession> => {
    const session = typeof uploadId === "string" ? sessionsOf(context.bot).get(uploadId) : undefined
    if (session === undefined) return invalid("upload_id is unknown")
    if (context.now > session.expiresAt) {
      session.chunks.clear()
      return invalid("upload_id is older than 30 minutes")
    }
    return Either.right(session)
  }

  const init: CommandHandler = (context, frame) =>
    resultOf(Either.gen(function*() {
      const session = yield* sessionOf(fieldsOf(frame), context)
      if (context.options.quotas && !getOrMake(quotas, context.bot, Quota.make).take(context.now)) {
        return yield* refuse(ErrorCode.rateLimit, "more than 30 uploads a minute or 1000 an hour")
      }
      const id = context.nextId("upload")
      sessionsOf(context.bot).set(id, { id, ...session })
      return { upload_id: id }
    }))

  const store = (context: CommandContext, frame: Received): Checked<void> =>
    Either.gen(function*() {
      const { base64_data, chunk_index, upload_id } = fieldsOf(frame)
      const session = yield* known(context, upload_id)
      if (!isInteger(chunk_index, 0, session.totalChunks - 1)) {
        return yield* invalid(`chunk_index must be from 0 to ${session.totalChunks - 1}`)
      }
      const length = typeof base64_data === "string" ? base64Length(base64_data) : undefined
      if (length === undefined || length === 0 || length > Limits.uploadChunkBytes) {
        return yield* invalid("base64_data must be base64 of 1 to 524288 bytes")
      }
      if (session.media === undefined) session.chunks.set(chunk_index, Buffer.from(base64_data as string, "base64"))
    })

  const chunk: CommandHandler = (context, frame) => {
    const limit = context.options.uploadBurstLimit
    const count = inFlight.get(frame.connection) ?? 0
    if (limit !== undefined && count >= limit) {
      return { errcode: ErrorCode.systemError, hint: `more than ${limit} chunks at once` }
    }
    inFlight.set(frame.connection, count + 1)
    return {
      ...resultOf(store(context, frame)),
      onAck: () => inFlight.set(frame.connection, inFlight.get(frame.connection)! - 1)
    }
  }

  const finish: CommandHandler = (context, frame) =>
    resultOf(Either.gen(function*() {
      const session = yield* known(context, fieldsOf(frame).upload_id)
      if (session.media === undefined) {
        if (session.chunks.size !== session.totalChunks) {
          return yield* invalid(`${session.totalChunks - session.chunks.size} chunk(s) are missing`)
        }
        const bytes = Buffer.concat(Array.from({ length: session.totalChunks }, (_, i) => session.chunks.get(i)!))
        if (bytes.length !== session.totalSize) {
          return yield* invalid(`${bytes.length} bytes instead of ${session.totalSize}`)
        }
        const md5 = createHash("md5").update(bytes).digest("hex")
        if (session.md5 !== undefined && md5 !== session.md5) return yield* invalid("md5 is another")
        session.chunks.clear()
        session.media = {
          botId: context.bot.botId,
          mediaId: context.nextId("media"),
          type: session.type,
          filename: session.filename,
          bytes: new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length),
          md5,
          createdAt: context.now
        }
        media.push(session.media)
      }
      const { createdAt, mediaId, type } = session.media
      const seconds = Math.floor(createdAt / 1000)
      return { type, media_id: mediaId, created_at: context.options.createdAt === "string" ? String(seconds) : seconds }
    }))

  return {
    handlers: [[Command.uploadInit, init], [Command.uploadChunk, chunk], [Command.uploadFinish, finish]],
    media: () => [...media],
    isKnown: (botId, mediaId, now) =>
      media.some((one) => one.botId === botId && one.mediaId === mediaId && now - one.createdAt <= Limits.mediaIdMillis)
  }
}
