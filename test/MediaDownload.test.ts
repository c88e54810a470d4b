import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import { describe, expect, it } from "@effect/vitest"
import * as Official from "@wecom/aibot-node-sdk"
import { Effect, Exit, Fiber, Logger, Redacted, Stream, TestClock, Tracer } from "effect"
import { MediaDownload } from "effect-wecom"
import type { Message, WecomError } from "effect-wecom"
import { randomBytes } from "node:crypto"
import type { Answer } from "./media/servers.js"
import { layerOver, memoryServer, newKey, nodeHttp, pieces, realServer } from "./media/servers.js"
import { encryptBlocks } from "./setup/ciphertexts.js"
import { collect, encrypt } from "./support/bytes.js"
import { isFull } from "./support/runs.js"

const url = "https://files.example.com/media/1?sign=url-secret"

const reset = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })

const reasonOf = (error: WecomError.DownloadFailed | WecomError.DecryptFailed) =>
  typeof error.reason === "string" ? error.reason : error.reason._tag

/** Downloads from a server in memory. */
const from = (answer: Answer | ((url: URL, count: number) => Answer), options?: Parameters<typeof layerOver>[1]) => {
  const server = memoryServer(typeof answer === "function" ? answer : () => answer)
  return { ...server, media: layerOver(server.layer, options) }
}

const bytesOf = (source: MediaDownload.Source, options?: MediaDownload.Options) =>
  Effect.flatMap(MediaDownload.download(source, options), (download) => download.bytes)

const streamOf = (source: MediaDownload.Source) =>
  Effect.flatMap(MediaDownload.download(source), (download) => collect(download.stream))

/** The clock goes on for as long as it takes: real files are not ready when a fiber asks first. */
const withTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.raceFirst(effect, Effect.forever(TestClock.adjust("1 minute")))

/** The reason of a failure, or the tag of another error; the clock goes on by itself. */
const failureOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const error: { readonly _tag: string } = yield* withTime(Effect.flip(effect))
    return error._tag === "DownloadFailed" || error._tag === "DecryptFailed" ? reasonOf(error as any) : error._tag
  })

describe("byte-identical", () => {
  const sizes = [
    ...Array.from({ length: isFull ? 101 : 34 }, (_, i) => i),
    ...Array.from({ length: isFull ? 8 : 1 }, (_, i) => [16 * (i + 6) - 1, 16 * (i + 6), 16 * (i + 6) + 1]).flat(),
    65_535,
    65_536,
    65_537,
    300_000
  ]

  it.scopedLive("every size, encrypted and plain, with and without a length, as bytes, Stream and file", () =>
    Effect.gen(function*() {
      const files = new Map<string, { readonly body: Buffer; readonly chunked: boolean }>()
      const base = yield* realServer((request, response) => {
        const { body, chunked } = files.get(request.url!)!
        if (!chunked) response.setHeader("content-length", body.length)
        for (let at = 0; at < body.length; at += 7000) response.write(body.subarray(at, at + 7000))
        response.end()
      })
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      for (const size of sizes) {
        const plain = randomBytes(size)
        const key = newKey()
        for (
          const [path, encrypted, chunked] of [["a", true, false], ["b", false, false], ["c", true, true]] as const
        ) {
          files.set(`/${path}${size}`, { body: encrypted ? encrypt(plain, key) : plain, chunked })
          const download = yield* MediaDownload.download({
            url: `${base}/${path}${size}`,
            ...(encrypted ? { aeskey: key.toString("base64url") } : {})
          })
          expect((yield* collect(download.stream)).equals(plain)).toBe(true)
          if (chunked) expect(download.size).toBe(undefined)
          else if (!encrypted) expect(download.size).toBe(size)
          else {
            expect(download.size).toBeGreaterThanOrEqual(size)
            expect(download.size).toBeLessThan(size + 32)
          }
          if (size % 16 > 1) continue
          expect(Buffer.from(yield* download.bytes).equals(plain)).toBe(true)
          expect(yield* download.writeTo(`${directory}/file`)).toBe(size)
          expect(Buffer.from(yield* fs.readFile(`${directory}/file`)).equals(plain)).toBe(true)
        }
      }
      expect(yield* fs.readDirectory(directory)).toEqual(["file"])
    }).pipe(Effect.provide(layerOver(nodeHttp(), { allowPrivateAddresses: true }))))

  it.scopedLive("the official SDK gets the same bytes from the same server", () =>
    Effect.gen(function*() {
      const key = newKey()
      const plain = randomBytes(1000)
      const base = yield* realServer((_, response) => response.end(encrypt(plain, key)))
      const sdk = new ((Official as any).WSClient ?? (Official as any).default.WSClient)({
        botId: "b",
        secret: "s",
        logger: { debug() {}, info() {}, warn() {}, error() {} }
      })
      const theirs = yield* Effect.promise<{ buffer: Buffer }>(() =>
        sdk.downloadFile(`${base}/x`, key.toString("base64"))
      )
      const ours = yield* bytesOf({ url: `${base}/x`, aeskey: key.toString("base64") })
      expect(theirs.buffer.equals(plain)).toBe(true)
      expect(Buffer.from(ours).equals(plain)).toBe(true)
    }).pipe(Effect.provide(layerOver(nodeHttp(), { allowPrivateAddresses: true }))))
})

describe("what can be downloaded", () => {
  const body = new TextEncoder().encode("the file")
  const media: Message.Media = { url }
  const base = {
    msgid: "m",
    aibotid: "b",
    chattype: "single",
    from: { userid: "alice" },
    reqId: "r",
    receivedAt: 0
  } as const

  const sources: Record<string, MediaDownload.Source> = {
    "a link": { url },
    "a link with a Redacted key that is empty": { url, aeskey: Redacted.make("") },
    "the media of a message": media,
    "an image message": { ...base, msgtype: "image", image: media },
    "a file message": { ...base, msgtype: "file", file: media },
    "a video message": { ...base, msgtype: "video", video: media },
    "a mixed message": {
      ...base,
      msgtype: "mixed",
      mixed: { msg_item: [{ msgtype: "text", text: { content: "x" } }, { msgtype: "image", image: media }] }
    },
    "an item of a mixed message": { msgtype: "image", image: media },
    "a quote": { msgtype: "file", file: media },
    "a quoted mixed message": { msgtype: "mixed", mixed: { msg_item: [{ msgtype: "image", image: media }] } },
    "a text that quotes a file": {
      ...base,
      msgtype: "text",
      text: { content: "@Bot" },
      quote: { msgtype: "file", file: media }
    },
    "a message of an unknown type": { ...base, msgtype: "unknown", raw: { msgtype: "new", file: media } }
  }

  for (const [name, source] of Object.entries(sources)) {
    it.effect(name, () =>
      Effect.gen(function*() {
        expect(new TextDecoder().decode(yield* bytesOf(source))).toBe("the file")
      }).pipe(Effect.provide(from({ body }).media)))
  }

  it.effect("a text is refused before any request, and so is what is no message at all", () => {
    const server = from({ body })
    return Effect.gen(function*() {
      expect(yield* failureOf(bytesOf({ ...base, msgtype: "text", text: { content: "x" } }))).toBe("NoMedia")
      for (const hostile of [undefined, null, 5, "x", [], { url: 5 }, { image: { url: null } }]) {
        expect(yield* failureOf(bytesOf(hostile as any))).toBe("NoMedia")
      }
      expect(yield* failureOf(bytesOf({ url, aeskey: "not a key" }))).toBe("KeyInvalid")
      for (const bad of ["", "file", "/a", "ftp://x/y", "file:///etc/passwd", "javascript:1", "http://"]) {
        expect(yield* failureOf(bytesOf({ url: bad }))).toBe("InvalidUrl")
      }
      expect(server.requests).toEqual([])
    }).pipe(Effect.provide(server.media))
  })

  it("mediaOf lists all of them, its own before the quoted", () => {
    const found = MediaDownload.mediaOf({
      ...base,
      msgtype: "mixed",
      mixed: {
        msg_item: [{ msgtype: "image", image: { url: "1" } }, { msgtype: "image", image: { url: "2", aeskey: "k" } }]
      },
      quote: { msgtype: "video", video: { url: "3" } }
    })
    expect(found).toEqual([
      { type: "image", url: "1" },
      { type: "image", url: "2", aeskey: "k" },
      { type: "video", url: "3" }
    ])
  })

  it.effect("the URL goes out as it came, without its fragment", () => {
    const server = from({ body })
    return Effect.gen(function*() {
      yield* bytesOf({ url: "https://f.example.com/a%2Fb+c?x=%E4%B8%AD+&y=1%201&sig=a/b=#frag" })
      expect(server.requests[0]!.url).toBe("https://f.example.com/a%2Fb+c?x=%E4%B8%AD+&y=1%201&sig=a/b=")
      expect(server.requests[0]!.headers).toEqual({ "accept-encoding": "identity" })
    }).pipe(Effect.provide(server.media))
  })
})

describe("failures", () => {
  it.effect("403 means expired, is not tried again, and says that a link lives five minutes", () => {
    const server = from({ status: 403, body: Buffer.from("<Error>AccessDenied url-secret</Error>") })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(MediaDownload.download({ url }))
      expect(reasonOf(error)).toBe("Expired")
      expect(error.message).toContain("five minutes")
      expect(server.requests).toHaveLength(1)
    }).pipe(Effect.provide(server.media))
  })

  for (const status of [400, 404, 416, 304]) {
    it.effect(`${status} is not tried again`, () => {
      const server = from({ status })
      return Effect.gen(function*() {
        expect(yield* failureOf(MediaDownload.download({ url }))).toBe("Status")
        expect(server.requests).toHaveLength(1)
      }).pipe(Effect.provide(server.media))
    })
  }

  it.effect("503 and a connection reset are tried again, twice", () => {
    const body = randomBytes(50)
    const server = from((_, count) => count === 1 ? { status: 503 } : count === 2 ? { fail: reset } : { body })
    return Effect.gen(function*() {
      expect(Buffer.from(yield* withTime(bytesOf({ url }))).equals(body)).toBe(true)
      expect(server.requests).toHaveLength(3)
    }).pipe(Effect.provide(server.media))
  })

  it.effect("after the third time it is an error", () => {
    const server = from({ fail: reset })
    return Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.flip(bytesOf({ url })))
      yield* TestClock.adjust("1 minute")
      expect((yield* Fiber.join(fiber)).reason).toEqual({ _tag: "Network", code: "ECONNRESET" })
      expect(server.requests).toHaveLength(3)
    }).pipe(Effect.provide(server.media))
  })

  it.effect("no headers for requestTimeout is an error", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.flip(MediaDownload.download({ url })))
      yield* TestClock.adjust("9999 millis")
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 millis")
      expect((yield* Fiber.join(fiber)).reason).toEqual({ _tag: "Timeout", waitingFor: "headers" })
    }).pipe(Effect.provide(from({ fail: "never" }).media)))

  it.effect("a slow file may take as long as it wants, as long as bytes come", () => {
    const body = randomBytes(100)
    const slow = Stream.tap(pieces(body, 1), () => Effect.sleep("9 seconds"))
    return Effect.gen(function*() {
      const fiber = yield* Effect.fork(bytesOf({ url }))
      yield* TestClock.adjust("20 minutes")
      expect(Buffer.from(yield* Fiber.join(fiber)).equals(body)).toBe(true)
    }).pipe(Effect.provide(from({ body: slow }).media))
  })

  it.effect("no bytes for requestTimeout is an error", () => {
    const body = Stream.concat(Stream.make(randomBytes(10)), Stream.never)
    return Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.flip(bytesOf({ url })))
      yield* TestClock.adjust("9999 millis")
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("1 millis")
      expect((yield* Fiber.join(fiber)).reason).toEqual({ _tag: "Timeout", waitingFor: "bytes" })
    }).pipe(Effect.provide(from({ body }).media))
  })

  it.effect("a body that ends early is an error of the Stream, never a short file", () => {
    const server = from({ body: pieces(randomBytes(60), 20), headers: { "content-length": "100" } })
    return Effect.gen(function*() {
      const seen: Array<number> = []
      const download = yield* MediaDownload.download({ url })
      const exit = yield* Effect.exit(
        Stream.runForEach(download.stream, (bytes) => Effect.sync(() => seen.push(bytes.length)))
      )
      expect(Exit.isFailure(exit)).toBe(true)
      expect(seen).toEqual([20, 20, 20])
      // Part of it was handed on: asking again would hand it on twice.
      expect(server.requests).toHaveLength(1)
    }).pipe(Effect.provide(server.media))
  })

  it.effect("bytes, which hand on nothing before the end, begin anew instead", () => {
    const body = randomBytes(100)
    const server = from((_, count) =>
      count < 3 ? { body: pieces(body.subarray(0, 60), 20), headers: { "content-length": "100" } } : { body }
    )
    return Effect.gen(function*() {
      expect(Buffer.from(yield* withTime(bytesOf({ url }))).equals(body)).toBe(true)
      expect(server.requests).toHaveLength(3)
    }).pipe(Effect.provide(server.media))
  })

  it.effect("a connection that breaks in the body before the first byte is tried again", () => {
    const body = randomBytes(100)
    const server = from((_, count) => count === 1 ? { body: Stream.fail(reset) } : { body })
    return Effect.gen(function*() {
      expect((yield* withTime(streamOf({ url }))).equals(body)).toBe(true)
      expect(server.requests).toHaveLength(2)
    }).pipe(Effect.provide(server.media))
  })

  it.effect("an encrypted body that is cut off says so, with a length and without", () => {
    const key = newKey()
    const plain = randomBytes(100)
    // Where it is cut, this is no padding.
    plain[95] = 0
    const body = encrypt(plain, key)
    return Effect.gen(function*() {
      const link = { url, aeskey: key.toString("base64") }
      const cut = (at: number, headers?: Record<string, string>) =>
        from({ body: pieces(body.subarray(0, at), 30), headers: headers ?? {} })
      expect(yield* Effect.provide(failureOf(streamOf(link)), cut(100, { "content-length": "128" }).media)).toBe(
        "Truncated"
      )
      expect(yield* Effect.provide(failureOf(streamOf(link)), cut(100).media)).toBe("Truncated")
      expect(yield* Effect.provide(failureOf(streamOf(link)), cut(96).media)).toBe("PaddingWrong")
      expect(yield* Effect.provide(failureOf(streamOf(link)), from({ body: new Uint8Array(0) }).media)).toBe("Empty")
    })
  })

  it.effect("more than maxBytes is refused by the length, and without one as it comes", () => {
    const key = newKey()
    const plain = randomBytes(100)
    const body = encrypt(plain, key)
    const link = { url, aeskey: key.toString("base64") }
    return Effect.gen(function*() {
      for (const answer of [{ body }, { body: pieces(body, 10) }]) {
        const { media } = from(answer)
        expect(yield* Effect.provide(failureOf(bytesOf(link, { maxBytes: 99 })), media)).toBe("TooLarge")
        expect(yield* Effect.provide(failureOf(bytesOf(link, { maxBytes: 10 })), media)).toBe("TooLarge")
        expect(yield* Effect.provide(bytesOf(link, { maxBytes: 100 }), media)).toHaveLength(100)
      }
      expect(yield* Effect.provide(failureOf(bytesOf({ url })), from({ body: plain }, { maxDownloadBytes: 99 }).media))
        .toBe(
          "TooLarge"
        )
      expect(
        yield* Effect.provide(
          failureOf(MediaDownload.download({ url })),
          from({ headers: { "content-length": String(100 * 1024 * 1024 + 1) } }).media
        )
      ).toBe("TooLarge")
    })
  })

  it.effect("a second run asks again", () => {
    const server = from((_, count) => ({ body: Buffer.from([count]) }))
    return Effect.gen(function*() {
      const download = yield* MediaDownload.download({ url })
      expect([...(yield* download.bytes)]).toEqual([1])
      expect([...(yield* collect(download.stream))]).toEqual([2])
    }).pipe(Effect.provide(server.media))
  })

  it.scopedLive("a connection the server cuts in the middle is an error, with a length and chunked, plain and encrypted", () =>
    Effect.gen(function*() {
      const base = yield* realServer((request, response) => {
        if (request.url!.includes("length")) response.setHeader("content-length", 200_000)
        response.write(randomBytes(100_000), () => response.destroy())
      })
      for (const path of ["length", "chunked"]) {
        for (const aeskey of [undefined, newKey().toString("base64")]) {
          const download = yield* MediaDownload.download({ url: `${base}/${path}`, aeskey })
          const error = yield* Effect.flip(collect(download.stream))
          expect(error._tag).toBe("DownloadFailed")
          expect(["Network", "Truncated"]).toContain(reasonOf(error))
        }
      }
    }).pipe(Effect.provide(layerOver(nodeHttp(), { allowPrivateAddresses: true }))))

  it.scopedLive("a connection that breaks while nobody reads is asked again, not taken for an empty file", () =>
    Effect.gen(function*() {
      let requests = 0
      const base = yield* realServer((_, response) => {
        requests++
        if (requests > 1) response.end("whole")
        else response.write("half", () => setTimeout(() => response.destroy(), 20))
      })
      const download = yield* MediaDownload.download({ url: `${base}/x` })
      yield* Effect.sleep("100 millis")
      expect((yield* collect(download.stream)).toString()).toBe("whole")
    }).pipe(Effect.provide(layerOver(nodeHttp(), { allowPrivateAddresses: true }))))
})

describe("files on disk", () => {
  const inDirectory = <A, E>(
    test: (
      directory: string,
      fs: FileSystem.FileSystem
    ) => Effect.Effect<A, E, MediaDownload.MediaDownload | FileSystem.FileSystem>
  ) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      return yield* test(yield* fs.makeTempDirectoryScoped(), fs)
    })

  it.scoped("a failure leaves neither a part nor the name, and keeps what stood there", () =>
    inDirectory((directory, fs) =>
      Effect.gen(function*() {
        yield* fs.writeFileString(`${directory}/old`, "old")
        for (const name of ["new", "old"]) {
          const download = yield* MediaDownload.download({ url })
          expect(yield* failureOf(download.writeTo(`${directory}/${name}`))).toBe("Truncated")
        }
        expect(yield* fs.readDirectory(directory)).toEqual(["old"])
        expect(yield* fs.readFileString(`${directory}/old`)).toBe("old")
      })
    ).pipe(
      Effect.provide(from({ body: pieces(randomBytes(60), 20), headers: { "content-length": "100" } }).media)
    ))

  it.scopedLive("an interruption leaves nothing behind, and until the end only a hidden part is there", () =>
    inDirectory((directory, fs) =>
      Effect.gen(function*() {
        const download = yield* MediaDownload.download({ url })
        const fiber = yield* Effect.fork(download.writeTo(`${directory}/file`))
        let names: Array<string> = []
        while (names.length === 0) {
          yield* Effect.sleep("5 millis")
          names = yield* fs.readDirectory(directory)
        }
        expect(names).toHaveLength(1)
        expect(names[0]).toMatch(/^\.wecom-[0-9a-z]{12}\.part$/)
        yield* Fiber.interrupt(fiber)
        expect(yield* fs.readDirectory(directory)).toEqual([])
      })
    ).pipe(Effect.provide(from({ body: Stream.concat(Stream.make(randomBytes(10)), Stream.never) }).media)))

  it.scoped("a directory that is not there is an error of the file system", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const download = yield* MediaDownload.download({ url })
        expect(yield* failureOf(download.writeTo(`${directory}/none/file`))).toBe("SystemError")
      })
    ).pipe(Effect.provide(from({ body: randomBytes(3) }).media)))
})

describe("redirects and addresses", () => {
  const to = (location: string): Answer => ({ status: 302, headers: { location } })

  it.effect("three redirects are followed, relative ones too; a fourth is refused", () => {
    const server = from((url, _) => {
      const hop = Number(url.searchParams.get("hop"))
      return hop === 0 ? { body: Buffer.from("x") } : to(hop === 2 ? `?hop=${hop - 1}` : `/other?hop=${hop - 1}`)
    })
    return Effect.gen(function*() {
      expect(yield* bytesOf({ url: "https://a.example.com/x?hop=3" })).toHaveLength(1)
      expect(server.requests.map((request) => request.url)).toEqual([
        "https://a.example.com/x?hop=3",
        "https://a.example.com/other?hop=2",
        "https://a.example.com/other?hop=1",
        "https://a.example.com/other?hop=0"
      ])
      expect(yield* failureOf(bytesOf({ url: "https://a.example.com/x?hop=4" }))).toBe("TooManyRedirects")
    }).pipe(Effect.provide(server.media))
  })

  it.effect("a redirect to a private address, or to something that is not http, is refused before it is asked", () =>
    Effect.gen(function*() {
      for (
        const location of ["http://127.0.0.1/x", "//[::1]/x", "http://169.254.169.254/latest", "https://10.1.2.3/"]
      ) {
        const server = from(() => to(location))
        expect(yield* Effect.provide(failureOf(bytesOf({ url })), server.media)).toBe("AddressRefused")
        expect(server.requests).toHaveLength(1)
      }
      for (const location of ["file:///etc/passwd", "ftp://a/b", "http://"]) {
        expect(yield* Effect.provide(failureOf(bytesOf({ url })), from(() => to(location)).media)).toBe("InvalidUrl")
      }
    }))

  const refused: ReadonlyArray<readonly [host: string, kind: string]> = [
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["0.0.0.0", "loopback"],
    ["2130706433", "loopback"],
    ["0x7f.1", "loopback"],
    ["0177.0.0.1", "loopback"],
    ["localhost", "loopback"],
    ["LocalHost.", "loopback"],
    ["a.localhost", "loopback"],
    ["10.0.0.1", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["198.18.0.1", "private"],
    ["169.254.1.1", "link-local"],
    ["169.254.169.254", "metadata"],
    ["100.100.100.200", "metadata"],
    ["169.254.0.23", "metadata"],
    ["metadata.google.internal", "metadata"],
    ["192.0.2.1", "reserved"],
    ["224.0.0.1", "reserved"],
    ["255.255.255.255", "reserved"],
    ["[::1]", "loopback"],
    ["[::]", "loopback"],
    ["[0:0:0:0:0:0:0:1]", "loopback"],
    ["[::ffff:127.0.0.1]", "loopback"],
    ["[::ffff:7f00:1]", "loopback"],
    ["[::ffff:10.0.0.1]", "private"],
    ["[::ffff:0:10.0.0.1]", "private"],
    ["[::10.0.0.1]", "private"],
    ["[64:ff9b::10.0.0.1]", "private"],
    ["[64:ff9b:1::1]", "private"],
    ["[2002:a00:1::1]", "private"],
    ["[::ffff:169.254.169.254]", "metadata"],
    ["[fd00:ec2::254]", "metadata"],
    ["[fd12:3456::1]", "private"],
    ["[fc00::1]", "private"],
    ["[fec0::1]", "private"],
    ["[fe80::1]", "link-local"],
    ["[febf::1]", "link-local"],
    ["[ff02::1]", "reserved"],
    ["[2001:db8::1]", "reserved"],
    ["[2001::1]", "reserved"],
    ["[4000::1]", "reserved"]
  ]

  for (const [host, kind] of refused) {
    it.effect(`${host} is refused as ${kind}`, () => {
      const server = from({ body: Buffer.from("x") })
      return Effect.gen(function*() {
        const error = yield* Effect.flip(MediaDownload.download({ url: `http://${host}:8080/x` }))
        expect(error.reason).toEqual({ _tag: "AddressRefused", kind })
        expect(server.requests).toEqual([])
      }).pipe(Effect.provide(server.media))
    })
  }

  it.effect("public addresses and names are asked", () => {
    const server = from({ body: Buffer.from("x") })
    return Effect.gen(function*() {
      for (
        const host of ["8.8.8.8", "172.32.0.1", "100.128.0.1", "[2400:3200::1]", "[::ffff:8.8.8.8]", "cos.example.com"]
      ) {
        yield* bytesOf({ url: `http://${host}/x` })
      }
      expect(server.requests).toHaveLength(6)
    }).pipe(Effect.provide(server.media))
  })

  it.effect("a wsUrl of one's own lets private addresses through, but no link-local or metadata ones; an option decides otherwise", () =>
    Effect.gen(function*() {
      const body = Buffer.from("x")
      const own = from({ body }, { wsUrl: "wss://wecom.corp.example" }).media
      for (const host of ["127.0.0.1", "10.0.0.1", "[fd12::1]", "localhost"]) {
        expect(yield* Effect.provide(bytesOf({ url: `http://${host}/x` }), own)).toHaveLength(1)
      }
      for (const host of ["169.254.169.254", "[fe80::1]", "100.100.100.200", "224.0.0.1"]) {
        expect(yield* Effect.provide(failureOf(bytesOf({ url: `http://${host}/x` })), own)).toBe("AddressRefused")
      }
      const strict = from({ body }, { wsUrl: "wss://wecom.corp.example", allowPrivateAddresses: false }).media
      expect(yield* Effect.provide(failureOf(bytesOf({ url: "http://10.0.0.1/" })), strict)).toBe("AddressRefused")
      const open = from({ body }, { allowPrivateAddresses: true }).media
      expect(yield* Effect.provide(bytesOf({ url: "http://10.0.0.1/" }), open)).toHaveLength(1)
      const spelled = from({ body }, { wsUrl: "wss://openws.work.weixin.qq.com/" }).media
      expect(yield* Effect.provide(failureOf(bytesOf({ url: "http://10.0.0.1/" })), spelled)).toBe("AddressRefused")
    }))

  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.5", "169.254.169.254"]) {
    it.scopedLive(`a name that resolves to ${address} is refused as it connects`, () =>
      Effect.gen(function*() {
        const base = yield* realServer((_, response) => response.end("x"))
        const port = new URL(base).port
        const lookups: Array<string> = []
        const http = nodeHttp({
          allowPrivateAddresses: false,
          lookup: (hostname, options, callback) => {
            lookups.push(hostname)
            const family = address.includes(":") ? 6 : 4
            if (options.all === true) (callback as any)(null, [{ address: "8.8.8.8", family: 4 }, { address, family }])
            else callback(null, address, family)
          }
        })
        const error = yield* Effect.flip(
          Effect.provide(MediaDownload.download({ url: `http://files.example.com:${port}/x` }), layerOver(http))
        )
        expect(reasonOf(error)).toBe("AddressRefused")
        expect(lookups).toEqual(["files.example.com"])
      }))
  }

  it.scopedLive("a redirect to a name that resolves to a private address is refused as it connects", () =>
    Effect.gen(function*() {
      const base = yield* realServer((request, response) => {
        response.writeHead(302, { location: `http://inside.example.com:${request.socket.localPort}/x` }).end()
      })
      const port = new URL(base).port
      const open = nodeHttp({
        lookup: (hostname, options, callback) => {
          const address = hostname === "inside.example.com" ? "169.254.169.254" : "127.0.0.1"
          if (options.all === true) (callback as any)(null, [{ address, family: 4 }])
          else callback(null, address, 4)
        }
      })
      const link = { url: `http://outside.example.com:${port}/x` }
      const error = yield* Effect.flip(
        Effect.provide(MediaDownload.download(link), layerOver(open, { allowPrivateAddresses: true }))
      )
      expect(error.reason).toEqual({ _tag: "AddressRefused", kind: "metadata" })
    }))

  it.scopedLive("fetch follows no redirect on its own", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const base = yield* realServer((request, response) => {
        asked.push(request.url!)
        response.writeHead(302, { location: "http://169.254.169.254/latest" }).end()
      })
      const error = yield* Effect.flip(
        Effect.provide(
          MediaDownload.download({ url: `${base}/x` }),
          layerOver(FetchHttpClient.layer, { allowPrivateAddresses: true })
        )
      )
      expect(error.reason).toEqual({ _tag: "AddressRefused", kind: "metadata" })
      expect(asked).toEqual(["/x"])
    }))
})

describe("secrets", () => {
  it.effect("neither the URL nor the key is in any log, span or error", () => {
    const key = newKey().toString("base64")
    const written: Array<string> = []
    const show = (value: unknown) => {
      const seen = new WeakSet<object>()
      written.push(
        JSON.stringify(value, (_, inner) => {
          if (typeof inner === "bigint") return String(inner)
          if (typeof inner !== "object" || inner === null) return inner
          if (seen.has(inner)) return "…"
          seen.add(inner)
          return inner instanceof Map
            ? [...inner]
            : inner instanceof Error
            ? { ...inner, message: inner.message, stack: inner.stack, cause: inner.cause }
            : inner
        }) ?? ""
      )
    }
    const tracer = Tracer.make({
      span: (name, parent, context, links, startTime, kind) => {
        const attributes = new Map<string, unknown>()
        const span: any = {
          _tag: "Span",
          name,
          parent,
          context,
          links,
          kind,
          spanId: "s",
          traceId: "t",
          sampled: true,
          status: { _tag: "Started", startTime },
          attributes,
          end: (_: bigint, exit: unknown) => show([name, attributes, exit]),
          attribute: (key: string, value: unknown) => attributes.set(key, value),
          event: (name: string, _: bigint, attributes: unknown) => show([name, attributes]),
          addLinks: () => {}
        }
        return span
      },
      context: (f) => f()
    })
    const logger = Logger.make(({ cause, message }) => show([message, cause, String(cause)]))
    const answers: ReadonlyArray<Answer> = [
      { status: 403 },
      { status: 404 },
      { fail: Object.assign(new Error(`connect to ${url} failed`), { code: "ENOTFOUND", url }) },
      { fail: new Error(url) },
      { body: encryptBlocks(Buffer.from(key, "base64"), Buffer.alloc(32)) },
      { body: randomBytes(31) },
      { body: pieces(randomBytes(10), 5), headers: { "content-length": "100" } },
      { status: 302, headers: { location: `http://10.0.0.1/url-secret` } }
    ]
    return Effect.gen(function*() {
      for (const answer of answers) {
        const program = Effect.flatMap(
          MediaDownload.download({ url, aeskey: key }),
          (download) => collect(download.stream)
        ).pipe(
          Effect.tapErrorCause((cause) => Effect.logError("failed", cause)),
          Effect.withSpan("test"),
          Effect.provide(from(answer).media),
          Effect.exit
        )
        const fiber = yield* Effect.fork(program)
        yield* TestClock.adjust("1 minute")
        const exit = yield* Fiber.join(fiber)
        expect(Exit.isFailure(exit)).toBe(true)
        show(exit)
        written.push(String(exit), JSON.stringify(exit))
      }
      const all = written.join("\n")
      expect(all).toContain("DownloadFailed")
      expect(all).not.toContain("url-secret")
      expect(all).not.toContain("files.example.com")
      expect(all).not.toContain(key)
      expect(all).not.toContain(key.slice(0, 20))
    }).pipe(
      Effect.withTracer(tracer),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
  })
})
