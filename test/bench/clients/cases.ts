/**
 * The load cases and what each client must be able to do; the numbers are the same for all three. Each opens two connections:
 * on one of them all messages are taken, on the other they are answered, by what was set up once, as in a program.
 */
export interface Client {
  /** Sends one stream frame on this req_id and resolves with its ack. */
  readonly frame: (reqId: string, content: string, finish: boolean) => Promise<unknown>
  /** Asks for so many messages and resolves when all of them were taken. */
  readonly take: (count: number) => Promise<void>
  /** Asks for so many messages, answers each with one finished frame, and resolves when all acks are in. */
  readonly answer: (count: number) => Promise<void>
  readonly close: () => Promise<void>
}

export const cases = ["one lane", "200 lanes", "messages", "router"] as const

export type Case = typeof cases[number]

export const sizes: { readonly [K in Case]: number } = {
  "one lane": 20_000,
  "200 lanes": 40_000,
  "messages": 50_000,
  "router": 10_000
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
    case "router":
      return client.answer(size)
  }
}
