/**
 * The callback mode of WeCom, in which the service calls the bot over HTTP: signatures, and the encryption of
 * requests and answers (WeCom doc 101033). The long connection does not use this module.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Buffer } from "node:buffer"
import * as NodeCrypto from "node:crypto"
import * as Crypto from "./Crypto.js"
import * as file from "./internal/crypto.js"
import { DecryptFailed } from "./WecomError.js"

/**
 * The values that the admin console shows for a callback address.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The `Token`. */
  readonly token: string
  /** The `EncodingAESKey`: 43 characters. */
  readonly encodingAESKey: string
  /**
   * The receiver of messages: the corp id of an app, nothing for an intelligent bot. If set, a message for another
   * receiver is refused. Default none.
   */
  readonly receiveId?: string | undefined
}

/**
 * Signatures and encryption with one token and one key.
 *
 * @since 0.1.0
 * @category models
 */
export interface WecomCrypto {
  /** The `msg_signature` of a request: sha1 of token, timestamp, nonce and ciphertext in sorted order. */
  readonly computeSignature: (timestamp: string, nonce: string, encrypt: string) => string
  /** Whether a request is signed with this token. The comparison takes constant time. */
  readonly verifySignature: (signature: string, timestamp: string, nonce: string, encrypt: string) => boolean
  /** The text of `encrypt`, usually JSON or XML. Check the signature first. Fails as `DecryptFailed`. */
  readonly decrypt: (encrypt: string) => Either.Either<string, DecryptFailed>
  /** Encrypts and signs an answer. The answer must also carry this timestamp and nonce. */
  readonly encrypt: (
    text: string,
    timestamp: string,
    nonce: string
  ) => Effect.Effect<{ readonly encrypt: string; readonly signature: string }, never, Crypto.Crypto>
}

/** The plain text begins with 16 random bytes and the length of the text in 4 bytes. */
const headerBytes = 20

const sha1 = (text: string): string => NodeCrypto.createHash("sha1").update(text).digest("hex")

/** A value that is not a string is an invalid key too. */
const keyOf = (options: Options): ReturnType<typeof file.decodeKey> => {
  try {
    return file.decodeKey(options.encodingAESKey.trim())
  } catch {
    return Either.left(new DecryptFailed({ reason: "KeyInvalid" }))
  }
}

/**
 * Signatures and encryption with these options. Fails as `DecryptFailed` with `KeyInvalid` when `encodingAESKey` is
 * not base64 of 32 bytes.
 *
 * @example
 * ```ts
 * import { Crypto, WecomCrypto } from "effect-wecom"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const crypto = yield* WecomCrypto.make({
 *     token: "token",
 *     encodingAESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
 *   })
 *   const answer = yield* crypto.encrypt("{}", "1700000000", "nonce")
 *   return yield* crypto.decrypt(answer.encrypt)
 * }).pipe(Effect.provide(Crypto.layer))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Either.Either<WecomCrypto, DecryptFailed> =>
  Either.map(keyOf(options), (key) => {
    const { receiveId = "", token } = options

    const computeSignature: WecomCrypto["computeSignature"] = (timestamp, nonce, encrypt) =>
      sha1([token, timestamp, nonce, encrypt].toSorted().join(""))

    return {
      computeSignature,
      verifySignature: (signature, timestamp, nonce, encrypt) => {
        const expected = Buffer.from(computeSignature(timestamp, nonce, encrypt))
        const given = Buffer.from(String(signature))
        return expected.length === given.length && NodeCrypto.timingSafeEqual(expected, given)
      },
      decrypt: (encrypt) =>
        Either.flatMap(
          file.decrypt(Buffer.from(encrypt, "base64"), key),
          (bytes): Either.Either<string, DecryptFailed> => {
            const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
            if (plain.length < headerBytes) return malformed
            const end = headerBytes + plain.readUInt32BE(16)
            if (end > plain.length) return malformed
            if (receiveId !== "" && plain.toString("utf8", end) !== receiveId) return otherReceiver
            return Either.right(plain.toString("utf8", headerBytes, end))
          }
        ),
      encrypt: (text, timestamp, nonce) =>
        Effect.map(Crypto.randomString(16), (random) => {
          const content = Buffer.from(text, "utf8")
          const length = Buffer.alloc(4)
          length.writeUInt32BE(content.length, 0)
          const plain = Buffer.concat([Buffer.from(random, "latin1"), length, content, Buffer.from(receiveId, "utf8")])
          const encrypt = Buffer.from(file.encrypt(plain, key)).toString("base64")
          return { encrypt, signature: computeSignature(timestamp, nonce, encrypt) }
        })
    }
  })

const malformed = Either.left(new DecryptFailed({ reason: "Malformed" }))

const otherReceiver = Either.left(new DecryptFailed({ reason: "ReceiveIdMismatch" }))
