/**
 * Sliding windows of the moments at which messages went, one per conversation, forgotten when the longest window is empty.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Governor, Priority, Quota } from "../Governor.js"

interface Waiter {
  readonly priority: Priority
  turn: Deferred.Deferred<void> | undefined
}

interface Conversation {
  /** Monotonic milliseconds, oldest first. */
  sent: Array<number>
  readonly waiting: Array<Waiter>
}

/** Sweeping is amortised over this many new conversations. */
const sweepEvery = 1024

/** @internal */
export const make = (clock: Clock.Clock, quotas: ReadonlyArray<Quota>): Governor.Service => {
  const limits = quotas.map((quota) => ({ count: quota.count, millis: Duration.toMillis(quota.window) }))
  const longest = Math.max(...limits.map((limit) => limit.millis))
  const conversations = new Map<string, Conversation>()
  let sweepAt = sweepEvery

  const now = () => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

  const sweep = (time: number) => {
    for (const [id, { sent, waiting }] of conversations) {
      if (waiting.length === 0 && (sent.at(-1) ?? 0) < time - longest) conversations.delete(id)
    }
    sweepAt = conversations.size + sweepEvery
  }

  const conversation = (chatId: string): Conversation => {
    let found = conversations.get(chatId)
    if (found === undefined) {
      if (conversations.size >= sweepAt) sweep(now())
      found = { sent: [], waiting: [] }
      conversations.set(chatId, found)
    }
    return found
  }

  /** Milliseconds until one more may go; 0 when it may go now. */
  const delay = ({ sent }: Conversation, time: number): number => {
    let wait = 0
    for (const { count, millis } of limits) {
      const oldest = sent[sent.length - count]
      if (oldest !== undefined) wait = Math.max(wait, oldest + millis - time)
    }
    return wait
  }

  const record = (self: Conversation, time: number) => {
    let expired = 0
    while (expired < self.sent.length && self.sent[expired]! <= time - longest) expired++
    if (expired > 0) self.sent = self.sent.slice(expired)
    self.sent.push(time)
  }

  const tryTake = (self: Conversation): boolean => {
    const time = now()
    if (delay(self, time) > 0) return false
    record(self, time)
    return true
  }

  const enter = (self: Conversation, priority: Priority): Waiter => {
    const waiter: Waiter = { priority, turn: undefined }
    const behind = priority === "final" ? self.waiting.findIndex((other) => other.priority !== "final") : -1
    if (behind === -1) self.waiting.push(waiter)
    else self.waiting.splice(behind, 0, waiter)
    return waiter
  }

  const leave = (self: Conversation, waiter: Waiter) => {
    const at = self.waiting.indexOf(waiter)
    if (at === -1) return
    self.waiting.splice(at, 1)
    const next = self.waiting[0]
    if (at === 0 && next?.turn !== undefined) Deferred.unsafeDone(next.turn, Effect.void)
  }

  return {
    unsafeTryTake: (chatId) => {
      const self = conversation(chatId)
      return self.waiting.length === 0 && tryTake(self)
    },
    take: (chatId, priority) =>
      Effect.suspend(() => {
        const self = conversation(chatId)
        if (self.waiting.length === 0 && tryTake(self)) return Effect.succeed(Duration.zero)
        const since = now()
        const waiter = enter(self, priority)
        // Only the first in line looks at the clock; a final that overtakes it is first from then on.
        const inLine: Effect.Effect<void> = Effect.suspend(() => {
          if (self.waiting[0] !== waiter) {
            const turn = waiter.turn = Deferred.unsafeMake<void>(FiberId.none)
            return Effect.zipRight(Deferred.await(turn), inLine)
          }
          if (tryTake(self)) return Effect.void
          return Effect.zipRight(clock.sleep(Duration.millis(delay(self, now()))), inLine)
        })
        return inLine.pipe(
          Effect.ensuring(Effect.sync(() => leave(self, waiter))),
          Effect.map(() => Duration.millis(now() - since))
        )
      })
  }
}
