/**
 * A conversation on the terminal: a text that grows does so in place. Where there is no terminal, each step is a line.
 */
import { Cause, Effect, Logger, Stream } from "effect"
import * as Readline from "node:readline"

export const isInteractive = process.stdin.isTTY && process.stdout.isTTY

const write = (text: string) => {
  process.stdout.write(text)
}

/** The text at the end of the terminal that may still grow. */
let growing: { readonly id: string; readonly text: string } | undefined

const endLine = () => {
  if (growing !== undefined) write("\n")
  growing = undefined
}

const line = (label: string, text: string) => `${label.padEnd(6)} ${text}`

/** A whole line. */
export const print = (label: string, text: string): Effect.Effect<void> =>
  Effect.sync(() => {
    endLine()
    write(`${line(label, text)}\n`)
  })

/** The text of `id` as it stands now; `isWhole` when it will not grow any more. */
export const show = (id: string, label: string, text: string, isWhole: boolean): Effect.Effect<void> => {
  if (!process.stdout.isTTY) return print(label, isWhole ? text : `${text.trimEnd()} …`)
  return Effect.sync(() => {
    if (growing?.id === id && text.startsWith(growing.text)) {
      write(text.slice(growing.text.length))
    } else {
      endLine()
      write(line(label, text))
    }
    growing = { id, text }
    if (isWhole) endLine()
  })
}

/** Log lines between the lines of the conversation. */
export const layerLogger = Logger.replace(
  Logger.defaultLogger,
  Logger.make(({ cause, message }) => {
    const text = Array.isArray(message) ? message.join(" ") : String(message)
    Effect.runSync(print("log", Cause.isEmpty(cause) ? text : `${text}: ${Cause.pretty(cause)}`))
  })
)

/** What the reader types, until Ctrl-D. */
export const typedLines: Stream.Stream<string> = Stream.unwrapScoped(Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Readline.createInterface({ input: process.stdin })),
    (readline) => Effect.sync(() => readline.close())
  ),
  (readline) => Stream.orDie(Stream.fromAsyncIterable(readline, (error) => error))
))
