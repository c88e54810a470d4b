/**
 * Hot path. One queue of deadlines and one sleeping fiber for all bots that live by the same Clock: a timer or a fiber per frame
 * costs ten times what the frame itself does, and a thousand idle bots wake nobody a thousand times.
 *
 * Time here is patient. A deadline that wakes late was kept by a blocked event loop, and the other side cannot be blamed for
 * that: the time since anything was last seen to run is given back to everybody. Before anybody is blamed, a wake yields to
 * I/O once, so that an ack that has already arrived is read first.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"

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

/**
 * A cancelled entry may lie in the queue for a while, and what it refers to with it.
 *
 * @internal
 */
export interface Entry {
  readonly dueAt: number
  readonly onDue: () => void
  cancelled: boolean
}

interface Queued extends Entry {
  /** Whether it blames somebody for what has not come. */
  readonly blames: boolean
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
  readonly start: (timeout: Timeout) => void
  /** It must have been started, and neither stopped nor called back since. */
  readonly stop: (timeout: Timeout) => void
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
  /** Never returns; runs for as long as the deadlines are kept. */
  readonly run: Effect.Effect<never>
}

const smallestCompaction = 1024

interface Sleeper {
  fiber: Fiber.RuntimeFiber<void> | undefined
}

class List {
  readonly blames: boolean
  first: Timeout | undefined = undefined
  last: Timeout | undefined = undefined

  constructor(blames: boolean) {
    this.blames = blames
  }

  link = (timeout: Timeout): void => {
    timeout.previous = this.last
    timeout.next = undefined
    if (this.last === undefined) this.first = timeout
    else this.last.next = timeout
    this.last = timeout
  }

  unlink = (timeout: Timeout): void => {
    const { next, previous } = timeout
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    timeout.previous = undefined
    timeout.next = undefined
  }
}

/** @internal */
export const make = (clock: Clock.Clock): Deadlines => {
  // Few distinct durations are in use and each is a FIFO by itself, so insertion sorts by walking back from the end.
  let queue: Array<Queued> = []
  let head = 0
  let stalled = 0
  let armedFor = Infinity
  /** There while these are run. */
  let fork: (<A>(effect: Effect.Effect<A>) => Fiber.RuntimeFiber<A>) | undefined
  /** Whoever sleeps until `armedFor`. */
  let sleeper: Sleeper | undefined
  /** With those that are to end and have not yet. */
  const fibers = new Set<Fiber.RuntimeFiber<void>>()
  /** The sleeper calls back, and finds for itself what is set meanwhile. */
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
    queue = queue.slice(head).filter((entry) => !entry.cancelled)
    head = 0
    compactAt = Math.max(smallestCompaction, 2 * queue.length)
  }

  const arm = (dueAt: number) => {
    if (dueAt >= armedFor) return
    // At once, and not only when the fiber sleeps: a loop that blocks right now must be noticed too.
    armedFor = dueAt
    if (fork === undefined || isAwake) return
    sleeper?.fiber?.unsafeInterruptAsFork(FiberId.none)
    const next: Sleeper = sleeper = { fiber: undefined }
    const fiber = next.fiber = fork(sleep(next))
    fibers.add(fiber)
    fiber.addObserver((exit) => {
      fibers.delete(fiber)
      if (sleeper === next && Exit.isInterrupted(exit)) fallAsleep()
    })
  }

  /** With nobody asleep: at the beginning, or when somebody interrupted the sleeper. */
  const fallAsleep = () => {
    sleeper = undefined
    armedFor = Infinity
    isYielding = false
    arm(nextDue())
  }

  const set = (millis: number, onDue: () => void, blames: boolean): Entry => {
    const entry: Queued = { dueAt: now() + millis, onDue, blames, cancelled: false }
    if (queue.length >= compactAt) compact()
    let at = queue.length
    while (at > head && queue[at - 1]!.dueAt > entry.dueAt) at--
    if (at === queue.length) queue.push(entry)
    else queue.splice(at, 0, entry)
    arm(entry.dueAt)
    return entry
  }

  let lists: ReadonlyArray<List> = []

  /** Those of each length that somebody has asked for. */
  const makeLists = (blames: boolean) => {
    const known = new Map<number, { readonly list: List; readonly timeouts: Timeouts }>()
    const add = (millis: number) => {
      const list = new List(blames)
      const start = (timeout: Timeout) => {
        timeout.dueAt = now() + millis
        list.link(timeout)
        arm(timeout.dueAt)
        if (!blames && !isGlancing) look()
      }
      const made = { list, timeouts: { start, stop: list.unlink } }
      lists = [...lists, list]
      known.set(millis, made)
      return made
    }
    return {
      get: (millis: number): Timeouts => (known.get(millis) ?? add(millis)).timeouts,
      /** Bots with durations of their own come and go. */
      forgetEmpty: () => {
        for (const [millis, { list }] of known) {
          if (list.first !== undefined) continue
          lists = lists.filter((other) => other !== list)
          known.delete(millis)
        }
      },
      isEmpty: () => known.size === 0,
      /** What is almost over need not wake anybody again. */
      endEarly: (time: number, callBack: (due: Timeout) => void) => {
        const end = time + slackMillis
        for (const [millis, { list }] of known) {
          // One that is shorter still, and begins again as it ends, would end for ever.
          if (millis <= slackMillis) continue
          for (let first = list.first; first !== undefined && first.dueAt < end; first = list.first) {
            list.unlink(first)
            callBack(first)
          }
        }
      },
      /** All of them are due, whatever their length. */
      endAll: () => {
        for (const { list } of known.values()) {
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
      if (!entry.cancelled) return entry
      head++
    }
    queue = []
    head = 0
    return undefined
  }

  const nextDue = (): number => Math.min(firstEntry()?.dueAt ?? Infinity, firstList()?.first?.dueAt ?? Infinity)

  /** One that breaks must not keep the others from theirs. */
  const defects: Array<unknown> = []
  const callBack = (due: { readonly onDue: () => void }) => {
    try {
      due.onDue()
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
    while (!isYielding && nextDue() < end) {
      const entry = firstEntry()
      const list = firstList()
      const due = entry !== undefined && (list === undefined || entry.dueAt <= list.first!.dueAt)
        ? entry
        : list!.first!
      if (!mayBlame && (due === entry ? entry.blames : list!.blames)) {
        isYielding = true
      } else {
        if (due === entry) head++
        else list!.unlink(list!.first!)
        callBack(due)
      }
    }
    if (!isYielding) pauses.endEarly(end, callBack)
    isAwake = false
    armedFor = nextDue()
  }

  /** A logger may break as well, and it may set a deadline. */
  const report = (): Effect.Effect<void> => {
    isAwake = true
    return Effect.ensuring(
      Effect.forEach(
        defects.splice(0),
        (defect) => Effect.catchAllCause(Effect.logError("a deadline failed", Cause.die(defect)), () => Effect.void),
        { discard: true }
      ),
      Effect.sync(() => {
        isAwake = false
      })
    )
  }

  const wait = (): Effect.Effect<void> => {
    if (defects.length > 0) return Effect.zipRight(Effect.suspend(report), Effect.suspend(wait))
    // What comes in first may block the loop, and that is given back too.
    if (isYielding) return clock.sleep(Duration.zero)
    const millis = armedFor - now()
    return millis < grainMillis || armedFor === Infinity ? Effect.void : clock.sleep(Duration.millis(millis))
  }

  /** One that another was put in place of may wake once more before it ends. */
  const sleep = (self: Sleeper): Effect.Effect<void> =>
    Effect.whileLoop({
      while: () => {
        if (sleeper === self && armedFor === Infinity && defects.length === 0) sleeper = undefined
        return sleeper === self
      },
      body: wait,
      step: () => {
        if (sleeper === self) wake()
      }
    })

  const run: Effect.Effect<never> = Effect.flatMap(Effect.runtime<never>(), (runtime) =>
    Effect.async((_resume) => {
      const runFork = Runtime.runFork(runtime)
      fork = (effect) => runFork(effect, { immediate: false })
      fallAsleep()
      return Effect.sync(() => {
        fork = undefined
        sleeper = undefined
        for (const fiber of fibers) fiber.unsafeInterruptAsFork(FiberId.none)
      })
    }))

  return {
    now,
    after: (millis, onDue) => set(millis, onDue, true),
    timeouts: timeouts.get,
    pauses: pauses.get,
    run
  }
}
