/**
 * What is seen of one history: every frame, verdict, callback and handler, each with its moment. What is checked after every step
 * is checked as it is written down; whatever does not hold is a complaint.
 */
import type { WecomError } from "effect-wecom"
import type * as TestGateway from "effect-wecom/TestGateway"
import type { Link } from "./wire.js"

export const tokenOf = (text: string): number | undefined => {
  const found = /#(\d+)#/.exec(text)
  return found === null ? undefined : Number(found[1])
}

export interface Said {
  readonly operation: string
  /** `Success`, or the tag of the error. */
  readonly verdict: string
}

interface Callback {
  readonly msgid: string
  readonly conversation: string | undefined
  readonly order: number
  readonly isExpected: boolean
  times: number
}

interface Lane {
  lastWrittenAt: number
  isWaiting: boolean
  link: number
  lastFirst: number
  readonly seen: Map<number, number>
}

export interface Books {
  readonly lines: Array<ReadonlyArray<unknown>>
  readonly complaints: Array<string>
  readonly verdicts: Map<string, number>
  readonly faults: Map<string, number>
  readonly recoveries: Array<{ readonly cause: string; readonly millis: number }>
  /** Frames by the token in them, as the gateway judged them. */
  readonly byToken: Map<number, Array<TestGateway.Received>>
  readonly callbacks: Map<string, Callback>
  readonly links: Array<Link>
  /** When something came last, by link. */
  readonly lastHeard: ReadonlyMap<number, number>
  readonly note: (...what: ReadonlyArray<unknown>) => void
  readonly complain: (what: string) => void
  /** One more verdict of this kind. */
  readonly count: (verdict: string) => void
  readonly onMade: (link: Link) => void
  readonly onSent: (link: Link, text: string) => void
  readonly onReceived: (link: Link, data: unknown) => void
  readonly onJudged: (frame: TestGateway.Received) => void
  readonly onVerdict: (operation: string, token: number, verdict: string) => void
  readonly onHandled: (msgid: string | undefined, by: "handler" | "awaitReply" | "awaitCardAction") => void
  readonly onHandlerEnd: (msgid: string | undefined) => void
  readonly onFault: (tag: string, millis: number, detail?: string) => void
  readonly onStatus: (status: { readonly _tag: string; readonly reason?: unknown }) => void
  readonly onDraining: () => void
  readonly onClosed: () => void
  /** When a fault of these kinds was in force last; `-Infinity` if never. */
  readonly lastFault: (...tags: ReadonlyArray<string>) => number
  readonly isSubscribed: () => boolean
  readonly isDoubtful: (reqId: string) => boolean
  /** How often, in the worst ten minutes, another instance took the bot away and this one was told. */
  readonly takeovers: () => number
  /** Whether it wrote a frame of this stream. */
  readonly isAuthor: (streamId: string) => boolean
  /** How many finals of a stream left, copies included; whether they arrived is another matter. */
  readonly finalsOf: (streamId: string) => number
}

/** How long before its discovery a fault may have begun to act. */
const graceMillis = 60_000

/** The default of `unavailableTimeout`. */
const unavailableMillis = 30_000

/** The window of a card update, less the time in which the event came and was handled. */
const updateMillis = 4_000

/** What can lead to the end of a session, by how it is reported. */
const culprits: { readonly [tag: string]: ReadonlyArray<string> } = {
  HeartbeatLost: ["HalfOpen", "PongsMuted", "AcksDropped", "AcksLate", "AcksReordered", "FramesLost", "Kick", "Visit"],
  SubscribeTimeout: ["HalfOpen", "SubscribesMuted", "AcksDropped", "AcksLate", "AcksReordered", "FramesLost"],
  OpenTimeout: ["NeverOpens"],
  NotSubscribed: ["Forgotten", "Refused", "Kick", "Visit"],
  CredentialsRefused: ["CredentialsRefused"],
  SubscribeRefused: ["Refused", "Forgotten"],
  Refused: ["ConnectionsRefused", "Restarting"],
  Handshake: ["ConnectionsRefused"],
  TakenOver: ["Kick", "Visit"],
  // The service gives up on who was silent for too long.
  ClosedBy: ["Cut", "Restarting", "Closed", "Kick", "Visit", "Forgotten", "HalfOpen", "LoopBlocked"],
  AckTimeout: [
    "HalfOpen",
    "AcksDropped",
    "AcksLate",
    "AcksReordered",
    "FramesLost",
    "Cut",
    "Restarting",
    "Closed",
    "Kick",
    "Visit",
    "Forgotten"
  ]
}

export const make = (now: () => number, options: {
  readonly ackTimeout: number
  readonly doubted: Set<string>
  /** Messages of one conversation are handled in order, one at a time. */
  readonly isQueued: boolean
  /** Books of another bot in the same history: one story, told in order. */
  readonly in?: Books
  readonly name?: string
}): Books => {
  const lines: Array<ReadonlyArray<unknown>> = options.in?.lines ?? []
  const complaints: Array<string> = options.in?.complaints ?? []
  const verdicts = options.in?.verdicts ?? new Map<string, number>()
  const faults = new Map<string, number>()
  const recoveries: Array<{ readonly cause: string; readonly millis: number }> = []
  const byToken = new Map<number, Array<TestGateway.Received>>()
  const callbacks = new Map<string, Callback>()
  const links: Array<Link> = []
  const lanes = new Map<string, Lane>()
  const lastHeard = new Map<number, number>()
  const handling = new Map<string, { readonly msgid: string; readonly order: number; isRunning: boolean }>()
  const written = new Map<number, { readonly at: number; readonly links: number }>()
  const notRepeated: Array<{ readonly token: number; readonly at: number }> = []
  const finals = new Map<string, number>()
  const streams = new Set<string>()
  const takenAt: Array<number> = []
  const laneOf = new Map<number, string>()
  const inForce = new Map<string, number>()
  const subscribing = new Map<number, string>()
  const subscribedLinks = new Set<number>()
  let callbackOrder = 0
  let isDraining = false
  let isClosed = false
  let status = "Connecting"
  let down: { readonly since: number; readonly cause: string } | undefined
  let lastFaultTag = "None"
  /** How long the event loop stood still so far. */
  let stalled = 0

  const note = (...what: ReadonlyArray<unknown>) => {
    lines.push(options.name === undefined ? [now(), ...what] : [now(), options.name, ...what])
  }

  const complain = (what: string) => {
    complaints.push(options.name === undefined ? what : `${options.name} ${what}`)
    note("!!! COMPLAINT", what)
  }

  const count = (verdict: string) => void verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)

  const lastFault = (...tags: ReadonlyArray<string>) =>
    tags.reduce((last, tag) => Math.max(last, inForce.get(tag) ?? -Infinity), -Infinity)

  /** What is reported must have a cause among the faults, or somebody was accused. */
  const mustHaveCause = (tag: string, what: string) => {
    const known = culprits[tag]
    if (known === undefined) return complain(`${what}: nothing in this history leads to that`)
    if (now() - lastFault(...known) > graceMillis + stalled) complain(`${what} without any of ${known.join(", ")}`)
  }

  const onSent = (link: Link, text: string) => {
    const frame = JSON.parse(text)
    const reqId: string = frame.headers.req_id
    const token = frame.cmd.startsWith("aibot_upload") ? undefined : tokenOf(text)
    const { finish, id } = frame.body?.stream ?? {}
    note(
      "  >",
      link.number,
      frame.cmd,
      reqId,
      token === undefined ? "" : `#${token}#`,
      id === undefined ? "" : `${id}${finish ? " final" : ""}`
    )
    if (id !== undefined) streams.add(id)
    if (finish === true) finals.set(id, (finals.get(id) ?? 0) + 1)
    if (isClosed) complain(`${frame.cmd} left after the layer was closed`)
    if (link !== links.at(-1)) complain(`${frame.cmd} left on link ${link.number}, which is not the newest`)
    if (frame.cmd === "aibot_subscribe") {
      if (subscribing.has(link.number)) complain(`a second subscribe on link ${link.number}`)
      subscribing.set(link.number, reqId)
      return
    }
    if (!subscribedLinks.has(link.number)) complain(`${frame.cmd} left before the ack of the subscribe`)
    if (frame.cmd === "ping" || frame.cmd === "pong") return

    const lane = lanes.get(reqId)
    if (lane?.isWaiting === true && lane.link === link.number && now() - lane.lastWrittenAt < options.ackTimeout) {
      complain(`two frames of ${reqId} in flight`)
    }
    const seen = lane?.seen ?? new Map<number, number>()
    let lastFirst = lane?.lastFirst ?? -1
    if (token !== undefined) {
      laneOf.set(token, reqId)
      written.set(token, { at: now(), links: (written.get(token)?.links ?? 0) + 1 })
      const earlier = seen.get(token)
      if (earlier === undefined && token < lastFirst) complain(`${reqId}: #${token}# left after #${lastFirst}#`)
      if (earlier === link.number) complain(`#${token}# left twice on link ${link.number}`)
      if (earlier === undefined) lastFirst = token
      seen.set(token, link.number)
    }
    lanes.set(reqId, { lastWrittenAt: now(), isWaiting: true, link: link.number, lastFirst, seen })
  }

  const onAck = (link: Link, ack: { readonly headers: { readonly req_id: string }; readonly errcode?: number }) => {
    const reqId = ack.headers.req_id
    note("  <", link.number, "ack", reqId, ack.errcode ?? "without a code")
    if (subscribing.get(link.number) === reqId && (ack.errcode ?? 0) === 0) subscribedLinks.add(link.number)
    const lane = lanes.get(reqId)
    if (lane !== undefined && lane.link === link.number) lane.isWaiting = false
  }

  const onReceived = (link: Link, data: unknown) => {
    lastHeard.set(link.number, now())
    let frame: any
    try {
      frame = JSON.parse(data as string)
    } catch {
      return note("  <", link.number, "garbage")
    }
    if (typeof frame !== "object" || frame === null) return note("  <", link.number, "garbage")
    if (frame.cmd === undefined && typeof frame.headers?.req_id === "string") return onAck(link, frame)
    const msgid: unknown = frame.body?.msgid
    note(
      "  <",
      link.number,
      frame.cmd,
      frame.headers?.req_id,
      msgid,
      frame.body?.event?.eventtype ?? frame.body?.text?.content
    )
    if (frame.body?.event?.eventtype === "disconnected_event" && !isDraining && link.isHeard()) takenAt.push(now())
    if (typeof msgid !== "string" || !String(frame.cmd).endsWith("_callback") || callbacks.has(msgid)) return
    callbacks.set(msgid, {
      msgid,
      conversation: frame.body.event === undefined ? frame.body.chatid ?? frame.body.from?.userid : undefined,
      order: callbackOrder++,
      isExpected: !isDraining && link.isHeard() && frame.body.event?.eventtype !== "disconnected_event",
      times: 0
    })
  }

  const isAccepted = (frame: TestGateway.Received) => frame.errcode === 0

  const onVerdict = (operation: string, token: number, verdict: string) => {
    note("  =", operation, `#${token}#`, verdict)
    count(`${operation} ${verdict}`)
    const copies = byToken.get(token) ?? []
    const doubted = options.doubted.has(laneOf.get(token) ?? "")
    const codes = copies.map((frame) => frame.errcode ?? "lost").join(", ")
    switch (verdict) {
      case "Success":
        if (!doubted && !copies.some(isAccepted)) {
          complain(`#${token}# is called delivered; the service said: ${codes || "nothing"}`)
        }
        return
      case "SendRejected":
      case "SendUnavailable":
      case "SendExpired":
      case "SendInvalid":
      case "ReplyQueueFull":
      case "Skipped":
        if (!doubted && copies.some(isAccepted)) complain(`#${token}# is called ${verdict}; the service said: ${codes}`)
        return
      case "DeliveryUnknown AckTimeout":
        return mustHaveCause("AckTimeout", `#${token}# has no verdict in time`)
      case "DeliveryUnknown ConnectionLost": {
        const { at, links } = written.get(token)!
        // A snapshot goes out again with the next session, unless none comes in time.
        const mayRepeat = operation.startsWith("replyStreamFrame") ||
          operation === "updateTemplateCard" && now() - at < updateMillis
        if (mayRepeat && links === 1 && now() - at < unavailableMillis) notRepeated.push({ token, at: now() })
        return
      }
      case "Interrupted":
        return
      default:
        complain(`${operation} #${token}# ended as ${verdict}`)
    }
  }

  return {
    lines,
    complaints,
    verdicts,
    faults,
    recoveries,
    byToken,
    callbacks,
    links,
    lastHeard,
    note,
    complain,
    count,
    lastFault,
    onMade: (link) => {
      note("  +", link.number)
      const open = links.filter((other) => !other.isClosed())
      if (open.length > 0) complain(`a new socket while ${open.map(({ number }) => number).join(", ")} is open`)
      if (isClosed) complain("a new socket after the layer was closed")
      links.push(link)
    },
    onSent,
    onReceived,
    onJudged: (frame) => {
      const token = frame.cmd?.startsWith("aibot_upload") === true ? undefined : tokenOf(frame.text)
      if (token === undefined) return
      const copies = byToken.get(token)
      if (copies === undefined) byToken.set(token, [frame])
      else copies.push(frame)
    },
    onVerdict,
    onHandled: (msgid, by) => {
      note("  *", by, msgid)
      // The frames of the fault Garbage have no id, or 7.
      if (msgid === undefined || msgid === "" || msgid === "7") return
      const callback = callbacks.get(msgid)
      if (callback === undefined) return complain(`${by} got ${msgid}, which never came`)
      if (++callback.times > 1) complain(`${msgid} was handled ${callback.times} times`)
      const { conversation, order } = callback
      if (!options.isQueued || by !== "handler" || conversation === undefined) return
      const last = handling.get(conversation)
      if (last?.isRunning === true) complain(`${msgid} is handled beside the message before it`)
      if (last !== undefined && last.order > order) complain(`${msgid} is handled after a later message`)
      handling.set(conversation, { msgid, order, isRunning: true })
    },
    onHandlerEnd: (msgid) => {
      const conversation = callbacks.get(msgid ?? "")?.conversation
      const last = handling.get(conversation ?? "")
      if (last !== undefined && last.msgid === msgid) last.isRunning = false
    },
    onFault: (tag, millis, detail = "") => {
      if (options.in === undefined) note("FAULT", tag, detail, millis === 0 ? "" : `for ${millis / 1000} s`)
      faults.set(tag, (faults.get(tag) ?? 0) + 1)
      if (tag === "LoopBlocked") stalled += millis
      inForce.set(tag, Math.max(inForce.get(tag) ?? -Infinity, now() + millis))
      lastFaultTag = tag
    },
    onStatus: (next) => {
      note("STATUS", next._tag, next.reason === undefined ? "" : JSON.stringify(next.reason))
      if (next._tag === "Subscribed") {
        if (!subscribedLinks.has(links.at(-1)!.number)) complain("subscribed without an ack")
        if (down !== undefined) recoveries.push({ cause: down.cause, millis: now() - down.since })
        down = undefined
      } else if (next._tag === "Waiting") {
        const reason = next.reason as WecomError.LinkFailure
        mustHaveCause(reason._tag, `the session ended with ${reason._tag}`)
      }
      if (status === "Subscribed" && next._tag !== "Subscribed") down = { since: now(), cause: lastFaultTag }
      status = next._tag
    },
    onDraining: () => {
      isDraining = true
      for (const { at, token } of notRepeated) {
        // At the very end nothing goes out again.
        if (at < now() && !faults.has("MachineSlept")) complain(`#${token}# was lost with its link and not sent again`)
      }
    },
    onClosed: () => {
      isClosed = true
      for (const link of links) {
        if (!link.isClosed()) complain(`link ${link.number} is open after the layer was closed`)
        if (link.isHeard()) complain(`somebody listens to link ${link.number} after the layer was closed`)
      }
    },
    takeovers: () =>
      Math.max(0, ...takenAt.map((at) => takenAt.filter((other) => other <= at && at - other < 10 * 60_000).length)),
    isAuthor: (streamId) => streams.has(streamId),
    isSubscribed: () => status === "Subscribed",
    finalsOf: (streamId) => finals.get(streamId) ?? 0,
    isDoubtful: (reqId) => options.doubted.has(reqId)
  }
}

/** One line per step, with its moment. */
export const format = ([at, ...what]: ReadonlyArray<unknown>): string =>
  `${((at as number) / 1000).toFixed(3).padStart(10)}  ${
    what.filter((part) => part !== "" && part !== undefined).join(" ")
  }`
