/** The yardstick: the official SDK, used as its README shows. */
import { WSClient } from "@wecom/aibot-node-sdk"
import type { Client } from "./cases.js"

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export const connect = async (url: string): Promise<WSClient> => {
  const client = new WSClient({ botId: "aibBench", secret: "bench", wsUrl: url, logger: silent })
  await new Promise<void>((resolve) => {
    client.on("authenticated", () => resolve())
    client.connect()
  })
  return client
}

export const make = async (url: string): Promise<Client> => {
  const client = await connect(url)
  const answering = await connect(url)
  let next = 0
  const push = (client: WSClient, count: number) =>
    client.reply({ headers: { req_id: `PUSH${next++}` } }, { count } as never, "bench_push")
  const round = { left: 0, done: () => {} }
  const came = () => {
    if (--round.left === 0) round.done()
  }
  client.on("message.text", came)
  answering.on("message.text", async (frame) => {
    await answering.replyStream(frame, frame.headers.req_id, "an answer", true)
    came()
  })
  const all = (client: WSClient, count: number) =>
    new Promise<void>((resolve) => {
      round.left = count
      round.done = resolve
      void push(client, count)
    })
  return {
    frame: (reqId, content, finish) => client.replyStream({ headers: { req_id: reqId } }, reqId, content, finish),
    take: (count) => all(client, count),
    answer: (count) => all(answering, count),
    close: async () => {
      client.disconnect()
      answering.disconnect()
    }
  }
}
