/**
 * The service of the load benchmark: plain `ws`, as little work per frame as possible, so that it is never the bottleneck.
 * Acks every frame; a `bench_push` frame asks for that many text messages.
 */
import { WebSocketServer } from "ws"

const reqIdOf = /"req_id":"([^"]*)"/

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" })
let pushed = 0

const message = (): string => {
  const id = pushed++
  return `{"cmd":"aibot_msg_callback","headers":{"req_id":"REQ${id}"},"body":{"msgid":"MSG${id}","aibotid":"aibBench",` +
    `"chattype":"single","from":{"userid":"user${id % 10_000}"},"create_time":1790000000,` +
    `"response_url":"https://example.invalid/cgi-bin/aibot/response?code=${id}","msgtype":"text",` +
    `"text":{"content":"请问今天下午的会议改到几点了？ message ${id}"}}}`
}

server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const text = String(data)
    const reqId = reqIdOf.exec(text)?.[1] ?? ""
    if (text.includes("\"bench_push\"")) {
      const count = Number(/"count":(\d+)/.exec(text)?.[1] ?? 0)
      const sendSome = (left: number) => {
        const now = Math.min(left, 200)
        for (let i = 0; i < now; i++) socket.send(message())
        if (left > now) setImmediate(sendSome, left - now)
      }
      sendSome(count)
    }
    socket.send(`{"headers":{"req_id":"${reqId}"},"errcode":0,"errmsg":"ok"}`)
  })
})
server.on("listening", () => {
  const address = server.address()
  if (typeof address === "object" && address !== null) process.stdout.write(`${address.port}\n`)
})
process.on("disconnect", () => process.exit(0))
