/**
 * Runs before every test file: everything any test logs, at the finest level, is searched for the gateway's secret, for media
 * keys and for pre-signed links, and a test that logged one fails.
 */
import { Cause, FiberRef, HashMap, HashSet, Inspectable, List, Logger, LogLevel, Redacted } from "effect"
import { inspect } from "node:util"
import { afterAll, afterEach } from "vitest"
import { defaultSecret } from "../../src/internal/gateway/options.js"
import { forbidden, leaks } from "./forbidden.js"

forbidden.add(Redacted.value(defaultSecret))

/** 32 bytes as base64, with or without padding; paths of source files have more slashes than a key has by chance. */
const mediaKey = /(?<![\w+/=.-])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])(?!(?:[\w+-]*\/){3})[\w+/-]{43}=?(?![\w+/=.-])/
const signedLink = /https?:\/\/[^\s"'<>]*[?&][^\s"'<>=]*(?:sign|token|expires|credential|secret)[^\s"'<>=]*=/i

const search = (text: string): string | undefined => {
  for (const word of forbidden) if (text.includes(word)) return "a forbidden word"
  if (mediaKey.test(text)) return "what looks like a media key"
  if (signedLink.test(text)) return "a pre-signed link"
  return undefined
}

/** Remembers what must not be there; the test that runs then fails. */
export const watch = (where: string, text: string): void => {
  const found = search(text)
  if (found !== undefined) leaks.push(`${where} contains ${found}: ${text.slice(0, 2_000)}`)
}

/** As the loggers of Effect would print it, and as Node would, which also shows what an Error says. */
const shown = (value: unknown): string =>
  typeof value === "string" ? value : `${Inspectable.toStringUnknown(value)} ${inspect(value, { depth: 6 })}`

const capture = Logger.make<unknown, void>(({ annotations, cause, logLevel, message, spans }) => {
  const parts = [
    ...(Array.isArray(message) ? message : [message]).map(shown),
    ...HashMap.toEntries(annotations).map(([key, value]) => `${key}=${shown(value)}`),
    ...List.toArray(spans).map(({ label }) => label),
    Cause.isEmpty(cause) ? "" : Cause.pretty(cause, { renderErrorCause: true }) + shown(cause.toJSON())
  ]
  watch(`a ${logLevel.label} log`, parts.join(" "))
})

// Files share a process, and what is in place must not be put in place again.
const installed = Symbol.for("effect-wecom/test/secretsInLogs")
const here = globalThis as { [installed]?: true }
if (here[installed] !== true) {
  here[installed] = true

  // Every fiber that was not told otherwise starts from these; `Logger.replace` and `Logger.remove` leave ours in place.
  const loggers = FiberRef.currentLoggers as unknown as { initial: HashSet.HashSet<Logger.Logger<unknown, unknown>> }
  loggers.initial = HashSet.add(loggers.initial, capture)
  const minimumLogLevel = FiberRef.currentMinimumLogLevel as unknown as { initial: LogLevel.LogLevel }
  minimumLogLevel.initial = LogLevel.All

  // What is captured need not be printed.
  const printing = Logger.defaultLogger as { log: (options: Logger.Logger.Options<unknown>) => void }
  const print = printing.log
  printing.log = (options) => LogLevel.greaterThanEqual(options.logLevel, LogLevel.Info) ? print(options) : undefined

  for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
    const original = console[method]
    console[method] = (...args: ReadonlyArray<unknown>) => {
      watch(`console.${method}`, args.map((arg) => typeof arg === "string" ? arg : inspect(arg)).join(" "))
      original.apply(console, [...args])
    }
  }
}

const fail = () => {
  const found = leaks.splice(0)
  if (found.length > 0) throw new Error(`nothing secret may be logged, but ${found.join("\n")}`)
}

afterEach(fail)
afterAll(fail)
