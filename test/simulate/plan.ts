/**
 * What is going to happen in one history: drawn from its seed before anything runs, so that it can be read.
 */
import type { BotConfig, BotRouter } from "effect-wecom"
import type * as TestGateway from "effect-wecom/TestGateway"
import * as Files from "./files.js"
import * as Rng from "./rng.js"
import * as Scripts from "./scripts.js"

/** What the bot does about one message. */
export type Behaviour =
  | {
    readonly _tag: "Frames"
    readonly frames: number
    readonly gap: number
    readonly together: boolean
    /** By `replyStreamFrameIfIdle`. */
    readonly ifIdle: boolean
  }
  /** A stream and a card in one. */
  | { readonly _tag: "Combined" }
  | {
    readonly _tag: "Stream"
    readonly script: Scripts.Script
    readonly ending: "Completes" | "Fails" | "Dies" | "Hangs"
    readonly openAtOnce: boolean
  }
  | { readonly _tag: "Whole"; readonly words: number }
  | { readonly _tag: "Markdown" }
  | { readonly _tag: "Card" }
  | { readonly _tag: "Push"; readonly count: number; readonly together: boolean }
  | { readonly _tag: "Ask"; readonly timeout: number }
  | { readonly _tag: "AskCard"; readonly timeout: number }
  | { readonly _tag: "Upload"; readonly bytes: number }
  | { readonly _tag: "Command" }
  /** In a fiber of its own, which is interrupted after so long. */
  | { readonly _tag: "Forks"; readonly as: "handler" | "daemon"; readonly millis: number; readonly inner: Behaviour }
  | { readonly _tag: "Slow"; readonly millis: number }
  | { readonly _tag: "Throws" }
  | { readonly _tag: "Fails" }
  | { readonly _tag: "Dies" }
  | { readonly _tag: "NeverEnds" }

/** What goes wrong with the frames of one req_id, from the first to the last. */
export type LaneFault =
  | { readonly _tag: "AcksLate"; readonly max: number }
  | { readonly _tag: "AcksDropped" | "FramesLost"; readonly chance: number }
  | { readonly _tag: "Refused"; readonly code: number; readonly after: number; readonly times: number }

/** What people do. */
export type Act =
  & { readonly at: number; readonly who: string; readonly group: boolean }
  & (
    | { readonly _tag: "Writes"; readonly behaviour: Behaviour; readonly fault?: LaneFault | undefined }
    | { readonly _tag: "Enters"; readonly answersAfter: number }
    | { readonly _tag: "Presses" }
    | { readonly _tag: "Rates" }
    | { readonly _tag: "Sends"; readonly file: Files.File }
    /** The program pushes by itself, from no handler. */
    | { readonly _tag: "IsPushedTo"; readonly count: number }
  )

/** What goes wrong; `millis` is how long it lasts. */
export type Fault =
  & { readonly at: number; readonly millis: number }
  & (
    | { readonly _tag: "Cut" }
    | { readonly _tag: "Closed"; readonly code: number }
    | { readonly _tag: "HalfOpen" }
    | { readonly _tag: "Kick" }
    | { readonly _tag: "Forgotten" }
    | { readonly _tag: "PongsMuted" }
    | { readonly _tag: "SubscribesMuted" }
    | { readonly _tag: "CredentialsRefused" }
    | { readonly _tag: "ConnectionsRefused"; readonly status: number | undefined }
    | { readonly _tag: "NeverOpens" }
    /** Up for a second and down for a moment, again and again. */
    | { readonly _tag: "Restarting" }
    | { readonly _tag: "AcksLate"; readonly max: number }
    | { readonly _tag: "AcksDropped"; readonly chance: number }
    | { readonly _tag: "AcksTwice" }
    | { readonly _tag: "AcksReordered"; readonly size: number }
    | { readonly _tag: "FramesLost"; readonly chance: number }
    | { readonly _tag: "Refused"; readonly code: number; readonly chance: number }
    | { readonly _tag: "StreamGone"; readonly code: number }
    | { readonly _tag: "Garbage"; readonly what: number }
    | { readonly _tag: "Redelivery" }
    | { readonly _tag: "LoopBlocked" }
    | { readonly _tag: "MachineSlept" }
  )

/** Another instance of the same bot comes, and goes after a while. */
export interface Visit {
  readonly at: number
  readonly millis: number
  readonly onSuperseded: "fail" | "retake"
}

export interface Plan {
  readonly seed: number
  readonly gateway: TestGateway.Options
  readonly bot: Partial<BotConfig.Options>
  readonly run: Pick<BotRouter.RunOptions, "overlap" | "concurrency"> & { readonly handlerTimeout: number }
  /** One way, in milliseconds. */
  readonly latency: { readonly min: number; readonly max: number } | undefined
  /** Fibers that are ready at once run in an order of chance. */
  readonly shuffled: boolean
  readonly acts: ReadonlyArray<Act>
  readonly faults: ReadonlyArray<Fault>
  /** One after the other. */
  readonly visits: ReadonlyArray<Visit>
  /** All faults are lifted then. */
  readonly calmAt: number
  /** The layer closes then, whatever goes on; else when all is quiet. */
  readonly closesAt: number | undefined
}

const passingCodes = [6000, 846607, 45009, 45033, -1]
const finalCodes = [40058, 40201, 45002, 846606, 40008, 93006, 40016, 93001]
/** The stream, or the whole req_id, takes no more frames from then on. */
export const goneCodes: ReadonlyArray<number> = [846608, 846604, 846605]

const endings = ["Completes", "Completes", "Completes", "Completes", "Fails", "Dies", "Hangs"] as const

const behaviour = (rng: Rng.Rng, depth = 0): Behaviour => {
  const _tag = rng.weighted({
    Frames: 4,
    Stream: 6,
    Whole: 2,
    Markdown: 2,
    Card: 2,
    Combined: 0.5,
    Push: 2,
    Ask: depth === 0 ? 1.5 : 0,
    AskCard: depth === 0 ? 0.7 : 0,
    Upload: 0.4,
    Command: 0.3,
    Forks: depth === 0 ? 0.7 : 0,
    Slow: 0.5,
    Throws: 0.4,
    Fails: 0.4,
    Dies: 0.4,
    NeverEnds: depth === 0 ? 0.4 : 0
  })
  switch (_tag) {
    case "Frames":
      return {
        _tag,
        frames: rng.int(1, 8),
        gap: rng.pick([0, 0, 100, 2000]),
        together: rng.chance(0.4),
        ifIdle: rng.chance(0.2)
      }
    case "Stream":
      return {
        _tag,
        script: Scripts.draw(rng, rng.logarithmic(50, 60_000), 25),
        ending: rng.pick(endings),
        openAtOnce: rng.chance(0.7)
      }
    case "Whole":
      return { _tag, words: rng.pick([1, 20, 20, 5000]) }
    case "Push":
      return { _tag, count: rng.int(1, 4), together: rng.chance(0.5) }
    case "Ask":
    case "AskCard":
      return { _tag, timeout: rng.logarithmic(500, 40_000) }
    case "Upload":
      return { _tag, bytes: rng.pick([5, 1000, 600_000]) }
    case "Forks":
      return { _tag, as: rng.pick(["handler", "daemon"]), millis: 60_000, inner: behaviour(rng, depth + 1) }
    case "Slow":
      return { _tag, millis: rng.logarithmic(100, 20_000) }
    default:
      return { _tag }
  }
}

const act = (rng: Rng.Rng, at: number, who: string, group: boolean): Act => {
  const base = { at, who, group }
  const _tag = rng.weighted({
    Writes: 10,
    Enters: group ? 0 : 1.5,
    Presses: 2,
    Rates: 1,
    // In a group a bot gets no files.
    Sends: group ? 0 : 2,
    IsPushedTo: group ? 0 : 1
  })
  switch (_tag) {
    case "Writes":
      return { ...base, _tag, behaviour: behaviour(rng) }
    case "Enters":
      return { ...base, _tag, answersAfter: rng.pick([0, 0, 0, 1000, 4900, 6000]) }
    case "Sends":
      return { ...base, _tag, file: Files.draw(rng) }
    case "IsPushedTo":
      return { ...base, _tag, count: rng.int(1, 5) }
    default:
      return { ...base, _tag }
  }
}

/** Faults after which nothing is lost and nobody is to blame. */
export const harmless: ReadonlySet<Fault["_tag"]> = new Set([
  "Garbage",
  "Redelivery",
  "LoopBlocked",
  "MachineSlept",
  "AcksTwice"
])

/** Acks that are held up twice could come after their horizon. */
const isSlow = (fault: Fault) => fault._tag === "AcksLate" || fault._tag === "AcksReordered"

const fault = (rng: Rng.Rng, at: number): Fault => {
  const _tag = rng.weighted({
    Cut: 5,
    Closed: 2,
    HalfOpen: 2,
    Kick: 1.5,
    Forgotten: 2,
    PongsMuted: 1,
    SubscribesMuted: 1,
    CredentialsRefused: 1,
    ConnectionsRefused: 2,
    NeverOpens: 1,
    Restarting: 1,
    AcksLate: 3,
    AcksDropped: 2,
    AcksTwice: 2,
    AcksReordered: 2,
    FramesLost: 2,
    Refused: 4,
    StreamGone: 1.5,
    Garbage: 2,
    Redelivery: 2,
    LoopBlocked: 1,
    MachineSlept: 0.7
  })
  const base = { at, millis: rng.logarithmic(500, 40_000) }
  switch (_tag) {
    case "Closed":
      return { ...base, _tag, code: rng.pick([1000, 1001, 1006, 1008, 1011, 1012, 1013, 3000, 4999]) }
    case "ConnectionsRefused":
      return { ...base, _tag, status: rng.pick([undefined, undefined, 403, 409, 502]) }
    case "AcksLate":
      return { ...base, _tag, max: rng.pick([300, 2000, 6000, 25_000]) }
    case "AcksReordered":
      return { ...base, _tag, millis: Math.min(base.millis, 20_000), size: rng.int(2, 4) }
    case "AcksDropped":
    case "FramesLost":
      return { ...base, _tag, chance: rng.pick([0.05, 0.3, 1]) }
    case "Refused":
      return {
        ...base,
        _tag,
        code: rng.chance(0.3) ? 846609 : rng.pick([...passingCodes, ...finalCodes]),
        chance: rng.pick([0.05, 0.3, 1])
      }
    case "StreamGone":
      return { ...base, _tag, code: rng.pick(goneCodes) }
    case "Garbage":
      return { ...base, _tag, what: rng.int(0, 1000) }
    case "LoopBlocked":
      return { ...base, _tag, millis: rng.pick([500, 3000, 20_000, 60_000]) }
    case "MachineSlept":
      return { ...base, _tag, millis: rng.pick([60_000, 3_600_000]) }
    default:
      return { ...base, _tag }
  }
}

const faults = (rng: Rng.Rng, count: number, calmAt: number): ReadonlyArray<Fault> => {
  const all = Array.from({ length: count }, () => fault(rng, rng.int(0, calmAt))).toSorted((a, b) => a.at - b.at)
  let slowUntil = 0
  return all.flatMap((fault): ReadonlyArray<Fault> => {
    const lasting = {
      ...fault,
      millis: fault._tag === "LoopBlocked" || fault._tag === "MachineSlept"
        ? fault.millis
        : Math.min(fault.millis, calmAt - fault.at)
    }
    if (!isSlow(fault)) return [lasting]
    if (fault.at < slowUntil) return []
    slowUntil = fault.at + fault.millis
    return [lasting]
  })
}

const visits = (rng: Rng.Rng, calmAt: number): ReadonlyArray<Visit> => {
  const all: Array<Visit> = []
  let from = 0
  const count = Number(rng.weighted({ 0: 7, 1: 2, 2: 1 }))
  while (all.length < count) {
    const at = rng.int(from, calmAt)
    const millis = Math.min(rng.logarithmic(1000, 120_000), calmAt - at)
    all.push({ at, millis, onSuperseded: rng.pick(["fail", "retake"]) })
    // It may take its time to close.
    from = at + millis + 20_000
    if (from >= calmAt) break
  }
  return all
}

const laneFault = (rng: Rng.Rng): LaneFault | undefined => {
  const after = rng.int(0, 20)
  switch (rng.pick(["None", "None", "AcksLate", "AcksDropped", "FramesLost", "Gone", "Passing", "Final"] as const)) {
    case "None":
      return undefined
    case "AcksLate":
      return { _tag: "AcksLate", max: rng.pick([300, 2000, 7000, 25_000]) }
    case "AcksDropped":
      return { _tag: "AcksDropped", chance: rng.pick([0.05, 0.3]) }
    case "FramesLost":
      return { _tag: "FramesLost", chance: rng.pick([0.05, 0.2]) }
    case "Gone":
      return { _tag: "Refused", code: rng.pick(goneCodes), after, times: Infinity }
    case "Passing":
      return { _tag: "Refused", code: rng.pick([...passingCodes, 846609]), after, times: rng.int(1, 6) }
    case "Final":
      return { _tag: "Refused", code: rng.pick(finalCodes), after, times: 1 }
  }
}

/** One kind of fault, again and again. */
const again = (rng: Rng.Rng, kind: "None" | "Cut" | "Outage" | "Kick" | "HalfOpen" | "Closed", until: number) => {
  // A retaker gives way to a rival after a few tries in ten minutes; and a bot that is hardly ever connected proves nothing.
  const shortest = kind === "Kick" ? 11 * 60_000 : kind === "Cut" || kind === "Closed" ? 1000 : 60_000
  const all: Array<Fault> = []
  if (kind === "None") return all
  for (let at = 0; (at += shortest + rng.logarithmic(1, 1_000_000)) < until;) {
    if (kind === "Closed") all.push({ _tag: kind, at, millis: 0, code: 1000 })
    else all.push({ _tag: kind === "Outage" ? "Cut" : kind, at, millis: 0 })
    if (kind === "Outage") {
      all.push({ _tag: "ConnectionsRefused", at, millis: 1000 * rng.int(1, 100), status: undefined })
    }
  }
  return all
}

/** Ten answers, a second to an hour long, each in a chat of its own, under everything that can go wrong on the way. */
export const answers = (seed: number): Plan => {
  const rng = Rng.make(seed)
  const calmAt = 65 * 60_000
  const link = rng.pick(["None", "None", "Cut", "Outage", "Kick", "HalfOpen", "Closed", "Closes"] as const)
  const acts = Array.from({ length: 10 }, (_, user): Act => {
    const script = Scripts.draw(rng, rng.logarithmic(1000, 3_600_000), 60)
    const ending = rng.pick(endings)
    return {
      _tag: "Writes",
      at: rng.int(0, 120_000),
      who: `user${user}`,
      group: false,
      fault: laneFault(rng),
      behaviour: {
        _tag: "Forks",
        as: rng.pick(["handler", "daemon"]),
        millis: ending === "Hangs" ? rng.int(1, script.millis) : 3 * 3_600_000,
        inner: { _tag: "Stream", script, ending, openAtOnce: true }
      }
    }
  })
  return {
    seed,
    gateway: { receivedLimit: 1_000_000 },
    bot: { onSuperseded: "retake", maxReconnectAttempts: -1 },
    run: { overlap: "queue", concurrency: 64, handlerTimeout: 90_000 },
    latency: undefined,
    shuffled: rng.chance(0.5),
    acts: acts.toSorted((a, b) => a.at - b.at),
    faults: link === "Closes" ? [] : again(rng, link, calmAt),
    visits: [],
    calmAt,
    closesAt: link === "Closes" ? 1000 * rng.int(10, 1000) : undefined
  }
}

/** What people and faults do in a few minutes; now and then an hour of long answers instead. */
export const make = (seed: number): Plan => {
  const rng = Rng.make(seed)
  if (rng.chance(0.05)) return answers(seed)
  const calmAt = rng.logarithmic(20_000, 240_000)
  const severity = rng.weighted({ None: 1, Few: 4, Many: 4 })
  const wrongs = severity === "None" ? [] : faults(rng, severity === "Few" ? rng.int(1, 3) : rng.int(4, 12), calmAt)
  const users = rng.int(1, 4)
  const acts: Array<Act> = []
  /** What happens while something breaks is more of a test than what happens any time. */
  const moment = () => {
    const near = wrongs.length > 0 && rng.chance(0.5) ? rng.pick(wrongs).at - rng.int(-1000, 3000) : undefined
    return Math.max(0, near ?? rng.int(0, calmAt))
  }
  for (let user = 0; user < users; user++) {
    const group = rng.chance(0.25)
    for (let left = rng.int(1, 7); left > 0; left--) {
      acts.push(act(rng, moment(), group ? `member${user % 2}` : `user${user}`, group))
    }
  }
  return {
    seed,
    gateway: {
      ackDelay: rng.pick([0, 20, 300, 450]),
      offlineMessages: rng.pick(["drop", "redeliver"]),
      reqIdSurvivesReconnect: rng.chance(0.8),
      refuseConcurrentFrames: rng.chance(0.7),
      secondNonStreamResponse: rng.pick(["refuse", "accept"]),
      streamRefreshCounts: rng.chance(0.1),
      quotas: rng.chance(0.7),
      supersededCloseAfter: rng.pick([2000, 30_000, 300_000]),
      idleLimit: rng.pick([undefined, 90_000]),
      serverPing: rng.pick([undefined, undefined, 25_000]),
      omitFromAcks: rng.pick(["nothing", "nothing", "nothing", "errcode and errmsg"]),
      receivedLimit: 100_000
    },
    bot: {
      onSuperseded: rng.pick(["fail", "retake", "retake"]),
      maxReconnectAttempts: rng.pick([-1, -1, -1, 10, 2]),
      maxAuthFailureAttempts: rng.pick([5, 5, 1]),
      maxReplyQueueSize: rng.pick([500, 500, 3])
    },
    run: {
      overlap: rng.pick(["queue", "queue", "concurrent", "latest", "debounce"]),
      concurrency: rng.pick([64, 64, 2]),
      handlerTimeout: rng.pick([20_000, 90_000])
    },
    latency: rng.pick([undefined, { min: 1, max: 20 }, { min: 1, max: 300 }]),
    shuffled: rng.chance(0.5),
    acts: acts.toSorted((a, b) => a.at - b.at),
    faults: wrongs,
    visits: visits(Rng.make(seed, 4), calmAt),
    calmAt,
    closesAt: rng.chance(0.3) ? rng.int(1000, calmAt + 30_000) : undefined
  }
}
