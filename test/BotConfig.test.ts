import { describe, expect, it } from "@effect/vitest"
import { Config, ConfigError, ConfigProvider, Duration, Effect, Either, Exit, Layer, Redacted } from "effect"
import { BotConfig } from "effect-wecom"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"

const required = { botId: "aib-1", secret: Redacted.make("s3cret") }

const resolved = (options: Partial<Record<keyof BotConfig.Options, unknown>> = {}) =>
  BotConfig.resolve({ ...required, ...options } as BotConfig.Options)

const problem = (options: Partial<Record<keyof BotConfig.Options, unknown>>): string =>
  Either.match(resolved(options), {
    onLeft: (error) => String(error),
    onRight: () => "valid"
  })

describe("defaults", () => {
  it("are those of the documentation", () => {
    const config = Either.getOrThrow(resolved())
    const millis = Object.fromEntries(
      Object.entries(config).map((
        [name, value]
      ) => [name, Duration.isDuration(value) ? Duration.toMillis(value) : value])
    )
    expect(millis).toMatchObject({
      botId: "aib-1",
      wsUrl: "wss://openws.work.weixin.qq.com",
      reconnectInterval: 1000,
      maxReconnectAttempts: 10,
      maxAuthFailureAttempts: 5,
      heartbeatInterval: 30_000,
      pingTimeout: 10_000,
      subscribeTimeout: 10_000,
      ackTimeout: 5000,
      ackHorizon: 30_000,
      unavailableTimeout: 30_000,
      requestTimeout: 10_000,
      drainTimeout: 10_000,
      sealTimeout: 5000,
      maxReplyQueueSize: 500,
      inboxSize: 1024,
      onSuperseded: "fail",
      scene: undefined,
      plugVersion: undefined
    })
    expect(Redacted.value(config.secret)).toBe("s3cret")
  })

  it("stand in for undefined, and an empty wsUrl", () => {
    const config = Either.getOrThrow(resolved({ ackTimeout: undefined, inboxSize: undefined, wsUrl: "" }))
    expect([Duration.toMillis(config.ackTimeout), config.inboxSize, config.wsUrl]).toEqual([
      5000,
      1024,
      BotConfig.defaultWsUrl
    ])
  })

  it("-1 and Infinity mean no limit", () => {
    for (const limit of [-1, Infinity]) {
      const config = Either.getOrThrow(resolved({ maxReconnectAttempts: limit, maxAuthFailureAttempts: limit }))
      expect([config.maxReconnectAttempts, config.maxAuthFailureAttempts]).toEqual([Infinity, Infinity])
    }
  })

  it("durations come in every form Effect knows", () => {
    for (const ackTimeout of [2000, "2 seconds", Duration.seconds(2), 2_000_000_000n, [2, 0]]) {
      expect(Duration.toMillis(Either.getOrThrow(resolved({ ackTimeout })).ackTimeout)).toBe(2000)
    }
  })
})

describe("errors name the option and never its value", () => {
  const durations = [
    "reconnectInterval",
    "heartbeatInterval",
    "pingTimeout",
    "subscribeTimeout",
    "ackTimeout",
    "ackHorizon",
    "requestTimeout"
  ] as const
  const mayBeZero = ["unavailableTimeout", "drainTimeout", "sealTimeout"] as const
  const attempts = ["maxReconnectAttempts", "maxAuthFailureAttempts"] as const
  const sizes = ["maxReplyQueueSize", "inboxSize"] as const

  const refuses = (option: keyof BotConfig.Options, values: ReadonlyArray<unknown>) =>
    it(option, () => {
      for (const value of values) {
        const text = problem({ [option]: value })
        expect([value, text]).toEqual([value, expect.stringContaining(option)])
        if (typeof value === "string" && value.trim() !== "") expect(text).not.toContain(value)
      }
    })

  for (const option of durations) {
    refuses(option, [0, -5, NaN, Infinity, "31415 parsecs", "", {}, [1], "-1 second", -1n])
  }
  for (const option of mayBeZero) {
    refuses(option, [-5, NaN, Infinity, "31415 parsecs", {}, "-1 second", -1n])
    it(`${option} may be zero`, () => expect(problem({ [option]: 0 })).toBe("valid"))
  }
  for (const option of attempts) {
    refuses(option, [-2, 1.5, NaN, -Infinity, "ten", {}])
    it(`${option} may be zero`, () => expect(problem({ [option]: 0 })).toBe("valid"))
  }
  for (const option of sizes) refuses(option, [0, -1, 1.5, NaN, Infinity, "many", {}])
  refuses("botId", ["", "  ", undefined, null, 7])
  refuses("wsUrl", ["openws.example", "https://leaky.example/x", "ws://a b", "wss://leaky.example/#frag", 7])
  refuses("onSuperseded", ["fight-on", 1])
  refuses("secret", ["p1ain-secret", undefined, null, Redacted.make(""), Redacted.make(7)])

  it("a layer fails as a ConfigError before anything is opened", async () => {
    const exit = await Effect.runPromiseExit(
      Effect.scoped(
        Layer.build(NodeWecomBot.layer({ ...required, secret: Redacted.make("hush-hush"), ackTimeout: -1 }))
      )
    )
    expect(Exit.isFailure(exit)).toBe(true)
    expect(JSON.stringify(exit)).toContain("ackTimeout")
    expect(JSON.stringify(exit)).not.toContain("hush-hush")
  })
})

describe("layerConfig", () => {
  const provide = (entries: ReadonlyArray<readonly [string, string]>) =>
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(entries)))

  it.effect("reads what it is told to read", () =>
    Effect.gen(function*() {
      const config = yield* BotConfig.BotConfig
      expect(config.botId).toBe("aib-2")
      expect(Redacted.value(config.secret)).toBe("from the environment")
      expect(Duration.toMillis(config.ackTimeout)).toBe(7000)
      expect(String(config.secret)).not.toContain("environment")
    }).pipe(Effect.provide(
      BotConfig.layerConfig({
        botId: Config.string("BOT"),
        secret: Config.redacted("SECRET"),
        ackTimeout: Config.duration("ACK")
      }).pipe(Layer.provide(provide([["BOT", "aib-2"], ["SECRET", "from the environment"], ["ACK", "7 seconds"]])))
    )))

  it.effect("says what is missing, and what is wrong by the name of the option", () =>
    Effect.gen(function*() {
      const options = {
        botId: Config.string("BOT"),
        secret: Config.redacted("SECRET"),
        inboxSize: Config.integer("SIZE")
      }
      const fail = (entries: ReadonlyArray<readonly [string, string]>) =>
        Effect.flip(Effect.scoped(Layer.build(BotConfig.layerConfig(options).pipe(Layer.provide(provide(entries))))))
      const missing = yield* fail([["SECRET", "x1y2z3"], ["SIZE", "5"]])
      expect(ConfigError.isConfigError(missing) && String(missing)).toContain("BOT")
      const wrong = yield* fail([["BOT", "b"], ["SECRET", "x1y2z3"], ["SIZE", "0"]])
      expect(String(wrong)).toContain("inboxSize")
      expect(String(wrong)).not.toContain("x1y2z3")
    }))
})
