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

interface Limit {
  readonly count: number
  readonly millis: number
}

/** @internal */
export const limitOf = ({ count, window }: Quota): Limit => ({ count, millis: Duration.toMillis(window) })

/** @internal */
export class Quotas implements Governor.Service {
  private readonly clock: Clock.Clock
  private readonly limits: ReadonlyArray<Limit>
  private readonly conversations = new Map<string, Conversation>()
  private sweepAt = sweepEvery

  constructor(clock: Clock.Clock, limits: ReadonlyArray<Limit>) {
    this.clock = clock
    this.limits = limits
  }

  readonly unsafeTryTake = (chatId: string): boolean => {
    const self = this.conversation(chatId)
    return self.waiting.length === 0 && this.tryTake(self)
  }

  readonly take = (chatId: string, priority: Priority): Effect.Effect<Duration.Duration> =>
    Effect.suspend(() => {
      const self = this.conversation(chatId)
      if (self.waiting.length === 0 && this.tryTake(self)) return Effect.succeed(Duration.zero)
      const since = this.now()
      const waiter = enter(self, priority)
      return this.inLine(self, waiter).pipe(
        Effect.ensuring(Effect.sync(() => leave(self, waiter))),
        Effect.map(() => Duration.millis(this.now() - since))
      )
    })

  /** Only the first in line looks at the clock; a final that overtakes it is first from then on. */
  private inLine(self: Conversation, waiter: Waiter): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (self.waiting[0] !== waiter) {
        const turn = waiter.turn = Deferred.unsafeMake<void>(FiberId.none)
        return Effect.zipRight(Deferred.await(turn), this.inLine(self, waiter))
      }
      if (this.tryTake(self)) return Effect.void
      const pause = this.clock.sleep(Duration.millis(this.delay(self, this.now())))
      return Effect.zipRight(pause, this.inLine(self, waiter))
    })
  }

  private now(): number {
    return Number(this.clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }

  private longest(): number {
    let longest = 0
    for (const { millis } of this.limits) longest = Math.max(longest, millis)
    return longest
  }

  private sweep(time: number): void {
    for (const [id, { sent, waiting }] of this.conversations) {
      if (waiting.length === 0 && (sent.at(-1) ?? 0) < time - this.longest()) this.conversations.delete(id)
    }
    this.sweepAt = this.conversations.size + sweepEvery
  }

  private conversation(chatId: string): Conversation {
    let found = this.conversations.get(chatId)
    if (found === undefined) {
      if (this.conversations.size >= this.sweepAt) this.sweep(this.now())
      found = { sent: [], waiting: [] }
      this.conversations.set(chatId, found)
    }
    return found
  }

  /** Milliseconds until one more may go; 0 when it may go now. */
  private delay({ sent }: Conversation, time: number): number {
    let wait = 0
    for (const { count, millis } of this.limits) {
      const oldest = sent[sent.length - count]
      if (oldest !== undefined) wait = Math.max(wait, oldest + millis - time)
    }
    return wait
  }

  private tryTake(self: Conversation): boolean {
    const time = this.now()
    if (this.delay(self, time) > 0) return false
    const forgotten = time - this.longest()
    let expired = 0
    while (expired < self.sent.length && self.sent[expired]! <= forgotten) expired++
    if (expired > 0) self.sent = self.sent.slice(expired)
    self.sent.push(time)
    return true
  }
}

const enter = (self: Conversation, priority: Priority): Waiter => {
  const waiter: Waiter = { priority, turn: undefined }
  const behind = priority === "final" ? self.waiting.findIndex((other) => other.priority !== "final") : -1
  if (behind === -1) self.waiting.push(waiter)
  else self.waiting.splice(behind, 0, waiter)
  return waiter
}

const leave = (self: Conversation, waiter: Waiter): void => {
  const at = self.waiting.indexOf(waiter)
  if (at === -1) return
  self.waiting.splice(at, 1)
  const next = self.waiting[0]
  if (at === 0 && next?.turn !== undefined) Deferred.unsafeDone(next.turn, Effect.void)
}
