import { describe, expect, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { runs } from "../support/runs.js"
import * as Book from "./book.js"
import * as Plan from "./plan.js"
import type * as Wire from "./wire.js"
import * as World from "./world.js"

const seeds = Array.from({ length: 30 }, (_, index) => index + 1)

/** The books of a history in which every promise is kept. */
const kept = async (plan: Plan.Plan): Promise<Book.Books> => {
  const { books } = await World.play(plan)
  expect(books.complaints, `seed ${plan.seed}`).toEqual([])
  return books
}

const hash = async (seed: number): Promise<string> => {
  const books = await kept(Plan.make(seed))
  return createHash("sha256").update(books.lines.map(Book.format).join("\n")).digest("hex")
}

/** What the books say of the first history in which a bot at the end of this wire is found out. */
const foundOut = async (tamper: Wire.Tamper): Promise<string> => {
  for (const seed of seeds) {
    const { books } = await World.play(Plan.make(seed), tamper)
    if (books.complaints.length > 0) return books.complaints.join("\n")
  }
  return "nothing"
}

/** Acks as the bot reads them. */
const acks = (change: (ack: any) => any): Wire.Tamper => (data) => {
  if (typeof data !== "string" || data.includes("\"cmd\"") || !data.includes("\"errcode\"")) return data
  return JSON.stringify(change(JSON.parse(data)))
}

describe("a simulated history", () => {
  it("keeps every promise, and one seed has one history", async () => {
    const first: Array<string> = []
    for (const seed of seeds) first.push(await hash(seed))
    expect(new Set(first).size).toBe(seeds.length)
    for (const seed of [1, 7, 19, 28]) expect(await hash(seed)).toBe(first[seed - 1])
  })

  const histories = runs(20)

  it(
    `of ${histories * 10} answers, up to an hour long: every bubble sealed, nothing missing of a success`,
    async () => {
      const verdicts: Record<string, number> = {}
      for (let seed = 1; seed <= histories; seed++) {
        for (const [verdict, times] of (await kept(Plan.answers(seed))).verdicts) {
          verdicts[verdict] = (verdicts[verdict] ?? 0) + times
        }
      }
      // A simulation in which nothing works would keep every promise.
      expect(verdicts["replyStream Success"]).toBeGreaterThanOrEqual(runs(50))
    },
    60_000
  )

  it("is found out when refusals are read as deliveries", async () => {
    expect(await foundOut(acks((ack) => ack.errcode === 853000 ? ack : { ...ack, errcode: 0, errmsg: "ok" }))).toMatch(
      /is called delivered/
    )
  })

  it("is found out when deliveries are read as refusals", async () => {
    let count = 0
    expect(await foundOut(acks((ack) => ++count % 7 === 0 && ack.errcode === 0 ? { ...ack, errcode: 40058 } : ack)))
      .toMatch(/is called SendRejected|was left open|SubscribeRefused/)
  })

  it("is found out when a message never reaches its handler", async () => {
    const lost = (data: unknown) => typeof data === "string" && data.includes("aibot_msg_callback") ? "" : data
    expect(await foundOut(lost)).toMatch(/came and was not handled/)
  })

  it("is found out when an ack never reaches the bot", async () => {
    expect(await foundOut(acks((ack) => ({ ...ack, headers: { req_id: "nobody" } })))).toMatch(
      /SubscribeTimeout without/
    )
  })
})
