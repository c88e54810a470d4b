/** What cannot be decrypted, for certain: to one key or one block in 256 taken by chance the padding looks right. */
import { createCipheriv, createDecipheriv } from "node:crypto"
import { encrypt } from "../support/bytes.js"

/** Without padding, so the last byte must say that there is some: a 0 never does. */
export const encryptBlocks = (key: Buffer, blocks: Buffer): Buffer =>
  createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false).update(blocks)

const lastByte = (ciphertext: Buffer, key: Buffer): number =>
  createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false).update(ciphertext).at(-1)!

/** Another key than the one that this plain text was encrypted with. */
export const wrongKey = (plain: Uint8Array, aeskey: string): string => {
  const key = Buffer.from(aeskey, "base64")
  const ciphertext = encrypt(plain, key)
  const other = Buffer.from(key)
  let last: number
  do {
    other[31] = other[31]! + 1
    last = lastByte(ciphertext, other)
  } while (last > 0 && last <= 32)
  return other.toString("base64")
}
