import type * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import { describe, expect, it } from "@effect/vitest"
import * as Official from "@wecom/aibot-node-sdk"
import { Chunk, Effect, Layer, Stream, TestClock } from "effect"
import { MediaDownload } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as TestGateway from "effect-wecom/TestGateway"
import { createHash, randomBytes } from "node:crypto"
import { WebSocket } from "ws"
import { layerOver, nodeHttp } from "../media/servers.js"
import { wrongKey } from "../setup/ciphertexts.js"
import { markdown, respond, subscribed } from "./rawClient.js"

const sdk = ((Official as any).WSClient === undefined ? (Official as any).default : Official) as any

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex")

const init = "aibot_upload_media_init"
const chunk = "aibot_upload_media_chunk"
const finish = "aibot_upload_media_finish"

const chunkBytes = 512 * 1024

const initBody = (bytes: Uint8Array, extra: object = {}) => ({
  type: "file",
  filename: "a.bin",
  total_size: bytes.length,
  total_chunks: Math.ceil(bytes.length / chunkBytes),
  md5: md5(bytes),
  ...extra
})

const chunkBody = (uploadId: string, bytes: Uint8Array, index: number) => ({
  upload_id: uploadId,
  chunk_index: index,
  base64_data: Buffer.from(bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes)).toString("base64")
})

describe("uploads", () => {
  const memory = (options?: TestGateway.Options) => Effect.provide(TestGateway.layer(options))

  it.scoped("are put together from chunks in any order and more than once", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const bytes = randomBytes(2 * chunkBytes + 10)
      const begun = yield* client.request(init, "i", initBody(bytes))
      expect(begun).toMatchObject({ errcode: 0, body: { upload_id: expect.any(String) } })
      const { upload_id } = begun.body
      for (const index of [2, 0, 0, 1, 2]) {
        const ack = yield* client.request(chunk, `c${index}`, chunkBody(upload_id, bytes, index))
        expect(ack).toEqual({ headers: { req_id: `c${index}` }, errcode: 0, errmsg: "ok" })
      }
      const first = yield* client.request(finish, "f", { upload_id })
      expect(first).toMatchObject({ errcode: 0, body: { type: "file", created_at: 0 } })
      // A finish whose ack was lost is asked again.
      expect((yield* client.request(finish, "f2", { upload_id })).body).toEqual(first.body)
      const [media] = yield* TestGateway.uploads
      expect(media).toMatchObject({ mediaId: first.body.media_id, filename: "a.bin", md5: md5(bytes) })
      expect(Buffer.compare(media!.bytes, bytes)).toBe(0)
      expect(yield* TestGateway.uploads).toHaveLength(1)
    }).pipe(memory()))

  it.scoped("are refused when they are wrong", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const bytes = randomBytes(100)
      const wrong = [
        { type: "sticker" },
        { type: "toString" },
        { filename: "" },
        { filename: "字".repeat(86) },
        { total_size: 4 },
        { total_size: "100" },
        { type: "voice", total_size: 2 * 1024 * 1024 + 1, total_chunks: 5 },
        { total_size: 20 * 1024 * 1024 + 1, total_chunks: 41 },
        { total_chunks: 0 },
        { total_chunks: 101 },
        { total_size: chunkBytes + 1, total_chunks: 1 },
        { md5: md5(bytes).toUpperCase() },
        { md5: "" }
      ]
      for (const extra of wrong) {
        expect((yield* client.request(init, "i", initBody(bytes, extra))).errcode, JSON.stringify(extra)).toBe(40058)
      }
      const { upload_id } = (yield* client.request(init, "i", initBody(bytes))).body
      const good = chunkBody(upload_id, bytes, 0)
      for (
        const extra of [
          { upload_id: "x" },
          { chunk_index: 1 },
          { chunk_index: -1 },
          { chunk_index: "0" },
          { base64_data: "" },
          { base64_data: "###=" },
          { base64_data: 5 },
          { base64_data: Buffer.alloc(chunkBytes + 1).toString("base64") }
        ]
      ) {
        expect((yield* client.request(chunk, "c", { ...good, ...extra })).errcode, JSON.stringify(extra)).toBe(40058)
      }
      expect((yield* client.request(finish, "f", { upload_id })).errmsg).toContain("1 chunk(s) are missing")
      yield* client.request(chunk, "c", { ...good, base64_data: Buffer.from(bytes.subarray(1)).toString("base64") })
      expect((yield* client.request(finish, "f", { upload_id })).errmsg).toContain("99 bytes instead of 100")
      yield* client.request(chunk, "c", { ...good, base64_data: randomBytes(100).toString("base64") })
      expect((yield* client.request(finish, "f", { upload_id })).errmsg).toContain("md5")
      yield* client.request(chunk, "c", good)
      expect((yield* client.request(finish, "f", { upload_id })).errcode).toBe(0)
      expect((yield* client.request(finish, "f", { upload_id: "x" })).errcode).toBe(40058)
    }).pipe(memory()))

  it.scoped("live 30 minutes, over reconnects of the same bot and of no other", () =>
    Effect.gen(function*() {
      const bytes = randomBytes(100)
      const first = yield* subscribed()
      const { upload_id } = (yield* first.request(init, "i", initBody(bytes))).body
      yield* TestGateway.faults.cut()
      const second = yield* subscribed()
      expect((yield* second.request(chunk, "c", chunkBody(upload_id, bytes, 0))).errcode).toBe(0)
      yield* TestClock.adjust("30 minutes")
      expect((yield* second.request(finish, "f", { upload_id })).errcode).toBe(0)
      yield* TestClock.adjust("1 millis")
      expect((yield* second.request(finish, "f", { upload_id })).errmsg).toContain("30 minutes")
      expect((yield* second.request(chunk, "c", chunkBody(upload_id, bytes, 0))).errcode).toBe(40058)
    }).pipe(memory()))

  it.scoped("are 30 a minute", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const bytes = randomBytes(100)
      for (let i = 0; i < 30; i++) expect((yield* client.request(init, "i", initBody(bytes))).errcode).toBe(0)
      expect((yield* client.request(init, "i", initBody(bytes))).errcode).toBe(45009)
      yield* TestClock.adjust("1 minute")
      expect((yield* client.request(init, "i", initBody(bytes))).errcode).toBe(0)
    }).pipe(memory()))

  it.scoped("bursts are answered \"system error\" when asked, and acked ones count no more", () =>
    Effect.gen(function*() {
      const client = yield* subscribed()
      const bytes = randomBytes(100)
      const { upload_id } = (yield* client.request(init, "i", initBody(bytes))).body
      const codes: Array<number> = []
      const held = yield* TestGateway.acks.hold({ cmd: chunk })
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 4; i++) yield* client.write(chunk, `c${i}`, chunkBody(upload_id, bytes, 0))
        yield* held.release()
        for (let i = 0; i < 4; i++) codes.push((yield* client.next).errcode)
      }
      expect(codes.toSorted()).toEqual([-1, -1, 0, 0, 0, 0, 0, 0])
    }).pipe(memory({ uploadBurstLimit: 3 })))

  it.scopedLive("of the official SDK are accepted, and it decrypts what is served", () =>
    Effect.gen(function*() {
      const url = yield* NodeGateway.url
      const silent = { debug() {}, info() {}, warn() {}, error() {} }
      const client = yield* Effect.acquireRelease(
        Effect.async<any>((resume) => {
          const client = new sdk.WSClient({
            botId: TestGateway.defaultBotId,
            secret: "test-secret",
            wsUrl: url,
            logger: silent
          })
          client.on("authenticated", () => resume(Effect.succeed(client)))
          client.connect()
        }),
        (client) => Effect.sync(() => client.disconnect())
      )
      for (const size of [5, 100, chunkBytes, 5 * chunkBytes + 1]) {
        const bytes = randomBytes(size)
        const result = yield* Effect.promise<any>(() => client.uploadMedia(bytes, { type: "file", filename: "字.bin" }))
        const media = (yield* TestGateway.uploads).at(-1)!
        expect(media).toMatchObject({ mediaId: result.media_id, filename: "字.bin" })
        expect(Buffer.compare(media.bytes, bytes)).toBe(0)
        const link = yield* TestGateway.serveFile({ bytes, filename: "报告 1.pdf" })
        const file = yield* Effect.promise<any>(() => client.downloadFile(link.url, link.aeskey))
        expect(Buffer.compare(file.buffer, bytes)).toBe(0)
        expect(file.filename).toBe("报告 1.pdf")
      }
    }).pipe(Effect.provide(NodeGateway.layer())))
})

/** The gateway in memory, or on a port with the HTTP of `NodeWecomBot`; and downloads over it. */
const seams = {
  TestGateway: TestGateway.layer(),
  NodeGateway: Layer.merge(Layer.orDie(NodeGateway.layer()), nodeHttp())
}

for (
  const [name, seam] of Object.entries(seams) as ReadonlyArray<
    readonly [string, Layer.Layer<TestGateway.TestGateway | HttpClient.HttpClient>]
  >
) {
  describe(`files of ${name}`, () => {
    const over = Effect.provide(
      Layer.provideMerge(
        Layer.unwrapEffect(
          Effect.map(
            HttpClient.HttpClient,
            (client) => layerOver(Layer.succeed(HttpClient.HttpClient, client), { allowPrivateAddresses: true })
          )
        ),
        seam
      )
    )

    const test = (
      what: string,
      body: Effect.Effect<void, any, TestGateway.TestGateway | MediaDownload.MediaDownload | FileSystem.FileSystem>
    ) => it.scopedLive(what, () => over(body) as Effect.Effect<void>)

    const bytes = randomBytes(200_000)

    const get = (file: Partial<TestGateway.ServedFile> = {}) =>
      Effect.gen(function*() {
        const link = yield* TestGateway.serveFile({ bytes, ...file })
        const download = yield* MediaDownload.download(link)
        const chunks = yield* Stream.runCollect(download.stream)
        return { ...download, content: Buffer.concat(Chunk.toReadonlyArray(chunks)) }
      })

    const reasonOf = (file: Partial<TestGateway.ServedFile>) =>
      Effect.map(Effect.flip(get(file)), (error: any) => error.reason?._tag ?? error.reason)

    test(
      "named, unnamed, plain, without a length",
      Effect.gen(function*() {
        const named = yield* get({ filename: "报告 1&2+3.pdf" })
        expect(named.filename).toBe("报告 1&2+3.pdf")
        expect(named.content.equals(bytes)).toBe(true)
        expect((yield* get({ contentDisposition: "attachment; filename=\"a+b.txt\"" })).filename).toBe("a b.txt")
        const unnamed = yield* get()
        expect(unnamed.filename).toBe(undefined)
        expect(unnamed.content.equals(bytes)).toBe(true)
        const plain = yield* get({ encrypted: false })
        expect(plain.size).toBe(bytes.length)
        expect(plain.content.equals(bytes)).toBe(true)
        const chunked = yield* get({ withoutLength: true })
        expect(chunked.size).toBe(undefined)
        expect(chunked.content.equals(bytes)).toBe(true)
        expect((yield* get({ bytes: new Uint8Array(0) })).content).toHaveLength(0)
        expect((yield* get({ bytes: new Uint8Array(0), encrypted: false })).content).toHaveLength(0)
        expect((yield* get({ bytes: new Uint8Array(0), encrypted: false, withoutLength: true })).content).toHaveLength(
          0
        )
      })
    )

    test(
      "expired, cut off, wrongly padded, of a wrong key",
      Effect.gen(function*() {
        expect(yield* reasonOf({ lifetime: 0 })).toBe("Expired")
        expect(["Network", "Truncated"]).toContain(yield* reasonOf({ cutAfter: 100_000 }))
        expect(yield* reasonOf({ cutAfter: 100_000, withoutLength: true })).toBe("Network")
        expect(yield* reasonOf({ wrongPadding: true })).toBe("PaddingWrong")
        const link = yield* TestGateway.serveFile({ bytes })
        const download = yield* MediaDownload.download({ url: link.url, aeskey: wrongKey(bytes, link.aeskey!) })
        expect(yield* Effect.flip(download.bytes)).toMatchObject({ _tag: "DecryptFailed", reason: "PaddingWrong" })
        expect(yield* Effect.flip(MediaDownload.download({ url: link.url.replace("file-", "none-") }))).toMatchObject({
          reason: { _tag: "Status", status: 404 }
        })
      })
    )

    test(
      "redirecting, slow, failing at first",
      Effect.gen(function*() {
        expect((yield* get({ redirects: 3 })).content.equals(bytes)).toBe(true)
        expect(yield* reasonOf({ redirects: 4 })).toBe("TooManyRedirects")
        expect(yield* reasonOf({ redirectTo: "http://169.254.169.254/latest/meta-data" })).toBe("AddressRefused")
        const slow = yield* get({ bytes: bytes.subarray(0, 1000), pace: { bytes: 100, every: "5 millis" } })
        expect(slow.content.equals(bytes.subarray(0, 1000))).toBe(true)
        const answered = yield* get({
          encrypted: false,
          answer: { headers: { "content-type": "text/plain" }, body: bytes }
        })
        expect(answered.content.equals(bytes)).toBe(true)
        expect(yield* reasonOf({ answer: { status: 404 } })).toBe("Status")
        expect((yield* get({ failures: [503, "reset"] })).content.equals(bytes)).toBe(true)
        expect((yield* TestGateway.downloads).slice(-3).map((request) => request.status)).toEqual([503, 0, 200])
      })
    )
  })
}

describe("served files", () => {
  it.scoped("live five minutes, on Effect's clock", () =>
    Effect.gen(function*() {
      const link = yield* TestGateway.serveFile({ bytes: randomBytes(10) })
      expect(link.aeskey).toMatch(/^[A-Za-z0-9+/]{43}$/)
      yield* TestClock.adjust("299 seconds")
      yield* MediaDownload.download(link)
      yield* TestClock.adjust("1 second")
      expect(yield* Effect.flip(MediaDownload.download(link))).toMatchObject({ reason: { _tag: "Expired" } })
    }).pipe(
      Effect.provide(Layer.provideMerge(
        Layer.unwrapEffect(
          Effect.map(HttpClient.HttpClient, (client) => layerOver(Layer.succeed(HttpClient.HttpClient, client)))
        ),
        TestGateway.layer()
      ))
    ))

  it.scopedLive("a port with nothing but the gateway still takes bots", () =>
    Effect.gen(function*() {
      const client = yield* subscribed(yield* NodeGateway.url)
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendFile(yield* TestGateway.serveFile({ bytes: randomBytes(10) }))
      const callback = yield* client.next
      expect(callback.body.file).toEqual({ url: expect.stringMatching(/^http:/), aeskey: expect.any(String) })
      expect((yield* client.request(respond, callback.headers.req_id, markdown("got it"))).errcode).toBe(0)
    }).pipe(
      Effect.provide(
        Layer.merge(
          NodeGateway.layer(),
          Layer.succeed(Socket.WebSocketConstructor, (url) => new WebSocket(url) as unknown as globalThis.WebSocket)
        )
      )
    ))
})
