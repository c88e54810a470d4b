/** The yardstick: the official SDK, used as its README shows, and once more by a careful program. */
import { type TextMessage, WSClient, type WsFrame } from "@wecom/aibot-node-sdk"
import PQueue from "p-queue"
import type { Client } from "./cases.js"

type TextFrame = WsFrame<TextMessage>

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export const connect = async (url: string): Promise<WSClient> => {
  const client = new WSClient({ botId: "aibBench", secret: "bench", wsUrl: url, logger: silent })
  await new Promise<void>((resolve) => {
    client.on("authenticated", () => resolve())
    client.connect()
  })
  return client
}

const handlerMillis = 60_000

/** What a careful program puts around a handler: order within a conversation, a time limit, and a fence for errors. */
const careful = (handle: (frame: TextFrame, signal: AbortSignal) => Promise<unknown>) => {
  const queues = new Map<string, PQueue>()

  const queueOf = (conversation: string): PQueue => {
    const known = queues.get(conversation)
    if (known !== undefined) return known
    const queue = new PQueue({ concurrency: 1 })
    queue.on("idle", () => queues.delete(conversation))
    queues.set(conversation, queue)
    return queue
  }

  const limited = async (frame: TextFrame) => {
    const controller = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        controller.abort()
        reject(new Error(`a handler took longer than ${handlerMillis} ms`))
      }, handlerMillis)
    })
    try {
      await Promise.race([handle(frame, controller.signal), tooLate])
    } catch (error) {
      console.error(frame.body?.msgid, error)
    } finally {
      clearTimeout(timer)
    }
  }

  return (frame: TextFrame) => {
    const { chatid, chattype, from } = frame.body!
    void queueOf(chattype === "group" ? `group:${chatid}` : `single:${from.userid}`).add(() => limited(frame))
  }
}

export const make = async (url: string): Promise<Client> => {
  const client = await connect(url)
  const answering = await connect(url)
  const caring = await connect(url)
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
  caring.on(
    "message.text",
    careful(async (frame, signal) => {
      await caring.replyStream(frame, frame.headers.req_id, "an answer", true)
      signal.throwIfAborted()
      came()
    })
  )
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
    answerWithCare: (count) => all(caring, count),
    close: async () => {
      for (const each of [client, answering, caring]) each.disconnect()
    }
  }
}
