/** The yardstick: the official SDK, used as its README shows. */
import { WSClient } from "@wecom/aibot-node-sdk"
import type { Client } from "./cases.js"

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export const make = async (url: string): Promise<Client> => {
  const client = new WSClient({ botId: "aibBench", secret: "bench", wsUrl: url, logger: silent })
  await new Promise<void>((resolve) => {
    client.on("authenticated", () => resolve())
    client.connect()
  })
  let next = 0
  const push = (count: number) =>
    client.reply({ headers: { req_id: `PUSH${next++}` } }, { count } as never, "bench_push")
  const drain = (count: number, each: (frame: { headers: { req_id: string } }) => Promise<unknown> | void) =>
    new Promise<void>((resolve) => {
      let left = count
      const onText = async (frame: { headers: { req_id: string } }) => {
        await each(frame)
        if (--left === 0) {
          client.off("message.text", onText)
          resolve()
        }
      }
      client.on("message.text", onText)
      void push(count)
    })
  return {
    frame: (reqId, content, finish) => client.replyStream({ headers: { req_id: reqId } }, reqId, content, finish),
    take: (count) => drain(count, () => {}),
    answer: (count) => drain(count, (frame) => client.replyStream(frame, frame.headers.req_id, "an answer", true)),
    close: async () => client.disconnect()
  }
}
