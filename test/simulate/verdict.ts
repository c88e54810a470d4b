/**
 * What must hold at the end of a history, while the bot lives and after it was closed.
 */
import { Cause, Exit, Option } from "effect"
import type { Answer, WecomError } from "effect-wecom"
import type * as TestGateway from "effect-wecom/TestGateway"
import { epochMillis } from "../support/clock.js"
import type { Books } from "./book.js"
import { type Told, verdictOf } from "./handlers.js"
import { goneCodes, type Plan } from "./plan.js"
import * as Scripts from "./scripts.js"
import type { Link } from "./wire.js"

export interface Ending {
  readonly plan: Plan
  readonly books: Books
  readonly told: ReadonlyArray<Told>
  /** Every chat, as it looks now. */
  readonly screens: ReadonlyArray<ReadonlyArray<TestGateway.Bubble>>
  readonly frames: ReadonlyArray<TestGateway.Received>
  readonly connections: ReadonlyArray<TestGateway.Connection>
  /** Lanes with a fault of their own. */
  readonly disturbed: ReadonlySet<string>
  readonly now: number
}

/** Refusals that pass. */
const passing: ReadonlySet<number | undefined> = new Set([0, undefined, 6000, 846607, 45009, 45033, -1, 846609])

const windowMillis = 10 * 60_000

const notices = { failed: "抱歉，回答未能完成。", interrupted: "（回答已中断）" }

const placeholder = "（没有内容）"

const isBots = ({ from }: TestGateway.Bubble) => from === "bot"

const codesOf = ({ frames }: Ending, streamId: string | undefined) =>
  frames.filter(({ body }) => body?.stream?.id === streamId).map(({ errcode }) => errcode)

/** The service takes no more frames of it, or refused what would have sealed it and what would have sealed it then. */
const isRefused = (ending: Ending, { streamId }: TestGateway.Bubble): boolean => {
  const refusals = codesOf(ending, streamId).filter((code) => !passing.has(code))
  return refusals.length > 1 || refusals.some((code) => goneCodes.includes(code!))
}

/**
 * Its window passed without a link that lasted, or while the machine slept. A half open link looks alive from here, and to a bot
 * that is about to leave.
 */
const wasUnreachable = ({ books, connections, now, plan }: Ending, { at }: TestGateway.Bubble): boolean => {
  const end = at + windowMillis
  if (now < end) return false
  return plan.visits.length > 0 || books.faults.has("HalfOpen") || books.faults.has("MachineSlept") ||
    connections.every(({ closedAt, openedAt }) =>
      Math.min(closedAt ?? Infinity, end) - Math.max(openedAt, end - 90_000) < 35_000
    )
}

const openBubbles = (ending: Ending): void => {
  for (const bubble of ending.screens.flat()) {
    if (!isBots(bubble) || bubble.streamId === undefined || bubble.streamId.startsWith("s-")) continue
    if (!ending.books.isAuthor(bubble.streamId)) continue
    const isExcused = () =>
      ending.books.isDoubtful(String(bubble.reqId)) || isRefused(ending, bubble) || wasUnreachable(ending, bubble)
    if (!bubble.sealed && !isExcused()) ending.books.complain(`${bubble.streamId} was left open`)
    if (bubble.sealed && bubble.thinking) ending.books.complain(`${bubble.streamId} was sealed with nothing to read`)
  }
}

/** A success shows all of the answer, once, and its receipt says how. */
const success = (
  ending: Ending,
  { token, wanted }: Told,
  shown: ReadonlyArray<TestGateway.Bubble>,
  { parts }: Answer.Receipt
) => {
  const complain = (what: string) => ending.books.complain(`w${token}x…: success, but ${what}`)
  const seen = shown.map(({ text }) => Scripts.essence(text)).join("")
  if (seen !== wanted && !(wanted === "" && seen === placeholder)) {
    let at = 0
    while (seen[at] === wanted[at]) at++
    complain(`from ${at} of ${wanted.length} on the user sees "${seen.slice(at, at + 40)}" of ${seen.length}`)
  }
  const pushes = shown.filter(({ reqId }) => reqId === undefined).length
  const claimed = parts.filter(({ _tag }) => _tag === "Push").length
  // A push of an answer without words has nothing by which it is found.
  if (pushes !== claimed && wanted !== "") complain(`${claimed} pushes are claimed and ${pushes} on screen`)
  for (const part of parts) {
    if (part._tag === "Push") continue
    const bubble = shown.find(({ streamId }) => streamId === part.streamId)
    if (bubble === undefined) complain(`${part.streamId} is nowhere`)
    else if (Buffer.byteLength(bubble.text) !== part.bytes) {
      complain(`${part.streamId} has ${Buffer.byteLength(bubble.text)} bytes, not ${part.bytes}`)
    }
    // What was shown before the service took no more of it stays on screen.
    const last = codesOf(ending, part.streamId).at(-1)
    if (bubble?.sealed !== true && !goneCodes.includes(last!)) {
      complain(`the last frame of ${part.streamId} got ${last}`)
    }
  }
}

/** Where nothing was wrong, an answer ends as its source did, and says so. */
const undisturbed = (
  { books }: Ending,
  { ending, exit, token, wanted: whole }: Told,
  shown: ReadonlyArray<TestGateway.Bubble>
): void => {
  const text = shown.map(({ text }) => text).join("")
  const isInterrupted = Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)
  const wanted = isInterrupted ? notices.interrupted : ending === "Completes" ? "" : notices.failed
  // It may be interrupted while its final waits for the ack.
  if (isInterrupted && shown.map(({ text }) => Scripts.essence(text)).join("") === whole) return
  // Between two bubbles nothing is open that could be sealed with a notice.
  if (isInterrupted && shown.length > 1) return
  if (shown.length > 0 && !text.includes(wanted)) books.complain(`w${token}x… ended without a notice`)
  if (isInterrupted) return
  const verdict = verdictOf(exit)
  if (verdict !== (ending === "Completes" ? "Success" : "Planned")) {
    books.complain(`w${token}x…: its source ${ending}, and it ended as ${verdict} without a fault`)
  }
}

const answers = (ending: Ending): void => {
  const { books, disturbed, plan, screens, told } = ending
  const isCalm = plan.faults.length === 0 && plan.visits.length === 0 && plan.gateway.streamRefreshCounts !== true
  const bubbles = screens.flat().filter(isBots)
  for (const one of told) {
    const { exit, reqId, token } = one
    if (books.isDoubtful(reqId)) continue
    // A message that is delivered again can be answered by another bot as well.
    const isOthers = (text: string) => /w\d+x/.test(text)
    const shown = bubbles.filter(({ text, ...bubble }) =>
      text.includes(`w${token}x`) ||
      bubble.reqId === reqId && bubble.streamId !== undefined && !bubble.streamId.startsWith("s-") &&
        !isOthers(text)
    )
    if (Exit.isSuccess(exit)) {
      if (one.ending !== "Completes") books.complain(`w${token}x…: success of a source that ${one.ending}`)
      success(ending, one, shown, exit.value)
    }
    if (isCalm && !disturbed.has(reqId)) undisturbed(ending, one, shown)
  }
}

const callbacks = ({ books, plan }: Ending): void => {
  for (const { conversation, isExpected, msgid, times } of books.callbacks.values()) {
    // A newer message may interrupt the handler before it began.
    const mayBeSuperseded = plan.run.overlap === "latest" && conversation !== undefined
    if (isExpected && times === 0 && !mayBeSuperseded) books.complain(`${msgid} came and was not handled`)
  }
}

/** Only a snapshot may be shown again. */
export const repeated = (books: Books): void => {
  for (const [token, copies] of books.byToken) {
    const taken = copies.filter(({ body, cmd, errcode }) =>
      errcode === 0 && body?.stream === undefined && cmd !== "aibot_respond_update_msg"
    )
    if (taken.length > 1) books.complain(`#${token}# is on screen ${taken.length} times`)
  }
}

/** All is calm, the bot lives, and nothing is under way. */
export const living = (ending: Ending): void => {
  openBubbles(ending)
  answers(ending)
  callbacks(ending)
}

/** It closed while nothing was wrong: handlers had their time, and every bubble was sealed. */
export const closedInOrder = (ending: Ending): void =>
  openBubbles({
    ...ending,
    screens: ending.screens.map((screen) => screen.filter(({ reqId }) => !ending.disturbed.has(String(reqId))))
  })

/** Whether nothing was wrong while it closed, nor for a good while before. */
export const isUndisturbed = (
  { faults, gateway, visits }: Plan,
  at: number,
  closedAt: number,
  recoveryMillis: number
): boolean =>
  // Where snapshots count, an answer may use up the quota that its final needs.
  gateway.streamRefreshCounts !== true &&
  faults.every((fault) =>
    fault.at > closedAt || fault._tag !== "StreamGone" && fault.at + fault.millis < at - recoveryMillis
  ) &&
  visits.every((visit) => visit.at > closedAt || visit.at + visit.millis < at - recoveryMillis)

/** How often the bot may be taken from an instance that does not give way. */
const allowedTakeovers = (onSuperseded: string): number => onSuperseded === "retake" ? 1 : 0

/** Whoever lost the bot too often has given way. */
export const gaveWay = (onSuperseded: string, books: Books, exit: Option.Option<unknown>): void => {
  if (Option.isNone(exit) && books.takeovers() > allowedTakeovers(onSuperseded)) {
    books.complain(`it goes on after ${books.takeovers()} takeovers, though it was to give way`)
  }
}

/** It closed by itself: there must have been a reason. */
export const terminal = (
  { maxReconnectAttempts }: Plan["bot"],
  onSuperseded: string,
  books: Books,
  exit: Exit.Exit<never, WecomError.ConnectionError>
): void => {
  const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.failureOption(exit.cause)) : undefined
  books.note("CLOSED BY ITSELF", error?._tag)
  books.count(`the bot ${error?._tag}`)
  const takeovers = books.takeovers()
  switch (error?._tag) {
    case "Superseded":
      if (takeovers < allowedTakeovers(onSuperseded) + 1) books.complain(`superseded after ${takeovers} takeovers`)
      return
    case "ReconnectExhausted":
      if (maxReconnectAttempts === -1) books.complain("it gave up, though it was to try for ever")
      return
    case "AuthRejected":
      if (!books.faults.has("CredentialsRefused")) books.complain("its credentials were refused, but nobody did that")
      return
    default:
      books.complain(`the bot ended with ${Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "success"}`)
  }
}

/** A connection as a bot holds it. */
export interface Held {
  readonly books: Books
  readonly link: Link
}

/** Half open links were noticed in time. */
export const silentLinks = (
  held: ReadonlyArray<Held>,
  silentSince: ReadonlyMap<number, number>,
  connections: ReadonlyArray<TestGateway.Connection>,
  stalls: ReadonlyArray<number>
): void => {
  // A loop that stood still accuses nobody: the time since something ran last, at most a ping's deadline ago, is given back.
  const allowed = stalls.reduce((sum, millis) => sum + millis + 10_000, 40_000)
  for (const [number, since] of silentSince) {
    const { books, link } = held[number - 1]!
    // Wall time cannot tell after it jumped.
    if (books.faults.has("MachineSlept")) return
    const { closedAt } = connections[number - 1]!
    // What was in flight still comes.
    const lastSign = Math.max(since, books.lastHeard.get(link.number) ?? 0)
    if (closedAt === undefined) books.complain(`link ${link.number} went silent and was never closed`)
    else if (closedAt - epochMillis - lastSign > allowed) {
      books.complain(
        `link ${link.number} was closed ${(closedAt - epochMillis - lastSign) / 1000} s after it went silent`
      )
    }
  }
}
