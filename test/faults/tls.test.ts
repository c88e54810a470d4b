/** Certificates and proxies between a bot and its service, for the socket and for downloads alike. */
import { Context, Effect, Exit, Layer, Redacted, Stream } from "effect"
import { WecomBot, WecomError } from "effect-wecom"
import * as NodeGateway from "effect-wecom/NodeGateway"
import type * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as TestGateway from "effect-wecom/TestGateway"
import { randomBytes } from "node:crypto"
import { describe, expect } from "vitest"
import { forbidden } from "../setup/forbidden.js"
import * as Certificates from "./certificates.js"
import * as ConnectProxy from "./connectProxy.js"
import type { Row } from "./rows.js"
import { botLayer, fault, secret } from "./world.js"

const authority = Certificates.make({ commonName: "Private CA" })
const hosts = ["localhost", "127.0.0.1"]
const good = Certificates.make({ commonName: "localhost", hosts, issuer: authority })
const expired = Certificates.make({ commonName: "localhost", hosts, issuer: authority, from: -60, until: -30 })
const notYet = Certificates.make({ commonName: "localhost", hosts, issuer: authority, from: 30, until: 60 })
const ofAnother = Certificates.make({ commonName: "other.example", hosts: ["other.example"], issuer: authority })
const stranger = Certificates.make({ commonName: "Another CA" })

const start = (certificate: Certificates.Certificate | undefined) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(NodeGateway.layer({
      secret,
      ...(certificate === undefined ? {} : { tls: { cert: certificate.cert, key: certificate.key } })
    }))
    const service = Context.get(context, TestGateway.TestGateway)
    const { url } = Context.get(context, NodeGateway.NodeGateway)
    const bytes = randomBytes(50_000)
    const link = yield* service.serveFile({ bytes, redirects: 1 })
    forbidden.add(link.url)
    return { service, url, link, bytes }
  })

interface Outcome {
  readonly link: WecomError.LinkFailure | "subscribed"
  readonly download: unknown
}

/** What becomes of a bot's link, and of a file it is handed. */
const tried = (
  url: string,
  file: { readonly link: TestGateway.MediaLink; readonly bytes: Uint8Array },
  options: Partial<NodeWecomBot.Options>
): Effect.Effect<Outcome, unknown> =>
  Effect.gen(function*() {
    const bot = Context.get(yield* Layer.build(botLayer(url, options)), WecomBot.WecomBot)
    const status = yield* bot.statusChanges.pipe(
      Stream.filter(({ _tag }) => _tag === "Subscribed" || _tag === "Waiting"),
      Stream.runHead,
      Effect.flatten
    )
    const downloaded = yield* Effect.exit(Effect.flatMap(bot.downloadFile(file.link), (file) => file.bytes))
    return {
      link: status._tag === "Waiting" ? status.reason : "subscribed" as const,
      download: Exit.isSuccess(downloaded)
        ? Buffer.compare(downloaded.value, file.bytes) === 0 ? "whole" : "damaged"
        : downloaded.cause._tag === "Fail"
        ? downloaded.cause.error
        : downloaded.cause
    }
  }).pipe(Effect.scoped)

const reached: Outcome = { link: "subscribed", download: "whole" }

const refused = (code: string) => ({
  link: { _tag: "Tls", code },
  download: { _tag: "DownloadFailed", reason: { _tag: "Network", code } }
})

describe("certificates", () => {
  const against = (
    name: string,
    certificate: Certificates.Certificate,
    options: Partial<NodeWecomBot.Options>,
    expected: object,
    said?: string
  ) =>
    fault(name, { quick: true }, (row) =>
      Effect.gen(function*() {
        const { url, ...file } = yield* start(certificate)
        const outcome = yield* tried(url, file, { proxy: false, ...options })
        expect(outcome).toMatchObject(expected)
        if (said !== undefined) {
          expect(String((outcome.download as Error).message)).toContain(said)
          expect(WecomError.describeLinkFailure(outcome.link as WecomError.LinkFailure)).toContain(said)
        }
        row.times = 2
        row.lost = expected === reached ? "nothing" : "the link and the file, as typed errors"
      }))

  against("a private CA that the bot is told of", good, { ca: authority.cert }, reached)
  against("a private CA among several, as bytes", good, {
    ca: [stranger.cert, new TextEncoder().encode(authority.cert)]
  }, reached)
  const unknown = refused("UNABLE_TO_VERIFY_LEAF_SIGNATURE")
  against("a private CA that the bot does not know", good, {}, unknown, "CA is not trusted")
  against("a private CA, and the bot was told of another", good, { ca: stranger.cert }, unknown, "CA is not trusted")
  against("an expired certificate", expired, { ca: authority.cert }, refused("CERT_HAS_EXPIRED"), "it has expired")
  against("a certificate that is not valid yet", notYet, { ca: authority.cert }, refused("CERT_NOT_YET_VALID"))
  against(
    "a certificate for another host",
    ofAnother,
    { ca: authority.cert },
    refused("ERR_TLS_CERT_ALTNAME_INVALID"),
    "for another host name"
  )

  fault("a server that does not speak TLS", { quick: true }, (row) =>
    Effect.gen(function*() {
      const { url, ...file } = yield* start(undefined)
      const outcome = yield* tried(url.replace("ws:", "wss:"), file, { proxy: false })
      expect(outcome.link).toMatchObject({ _tag: "Tls" })
      row.times = 1
      row.lost = "the link, as a typed error"
    }))

  fault("an expired certificate is renewed", { quick: true, bound: 2_000 }, (row) =>
    Effect.gen(function*() {
      const first = yield* Effect.scoped(Effect.gen(function*() {
        const { url } = yield* start(expired)
        return Number(new URL(url).port)
      }))
      const bot = Context.get(
        yield* Layer.build(botLayer(`wss://127.0.0.1:${first}`, { ca: authority.cert, proxy: false })),
        WecomBot.WecomBot
      )
      yield* Effect.sleep("300 millis")
      yield* Layer.build(NodeGateway.layer({ secret, port: first, tls: { cert: good.cert, key: good.key } }))
      const over = performance.now()
      yield* bot.ready
      row.times = 1
      row.recoveries.push(performance.now() - over)
    }))
})

describe("proxies", () => {
  const credentials = { user: "bot", password: `canary-password-${randomBytes(8).toString("hex")}` }
  forbidden.add(credentials.password)
  forbidden.add(Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64"))

  const targets = (proxy: ConnectProxy.ConnectProxy, url: string) => {
    const { host } = new URL(url)
    expect(new Set(proxy.requests.map(({ target }) => target))).toEqual(new Set([host]))
    // The socket and the file, each at least once.
    expect(proxy.requests.length).toBeGreaterThanOrEqual(2)
  }

  const done = (row: Row, times: number, lost = "nothing") => {
    row.times = times
    row.lost = lost
  }

  for (const [scheme, certificate] of [["ws", undefined], ["wss", good]] as const) {
    const ca = certificate === undefined ? {} : { ca: authority.cert }

    fault(`a CONNECT proxy without credentials (${scheme})`, { quick: true }, (row) =>
      Effect.gen(function*() {
        const proxy = yield* ConnectProxy.make()
        const { url, ...file } = yield* start(certificate)
        expect(yield* tried(url, file, { proxy: Redacted.make(proxy.url), ...ca })).toEqual(reached)
        targets(proxy, url)
        done(row, 2)
      }))

    fault(`a CONNECT proxy with credentials (${scheme})`, { quick: true }, (row) =>
      Effect.gen(function*() {
        const proxy = yield* ConnectProxy.make(credentials)
        const { url, ...file } = yield* start(certificate)
        expect(yield* tried(url, file, { proxy: Redacted.make(proxy.url), ...ca })).toEqual(reached)
        targets(proxy, url)
        expect(proxy.requests.filter(({ status }) => status === 407)).toEqual([])
        done(row, 2)
      }))

    fault(`a CONNECT proxy with wrong credentials (${scheme})`, { quick: true }, (row) =>
      Effect.gen(function*() {
        const proxy = yield* ConnectProxy.make(credentials)
        const { url, ...file } = yield* start(certificate)
        const wrong = proxy.url.replace(credentials.user, "somebody")
        const outcome = yield* tried(url, file, { proxy: Redacted.make(wrong), ...ca })
        expect(outcome.link).toEqual({ _tag: "Handshake", status: 407 })
        expect(outcome.download).toMatchObject({ _tag: "DownloadFailed" })
        done(row, 2, "the link and the file, as typed errors")
      }))
  }

  fault("a certificate for another host, through a proxy", { quick: true }, (row) =>
    Effect.gen(function*() {
      const proxy = yield* ConnectProxy.make()
      const { url, ...file } = yield* start(ofAnother)
      const outcome = yield* tried(url, file, { proxy: Redacted.make(proxy.url), ca: authority.cert })
      expect(outcome).toMatchObject(refused("ERR_TLS_CERT_ALTNAME_INVALID"))
      done(row, 2, "the link and the file, as typed errors")
    }))

  fault("a proxy that is not there", { quick: true }, (row) =>
    Effect.gen(function*() {
      const gone = (yield* Effect.scoped(ConnectProxy.make())).url
      const { url, ...file } = yield* start(good)
      const outcome = yield* tried(url, file, { proxy: Redacted.make(gone), ca: authority.cert })
      expect(outcome).toMatchObject({
        link: { _tag: "Refused", code: "ECONNREFUSED" },
        download: { _tag: "DownloadFailed", reason: { _tag: "Network", code: "ECONNREFUSED" } }
      })
      done(row, 2, "the link and the file, as typed errors")
    }))

  // The environment belongs to the whole process, so nothing else runs meanwhile.
  describe.sequential("of the environment", () => {
    const names = [
      "HTTPS_PROXY",
      "https_proxy",
      "HTTP_PROXY",
      "http_proxy",
      "ALL_PROXY",
      "all_proxy",
      "NO_PROXY",
      "no_proxy"
    ]

    const withEnvironment = (environment: { readonly [name: string]: string }) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const before = Object.fromEntries(names.map((name) => [name, process.env[name]]))
          for (const name of names) delete process.env[name]
          Object.assign(process.env, environment)
          return before
        }),
        (before) =>
          Effect.sync(() => {
            for (const name of names) {
              if (before[name] === undefined) delete process.env[name]
              else process.env[name] = before[name]
            }
          })
      )

    const through = (
      name: string,
      environment: (proxy: string, port: string) => { readonly [name: string]: string },
      isUsed: boolean,
      options: Partial<NodeWecomBot.Options> = {}
    ) =>
      fault(name, { quick: true, alone: true }, (row) =>
        Effect.gen(function*() {
          const proxy = yield* ConnectProxy.make(credentials)
          const { url, ...file } = yield* start(good)
          yield* withEnvironment(environment(proxy.url, new URL(url).port))
          expect(yield* tried(url, file, { ca: authority.cert, ...options })).toEqual(reached)
          if (isUsed) targets(proxy, url)
          else expect(proxy.requests).toEqual([])
          done(row, 2)
        }))

    through("HTTPS_PROXY", (proxy) => ({ HTTPS_PROXY: proxy }), true)
    through("https_proxy", (proxy) => ({ https_proxy: proxy }), true)
    through("ALL_PROXY", (proxy) => ({ ALL_PROXY: proxy }), true)
    through("HTTP_PROXY is not for wss and https", (proxy) => ({ HTTP_PROXY: proxy }), false)
    through("NO_PROXY with the host", (proxy) => ({ HTTPS_PROXY: proxy, NO_PROXY: "example.com,127.0.0.1" }), false)
    through(
      "NO_PROXY with host and port",
      (proxy, port) => ({ HTTPS_PROXY: proxy, NO_PROXY: `127.0.0.1:${port}` }),
      false
    )
    through("NO_PROXY with another port", (proxy) => ({ HTTPS_PROXY: proxy, NO_PROXY: "127.0.0.1:1" }), true)
    through("NO_PROXY=*", (proxy) => ({ HTTPS_PROXY: proxy, NO_PROXY: "*" }), false)
    through("proxy: false, whatever the environment says", (proxy) => ({ HTTPS_PROXY: proxy }), false, { proxy: false })
  })
})
