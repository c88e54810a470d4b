/**
 * What must hold: of a whole history, while the bot lives and after it was closed, and of single answers, by what a user sees.
 */
import { Cause, Exit, Option } from "effect"
import type { WecomError } from "effect-wecom"
import type * as TestGateway from "effect-wecom/TestGateway"
import { epochMillis } from "../support/clock.js"
import { failureOf, goneCodes, type Outcome } from "./answers.js"
import type { Books } from "./book.js"
import { type Told, word } from "./handlers.js"
import type { Plan } from "./plan.js"
import { essence, wanted } from "./scripts.js"
import type { Link } from "./wire.js"

/** A bubble takes frames for so long. */
const windowMillis = 10 * 60_000

const isBots = (bubble: TestGateway.Bubble) => bubble.from === "bot"

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

/** Nobody can seal it any more: its window is over, or the service refused what would have. */
const isBeyondReach = ({ books, frames, now }: Ending, bubble: TestGateway.Bubble): boolean =>
  now - bubble.at > windowMillis || books.isDoubtful(bubble.reqId!) ||
  frames.some((frame) => frame.body?.stream?.id === bubble.streamId && !passing.has(frame.errcode))

const openBubbles = (ending: Ending): void => {
  for (const bubble of ending.screens.flat()) {
    if (!isBots(bubble) || bubble.streamId === undefined || bubble.streamId.startsWith("s-")) continue
    if (!ending.books.isAuthor(bubble.streamId)) continue
    if (!bubble.sealed && !isBeyondReach(ending, bubble)) ending.books.complain(`${bubble.streamId} was left open`)
    if (bubble.sealed && bubble.thinking) ending.books.complain(`${bubble.streamId} was sealed with nothing to read`)
  }
}

const answers = ({ books, screens, told }: Ending): void => {
  const text = screens.flat().filter(isBots).map(({ text }) => text).join("\n")
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

const notices = ["抱歉，回答未能完成。", "（回答已中断）"]

const placeholder = "（没有内容）"

/** The service said that it takes no more frames of this stream: nobody can seal it any more. */
const isGone = ({ frames }: Outcome, bubble: TestGateway.Bubble) =>
  frames.some((frame) => frame.body?.stream?.id === bubble.streamId && goneCodes.includes(frame.errcode!))

export const result = ({ exit }: Outcome): string => {
  if (exit === undefined) return "Endless"
  if (Exit.isSuccess(exit)) return "Success"
  if (Cause.isInterruptedOnly(exit.cause)) return "Interrupted"
  return failureOf(exit)?._tag ?? "Defect"
}

export const describe = (outcome: Outcome): string =>
  JSON.stringify({ ...outcome.job, link: outcome.linkFault, result: result(outcome) })

/**
 * Its window passed without a link that lasted, so nobody could have sealed it. A half open link looks alive from here.
 */
const wasUnreachable = ({ connections, linkFault }: Outcome, bubble: TestGateway.Bubble) => {
  const end = bubble.at + windowMillis
  const lasted = connections.map((connection) =>
    Math.min(connection.closedAt ?? Infinity, end) - Math.max(connection.openedAt, end - 90_000)
  )
  return connections.some((connection) => (connection.closedAt ?? Infinity) > end) &&
    (linkFault === "HalfOpen" || lasted.every((millis) => millis < 35_000))
}

const openAnswers = (outcome: Outcome): ReadonlyArray<string> => {
  if (outcome.linkFault === "LayerCloses" && !outcome.closedInOrder) return []
  return outcome.screen.filter((bubble) =>
    isBots(bubble) && !bubble.sealed && !isGone(outcome, bubble) && !wasUnreachable(outcome, bubble)
  )
    .map((bubble) => `${bubble.streamId} is still open, ${bubble.text.length} characters long`)
}

const spinners = ({ screen }: Outcome): ReadonlyArray<string> =>
  screen.filter((bubble) => isBots(bubble) && bubble.sealed && bubble.thinking)
    .map((bubble) => `${bubble.streamId} was sealed with nothing to read`)

const missing = ({ exit, job, screen }: Outcome): ReadonlyArray<string> => {
  if (exit === undefined || Exit.isFailure(exit)) return []
  const seen = screen.filter(isBots).map((bubble) => essence(bubble.text)).join("")
  const expected = wanted(job.script)
  if (seen === expected || expected === "" && seen === placeholder) return []
  let at = 0
  while (seen[at] === expected[at]) at++
  return [
    `success, but from ${at} of ${expected.length} on the user sees "${seen.slice(at, at + 40)}" of ${seen.length}`
  ]
}

const refusedSuccesses = ({ exit, frames, screen }: Outcome): ReadonlyArray<string> => {
  if (exit === undefined || Exit.isFailure(exit)) return []
  const pushes = screen.filter((bubble) => isBots(bubble) && bubble.reqId === undefined)
  const claimed = exit.value.parts.filter((part) => part._tag === "Push")
  const wrong = pushes.length === claimed.length ? [] : [`${claimed.length} pushes claimed, ${pushes.length} on screen`]
  for (const part of exit.value.parts) {
    if (part._tag === "Push") continue
    const bubble = screen.find((bubble) => bubble.streamId === part.streamId)
    if (bubble === undefined) wrong.push(`${part.streamId} is nowhere`)
    else if (Buffer.byteLength(bubble.text) !== part.bytes) {
      wrong.push(`${part.streamId} has ${Buffer.byteLength(bubble.text)} bytes, not ${part.bytes}`)
    }
    const last = frames.filter((frame) => frame.body?.stream?.id === part.streamId).at(-1)?.errcode
    // What was shown before the service took no more of it stays on screen.
    if (bubble?.sealed !== true && !goneCodes.includes(last!)) {
      wrong.push(`${part.streamId} is claimed, and its last frame was answered with ${last}`)
    }
  }
  return wrong
}

const wrongEndings = (outcome: Outcome): ReadonlyArray<string> => {
  const { exit, job, linkFault, screen } = outcome
  if (exit === undefined) return ["it never ended"]
  if (Exit.isSuccess(exit) && job.ending !== "Completes") return ["success of a source that did not complete"]
  if (job.ackFault._tag !== "None" || linkFault !== "None") return []
  const said = screen.filter(isBots).map((bubble) => bubble.text).join("")
  switch (job.ending) {
    case "Completes":
      return Exit.isSuccess(exit) ? [] : [`failed without a fault: ${result(outcome)}`]
    case "Fails":
      return failureOf(exit)?._tag !== "ModelFailed"
        ? ["the failure of the source was lost"]
        : said.includes(notices[0]!)
        ? []
        : ["no notice"]
    case "Dies":
      return said.includes(notices[0]!) ? [] : ["no notice"]
    case "Interrupted":
      return screen.some(isBots) && !said.includes(notices[1]!) ? ["no notice"] : []
  }
}

export const complaints = (outcome: Outcome): ReadonlyArray<string> => [
  ...openAnswers(outcome),
  ...spinners(outcome),
  ...missing(outcome),
  ...refusedSuccesses(outcome),
  ...wrongEndings(outcome)
]
