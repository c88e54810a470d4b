/**
 * Hot path. One queue of deadlines and one alarm for all bots that live by the same Clock: a timer or a fiber per frame
 * costs ten times what the frame itself does, and a thousand idle bots wake nobody a thousand times.
 *
 * Time here is patient. A deadline that wakes late was kept by a blocked event loop, and the other side cannot be blamed for
 * that: the time since anything was last seen to run is given back to everybody. Before anybody is blamed, a wake yields to
 * I/O once, so that an ack that has already arrived is read first.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Alarm, Fork } from "./alarm.js"

/** A wake that is later than this was not kept by the scheduler but by a blocked loop. */
const stallMillis = 1000

/** How often the wall clock is looked at: a laptop that slept may not know it, its wall clock does. */
const glanceMillis = 1000

/** How far wall time may run away from monotonic time between two glances before the machine must have slept. */
const jumpMillis = 10_000

/**
 * So much of a pause is left out when somebody is awake anyway. More would spare few wakes, and in time bring all bots of a process
 * together: who has ended a pause with somebody begins the next with him.
 */
const slackMillis = 10

/** Sums of fractions are rounded: what is closer than a microsecond is due. */
const grainMillis = 0.001

/** @internal */
export interface Entry {
  readonly dueAt: number
  /** Does nothing once it has been called back. */
  cancel(): void
}

/** It may lie in the queue when it is over; what it refers to does not. */
class Queued implements Entry {
  readonly dueAt: number
  /** Whether it blames somebody for what has not come. */
  readonly blames: boolean
  /** Absent once it is over. */
  onDue: (() => void) | undefined

  constructor(dueAt: number, blames: boolean, onDue: () => void) {
    this.dueAt = dueAt
    this.blames = blames
    this.onDue = onDue
  }

  cancel(): void {
    this.onDue = undefined
  }
}

/**
 * A link in the list of all that last equally long, so that nothing of it is left when it is stopped: what lies in a queue
 * until its time survives the garbage collector, which then costs more than the frame.
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
  /** It must have been started, and neither stopped nor called back since. */
  stop(timeout: Timeout): void
}

/** @internal */
export interface Deadlines {
  /** Monotonic milliseconds, less the time the event loop stood still. */
  readonly now: () => number
  /** Calls back once, after `millis`, unless cancelled first. */
  readonly after: (millis: number, onDue: () => void) => Entry
  /** For many that last equally long, almost all of which are stopped. */
  readonly timeouts: (millis: number) => Timeouts
  /**
   * The same for those that blame nobody when they are due, and are due at once when the machine seems to have slept. One that
   * begins again as it ends must last a while.
   */
  readonly pauses: (millis: number) => Timeouts
}

/** @internal */
export interface Driven extends Deadlines {
  /** Nobody is called back any more. */
  readonly stop: () => void
}

const smallestCompaction = 1024

/** A logger may break as well. */
const report = (defects: ReadonlyArray<unknown>): Effect.Effect<void> =>
  Effect.forEach(
    defects,
    (defect) => Effect.catchAllCause(Effect.logError("a deadline failed", Cause.die(defect)), () => Effect.void),
    { discard: true }
  )

/** Whoever has to know of all that is started. */
interface Owner {
  readonly now: () => number
  readonly onStart: (list: List, dueAt: number) => void
}

/** Methods, because V8 forgets what it compiled for the functions of a list with that list, and lists come and go. */
class List implements Timeouts {
  readonly millis: number
  readonly blames: boolean
  first: Timeout | undefined = undefined
  private last: Timeout | undefined = undefined
  private readonly owner: Owner

  constructor(millis: number, blames: boolean, owner: Owner) {
    this.millis = millis
    this.blames = blames
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
 * `fork` is for reporting what broke.
 *
 * @internal
 */
export const make = (clock: Clock.Clock, alarm: Alarm, fork: Fork): Driven => {
  // Few distinct durations are in use and each is a FIFO by itself, so insertion sorts by walking back from the end.
  let queue: Array<Queued> = []
  let head = 0
  let stalled = 0
  let armedFor = Infinity
  /** Calls off the alarm that is set for `armedFor`. */
  let callOff: (() => unknown) | undefined
  let hasStopped = false
  /** Whoever is called back may be the one who stops. */
  const isOver = () => hasStopped
  /** Those that are due are called back, and what is set meanwhile is found after them. */
  let isAwake = false
  /** What is due blames somebody, so I/O goes first. */
  let isYielding = false

  // Nanoseconds since 1970 do not fit into a number.
  const origin = clock.unsafeCurrentTimeNanos()
  const raw = () => Number(clock.unsafeCurrentTimeNanos() - origin) / 1_000_000
  let lastSeen = raw()

  const now = () => {
    const time = raw()
    if (time - stalled > armedFor + stallMillis) stalled += time - lastSeen
    lastSeen = time
    return time - stalled
  }

  // Settled frames leave cancelled entries behind; doubling the threshold keeps the sweep amortised.
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
    callOff?.()
    callOff = undefined
  }

  const setAlarm = (millis: number) => {
    clearAlarm()
    if (!hasStopped) callOff = alarm(millis, ring)
  }

  const ring = () => {
    callOff = undefined
    wake()
    if (defects.length > 0) fork(report(defects.splice(0)))
    // What comes in first may block the loop, and that is given back too.
    if (isYielding) setAlarm(0)
    else if (armedFor < Infinity) setAlarm(Math.max(0, armedFor - now()))
  }

  const set = (millis: number, onDue: () => void, blames: boolean): Entry => {
    const entry = new Queued(now() + millis, blames, onDue)
    if (queue.length >= compactAt) compact()
    let at = queue.length
    while (at > head && queue[at - 1]!.dueAt > entry.dueAt) at--
    if (at === queue.length) queue.push(entry)
    else queue.splice(at, 0, entry)
    arm(entry.dueAt, millis)
    return entry
  }

  let lists: ReadonlyArray<List> = []

  const owner: Owner = {
    now,
    onStart: (list, dueAt) => {
      arm(dueAt, list.millis)
      if (!list.blames && !isGlancing) look()
    }
  }

  /** Those of each length that somebody has asked for. */
  const makeLists = (blames: boolean) => {
    const known = new Map<number, List>()
    const add = (millis: number) => {
      const list = new List(millis, blames, owner)
      lists = [...lists, list]
      known.set(millis, list)
      return list
    }
    return {
      get: (millis: number): Timeouts => known.get(millis) ?? add(millis),
      /** Bots with durations of their own come and go. */
      forgetEmpty: () => {
        for (const [millis, list] of known) {
          if (list.first !== undefined) continue
          lists = lists.filter((other) => other !== list)
          known.delete(millis)
        }
      },
      isEmpty: () => known.size === 0,
      /** What is almost over need not wake anybody again. */
      endEarly: (time: number, callBack: (due: Timeout) => void) => {
        const end = time + slackMillis
        for (const [millis, list] of known) {
          // One that is shorter still, and begins again as it ends, would end for ever.
          if (millis <= slackMillis) continue
          for (let first = list.first; first !== undefined && first.dueAt < end && !isOver(); first = list.first) {
            list.stop(first)
            callBack(first)
          }
        }
      },
      /** All of them are due, whatever their length. */
      endAll: () => {
        for (const list of known.values()) {
          for (let timeout = list.first; timeout !== undefined; timeout = timeout.next) timeout.dueAt = -Infinity
        }
      }
    }
  }

  const timeouts = makeLists(true)
  const pauses = makeLists(false)

  let isGlancing = false
  let offset = 0
  let stalledBefore = 0

  const look = () => {
    offset = clock.unsafeCurrentTimeMillis() - raw()
    stalledBefore = stalled
    isGlancing = true
    set(glanceMillis, glance, false)
  }

  /** The wall clock is looked at for as long as somebody pauses. */
  const glance = () => {
    timeouts.forgetEmpty()
    pauses.forgetEmpty()
    isGlancing = false
    if (pauses.isEmpty()) return
    const drift = clock.unsafeCurrentTimeMillis() - raw() - offset
    const hasJumped = Math.abs(drift) > jumpMillis || stalled - stalledBefore > jumpMillis
    look()
    if (hasJumped) pauses.endAll()
  }

  const firstList = (): List | undefined => {
    let first: List | undefined
    // An index, because an iterator for each look would be most of what a wake leaves to the collector.
    for (let n = 0; n < lists.length; n++) {
      const list = lists[n]!
      if (list.first !== undefined && (first === undefined || list.first.dueAt < first.first!.dueAt)) first = list
    }
    return first
  }

  const firstEntry = (): Queued | undefined => {
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

  /** One that breaks must not keep the others from theirs. */
  const defects: Array<unknown> = []
  const callBack = (due: { readonly onDue: (() => void) | undefined }) => {
    try {
      due.onDue?.()
    } catch (defect) {
      defects.push(defect)
    }
  }

  /** Calls back whoever is due, as far as nobody is blamed before I/O went first. */
  const wake = () => {
    const mayBlame = isYielding
    isYielding = false
    const end = now() + grainMillis
    isAwake = true
    while (!isOver() && !isYielding && nextDue() < end) {
      const entry = firstEntry()
      const list = firstList()
      const isEntry = entry !== undefined && (list === undefined || entry.dueAt <= list.first!.dueAt)
      if (!mayBlame && (isEntry ? entry : list!).blames) {
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
    if (!isYielding) pauses.endEarly(end, callBack)
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
