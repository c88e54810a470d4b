/** Bytes as media have them. */
import { Chunk, Effect, Stream } from "effect"
import { createCipheriv } from "node:crypto"

/** As WeCom encrypts media: AES-256-CBC, padded as in PKCS #7 to blocks of 32 bytes. */
export const encrypt = (plain: Uint8Array, key: Buffer, block = 32): Buffer => {
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false)
  const pad = block - plain.length % block
  return Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(pad, pad)), cipher.final()])
}

/** The whole of a stream. */
export const collect = <E, R>(stream: Stream.Stream<Uint8Array, E, R>): Effect.Effect<Buffer, E, R> =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)))
