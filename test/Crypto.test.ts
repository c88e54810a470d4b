import { describe, expect, it } from "@effect/vitest"
import * as Official from "@wecom/aibot-node-sdk"
import { Effect, Either, Stream } from "effect"
import { Crypto, WecomCrypto } from "effect-wecom"
import * as fc from "fast-check"
import { createCipheriv, createHash, randomBytes } from "node:crypto"
import { encryptBlocks, wrongKey } from "./setup/ciphertexts.js"
import { collect, encrypt } from "./support/bytes.js"
import { runs } from "./support/runs.js"

const sdk = ((Official as any).default?.decryptFile === undefined ? Official : (Official as any).default) as any

const official = (ciphertext: Uint8Array, key: string): Uint8Array | undefined => {
  try {
    return sdk.decryptFile(Buffer.from(ciphertext), key)
  } catch {
    return undefined
  }
}

const ours = (ciphertext: Uint8Array, key: string) => Either.getOrUndefined(Crypto.decryptFile(ciphertext, key))

const equal = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a === b || (a !== undefined && b !== undefined && Buffer.compare(a, b) === 0)

const pieces = (bytes: Uint8Array, sizes: ReadonlyArray<number>) => {
  const out: Array<Uint8Array> = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : sizes[i % sizes.length]!
    out.push(bytes.subarray(at, at + size))
    at += size
  }
  return Stream.fromIterable(out).pipe(Stream.rechunk(3))
}

const reason = (ciphertext: Uint8Array, key: string) =>
  Either.match(Crypto.decryptFile(ciphertext, key), { onLeft: (error) => error.reason, onRight: () => "decrypted" })

const keyOf = (key: Buffer, form: number) =>
  [
    key.toString("base64"),
    key.toString("base64").replaceAll("=", ""),
    key.toString("base64url"),
    `${key.toString("base64url")}=`
  ][form]!

// Valid ciphertexts, and each way in which one breaks.
const sample = fc.record({
  plain: fc.uint8Array({ maxLength: 200 }),
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  form: fc.nat(3),
  block: fc.constantFrom(32, 32, 16),
  damage: fc.constantFrom("none", "none", "key", "cut", "cutBlock", "flip", "pad", "raw", "oddKey"),
  at: fc.nat(10_000),
  byte: fc.integer({ min: 1, max: 255 })
}).map(({ at, block, byte, damage, form, key, plain }) => {
  const aeskey = Buffer.from(key)
  const good = encrypt(plain, aeskey, block)
  const other = Buffer.from(key)
  const flipped = Buffer.from(good)
  switch (damage) {
    case "key":
      other[at % 32]! ^= byte
      return { ciphertext: good, key: keyOf(other, form) }
    case "cut":
      return { ciphertext: good.subarray(0, at % good.length), key: keyOf(aeskey, form) }
    case "cutBlock":
      return { ciphertext: good.subarray(0, 16 * (at % (good.length / 16))), key: keyOf(aeskey, form) }
    case "flip":
      flipped[at % good.length]! ^= byte
      return { ciphertext: flipped, key: keyOf(aeskey, form) }
    case "pad": {
      const cipher = createCipheriv("aes-256-cbc", aeskey, aeskey.subarray(0, 16)).setAutoPadding(false)
      const last = Buffer.alloc(32, at % 40)
      if (byte % 3 === 0) last[byte % 32] = byte
      return { ciphertext: cipher.update(last), key: keyOf(aeskey, form) }
    }
    case "raw":
      return { ciphertext: Buffer.from(plain), key: keyOf(aeskey, form) }
    case "oddKey":
      return { ciphertext: good, key: keyOf(aeskey, form).slice(0, at % 45) + (byte % 2 === 0 ? "" : "!") }
    default:
      return { ciphertext: good, key: keyOf(aeskey, form) }
  }
})

describe("decryptFile", () => {
  const total = runs(10_000)

  it(`agrees with the official SDK on ${total} inputs: the same bytes, or both refuse`, () => {
    let accepted = 0
    fc.assert(
      fc.property(sample, ({ ciphertext, key }) => {
        const theirs = official(ciphertext, key)
        if (theirs !== undefined) accepted++
        return equal(ours(ciphertext, key), theirs)
      }),
      { numRuns: total }
    )
    expect(accepted).toBeGreaterThan(total / 5)
    expect(accepted).toBeLessThan(total * 4 / 5)
  })

  it.effect("gives the same from a Stream, however it is cut into pieces", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          sample,
          fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 4 }),
          async ({ ciphertext, key }, sizes) => {
            const streamed = await Effect.runPromise(
              Effect.either(collect(Crypto.decryptStream(key)(pieces(ciphertext, sizes))))
            )
            const whole = Crypto.decryptFile(ciphertext, key)
            expect(Either.isLeft(streamed)).toBe(Either.isLeft(whole))
            if (Either.isLeft(streamed) && Either.isLeft(whole)) {
              expect(streamed.left.reason).toBe(whole.left.reason)
            }
            expect(equal(Either.getOrUndefined(streamed), Either.getOrUndefined(whole))).toBe(true)
          }
        ),
        { numRuns: runs(1000) }
      )
    ))

  it("takes keys of 43 and 44 characters, base64 and base64url, for every size from 0 to 200", () => {
    const key = Buffer.from("fbff7f00fbff7f00fbff7f00fbff7f00fbff7f00fbff7f00fbff7f00fbff7fff", "hex")
    for (let size = 0; size <= 200; size++) {
      const plain = randomBytes(size)
      for (let form = 0; form < 4; form++) {
        expect(equal(ours(encrypt(plain, key), keyOf(key, form)), plain)).toBe(true)
      }
    }
  })

  it("takes keys that are percent-encoded or hexadecimal", () => {
    const key = Buffer.from("fbff7f00fbff7f00fbff7f00fbff7f00fbff7f00fbff7f00fbff7f00fbff7fff", "hex")
    const plain = randomBytes(100)
    const encoded = encodeURIComponent(key.toString("base64"))
    expect(encoded).toMatch(/%2B.*%2F.*%3D/)
    for (
      const aeskey of [encoded, encoded.replace("%3D", "%3d"), key.toString("hex"), key.toString("hex").toUpperCase()]
    ) {
      expect(equal(ours(encrypt(plain, key), aeskey), plain)).toBe(true)
    }
  })

  it("says what is wrong", () => {
    const key = randomBytes(32)
    const aeskey = key.toString("base64")
    const good = encrypt(Buffer.from("hello"), key)
    const long = encrypt(Buffer.alloc(100, 0x41), key)
    const flipped = Buffer.from(good)
    flipped[0]! ^= 0x40
    expect(reason(good, "too short")).toBe("KeyInvalid")
    expect(reason(good, "")).toBe("KeyInvalid")
    expect(reason(Buffer.alloc(0), aeskey)).toBe("Empty")
    expect(reason(good.subarray(0, 31), aeskey)).toBe("Truncated")
    expect(reason(long.subarray(0, 48), aeskey)).toBe("Truncated")
    expect(reason(long.subarray(0, 64), aeskey)).toBe("PaddingWrong")
    expect(reason(good, wrongKey(Buffer.from("hello"), aeskey))).toBe("PaddingWrong")
    // Every byte of the padding counts, not only the last.
    expect(reason(encryptBlocks(key, Buffer.from([...Array(30).fill(0), 9, 3])), aeskey)).toBe("PaddingWrong")
    expect(reason(encryptBlocks(key, Buffer.alloc(32, 0)), aeskey)).toBe("PaddingWrong")
    expect(reason(encryptBlocks(key, Buffer.alloc(64, 33)), aeskey)).toBe("PaddingWrong")
    expect(reason(good, aeskey)).toBe("decrypted")
  })

  it.effect("hands on nothing that may be padding, and fails instead of ending when the padding is wrong", () =>
    Effect.gen(function*() {
      const key = randomBytes(32)
      const plain = randomBytes(100)
      // Where it is cut, this is no padding.
      plain[95] = 0
      const ciphertext = encrypt(plain, key)
      const seen: Array<number> = []
      const error = yield* Crypto.decryptStream(key.toString("base64"))(
        pieces(ciphertext.subarray(0, 96), [16])
      ).pipe(
        Stream.runForEach((bytes) => Effect.sync(() => seen.push(...bytes))),
        Effect.flip
      )
      expect(error._tag).toBe("DecryptFailed")
      expect(Buffer.from(seen).equals(plain.subarray(0, 64))).toBe(true)
    }))

  it.effect("passes failures of the source on", () =>
    Effect.gen(function*() {
      const key = randomBytes(32).toString("base64")
      const cut = Stream.concat(Stream.make(randomBytes(64)), Stream.fail("cut" as const))
      expect(yield* Effect.flip(Stream.runDrain(Crypto.decryptStream(key)(cut)))).toBe("cut")
    }))
})

describe("md5", () => {
  it.effect("is the same for bytes and for a Stream of them", () =>
    Effect.gen(function*() {
      const bytes = randomBytes(100_000)
      const expected = createHash("md5").update(bytes).digest("hex")
      expect(yield* Crypto.md5(bytes)).toBe(expected)
      expect(yield* Crypto.md5(pieces(bytes, [1000, 7, 4096]))).toBe(expected)
      expect(yield* Crypto.md5(Stream.empty)).toBe("d41d8cd98f00b204e9800998ecf8427e")
    }))
})

describe("random strings", () => {
  it.effect("repeat under the deterministic layer, and differ by seed", () =>
    Effect.gen(function*() {
      const draw = (seed: number) =>
        Effect.provide(
          Effect.all([Crypto.generateReqId("ping"), Crypto.randomString(8)]),
          Crypto.layerDeterministic(seed)
        )
      expect(yield* draw(1)).toEqual(yield* draw(1))
      expect(yield* draw(1)).not.toEqual(yield* draw(2))
    }))

  it.effect("are as long as asked and of digits and small letters", () =>
    Effect.gen(function*() {
      for (const length of [0, 1, 16, 2000]) {
        expect(yield* Crypto.randomString(length)).toMatch(new RegExp(`^[0-9a-z]{${length}}$`))
      }
      expect(yield* Crypto.generateReqId("a_b")).toMatch(/^a_b_[0-9a-z]{16}$/)
    }).pipe(Effect.provide(Crypto.layer)))
})

describe("WecomCrypto", () => {
  const encodingAESKey = randomBytes(32).toString("base64").slice(0, 43)
  const pair = (receiveId?: string) => ({
    ours: Either.getOrThrow(WecomCrypto.make({ token: "tok", encodingAESKey, receiveId })),
    theirs: new sdk.WecomCrypto("tok", encodingAESKey, receiveId)
  })

  it.effect("and the official SDK read each other and sign alike", () =>
    Effect.gen(function*() {
      for (const receiveId of [undefined, "ww1234"]) {
        const { ours, theirs } = pair(receiveId)
        for (let size = 0; size < 80; size++) {
          const text = "字".repeat(size % 7) + "x".repeat(size)
          const mine = yield* ours.encrypt(text, "1700000000", "nonce")
          expect(theirs.decrypt(mine.encrypt)).toBe(text)
          expect(mine.signature).toBe(theirs.computeSignature("1700000000", "nonce", mine.encrypt))
          const their = theirs.encrypt(text, "1700000001", "other")
          expect(yield* ours.decrypt(their.encrypt)).toBe(text)
          expect(ours.verifySignature(their.signature, "1700000001", "other", their.encrypt)).toBe(true)
        }
      }
    }).pipe(Effect.provide(Crypto.layer)))

  it("refuses signatures that are wrong in length, content or type", () => {
    const { ours } = pair()
    const good = ours.computeSignature("1", "2", "3")
    expect(ours.verifySignature(good, "1", "2", "3")).toBe(true)
    const last = good.endsWith("0") ? "1" : "0"
    for (const bad of ["", good.slice(1), `${good}0`, good.slice(0, -1) + last, undefined, null, 5]) {
      expect(ours.verifySignature(bad as string, "1", "2", "3")).toBe(false)
    }
    expect(ours.verifySignature(good, "1", "2", "4")).toBe(false)
  })

  it.effect("refuses what is meant for another receiver, and what is no message", () =>
    Effect.gen(function*() {
      const { ours } = pair("ww1234")
      const other = yield* pair("ww9999").ours.encrypt("hi", "1", "2")
      const reasonOf = (encrypt: string) =>
        Either.match(ours.decrypt(encrypt), { onLeft: (error) => error.reason, onRight: () => "decrypted" })
      expect(reasonOf(other.encrypt)).toBe("ReceiveIdMismatch")
      const key = Buffer.from(encodingAESKey, "base64")
      expect(reasonOf(encrypt(Buffer.alloc(19), key).toString("base64"))).toBe("Malformed")
      expect(reasonOf(encrypt(Buffer.alloc(40, 0xff), key).toString("base64"))).toBe("Malformed")
      expect(reasonOf("")).toBe("Empty")
      expect(reasonOf("abc")).toBe("Truncated")
    }).pipe(Effect.provide(Crypto.layer)))

  it("refuses a key that is none", () => {
    expect(Either.isLeft(WecomCrypto.make({ token: "t", encodingAESKey: "short" }))).toBe(true)
  })
})
