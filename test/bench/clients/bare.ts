/** The limit: `ws`, JSON and a Map. */
import { WebSocket } from "ws"
import type { Client } from "./cases.js"

export const make = async (url: string): Promise<Client> => {
  const socket = new WebSocket(url)
  const pending = new Map<string, () => void>()
  let onMessage: (frame: { headers: { req_id: string } }) => void = () => {}
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
  const frame = (reqId: string, content: string, finish: boolean) =>
    send("aibot_respond_msg", reqId, { msgtype: "stream", stream: { id: reqId, finish, content } })
  const drain = (count: number, each: (reqId: string) => Promise<void> | void) =>
    new Promise<void>((resolve) => {
      let left = count
      onMessage = async (message) => {
        await each(message.headers.req_id)
        if (--left === 0) resolve()
      }
      void send("bench_push", `PUSH${next++}`, { count })
    })
  await send("aibot_subscribe", "SUBSCRIBE", { bot_id: "aibBench", secret: "bench" })
  return {
    frame,
    take: (count) => drain(count, () => {}),
    answer: (count) => drain(count, (reqId) => frame(reqId, "an answer", true)),
    close: async () => socket.terminate()
  }
}
