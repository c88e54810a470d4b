/**
 * What must hold at the end of a history, while the bot lives and after it was closed.
 */
import { Cause, Exit, Option } from "effect"
import type { WecomError } from "effect-wecom"
import type * as TestGateway from "effect-wecom/TestGateway"
import { epochMillis } from "../sim/clock.js"
import type { Books } from "./book.js"
import { type Told, word } from "./handlers.js"
import type { Plan } from "./plan.js"
import type { Link } from "./wire.js"

export interface Ending {
  readonly plan: Plan
  readonly books: Books
  readonly told: ReadonlyArray<Told>
  /** Every chat, as it looks now. */
  readonly screens: ReadonlyArray<ReadonlyArray<TestGateway.Bubble>>
  readonly frames: ReadonlyArray<TestGateway.Received>
  readonly now: number
}

/** Refusals that pass; after any other one the service has the last word. */
const passing: ReadonlySet<number | undefined> = new Set([0, undefined, 6000, 846607, 45009, 45033, -1, 846609])

const windowMillis = 10 * 60_000

/** Nobody can seal it any more: its window is over, or the service refused what would have. */
const isBeyondReach = ({ books, frames, now }: Ending, bubble: TestGateway.Bubble): boolean =>
  now - bubble.at > windowMillis || books.isDoubtful(bubble.reqId!) ||
  frames.some((frame) => frame.body?.stream?.id === bubble.streamId && !passing.has(frame.errcode))

const openBubbles = (ending: Ending): void => {
  for (const bubble of ending.screens.flat()) {
    if (bubble.from !== "bot" || bubble.streamId === undefined || bubble.streamId.startsWith("s-")) continue
    if (!ending.books.isAuthor(bubble.streamId)) continue
    if (!bubble.sealed && !isBeyondReach(ending, bubble)) ending.books.complain(`${bubble.streamId} was left open`)
    if (bubble.sealed && bubble.thinking) ending.books.complain(`${bubble.streamId} was sealed with nothing to read`)
  }
}

const answers = ({ books, screens, told }: Ending): void => {
  const text = screens.flat().filter(({ from }) => from === "bot").map(({ text }) => text).join("\n")
  for (const { exit, reqId, token, words } of told) {
    if (Exit.isFailure(exit) || books.isDoubtful(reqId)) continue
    const seen = [...text.matchAll(new RegExp(`w${token}x(\\d+) ?`, "g"))].map(([, index]) => Number(index))
    const isComplete = seen.length === words && seen.every((index, place) => index === place)
    if (!isComplete) {
      books.complain(
        `${word(token, 0).trim()}…: success, but of ${words} words the user sees ${seen.join(" ").slice(0, 200)}`
      )
    }
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
export const closedInOrder = (ending: Ending): void => openBubbles(ending)

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
