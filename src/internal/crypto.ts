/**
 * The encryption of files: AES-256-CBC with the key's first 16 bytes as IV and PKCS#7 to blocks of 32 bytes (WeCom doc 100719).
 * `node:crypto` removes padding to 16 only, so the padding is removed here.
 */
import * as Either from "effect/Either"
import { Buffer } from "node:buffer"
import * as NodeCrypto from "node:crypto"
import { DecryptFailed } from "../WecomError.js"

const algorithm = "aes-256-cbc"

/** @internal */
export const keyBytes = 32

const cipherBlock = 16

/** @internal */
export const padBlock = 32

const empty = new Uint8Array(0)

/** @internal */
export const fail = (reason: DecryptFailed["reason"]): Either.Either<never, DecryptFailed> =>
  Either.left(new DecryptFailed({ reason }))

const hexKey = /^[0-9a-f]{64}$/i

const escapes: { readonly [escape: string]: string } = { "%2B": "+", "%2F": "/", "%3D": "=" }

const unescaped = (aeskey: string): string =>
  aeskey.replace(/%(?:2b|2f|3d)/gi, (escape) => escapes[escape.toUpperCase()]!)

/**
 * All forms in use: base64 and base64url, with and without `=`, also percent-encoded, and 64 hexadecimal digits.
 *
 * @internal
 */
export const decodeKey = (aeskey: string): Either.Either<Uint8Array, DecryptFailed> => {
  if (typeof aeskey !== "string") return fail("KeyInvalid")
  const key = hexKey.test(aeskey) ? Buffer.from(aeskey, "hex") : Buffer.from(unescaped(aeskey), "base64")
  return key.length === keyBytes ? Either.right(key) : fail("KeyInvalid")
}

const padLength = (tail: Uint8Array): number | undefined => {
  const length = tail.at(-1)
  if (length === undefined || length < 1 || length > padBlock || length > tail.length) return undefined
  for (let i = tail.length - length; i < tail.length; i++) {
    if (tail[i] !== length) return undefined
  }
  return length
}

// The service pads to 32, so a bad padding after an odd number of 16-byte blocks means a truncated file.
const badPadding = (length: number) => fail(length % padBlock === 0 ? "PaddingWrong" : "Truncated")

const makeDecipher = (key: Uint8Array) =>
  NodeCrypto.createDecipheriv(algorithm, key, key.subarray(0, 16)).setAutoPadding(false)

/** @internal */
export const decrypt = (
  ciphertext: Uint8Array,
  key: Uint8Array
): Either.Either<Uint8Array, DecryptFailed> => {
  if (ciphertext.length === 0) return fail("Empty")
  if (ciphertext.length % cipherBlock !== 0) return fail("Truncated")
  const plain = makeDecipher(key).update(ciphertext)
  const pad = padLength(plain.subarray(-padBlock))
  return pad === undefined ? badPadding(ciphertext.length) : Either.right(plain.subarray(0, plain.length - pad))
}

/** @internal */
export interface FileDecipher {
  /** Appends the bytes that cannot be padding. */
  readonly update: (chunk: Uint8Array, to: Array<Uint8Array>) => void
  /** The last bytes without their padding; fails when it is wrong. */
  readonly finish: () => Either.Either<Uint8Array, DecryptFailed>
}

/**
 * Decrypts piece by piece and holds back the last 32 bytes, which can be padding.
 *
 * @internal
 */
export const fileDecipher = (key: Uint8Array): FileDecipher => {
  const decipher = makeDecipher(key)
  let length = 0
  let held: Uint8Array = empty
  return {
    update: (chunk, to) => {
      length += chunk.length
      const plain = decipher.update(chunk)
      if (plain.length === 0) return
      if (plain.length >= padBlock) {
        if (held.length > 0) to.push(held)
        if (plain.length > padBlock) to.push(plain.subarray(0, plain.length - padBlock))
        // A copy, so that 32 bytes do not retain the whole piece.
        held = Uint8Array.prototype.slice.call(plain, plain.length - padBlock)
        return
      }
      const joined = Buffer.concat([held, plain])
      const cut = Math.max(0, joined.length - padBlock)
      held = joined.subarray(cut)
      if (cut > 0) to.push(joined.subarray(0, cut))
    },
    finish: () => {
      if (length === 0) return fail("Empty")
      if (length % cipherBlock !== 0) return fail("Truncated")
      const pad = padLength(held)
      return pad === undefined ? badPadding(length) : Either.right(held.subarray(0, held.length - pad))
    }
  }
}

/** @internal */
export interface FileCipher {
  readonly update: (chunk: Uint8Array) => Uint8Array
  readonly finish: () => Uint8Array
}

/** @internal */
export const fileCipher = (key: Uint8Array): FileCipher => {
  const cipher = NodeCrypto.createCipheriv(algorithm, key, key.subarray(0, 16)).setAutoPadding(false)
  let length = 0
  return {
    update: (chunk) => {
      length += chunk.length
      return cipher.update(chunk)
    },
    finish: () => {
      const pad = padBlock - length % padBlock
      return cipher.update(new Uint8Array(pad).fill(pad))
    }
  }
}

/** @internal */
export const encrypt = (plain: Uint8Array, key: Uint8Array): Uint8Array => {
  const cipher = fileCipher(key)
  return Buffer.concat([cipher.update(plain), cipher.finish()])
}

/** The length of the ciphertext of so many bytes. */
export const encryptedLength = (length: number): number => length + padBlock - length % padBlock
