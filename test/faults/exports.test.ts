/**
 * Every function that a public module exports, found by walking the modules, so that none is forgotten: whatever it is given, it
 * answers, or says in the library's own words what it wants instead.
 */
import { Cause, Context, Effect, Either, Exit, Layer, Metric, Schema, Stream } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect } from "vitest"
import { anything } from "./hostile.js"
import { fault } from "./world.js"

type AnyFunction = (...args: ReadonlyArray<unknown>) => unknown

const folder = path.join(import.meta.dirname, "../../src")

/** Effect's, not ours: schemas, tags and metrics are functions, too, and so is `pipe`. */
const isOurs = (value: unknown): value is AnyFunction =>
  typeof value === "function" && !Schema.isSchema(value) && !Context.isTag(value) && !(Metric.MetricTypeId in value)

const isEffectful = (value: unknown): boolean =>
  Effect.isEffect(value) || Layer.isLayer(value) || Array.isArray(value) || Schema.isSchema(value)

/** By the name a program calls it. */
const exported = async (): Promise<ReadonlyArray<readonly [string, AnyFunction]>> => {
  const found: Array<readonly [string, AnyFunction]> = []
  for (const file of fs.readdirSync(folder)) {
    if (!file.endsWith(".ts") || file === "index.ts") continue
    const module: { readonly [name: string]: unknown } = await import(path.join(folder, file))
    for (const [name, value] of Object.entries(module)) {
      const label = `${file.slice(0, -3)}.${name}`
      if (isOurs(value)) found.push([label, value])
      else if (typeof value === "object" && value !== null && !isEffectful(value)) {
        for (const [key, member] of Object.entries(value)) {
          if (key !== "pipe" && isOurs(member)) found.push([`${label}.${key}`, member])
        }
      }
    }
  }
  return found
}

/** Errors that are traps themselves are not ours either. */
const shown = (error: unknown): string => {
  try {
    return String(error).slice(0, 80)
  } catch {
    return "what cannot be printed"
  }
}

const isOnPurpose = (defect: unknown): boolean => shown(defect) === "Error: on purpose"

/** What comes with the tag of an error of ours, or is an error of the configuration. */
const isTyped = (error: unknown): boolean => {
  try {
    return typeof error === "object" && error !== null && ("_tag" in error || "_op" in error)
  } catch {
    return false
  }
}

const saysWhat = (error: unknown): boolean => {
  if (!(error instanceof Error) || !("_tag" in error) || error._tag !== "SendInvalid") return false
  const { field, limit, problem } = error as unknown as { readonly [name: string]: string }
  return field !== "" && problem !== "" && limit !== "" && error.message.includes(limit!)
}

/** Whose services are asked for and not there; the bot's methods are tried with a bot by the tests beside this one. */
const wantsService = (defect: unknown): boolean => shown(defect).includes("Service not found")

describe("whatever the arguments", () => {
  fault(
    "every exported function answers, or throws SendInvalid",
    { quick: true, alone: true },
    (row) =>
      Effect.gen(function*() {
        const functions = yield* Effect.promise(exported)
        expect(functions.length).toBeGreaterThan(120)
        const found = new Map<string, string>()
        const attempt = (label: string, args: string, call: () => unknown): unknown => {
          row.times++
          try {
            return call()
          } catch (error) {
            if (!saysWhat(error)) found.set(`${label}: ${shown(error)}`, args)
            return undefined
          }
        }
        // Megabytes once; what else there is in every combination that matters.
        const small = anything.filter(([name]) => name !== "huge" && name !== "wide")
        const seconds = small.filter(([name]) => ["undefined", "null", "NaN", "{}", "symbol", "trap"].includes(name))
        for (const [label, f] of functions) {
          for (const [first, a] of anything) {
            for (const [second, b] of first === "huge" || first === "wide" ? seconds.slice(0, 1) : seconds) {
              const result = attempt(label, `${first}, ${second}`, () => f(a, b, b))
              // The second half of what is written for pipe.
              if (!isOurs(result)) continue
              for (const [third, c] of small) attempt(`${label}(…)`, `${first}, ${second}, ${third}`, () => result(c))
            }
          }
        }
        if (found.size > 0) yield* Effect.fail(new Error([...found].map((one) => one.join(" after ")).join("\n")))
      })
  )

  fault(
    "what they return fails with a typed error, never a defect",
    { quick: true, alone: true },
    (row) =>
      Effect.gen(function*() {
        const functions = yield* Effect.promise(exported)
        const found = new Map<string, string>()
        const settle = (result: unknown): Effect.Effect<unknown, unknown> | undefined => {
          if (Either.isEither(result)) return undefined
          if (Effect.isEffect(result)) return result as Effect.Effect<unknown>
          if (Layer.isLayer(result)) return Effect.scoped(Layer.build(result as unknown as Layer.Layer<never>))
          return typeof result === "object" && result !== null && Stream.StreamTypeId in result
            ? Stream.runDrain(result as Stream.Stream<never>)
            : undefined
        }
        // What pretends to be an Effect and throws when Effect's own runtime looks at it is nothing that a library could meet.
        const small = anything.filter(([name]) => !["huge", "wide", "trap", "getters"].includes(name))
        const calls = functions.flatMap(([label, f]) => small.map(([name, argument]) => ({ label, f, name, argument })))
        yield* Effect.forEach(calls, ({ argument, f, label, name }) =>
          Effect.gen(function*() {
            let settling: Effect.Effect<unknown, unknown> | undefined
            try {
              settling = settle(f(argument, argument, argument))
            } catch {
              return
            }
            if (settling === undefined) return
            row.times++
            const exit = yield* Effect.exit(Effect.scoped(Effect.timeout(settling, "50 millis")))
            if (Exit.isSuccess(exit)) return
            for (const defect of Cause.defects(exit.cause)) {
              // Where there is no typed failure it dies of the same error; and a program's own function may throw what it likes.
              if (!wantsService(defect) && !saysWhat(defect) && !isOnPurpose(defect)) {
                found.set(`${label}: ${shown(defect)}`, name)
              }
            }
            for (const error of Cause.failures(exit.cause)) {
              if (!isTyped(error)) {
                found.set(`${label} fails with ${shown(error)}`, name)
              }
            }
          }), { concurrency: 24, discard: true })
        if (found.size > 0) yield* Effect.fail(new Error([...found].map((one) => one.join(" after ")).join("\n")))
      })
  )
})
