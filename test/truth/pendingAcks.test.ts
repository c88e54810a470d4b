import { describe, expect, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as PendingAcks from "../../src/internal/connection/acks.js"
import { runs } from "../support/runs.js"
import * as Agenda from "./agenda.js"
import * as Model from "./creditModel.js"
import { faultless, type FrameFate, type LaneFate, type Schedule, schedule, timeout } from "./schedule.js"

interface Sent extends Model.Written {
  readonly fate: FrameFate
  readonly reqId: string
  readonly session: Session
  readonly own: Book
  verdict: PendingAcks.Verdict | undefined
}

/** One lane on one connection. */
interface Book {
  readonly sent: Array<Sent>
  readonly came: Array<Model.Came>
}

interface Session {
  readonly acks: PendingAcks.PendingAcks
  readonly books: Map<string, Book>
  isOver: boolean
}

const ackOf = (reqId: string, errcode: number) => ({ headers: { req_id: reqId }, errcode, errmsg: "" })

/** `expect` is too slow for what is asked half a million times. */
const same = (found: unknown, wanted: unknown, what: string) => {
  if (found !== wanted) throw new Error(`${what}: expected ${String(wanted)}, found ${String(found)}`)
}

/** Plays a schedule, and holds every verdict, and every silence, against what can be known at that moment. */
const play = (fate: Schedule) => {
  const [deadlineRank, ackRank] = fate.deadlinesFirst ? [0, 1] : [1, 0]
  const agenda = Agenda.make(deadlineRank!)
  const count = { acked: 0, ackedInDoubt: 0, unknown: 0, lost: 0, duplicates: 0 }
  const all: Array<Sent> = []
  let step = 0
  const begin = (): Session => ({ acks: PendingAcks.make(agenda, fate.horizon), books: new Map(), isOver: false })
  let session = begin()

  const book = (reqId: string): Book => {
    const known = session.books.get(reqId) ?? { sent: [], came: [] }
    session.books.set(reqId, known)
    return known
  }

  const knowable = (frame: Sent): number | undefined => {
    const { came, sent } = frame.own
    return Model.knowledge(Model.possibilities(sent, came, fate.horizon)[sent.indexOf(frame)]!)
  }

  const judge = (frame: Sent, verdict: PendingAcks.Verdict) => {
    same(frame.verdict, undefined, "one verdict")
    frame.verdict = verdict
    const { own } = frame
    if (verdict._tag === "Acked") {
      same(verdict.ack.errcode, frame.fate.errcode, "the truth")
      same(frame.fate.ackAfter !== undefined, true, "a lost ack tells nothing")
      same(knowable(frame), verdict.ack.errcode, "knowable")
      count.acked++
      if (own.sent.length > 1) count.ackedInDoubt++
    } else if (verdict.reason === "ConnectionLost") {
      same(frame.session.isOver, true, "the books")
      same(knowable(frame), undefined, "not yet knowable")
      count.lost++
    } else {
      same(knowable(frame), undefined, "not knowable")
      // Before its deadline only when no ack can come any more.
      const open = own.sent.filter((other) => agenda.now() - other.at <= fate.horizon)
      same(agenda.now() - frame.at >= timeout || own.came.length >= open.length, true, "not too early")
      count.unknown++
    }
  }

  const onAck = (frame: Sent, own: Book) => {
    const { errcode } = frame.fate
    own.came.push({ step: ++step, at: agenda.now(), errcode })
    same(frame.session.acks.receive(ackOf(frame.reqId, errcode)), true, "not a surplus")
    for (const other of own.sent) {
      if (other.verdict === undefined) same(knowable(other), undefined, "whatever is knowable is known")
    }
  }

  const write = (lane: LaneFate, reqId: string, index: number): void => {
    const fateOf = lane.frames[index]
    if (fateOf === undefined) return
    const goOn = () => {
      const next = lane.frames[index + 1]
      if (next?.gap === 0 && !lane.isCrowded) write(lane, reqId, index + 1)
      else if (next !== undefined) agenda.at(agenda.now() + next.gap, 2, () => write(lane, reqId, index + 1))
    }
    const current = session
    const own = book(reqId)
    const frame: Sent = {
      fate: fateOf,
      reqId,
      session: current,
      own,
      step: ++step,
      at: agenda.now(),
      verdict: undefined
    }
    own.sent.push(frame)
    all.push(frame)
    current.acks.register(reqId, timeout, {
      onVerdict: (verdict) => {
        judge(frame, verdict)
        if (!lane.isCrowded) goOn()
      }
    })
    if (lane.isCrowded) goOn()
    if (fateOf.ackAfter === undefined) return
    agenda.at(frame.at + fateOf.ackAfter, ackRank!, () => {
      if (current.isOver) return
      const inFlight = current.acks.size()
      onAck(frame, own)
      const isIdle = own.came.length === own.sent.length && inFlight > current.acks.size()
      if (!fateOf.isAckDuplicated) return
      const duplicate = () => {
        if (current.isOver) return
        count.duplicates++
        same(current.acks.receive(ackOf(reqId, fateOf.errcode)), false, "a surplus")
      }
      if (lane.frames.length === 1) agenda.at(agenda.now() + fateOf.gap, ackRank!, duplicate)
      else if (isIdle && own.sent.every((other) => other.verdict !== undefined)) duplicate()
    })
  }

  const drop = () => {
    const old = session
    old.isOver = true
    session = begin()
    old.acks.end()
    same(old.acks.size(), 0, "the books")
  }

  fate.lanes.forEach((lane, index) => {
    agenda.at(lane.frames[0]!.gap, 2, () => write(lane, `lane-${index}`, 0))
  })
  for (const at of fate.drops) agenda.at(at, 3, drop)
  agenda.runToEnd()
  same(session.acks.size(), 0, "the books")
  for (const frame of all) same(frame.verdict !== undefined, true, "a verdict")
  return { all, count }
}

describe("verdicts", () => {
  const schedules = runs(10_000)

  it(
    `are neither false nor withheld, in ${schedules} schedules of late, lost, reordered and refusing acks and lost links`,
    () => {
      const total = { acked: 0, ackedInDoubt: 0, unknown: 0, lost: 0, duplicates: 0 }
      fc.assert(
        fc.property(schedule(), (fate) => {
          const { count } = play(fate)
          for (const key of Object.keys(total) as Array<keyof typeof total>) total[key] += count[key]
        }),
        { numRuns: schedules }
      )
      // The schedules reach every corner often enough to mean something.
      expect(total.acked).toBeGreaterThan(runs(10_000))
      expect(total.ackedInDoubt).toBeGreaterThan(runs(2_000))
      expect(total.unknown).toBeGreaterThan(runs(2_000))
      expect(total.lost).toBeGreaterThan(runs(500))
      expect(total.duplicates).toBeGreaterThan(runs(500))
    },
    60_000
  )

  it("are exact when nothing goes wrong", () => {
    fc.assert(
      fc.property(faultless, (fate) => {
        for (const frame of play(fate).all) {
          expect(frame.verdict).toEqual({ _tag: "Acked", ack: ackOf(frame.reqId, frame.fate.errcode) })
        }
      }),
      { numRuns: runs(1_000) }
    )
  })

  const lane = (...frames: ReadonlyArray<readonly [errcode: number, ackAfter: number | undefined, gap?: number]>) =>
    play({
      lanes: [{
        isCrowded: false,
        frames: frames.map(([errcode, ackAfter, gap]) => ({ errcode, ackAfter, gap: gap ?? 0, isAckDuplicated: false }))
      }],
      drops: [],
      horizon: 30,
      deadlinesFirst: true
    }).all.map(({ verdict }) => verdict!._tag === "Acked" ? verdict!.ack.errcode : verdict!.reason)

  it("tell nothing of a frame while the one ack could be another's", () => {
    expect(lane([0, undefined], [0, 1])).toEqual(["AckTimeout", "AckTimeout"])
    expect(lane([0, 6], [0, undefined])).toEqual(["AckTimeout", "AckTimeout"])
  })

  it("of two frames with equal acks are both known once both are in", () => {
    expect(lane([0, 6], [0, 3])).toEqual(["AckTimeout", 0])
    expect(lane([846608, 6], [846608, 3])).toEqual(["AckTimeout", 846608])
  })

  it("of two frames with different acks are not, and the frame after them is untouched", () => {
    expect(lane([0, 6], [846608, 3], [0, 1], [846608, 1])).toEqual(["AckTimeout", "AckTimeout", 0, 846608])
    expect(lane([846608, 6], [0, 3], [846608, 1], [0, 1])).toEqual(["AckTimeout", "AckTimeout", 846608, 0])
  })

  it("return once a lost ack's horizon has passed", () => {
    expect(lane([0, undefined], [846608, 1, 24])).toEqual(["AckTimeout", "AckTimeout"])
    expect(lane([0, undefined], [846608, 1, 25])).toEqual(["AckTimeout", 846608])
  })
})

describe("a lane with more frames in doubt than are worth reasoning about", () => {
  /** Frames time out one after the other, and their acks come late, in any order. */
  const flood = (errcodes: ReadonlyArray<number>, delays: ReadonlyArray<number>, horizon: number) => {
    const agenda = Agenda.make(0)
    const acks = PendingAcks.make(agenda, horizon)
    const verdicts: Array<PendingAcks.Verdict> = []
    const surplus = { count: 0 }
    const write = (index: number, ackAfter: number): void => {
      acks.register("lane", 2, {
        onVerdict: (verdict) => {
          expect(verdicts[index]).toBeUndefined()
          verdicts[index] = verdict
          if (verdict._tag === "Acked") expect(verdict.ack.errcode).toBe(errcodes[index])
          if (index + 1 < errcodes.length) agenda.at(agenda.now(), 1, () => write(index + 1, delays[index + 1]!))
        }
      })
      agenda.at(agenda.now() + ackAfter, 1, () => {
        if (!acks.receive(ackOf("lane", errcodes[index]!))) surplus.count++
      })
    }
    write(0, delays[0]!)
    agenda.runToEnd()
    return { acks, agenda, surplus, verdicts }
  }

  it("gives no false verdict, counts what it drops, and is exact again after a quiet horizon", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(0, 0, 0, 846608), fc.integer({ min: 0, max: 500 })), {
          minLength: 400,
          maxLength: 400
        }),
        (fates) => {
          const horizon = 1000
          const { acks, agenda, surplus, verdicts } = flood(
            fates.map(([errcode]) => errcode),
            // The first acks wait, so that the books fill up.
            fates.map(([, delay], index) => index < 260 ? 500 + delay : delay),
            horizon
          )
          expect(verdicts).toHaveLength(400)
          expect(surplus.count).toBeGreaterThan(0)
          let verdict: PendingAcks.Verdict | undefined
          agenda.at(agenda.now() + horizon + 1, 1, () => {
            acks.register("lane", 1, {
              onVerdict: (_) => {
                verdict = _
              }
            })
            acks.receive(ackOf("lane", 846608))
          })
          agenda.runToEnd()
          expect(verdict).toEqual({ _tag: "Acked", ack: ackOf("lane", 846608) })
        }
      ),
      { numRuns: 20 }
    )
  })
})

describe("the end of a connection", () => {
  it("settles what is in doubt in the order it was written, whatever its lane", () => {
    const acks = PendingAcks.make(Agenda.make(0), 1000)
    const lost: Array<number> = []
    // One of them twice, so that it is a group.
    const reqIds = [...Array.from({ length: 30 }, (_, n) => `lane ${n}`), "lane 2"]
    for (const [n, reqId] of reqIds.entries()) acks.register(reqId, 500, { onVerdict: () => lost.push(n) })
    acks.end()
    expect(lost).toEqual(Array.from({ length: 31 }, (_, n) => n))
  })
})
