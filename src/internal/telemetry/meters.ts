/**
 * Hot path. Updates the tagged metrics of `Telemetry` without an Effect.
 */
import * as Exit from "effect/Exit"
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import { Command } from "../../Frame.js"
import * as Telemetry from "../../Telemetry.js"

/**
 * A tagged metric without `Metric.tagged`, which costs more than the update. The arrays of labels are kept, so the values must
 * be a closed set.
 */
const byTag = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, tag: string) => {
  const known = new Map<string, ReadonlyArray<MetricLabel.MetricLabel>>()
  return (value: string, input: In): void => {
    let labels = known.get(value)
    if (labels === undefined) known.set(value, labels = [MetricLabel.make(tag, value)])
    metric.unsafeUpdate(input, labels)
  }
}

const updateReceived = byTag(Telemetry.received, "type")
const updateHandlerDuration = byTag(Telemetry.handlerDuration, "type")
const updateRepaired = byTag(Telemetry.incomingRepaired, "field")
const updateSent = byTag(Telemetry.sent, "command")
const updateVerdict = byTag(Telemetry.verdicts, "verdict")

const commands: ReadonlySet<string> = new Set(Object.values(Command))

interface Typed {
  readonly msgtype?: string | undefined
  readonly eventtype?: string | undefined
}

/**
 * The literals of the schemas, which are a closed set.
 *
 * @internal
 */
export const typeOf = (incoming: Typed): string => incoming.eventtype ?? incoming.msgtype ?? "unknown"

/** @internal */
export const received = (incoming: Typed): void => updateReceived(typeOf(incoming), 1)

/** @internal */
export const handled = (incoming: Typed, seconds: number): void => updateHandlerDuration(typeOf(incoming), seconds)

/**
 * The paths of the schemas, which are a closed set.
 *
 * @internal
 */
export const repaired = (field: string): void => updateRepaired(field, 1)

/** @internal */
export const sent = (command: string): void => updateSent(commands.has(command) ? command : "other", 1)

/** @internal */
export const verdict = (exit: Exit.Exit<unknown, { readonly _tag: string }>): void => {
  const tag = Exit.isSuccess(exit) ? "Acked" : exit.cause._tag === "Fail" ? exit.cause.error._tag : "Interrupted"
  updateVerdict(tag, 1)
}

/** @internal */
export const queueDepth = (change: number): void => Telemetry.queueDepth.unsafeUpdate(change, [])

/** @internal */
export const handlersWaiting = (change: number): void => Telemetry.handlersWaiting.unsafeUpdate(change, [])

/** @internal */
export const ackLatency = (millis: number): void => Telemetry.ackLatency.unsafeUpdate(millis / 1000, [])
