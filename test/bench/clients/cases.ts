/**
 * The load cases and what each client must be able to do; the numbers are the same for all three. Each opens a connection for
 * every way of handling messages, set up once, as in a program: one takes them, one answers them, one answers them with care.
 */
export interface Client {
  /** Sends one stream frame on this req_id and resolves with its ack. */
  readonly frame: (reqId: string, content: string, finish: boolean) => Promise<unknown>
  /** Asks for so many messages and resolves when all of them were taken. */
  readonly take: (count: number) => Promise<void>
  /** Asks for so many messages, answers each with one finished frame, and resolves when all acks are in. */
  readonly answer: (count: number) => Promise<void>
  /** The same in order within each conversation, with a time limit for each, and none that fails ends anything else. */
  readonly answerWithCare: ((count: number) => Promise<void>) | undefined
  readonly close: () => Promise<void>
}

export const cases = ["one lane", "200 lanes", "messages", "router, same work", "router, bare handler"] as const

export type Case = typeof cases[number]

export const sizes: { readonly [K in Case]: number } = {
  "one lane": 20_000,
  "200 lanes": 40_000,
  "messages": 50_000,
  "router, same work": 10_000,
  "router, bare handler": 10_000
}

let next = 0

export const play = async (client: Client, name: Case, size = sizes[name]): Promise<void> => {
  switch (name) {
    case "one lane": {
      const reqId = `LANE${next++}`
      for (let i = 0; i < size; i++) await client.frame(reqId, `snapshot number ${i} of a growing answer`, false)
      return
    }
    case "200 lanes": {
      const lane = async (reqId: string) => {
        for (let i = 0; i < size / 200; i++) {
          await client.frame(reqId, `snapshot number ${i} of a growing answer`, false)
        }
      }
      await Promise.all(Array.from({ length: 200 }, () => lane(`LANE${next++}`)))
      return
    }
    case "messages":
      return client.take(size)
    case "router, same work":
      return client.answerWithCare?.(size)
    case "router, bare handler":
      return client.answer(size)
  }
}
