/** The limit: `ws`, JSON and a Map. */
import { WebSocket } from "ws"
import type { Client } from "./cases.js"

type OnMessage = (frame: { headers: { req_id: string } }) => void

const connect = async (url: string) => {
  const socket = new WebSocket(url)
  const pending = new Map<string, () => void>()
  let onMessage: OnMessage = () => {}
  let next = 0
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve)
    socket.once("error", reject)
  })
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data))
    if (frame.cmd !== undefined) return onMessage(frame)
    const settle = pending.get(frame.headers.req_id)
    pending.delete(frame.headers.req_id)
    settle?.()
  })
  const send = (cmd: string, reqId: string, body: unknown) =>
    new Promise<void>((resolve) => {
      pending.set(reqId, resolve)
      socket.send(JSON.stringify({ cmd, headers: { req_id: reqId }, body }))
    })
  await send("aibot_subscribe", "SUBSCRIBE", { bot_id: "aibBench", secret: "bench" })
  return {
    frame: (reqId: string, content: string, finish: boolean) =>
      send("aibot_respond_msg", reqId, { msgtype: "stream", stream: { id: reqId, finish, content } }),
    push: (count: number) => void send("bench_push", `PUSH${next++}`, { count }),
    listen: (listener: OnMessage) => {
      onMessage = listener
    },
    close: () => socket.terminate()
  }
}

export const make = async (url: string): Promise<Client> => {
  const client = await connect(url)
  const answering = await connect(url)
  const round = { left: 0, done: () => {} }
  const came = () => {
    if (--round.left === 0) round.done()
  }
  client.listen(came)
  answering.listen(async (message) => {
    await answering.frame(message.headers.req_id, "an answer", true)
    came()
  })
  const all = ({ push }: typeof client, count: number) =>
    new Promise<void>((resolve) => {
      round.left = count
      round.done = resolve
      push(count)
    })
  return {
    frame: client.frame,
    take: (count) => all(client, count),
    answer: (count) => all(answering, count),
    answerWithCare: undefined,
    close: async () => {
      client.close()
      answering.close()
    }
  }
}
