/**
 * Hot path. Updates the tagged metrics of `Telemetry` without an Effect.
 */
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import { Command } from "../Frame.js"
import * as Telemetry from "../Telemetry.js"

/** `Metric.tagged` costs more than the update, so it is asked once per value. For values from a closed set only. */
const byTag = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, tag: string) => {
  const known = new Map<string, Metric.Metric<Type, In, Out>>()
  return (value: string): Metric.Metric<Type, In, Out> => {
    let tagged = known.get(value)
    if (tagged === undefined) known.set(value, tagged = Metric.tagged(metric, tag, value))
    return tagged
  }
}

const receivedOf = byTag(Telemetry.received, "type")
const handlerDurationOf = byTag(Telemetry.handlerDuration, "type")
const sentOf = byTag(Telemetry.sent, "command")
const verdictOf = byTag(Telemetry.verdicts, "verdict")

const commands: ReadonlySet<string> = new Set([
  Command.respond,
  Command.respondWelcome,
  Command.respondUpdate,
  Command.send
])

interface Typed {
  readonly msgtype?: string | undefined
  readonly eventtype?: string | undefined
}

/**
 * The literals of our schemas: a closed set.
 *
 * @internal
 */
export const typeOf = (incoming: Typed): string => incoming.eventtype ?? incoming.msgtype ?? "unknown"

/** @internal */
export const received = (incoming: Typed): void => receivedOf(typeOf(incoming)).unsafeUpdate(1, [])

/** @internal */
export const handled = (incoming: Typed, seconds: number): void =>
  handlerDurationOf(typeOf(incoming)).unsafeUpdate(seconds, [])

/** @internal */
export const sent = (command: string): void => sentOf(commands.has(command) ? command : "other").unsafeUpdate(1, [])

/** @internal */
export const verdict = (exit: Exit.Exit<unknown, { readonly _tag: string }>): void => {
  const tag = Exit.isSuccess(exit) ? "Acked" : exit.cause._tag === "Fail" ? exit.cause.error._tag : "Interrupted"
  verdictOf(tag).unsafeUpdate(1, [])
}

/** @internal */
export const queueDepth = (change: number): void => Telemetry.queueDepth.unsafeUpdate(change, [])

/** @internal */
export const handlersWaiting = (change: number): void => Telemetry.handlersWaiting.unsafeUpdate(change, [])

/** @internal */
export const ackLatency = (millis: number): void => Telemetry.ackLatency.unsafeUpdate(millis / 1000, [])
