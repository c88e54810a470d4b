/**
 * Hot path. One queue of deadlines and one alarm for all bots of the same Clock. A timer or a fiber per frame costs ten times
 * as much as the frame.
 *
 * Stalls of the event loop over 1 s are subtracted from `now()`, so that our own stall fires no timeout. A wake that finds a
 * timeout due yields to I/O once before it fires it, so that an ack that has already arrived is read first.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Alarm, Fork } from "./alarm.js"

/** A wake that is later than this means that the event loop was blocked. */
const stallMillis = 1000

/** How often the wall clock is compared with the monotonic clock, which does not advance while a machine is suspended. */
const comparisonMillis = 1000

/** The difference between the two clocks from which on the machine counts as having been suspended. */
const jumpMillis = 10_000

/**
 * A pause that ends within this time of a wake ends with that wake. A larger slack would save few wakes, and synchronise all
 * bots of a process over time.
 */
const slackMillis = 10

/** Tolerance for rounding: a deadline closer than this is due. */
const roundingMillis = 0.001

/** @internal */
export interface Deadline {
  readonly dueAt: number
  /** Does nothing after the callback. */
  cancel(): void
}

/** A cancelled entry stays in the queue until its time, without its callback. */
class QueuedDeadline implements Deadline {
  readonly dueAt: number
  /** Whether it fires only after a yield to I/O. */
  readonly yieldsFirst: boolean
  /** Absent after the callback and after `cancel`. */
  onDue: (() => void) | undefined

  constructor(dueAt: number, yieldsFirst: boolean, onDue: () => void) {
    this.dueAt = dueAt
    this.yieldsFirst = yieldsFirst
    this.onDue = onDue
  }

  cancel(): void {
    this.onDue = undefined
  }
}

/**
 * A node in the linked list of all timeouts of one length. Stopping unlinks it: entries that stay in a queue until their time
 * survive the garbage collector's first generation, which costs more than the frame.
 *
 * @internal
 */
export interface Timeout {
  dueAt: number
  previous: Timeout | undefined
  next: Timeout | undefined
  readonly onDue: () => void
}

/** @internal */
export interface Timeouts {
  start(timeout: Timeout): void
  /** The timeout must be running. */
  stop(timeout: Timeout): void
}

/** @internal */
export interface Deadlines {
  /** Monotonic milliseconds, without stalls of the event loop. */
  readonly now: () => number
  /** Calls back once, after `millis`, unless cancelled first. */
  readonly after: (millis: number, onDue: () => void) => Deadline
  /** For many timeouts of one length, most of which are stopped before they are due. */
  readonly timeouts: (millis: number) => Timeouts
  /**
   * For pauses: due without a yield to I/O, and at once after the machine was suspended. A pause that starts again as it ends
   * must be longer than 10 ms.
   */
  readonly pauses: (millis: number) => Timeouts
}

/** @internal */
export interface StoppableDeadlines extends Deadlines {
  /** Ends all callbacks. */
  readonly stop: () => void
}

const smallestCompaction = 1024

/** A logger that throws is ignored. */
const report = (defects: ReadonlyArray<unknown>): Effect.Effect<void> =>
  Effect.forEach(
    defects,
    (defect) => Effect.catchAllCause(Effect.logError("a deadline failed", Cause.die(defect)), () => Effect.void),
    { discard: true }
  )

/** The members of the deadlines that a list uses. */
interface ListOwner {
  readonly now: () => number
  readonly onStart: (list: TimeoutList, dueAt: number) => void
}

class TimeoutList implements Timeouts {
  readonly millis: number
  readonly yieldsFirst: boolean
  first: Timeout | undefined = undefined
  private last: Timeout | undefined = undefined
  private readonly owner: ListOwner

  constructor(millis: number, yieldsFirst: boolean, owner: ListOwner) {
    this.millis = millis
    this.yieldsFirst = yieldsFirst
    this.owner = owner
  }

  start(timeout: Timeout): void {
    const dueAt = timeout.dueAt = this.owner.now() + this.millis
    timeout.previous = this.last
    timeout.next = undefined
    if (this.last === undefined) this.first = timeout
    else this.last.next = timeout
    this.last = timeout
    this.owner.onStart(this, dueAt)
  }

  stop(timeout: Timeout): void {
    const { next, previous } = timeout
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    timeout.previous = undefined
    timeout.next = undefined
  }
}

/**
 * `fork` runs the reports of callbacks that threw.
 *
 * @internal
 */
export const make = (clock: Clock.Clock, alarm: Alarm, fork: Fork): StoppableDeadlines => {
  // Few distinct durations are in use and each of them is first in, first out, so insertion sorts by walking back from the end.
  let queue: Array<QueuedDeadline> = []
  let head = 0
  let stalled = 0
  let armedFor = Infinity
  /** Cancels the alarm that is set for `armedFor`. */
  let cancelAlarm: (() => unknown) | undefined
  let hasStopped = false
  /** A callback can call `stop`. */
  const isOver = () => hasStopped
  /** Inside `wake`. Deadlines that callbacks set are found by its loop. */
  let isAwake = false
  /** A timeout is due, and I/O runs before it fires. */
  let isYielding = false

  // Nanoseconds since 1970 are beyond the safe integers.
  const origin = clock.unsafeCurrentTimeNanos()
  const raw = () => Number(clock.unsafeCurrentTimeNanos() - origin) / 1_000_000
  let lastSeen = raw()

  const now = () => {
    const time = raw()
    if (time - stalled > armedFor + stallMillis) stalled += time - lastSeen
    lastSeen = time
    return time - stalled
  }

  // Cancelled entries stay in the queue. Doubling the threshold keeps the cost of compacting amortised.
  let compactAt = smallestCompaction
  const compact = () => {
    queue = queue.slice(head).filter((entry) => entry.onDue !== undefined)
    head = 0
    compactAt = Math.max(smallestCompaction, 2 * queue.length)
  }

  const arm = (dueAt: number, millis: number) => {
    if (dueAt >= armedFor) return
    armedFor = dueAt
    if (!isAwake) setAlarm(millis)
  }

  const clearAlarm = () => {
    cancelAlarm?.()
    cancelAlarm = undefined
  }

  const setAlarm = (millis: number) => {
    clearAlarm()
    if (!hasStopped) cancelAlarm = alarm(millis, ring)
  }

  const ring = () => {
    cancelAlarm = undefined
    wake()
    if (defects.length > 0) fork(report(defects.splice(0)))
    // The I/O that runs first can block the event loop, so the time is read again.
    if (isYielding) setAlarm(0)
    else if (armedFor < Infinity) setAlarm(Math.max(0, armedFor - now()))
  }

  const set = (millis: number, onDue: () => void, yieldsFirst: boolean): Deadline => {
    const entry = new QueuedDeadline(now() + millis, yieldsFirst, onDue)
    if (queue.length >= compactAt) compact()
    let at = queue.length
    while (at > head && queue[at - 1]!.dueAt > entry.dueAt) at--
    if (at === queue.length) queue.push(entry)
    else queue.splice(at, 0, entry)
    arm(entry.dueAt, millis)
    return entry
  }

  let lists: ReadonlyArray<TimeoutList> = []

  const owner: ListOwner = {
    now,
    onStart: (list, dueAt) => {
      arm(dueAt, list.millis)
      if (!list.yieldsFirst && !isComparing) startComparing()
    }
  }

  /** The lists of timeouts (or of pauses) by their length. */
  const makeLists = (yieldsFirst: boolean) => {
    const known = new Map<number, TimeoutList>()
    const add = (millis: number) => {
      const list = new TimeoutList(millis, yieldsFirst, owner)
      lists = [...lists, list]
      known.set(millis, list)
      return list
    }
    return {
      get: (millis: number): Timeouts => known.get(millis) ?? add(millis),
      /** Drops the lists of durations that no bot uses any more. */
      forgetEmpty: () => {
        for (const [millis, list] of known) {
          if (list.first !== undefined) continue
          lists = lists.filter((other) => other !== list)
          known.delete(millis)
        }
      },
      isEmpty: () => known.size === 0,
      /** Ends pauses that are over within the slack, to save a wake. */
      endWithinSlack: (time: number, callBack: (due: Timeout) => void) => {
        const end = time + slackMillis
        for (const [millis, list] of known) {
          // A pause that is shorter than the slack and starts again as it ends would end forever.
          if (millis <= slackMillis) continue
          for (let first = list.first; first !== undefined && first.dueAt < end && !isOver(); first = list.first) {
            list.stop(first)
            callBack(first)
          }
        }
      },
      /** Makes all of them due. */
      endAll: () => {
        for (const list of known.values()) {
          for (let timeout = list.first; timeout !== undefined; timeout = timeout.next) timeout.dueAt = -Infinity
        }
      }
    }
  }

  const timeouts = makeLists(true)
  const pauses = makeLists(false)

  let isComparing = false
  let offset = 0
  let stalledBefore = 0

  const startComparing = () => {
    offset = clock.unsafeCurrentTimeMillis() - raw()
    stalledBefore = stalled
    isComparing = true
    set(comparisonMillis, compareClocks, false)
  }

  /** Runs while there are pauses. */
  const compareClocks = () => {
    timeouts.forgetEmpty()
    pauses.forgetEmpty()
    isComparing = false
    if (pauses.isEmpty()) return
    const drift = clock.unsafeCurrentTimeMillis() - raw() - offset
    const hasJumped = Math.abs(drift) > jumpMillis || stalled - stalledBefore > jumpMillis
    startComparing()
    if (hasJumped) pauses.endAll()
  }

  const firstList = (): TimeoutList | undefined => {
    let first: TimeoutList | undefined
    // An index, because the iterators would be most of the garbage of a wake.
    for (let n = 0; n < lists.length; n++) {
      const list = lists[n]!
      if (list.first !== undefined && (first === undefined || list.first.dueAt < first.first!.dueAt)) first = list
    }
    return first
  }

  const firstEntry = (): QueuedDeadline | undefined => {
    while (head < queue.length) {
      const entry = queue[head]!
      if (entry.onDue !== undefined) return entry
      head++
    }
    queue = []
    head = 0
    return undefined
  }

  const nextDue = (): number => Math.min(firstEntry()?.dueAt ?? Infinity, firstList()?.first?.dueAt ?? Infinity)

  /** A callback that throws does not stop the others. */
  const defects: Array<unknown> = []
  const callBack = (due: { readonly onDue: (() => void) | undefined }) => {
    try {
      due.onDue?.()
    } catch (defect) {
      defects.push(defect)
    }
  }

  /** Fires what is due, up to the first timeout that has to wait for I/O. */
  const wake = () => {
    const hasYielded = isYielding
    isYielding = false
    const end = now() + roundingMillis
    isAwake = true
    while (!isOver() && !isYielding && nextDue() < end) {
      const entry = firstEntry()
      const list = firstList()
      const isEntry = entry !== undefined && (list === undefined || entry.dueAt <= list.first!.dueAt)
      if (!hasYielded && (isEntry ? entry : list!).yieldsFirst) {
        isYielding = true
      } else if (isEntry) {
        head++
        callBack(entry)
        entry.cancel()
      } else {
        const timeout = list!.first!
        list!.stop(timeout)
        callBack(timeout)
      }
    }
    if (!isYielding) pauses.endWithinSlack(end, callBack)
    isAwake = false
    armedFor = nextDue()
  }

  return {
    now,
    after: (millis, onDue) => set(millis, onDue, true),
    timeouts: timeouts.get,
    pauses: pauses.get,
    stop: () => {
      hasStopped = true
      clearAlarm()
    }
  }
}
