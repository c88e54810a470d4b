import { describe, expect, it } from "@effect/vitest"
import { Cause } from "effect"
import type { Action, Event, Phase } from "../../../src/internal/connection/sessionPhase.js"
import { mayRead, mayWrite, sessionPhase } from "../../../src/internal/connection/sessionPhase.js"
import { must } from "../../support/must.js"

const acked = (errcode: number): Event => ({
  _tag: "Acked",
  ack: { errcode, errmsg: "", headers: { req_id: "r" } }
})

const failed: Event = { _tag: "Failed", cause: Cause.fail({ _tag: "Network", code: "ECONNRESET" }) }
const close: Event = { _tag: "Close" }

const events: ReadonlyArray<Event> = [
  { _tag: "Opened" },
  acked(0),
  acked(853000),
  acked(-1),
  { _tag: "Due" },
  { _tag: "PingReceived", reqId: "p" },
  { _tag: "TakenOver" },
  failed,
  close
]

const starts = new Set<Action["_tag"]>(["Subscribe", "KeepAlive", "Ping"])
const frames = new Set<Action["_tag"]>(["Subscribe", "Ping", "Pong"])

/** A shell without a socket that carries the actions out, and holds them against what must be true of every session. */
class Monitored {
  phase: Phase = "Opening"
  hasTimer = true
  isLost = false
  isClosed = false
  hasSubscribed = false
  isReady = false

  /** The action with this number fails as it is carried out, or brings the close of the bot. */
  dispatch(event: Event, breaksAt = -1, by: Event = failed): void {
    const { isClosed, isLost } = this
    const [phase, actions] = sessionPhase(this.phase, event)
    this.phase = phase
    if (event._tag === "Close") this.isClosed = true
    for (const [n, action] of actions.entries()) {
      must(!isClosed, `${action._tag} after the close`)
      must(!isLost || action._tag === "ReportTakenOver" || event._tag === "Close", `${action._tag} after the loss`)
      this.carryOut(action)
      if (n === breaksAt) this.dispatch(by)
      if (this.phase !== phase) break
    }
    must(
      event._tag !== "TakenOver" || !isLost || isClosed || actions[0]?._tag === "ReportTakenOver",
      "a takeover that is told after the loss is passed on"
    )
  }

  private carryOut({ _tag }: Action): void {
    if (frames.has(_tag)) {
      must(_tag === "Subscribe" ? !this.hasSubscribed : this.isReady, `${_tag} before its time`)
      this.hasSubscribed = true
    }
    if (starts.has(_tag)) this.hasTimer = true
    switch (_tag) {
      case "StopTimer":
        this.hasTimer = false
        break
      case "ReportReady":
        must(!this.isReady, "ready twice")
        this.isReady = true
        break
      case "ReportLost":
        must(!this.isLost, "lost twice")
        this.isLost = true
        break
      case "ReportTakenOver":
        must(this.isLost, "a takeover without a loss")
        break
      default:
    }
  }

  check(): void {
    const { isClosed, isLost, isReady, phase } = this
    must((phase === "Closed") === isClosed, "closed by a close alone")
    must((phase === "Lost") === (isLost && !isClosed), "lost when its loss was reported")
    must(mayRead(phase) === !isClosed, "what is read counts until the close")
    must(mayWrite(phase) === (isReady && !isLost && !isClosed), "frames are written between ready and the loss")
    must(this.hasTimer === (!isLost && !isClosed), "a timer runs as long as the session is up")
  }

  key(): string {
    return JSON.stringify({ ...this })
  }

  copy(): Monitored {
    return Object.assign(new Monitored(), this)
  }
}

describe("the phases of a session", () => {
  it("hold in every reachable state for every event, whatever an action brings about", () => {
    const known = new Map<string, Monitored>()
    const pending = [new Monitored()]
    while (pending.length > 0) {
      const state = pending.pop()!
      if (known.has(state.key())) continue
      known.set(state.key(), state)
      for (const event of events) {
        for (const breaksAt of [-1, 0, 1, 2]) {
          for (const by of [failed, close]) {
            const next = state.copy()
            next.dispatch(event, breaksAt, by)
            next.check()
            pending.push(next)
          }
        }
      }
    }
    expect(new Set([...known.values()].map(({ phase }) => phase))).toEqual(
      new Set<Phase>(["Opening", "Subscribing", "Subscribed", "Pinging", "Lost", "Closed"])
    )
  })

  it("hold for all sequences of up to five events", () => {
    const extend = (state: Monitored, depth: number): number => {
      if (depth === 0) return 1
      let sequences = 1
      for (const event of events) {
        const next = state.copy()
        next.dispatch(event)
        next.check()
        sequences += extend(next, depth - 1)
      }
      return sequences
    }
    expect(extend(new Monitored(), 5)).toBe((9 ** 6 - 1) / 8)
  })

  const through = (...given: ReadonlyArray<Event>) => {
    const state = new Monitored()
    for (const event of given) state.dispatch(event)
    return (event: Event) => sessionPhase(state.phase, event)
  }
  const lostFor = (next: ReturnType<typeof sessionPhase>) =>
    next[1].flatMap((action) => action._tag === "ReportLost" ? [Cause.squash(action.cause)] : [])
  const opened: Event = { _tag: "Opened" }
  const due: Event = { _tag: "Due" }

  it("name the reason of a loss", () => {
    expect(lostFor(through()(due))).toEqual([{ _tag: "OpenTimeout" }])
    expect(lostFor(through(opened)(due))).toEqual([{ _tag: "SubscribeTimeout" }])
    expect(lostFor(through(opened, acked(0), due)(due))).toEqual([{ _tag: "HeartbeatLost" }])
    expect(lostFor(through(opened)(acked(853000)))).toMatchObject([{ _tag: "CredentialsRefused", errcode: 853000 }])
    expect(lostFor(through(opened)(acked(-1)))).toMatchObject([{ _tag: "SubscribeRefused", errcode: -1 }])
    expect(lostFor(through(opened, acked(0))({ _tag: "TakenOver" }))).toEqual([{ _tag: "TakenOver" }])
    expect(lostFor(through(opened, acked(0))(failed))).toEqual([{ _tag: "Network", code: "ECONNRESET" }])
  })

  it("ping after each pause, and count a refused ping as answered but not as acked", () => {
    const subscribed = through(opened, acked(0))
    expect(subscribed(due)).toEqual(["Pinging", [{ _tag: "Ping" }]])
    const pinging = through(opened, acked(0), due)
    expect(pinging(acked(0))).toEqual([
      "Subscribed",
      [{ _tag: "StopTimer" }, { _tag: "ReportPingAcked" }, { _tag: "KeepAlive" }]
    ])
    expect(pinging(acked(-1))).toEqual(["Subscribed", [{ _tag: "StopTimer" }, { _tag: "KeepAlive" }]])
  })
})
