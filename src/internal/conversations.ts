/**
 * The order of messages within each conversation, while conversations run side by side up to a bound. A conversation exists
 * only while it has messages.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Batch } from "../BotRouter.js"
import type * as Message from "../Message.js"
import type { Overlap } from "./runOptions.js"

type Fork = <R>(handler: Effect.Effect<void, never, R>) => Effect.Effect<Fiber.RuntimeFiber<void>, never, R>

/** @internal */
export interface Conversations<R> {
  /** `false`: too many wait already. Returns as soon as the message has its place. */
  readonly offer: (key: string, message: Message.Message) => Effect.Effect<boolean, never, R>
}

/** @internal */
export const make = <R>(options: {
  readonly overlap: Overlap
  readonly debounceWindow: Duration.Duration
  readonly concurrency: number
  readonly maxWaiting: number
  readonly fork: Fork
  readonly handle: (message: Message.Message) => Effect.Effect<void, never, R>
  readonly handleBatch: (messages: Batch) => Effect.Effect<void, never, R>
}): Conversations<R> => {
  const permits = Effect.unsafeMakeSemaphore(options.concurrency)
  const queues = new Map<string, Array<Message.Message>>()
  const running = new Map<string, Fiber.RuntimeFiber<void>>()
  let waiting = 0

  const bounded = <A>(handler: Effect.Effect<A, never, R>) => permits.withPermits(1)(handler)

  const begin = (message: Message.Message): Effect.Effect<void, never, R> =>
    Effect.suspend(() => {
      waiting--
      return options.handle(message)
    })

  const alone = (message: Message.Message) =>
    Effect.suspend(() => {
      let hasBegun = false
      return Effect.onExit(
        bounded(Effect.suspend(() => {
          hasBegun = true
          return begin(message)
        })),
        () =>
          Effect.sync(() => {
            if (!hasBegun) waiting--
          })
      )
    })

  /** Leaves in the same step in which it finds nothing, so that no message joins a queue that nobody serves. */
  const hasMore = (key: string, queue: Array<Message.Message>) => () => {
    if (queue.length > 0) return true
    queues.delete(key)
    return false
  }

  const worker = (key: string, queue: Array<Message.Message>) =>
    bounded(Effect.whileLoop({
      while: hasMore(key, queue),
      body: () => begin(queue.shift()!),
      step: () => {}
    })).pipe(Effect.onInterrupt(() => abandon(key, queue)))

  const batches = (key: string, queue: Array<Message.Message>) =>
    Effect.whileLoop({
      while: hasMore(key, queue),
      body: () =>
        Effect.zipRight(
          Effect.sleep(options.debounceWindow),
          bounded(Effect.suspend(() => {
            const batch = queue.splice(0)
            waiting -= batch.length
            return options.handleBatch(batch as unknown as Batch)
          }))
        ),
      step: () => {}
    }).pipe(Effect.onInterrupt(() => abandon(key, queue)))

  const abandon = (key: string, queue: Array<Message.Message>) =>
    Effect.sync(() => {
      waiting -= queue.length
      queue.length = 0
      if (queues.get(key) === queue) queues.delete(key)
    })

  const enqueue = (
    key: string,
    message: Message.Message,
    work: (key: string, queue: Array<Message.Message>) => Effect.Effect<void, never, R>
  ): Effect.Effect<unknown, never, R> => {
    const queue = queues.get(key)
    if (queue !== undefined) {
      queue.push(message)
      return Effect.void
    }
    const fresh = [message]
    queues.set(key, fresh)
    return options.fork(work(key, fresh))
  }

  const supersede = (key: string, message: Message.Message): Effect.Effect<unknown, never, R> => {
    const before = running.get(key)
    return Effect.zipRight(
      before === undefined ? Effect.void : Fiber.interruptFork(before),
      Effect.map(options.fork(alone(message)), (fiber) => {
        running.set(key, fiber)
        fiber.addObserver(() => {
          if (running.get(key) === fiber) running.delete(key)
        })
      })
    )
  }

  return {
    offer: (key, message) =>
      Effect.suspend(() => {
        if (waiting >= options.maxWaiting) return Effect.succeed(false)
        waiting++
        switch (options.overlap) {
          case "queue":
            return Effect.as(enqueue(key, message, worker), true)
          case "debounce":
            return Effect.as(enqueue(key, message, batches), true)
          case "latest":
            return Effect.as(supersede(key, message), true)
          case "concurrent":
            return Effect.as(options.fork(alone(message)), true)
        }
      })
  }
}
