/**
 * Sliding windows over the times of the messages of each conversation. A conversation is forgotten when its longest window is
 * empty.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Governor, Priority, Quota } from "../../Governor.js"

interface QuotaWaiter {
  readonly priority: Priority
  turn: Deferred.Deferred<void> | undefined
}

/** The waits for the quota of one conversation, in order. */
type Line = Array<QuotaWaiter>

/** Monotonic milliseconds, oldest first. */
type Timestamps = Array<number>

/** The number of new conversations between two sweeps. */
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
  private readonly longest: number
  /** The times of messages by conversation, as plain arrays: there are thousands. */
  private readonly sent = new Map<string, Timestamps>()
  private readonly lines = new Map<string, Line>()
  private sweepAt = sweepEvery

  constructor(clock: Clock.Clock, limits: ReadonlyArray<Limit>) {
    this.clock = clock
    this.limits = limits
    this.longest = Math.max(0, ...limits.map(({ millis }) => millis))
  }

  readonly unsafeTryTake = (chatId: string): boolean =>
    (this.lines.size === 0 || !this.lines.has(chatId)) && this.tryTake(this.sentBy(chatId))

  readonly take = (chatId: string, priority: Priority): Effect.Effect<Duration.Duration> =>
    Effect.suspend(() => {
      if (this.unsafeTryTake(chatId)) return Effect.succeed(Duration.zero)
      const since = this.now()
      const waiter: QuotaWaiter = { priority, turn: undefined }
      return Effect.acquireUseRelease(
        Effect.sync(() => this.enter(chatId, waiter)),
        (line) => this.inLine(line, waiter, this.sentBy(chatId)),
        (line) => Effect.sync(() => this.leave(chatId, line, waiter))
      ).pipe(Effect.map(() => Duration.millis(this.now() - since)))
    })

  private enter(chatId: string, waiter: QuotaWaiter): Line {
    const line = this.lines.get(chatId) ?? []
    const behind = waiter.priority === "final" ? line.findIndex((other) => other.priority !== "final") : -1
    if (behind === -1) line.push(waiter)
    else line.splice(behind, 0, waiter)
    this.lines.set(chatId, line)
    return line
  }

  private leave(chatId: string, line: Line, waiter: QuotaWaiter): void {
    const at = line.indexOf(waiter)
    if (at === -1) return
    line.splice(at, 1)
    if (line.length === 0) this.lines.delete(chatId)
    const next = line[0]
    if (at === 0 && next?.turn !== undefined) Deferred.unsafeDone(next.turn, Effect.void)
  }

  /** Only the first in the line waits for the clock. A final that overtakes it becomes the first. */
  private inLine(line: Line, waiter: QuotaWaiter, sent: Timestamps): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (line[0] !== waiter) {
        const turn = waiter.turn = Deferred.unsafeMake<void>(FiberId.none)
        return Effect.zipRight(Deferred.await(turn), this.inLine(line, waiter, sent))
      }
      if (this.tryTake(sent)) return Effect.void
      const pause = this.clock.sleep(Duration.millis(this.delay(sent, this.now())))
      return Effect.zipRight(pause, this.inLine(line, waiter, sent))
    })
  }

  private now(): number {
    return Number(this.clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }

  private sweep(time: number): void {
    for (const [id, sent] of this.sent) {
      if (!this.lines.has(id) && (sent.at(-1) ?? 0) < time - this.longest) this.sent.delete(id)
    }
    this.sweepAt = this.sent.size + sweepEvery
  }

  private sentBy(chatId: string): Timestamps {
    let found = this.sent.get(chatId)
    if (found === undefined) {
      if (this.sent.size >= this.sweepAt) this.sweep(this.now())
      found = []
      this.sent.set(chatId, found)
    }
    return found
  }

  /** Milliseconds until one more message may be sent, 0 for now. */
  private delay(sent: Timestamps, time: number): number {
    let wait = 0
    for (const { count, millis } of this.limits) {
      // A negative index is a property name to the engine, and reading it takes a hundred times as long.
      const oldest = sent.length < count ? undefined : sent[sent.length - count]
      if (oldest !== undefined) wait = Math.max(wait, oldest + millis - time)
    }
    return wait
  }

  private tryTake(sent: Timestamps): boolean {
    const time = this.now()
    if (this.delay(sent, time) > 0) return false
    const forgotten = time - this.longest
    let expired = 0
    while (expired < sent.length && sent[expired]! <= forgotten) expired++
    if (expired > 0) sent.splice(0, expired)
    sent.push(time)
    return true
  }
}
