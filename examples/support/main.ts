/**
 * How an example is run by hand: `npx tsx examples/….ts`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Effect, Logger } from "effect"
import { pathToFileURL } from "node:url"

/** Half of the credentials count, so that the other half is asked for. */
export const hasCredentials: Effect.Effect<boolean> = Config.nonEmptyString("WECOM_BOT_ID").pipe(
  Config.orElse(() => Config.nonEmptyString("WECOM_BOT_SECRET")),
  Effect.isSuccess
)

const withoutExtension = (url: string) => url.replace(/\.m?[jt]s$/, "")

/**
 * Runs the example when it is the program that was started, and not when a test imports it: the bot of the environment, or
 * without credentials the demo. What ends it for good is one line, and the process exits with 1.
 */
export const main = <E, E2>(
  url: string,
  { demo, program }: {
    readonly program: Effect.Effect<unknown, E>
    readonly demo: Effect.Effect<unknown, E2>
  }
): void => {
  const started = pathToFileURL(process.argv[1] ?? "").href
  if (withoutExtension(started) !== withoutExtension(url)) return
  const name = withoutExtension(url.slice(url.lastIndexOf("/") + 1))
  const service = Effect.provide(program, Logger.pretty)
  Effect.if(hasCredentials, { onTrue: () => service, onFalse: () => demo }).pipe(
    Effect.tapError((error) => Console.error(`${name}: ${error instanceof Error ? error.message : error}`)),
    Effect.tapDefect((defect) => Effect.logFatal(defect)),
    NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
  )
}
