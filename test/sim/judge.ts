/**
 * Holds what a user saw of a job against what the job reported.
 */
import { Cause, Exit } from "effect"
import type * as TestGateway from "effect-wecom/TestGateway"
import { failureOf, goneCodes, type Outcome } from "./jobs.js"
import { essence, wanted } from "./scripts.js"

const notices = ["抱歉，回答未能完成。", "（回答已中断）"]

const placeholder = "（没有内容）"

const isBots = (bubble: TestGateway.Bubble) => bubble.from === "bot"

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

const windowMillis = 10 * 60_000

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

const openBubbles = (outcome: Outcome): ReadonlyArray<string> => {
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
  ...openBubbles(outcome),
  ...spinners(outcome),
  ...missing(outcome),
  ...refusedSuccesses(outcome),
  ...wrongEndings(outcome)
]
