/**
 * Request ids and random strings, md5, and the decryption of incoming files. Every random value on the wire comes
 * from this service, so that a seed replays it. For signed and encrypted HTTP callbacks see `WecomCrypto`.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { PCGRandom } from "effect/Utils"
import * as NodeCrypto from "node:crypto"
import { invalid, required } from "./internal/checks/arguments.js"
import * as internal from "./internal/crypto.js"
import type { DecryptFailed } from "./WecomError.js"

/**
 * @since 0.1.0
 * @category models
 */
export declare namespace Crypto {
  /**
   * The interface of a source of random strings.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** `length` characters of `[0-9a-z]`. Synchronous, because ids are generated on the hot path. */
    readonly unsafeRandomString: (length: number) => string
  }
}

/**
 * The source of ids.
 *
 * @since 0.1.0
 * @category tags
 */
export class Crypto extends Context.Tag("effect-wecom/Crypto")<Crypto, Crypto.Service>() {}

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"

/**
 * `length` characters of `[0-9a-z]`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const randomString = (length: number): Effect.Effect<string, never, Crypto> =>
  Effect.map(Crypto, (crypto) => crypto.unsafeRandomString(length))

/**
 * A `req_id` for a request of the bot: the prefix, usually the command, and sixteen random characters.
 *
 * @since 0.1.0
 * @category accessors
 */
export const generateReqId = (prefix: string): Effect.Effect<string, never, Crypto> =>
  Effect.map(Crypto, (crypto) => unsafeReqId(crypto, prefix))

/**
 * `generateReqId` for code that has the service.
 *
 * @since 0.1.0
 * @category accessors
 */
export const unsafeReqId: (crypto: Crypto.Service, prefix: string) => string = required(
  "crypto",
  "the service of Crypto.Crypto, and a string as prefix",
  (crypto: Crypto.Service, prefix: string) => `${prefix}_${crypto.unsafeRandomString(16)}`
)

// 252 is the largest multiple of 36 in a byte. Larger bytes would make the first characters of the alphabet more likely.
const fair = 252

/** One block of random bytes for all bots: bytes of one bot reveal nothing about those of another. */
let block: Uint8Array | undefined
let used = 0

const unsafeRandomString: Crypto.Service["unsafeRandomString"] = (length) => {
  let out = ""
  while (out.length < length) {
    if (block === undefined || used === block.length) {
      block = NodeCrypto.randomBytes(1024)
      used = 0
    }
    const byte = block[used++]!
    if (byte < fair) out += alphabet[byte % alphabet.length]
  }
  return out
}

/**
 * Random bytes of the operating system, read in blocks of 1024.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Crypto.Service> = Effect.sync(() => ({ unsafeRandomString }))

/**
 * `make` as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Crypto> = Layer.effect(Crypto, make)

/**
 * For tests: the same seed gives the same ids.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerDeterministic = (seed: string | number = 0): Layer.Layer<Crypto> =>
  Layer.sync(Crypto, () => {
    // The generator behind Effect's Random, without running an Effect for each character.
    const random = new PCGRandom(Hash.hash(seed))
    return {
      unsafeRandomString: (length) => {
        let out = ""
        while (out.length < length) out += alphabet[random.integer(alphabet.length)]
        return out
      }
    }
  })

/**
 * Decrypts a whole file: AES-256-CBC with the first 16 bytes of the key as IV, and PKCS#7 padding to 32 bytes, of
 * which every byte is checked. `aeskey` is the key of the message: 43 or 44 characters of base64 or base64url. For
 * files of any size use {@link decryptStream}. WeCom doc 100719.
 *
 * Fails as `DecryptFailed`, whose reason tells an invalid key, a ciphertext that is cut off, and a wrong key or
 * damaged ciphertext apart. The result is an `Either`, for use with and without Effect.
 *
 * @example
 * ```ts
 * import { Crypto } from "effect-wecom"
 *
 * declare const ciphertext: Uint8Array
 * const plain = Crypto.decryptFile(ciphertext, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")
 * ```
 *
 * @since 0.1.0
 * @category decryption
 */
export const decryptFile = (ciphertext: Uint8Array, aeskey: string): Either.Either<Uint8Array, DecryptFailed> =>
  Either.flatMap(internal.decodeKey(aeskey), (key) => internal.decrypt(ciphertext, key))

/**
 * Decrypts a Stream of bytes, whatever the size of its chunks. The last 32 bytes are held back until the end, which
 * shows how many of them are padding. Wrong padding fails the Stream as `DecryptFailed`, so bytes emitted before a
 * failure are not a complete file.
 *
 * @since 0.1.0
 * @category decryption
 */
export const decryptStream =
  (aeskey: string) =>
  <E, R>(ciphertext: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E | DecryptFailed, R> =>
    Stream.suspend((): Stream.Stream<Uint8Array, E | DecryptFailed, R> => {
      const key = internal.decodeKey(aeskey)
      if (Either.isLeft(key)) return Stream.fail(key.left)
      const decipher = internal.fileDecipher(key.right)
      return Stream.concat(
        Stream.mapChunks(ciphertext, (chunk) => {
          const plain: Array<Uint8Array> = []
          for (const bytes of chunk) decipher.update(bytes, plain)
          return Chunk.unsafeFromArray(plain)
        }),
        Stream.suspend(() =>
          Either.match(decipher.finish(), {
            onLeft: Stream.fail,
            onRight: (rest) => rest.length === 0 ? Stream.empty : Stream.succeed(rest)
          })
        )
      )
    })

const isStream = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Stream.StreamTypeId in value

/**
 * The md5 of bytes, or of a Stream without buffering it: 32 characters of lower-case hex.
 *
 * @since 0.1.0
 * @category hashes
 */
export const md5 = <E = never, R = never>(
  source: Uint8Array | Stream.Stream<Uint8Array, E, R>
): Effect.Effect<string, E, R> =>
  Effect.suspend(() => {
    const hash = NodeCrypto.createHash("md5")
    if (source instanceof Uint8Array) return Effect.succeed(hash.update(source).digest("hex"))
    if (!isStream(source)) return Effect.die(invalid("source", source, "bytes, or a Stream of them"))
    return source.pipe(
      Stream.runForEachChunk((chunk) =>
        Effect.sync(() => {
          for (const bytes of chunk) {
            if (!(bytes instanceof Uint8Array)) throw invalid("source", bytes, "a Stream of bytes")
            hash.update(bytes)
          }
        })
      ),
      Effect.map(() => hash.digest("hex"))
    )
  })
