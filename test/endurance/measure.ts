/**
 * What is left in the process of a bot that does nothing, and how its heap grows.
 */
import { Effect, Supervisor } from "effect"
import type { Exit, Fiber } from "effect"
import * as Bot from "./bot.js"

/** Every fiber below the effect it supervises. */
export class Roots extends Supervisor.AbstractSupervisor<number> {
  readonly alive = new Set<Fiber.RuntimeFiber<any, any>>()
  readonly value = Effect.sync(() => this.alive.size)
  override onStart(_context: unknown, _effect: unknown, _parent: unknown, fiber: Fiber.RuntimeFiber<any, any>) {
    this.alive.add(fiber)
  }
  override onEnd(_exit: Exit.Exit<any, any>, fiber: Fiber.RuntimeFiber<any, any>) {
    this.alive.delete(fiber)
  }
}

export type Census = Readonly<Record<string, number>>

const tally = (names: ReadonlyArray<string>, prefix: string): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[`${prefix} ${name}`] = (counts[`${prefix} ${name}`] ?? 0) + 1
  return counts
}

/** Sockets, timers, fibers and listeners, by kind. */
export const census = (roots: Roots): Census => {
  const listeners: Record<string, number> = {}
  for (const socket of Bot.sockets) {
    for (const name of socket.eventNames()) {
      const key = `listeners of sockets for ${String(name)}`
      listeners[key] = (listeners[key] ?? 0) + socket.listenerCount(name)
    }
  }
  for (const name of process.eventNames()) {
    listeners[`listeners of the process for ${String(name)}`] = process.listenerCount(name)
  }
  return {
    sockets: Bot.sockets.size,
    fibers: roots.alive.size,
    ...tally(process.getActiveResourcesInfo(), "resource"),
    ...listeners
  }
}

/** What there is more of than in the idle bot. */
export const surplus = (idle: Census, now: Census): ReadonlyArray<string> =>
  Object.entries(now).filter(([key, count]) => count > (idle[key] ?? 0)).map(([key, count]) =>
    `${key}: ${idle[key] ?? 0} when idle, ${count} now`
  )

export interface Sample {
  readonly seconds: number
  readonly bytes: number
}

/** Bytes per second, by least squares. */
export const slope = (samples: ReadonlyArray<Sample>): number => {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const seconds = mean((sample) => sample.seconds)
  const bytes = mean((sample) => sample.bytes)
  const covariance = mean((sample) => (sample.seconds - seconds) * (sample.bytes - bytes))
  const variance = mean((sample) => (sample.seconds - seconds) ** 2)
  return variance === 0 ? 0 : covariance / variance
}
