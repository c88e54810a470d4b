import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Fiber, Layer, Logger, Redacted, Scope, Stream, TestClock } from "effect"
import { BotRouter, Chat, WecomBot } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { randomBytes } from "node:crypto"
import * as Http from "node:http"
import * as Net from "node:net"
import { cert, key } from "../gateway/certificate.js"

const bot = <A, E>(
  effect: Effect.Effect<A, E, WecomBot.WecomBot | TestGateway.TestGateway | FileSystem.FileSystem | Scope.Scope>
) => Effect.provide(effect, Layer.merge(TestGateway.layerBot({ unknownMedia: "accept" }), NodeFileSystem.layer))

const nextMessage = Effect.map(Stream.runHead(WecomBot.messages), (message) => (message as any).value)

describe("WecomBot", () => {
  it.scoped("downloads what a message carries and sends it back, as a reply and as a push", () =>
    bot(Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      const bytes = randomBytes(600_000)
      const sent = yield* alice.sendFile(yield* TestGateway.serveFile({ bytes, filename: "a.bin" }))
      const message = yield* nextMessage
      const download = yield* WecomBot.downloadFile(message)
      expect(download.filename).toBe("a.bin")
      const media = yield* WecomBot.uploadMedia(yield* download.bytes, { type: "file", filename: "a.bin" })
      yield* WecomBot.replyMedia(message, media)
      expect(yield* alice.awaitAnswer(sent)).toMatchObject({ kind: "file", media: { media_id: media.media_id } })
      yield* WecomBot.sendMediaMessage(Chat.user("alice"), { type: "video", media_id: "m" }, {
        title: "t",
        description: "d"
      })
      expect((yield* alice.screen).at(-1)).toMatchObject({
        kind: "video",
        media: { media_id: "m", title: "t", description: "d" }
      })
      const invalid = yield* Effect.flip(
        WecomBot.sendMediaMessage(Chat.user("alice"), { type: "video", media_id: "" })
      )
      expect(invalid).toMatchObject({ _tag: "SendInvalid" })
      expect(Buffer.compare((yield* TestGateway.uploads)[0]!.bytes, bytes)).toBe(0)
    })))

  it.scoped("hostile arguments fail, and do not die", () =>
    bot(Effect.gen(function*() {
      for (
        const media of [undefined, null, {}, { type: "x", media_id: 5 }, {
          get type() {
            throw new Error("no")
          }
        }]
      ) {
        for (const send of [WecomBot.replyMedia, WecomBot.sendMediaMessage]) {
          const exit = yield* Effect.exit(Effect.suspend(() => send(Chat.user("a") as any, media as any)))
          expect(Exit.isFailure(exit)).toBe(true)
          expect(String(exit)).toContain("SendInvalid")
        }
      }
    })))

  it.scoped("uploads a file under its own name, and shows its progress", () =>
    bot(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const bytes = randomBytes(1_200_000)
      yield* fs.writeFile(`${directory}/报告.bin`, bytes)
      yield* WecomBot.uploadMediaFile(`${directory}/报告.bin`, { type: "file" })
      expect((yield* TestGateway.uploads)[0]).toMatchObject({ filename: "报告.bin", type: "file" })
      expect((yield* Effect.flip(WecomBot.uploadMediaFile(`${directory}/报告.bin`, { type: "image" })))._tag).toBe(
        "SendInvalid"
      )
      const steps = Chunk.toReadonlyArray(
        yield* Stream.runCollect(WecomBot.uploadMediaProgress(bytes, { type: "file", filename: "b.bin" }))
      )
      expect(steps).toHaveLength(4)
      expect(steps.every((step, i) => i === 0 || step.sent >= steps[i - 1]!.sent)).toBe(true)
      expect(steps.at(-1)).toMatchObject({ sent: 1_200_000, total: 1_200_000, media: { type: "file" } })
    })))

  it.scoped("a handler's upload goes on while the bot drains", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.build(TestGateway.layer({ ackDelay: "1 second" }))
      const run = <A, E>(effect: Effect.Effect<A, E, TestGateway.TestGateway>) => Effect.provide(effect, context)
      yield* BotRouter.run(BotRouter.empty.pipe(BotRouter.onText(() =>
        WecomBot.uploadMedia(randomBytes(3_000_000), { type: "file", filename: "a.bin" })
      ))).pipe(
        Effect.provide(
          WecomBot.layer({
            botId: TestGateway.defaultBotId,
            secret: TestGateway.defaultSecret,
            drainTimeout: "30 seconds"
          }).pipe(Layer.provide(Layer.succeedContext(context)))
        ),
        Effect.forkIn(scope)
      )
      const alice = yield* run(TestGateway.user("alice"))
      yield* TestClock.adjust("2 seconds")
      yield* alice.sendText("go")
      yield* run(TestGateway.awaitReceived({ cmd: "aibot_upload_media_init" }))
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      for (let i = 0; i < 40; i++) {
        yield* TestClock.adjust("500 millis")
      }
      yield* Fiber.join(closing)
      expect(yield* run(TestGateway.uploads)).toHaveLength(1)
    }))
})

describe("NodeWecomBot", () => {
  const node = (options: Partial<NodeWecomBot.Options> = {}) =>
    Layer.unwrapScoped(Effect.map(NodeGateway.url, (wsUrl) =>
      NodeWecomBot.layer({
        botId: TestGateway.defaultBotId,
        secret: TestGateway.defaultSecret,
        wsUrl,
        drainTimeout: 0,
        ...options
      })))

  it.scopedLive("fetches from the gateway it is connected to, unless told not to", () =>
    Effect.gen(function*() {
      const bytes = randomBytes(100_000)
      const link = yield* TestGateway.serveFile({ bytes })
      const file = yield* Effect.provide(Effect.flatMap(WecomBot.downloadFile(link), (file) => file.bytes), node())
      expect(Buffer.compare(file, bytes)).toBe(0)
      const error = yield* Effect.flip(
        Effect.provide(WecomBot.downloadFile(link), node({ allowPrivateAddresses: false }))
      )
      expect(error).toMatchObject({ _tag: "DownloadFailed", reason: { _tag: "AddressRefused", kind: "loopback" } })
    }).pipe(Effect.provide([NodeGateway.layer(), Logger.remove(Logger.defaultLogger)])))

  for (const [scheme, tls] of [["ws", undefined], ["wss", { key, cert }]] as const) {
    it.scopedLive(`uploads arrive byte-identical over ${scheme}, among other frames`, () =>
      Effect.gen(function*() {
        const all = [1, 49_000, 524_287, 1_200_000, 6_000_001].map((size) => randomBytes(size + 4))
        const upload = (bytes: Uint8Array, i: number) => WecomBot.uploadMedia(bytes, { type: "file", filename: `${i}` })
        const say = (i: number) =>
          WecomBot.sendMessage(Chat.user("alice"), { msgtype: "markdown", markdown: { content: `${i}` } })
        const alice = yield* TestGateway.user("alice")
        yield* Effect.provide(
          Effect.gen(function*() {
            yield* WecomBot.ready
            yield* alice.sendText("hi")
            const uploading = yield* Effect.fork(Effect.forEach(all, upload, { concurrency: "unbounded" }))
            yield* Effect.forEach(all, (_, i) => say(i))
            yield* Fiber.join(uploading)
          }),
          node({ ca: cert })
        )
        const there = yield* TestGateway.uploads
        expect(there).toHaveLength(all.length)
        for (const { bytes, filename } of there) expect(Buffer.compare(bytes, all[Number(filename)]!)).toBe(0)
      }).pipe(Effect.provide([NodeGateway.layer({ tls }), Logger.remove(Logger.defaultLogger)])))
  }

  it.scopedLive("a name is judged by what it resolves to", () =>
    Effect.gen(function*() {
      const link = yield* TestGateway.serveFile({ bytes: randomBytes(10) })
      const url = link.url.replace("127.0.0.1", "localhost.")
      const named = url.replace("localhost.", "ip6-localhost")
      for (const url of [named, link.url.replace("127.0.0.1", "localhost")]) {
        const error = yield* Effect.flip(
          Effect.provide(WecomBot.downloadFile({ url }), node({ allowPrivateAddresses: false }))
        )
        expect(["AddressRefused", "Network"]).toContain((error as any).reason._tag)
      }
    }).pipe(Effect.provide([NodeGateway.layer(), Logger.remove(Logger.defaultLogger)])))

  it.scopedLive("fetches through the proxy that is configured", () =>
    Effect.gen(function*() {
      const connects: Array<string> = []
      const proxy = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const server = Http.createServer()
          server.on("connect", (request, socket, head) => {
            connects.push(request.url!)
            const [host, port] = request.url!.split(":")
            const upstream = Net.connect(Number(port), host, () => {
              socket.write("HTTP/1.1 200 OK\r\n\r\n")
              upstream.write(head)
              upstream.pipe(socket).pipe(upstream)
            })
            upstream.on("error", () => socket.destroy())
            socket.on("error", () => upstream.destroy())
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) =>
          Effect.sync(() => {
            server.closeAllConnections()
            server.close()
          })
      )
      const uri = `http://127.0.0.1:${(proxy.address() as Net.AddressInfo).port}`
      const bytes = randomBytes(100_000)
      const link = yield* TestGateway.serveFile({ bytes })
      const file = yield* Effect.provide(
        Effect.flatMap(WecomBot.downloadFile(link), (file) => file.bytes),
        node({ proxy: Redacted.make(uri) })
      )
      expect(Buffer.compare(file, bytes)).toBe(0)
      expect(new Set(connects)).toEqual(new Set([new URL(link.url).host]))
      expect(connects.length).toBeGreaterThanOrEqual(2)
    }).pipe(Effect.provide([NodeGateway.layer(), Logger.remove(Logger.defaultLogger)])))
})
