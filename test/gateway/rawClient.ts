/**
 * A client that writes and reads frames by hand, over whatever `WebSocketConstructor` it is given.
 */
import * as Socket from "@effect/platform/Socket"
import { Chunk, Effect, Queue } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"

export interface RawClient {
  readonly ws: WebSocket & { readonly terminate: () => void }
  /** Writes a frame and does not wait. */
  readonly write: (cmd: string, reqId: string | number, body?: unknown) => Effect.Effect<void>
  readonly writeText: (text: string) => Effect.Effect<void>
  /** The next frame from the service. */
  readonly next: Effect.Effect<any>
  readonly nextEvent: Effect.Effect<{ readonly type: string; readonly [field: string]: any }>
  /** Writes a frame and waits for the next one, which must be its ack. */
  readonly request: (cmd: string, reqId: string | number, body?: unknown) => Effect.Effect<any>
  /** Frames that came and were not read yet. */
  readonly unread: Effect.Effect<ReadonlyArray<any>>
  readonly subscribe: Effect.Effect<any>
  readonly closed: Effect.Effect<{ readonly code: number; readonly reason: string }>
}

export const respond = "aibot_respond_msg"

export const send = "aibot_send_msg"

export const credentials = { bot_id: TestGateway.defaultBotId, secret: "test-secret" }

export const connect = (url = "wss://example.invalid") =>
  Effect.gen(function*() {
    const construct = yield* Socket.WebSocketConstructor
    const events = yield* Queue.unbounded<any>()
    const frames = yield* Queue.unbounded<any>()
    const closes = yield* Queue.unbounded<any>()
    const ws = yield* Effect.acquireRelease(
      Effect.sync(() => construct(url) as WebSocket & { readonly terminate: () => void }),
      (ws) => Effect.sync(() => ws.terminate())
    )
    for (const type of ["open", "error", "close"]) {
      ws.addEventListener(type, (event) => {
        Queue.unsafeOffer(events, event)
        if (type === "close") Queue.unsafeOffer(closes, event)
      })
    }
    ws.addEventListener("message", (event) => {
      const data = event.data
      Queue.unsafeOffer(frames, typeof data === "string" && data.startsWith("{\"") ? JSON.parse(data) : data)
    })
    const writeText = (text: string) => Effect.sync(() => ws.send(text))
    const write = (cmd: string, reqId: string | number, body?: unknown) =>
      writeText(JSON.stringify({ cmd, headers: { req_id: reqId }, body }))
    const next = Queue.take(frames)
    const request = (cmd: string, reqId: string | number, body?: unknown) =>
      Effect.zipRight(write(cmd, reqId, body), next)
    const client: RawClient = {
      ws,
      write,
      writeText,
      next,
      nextEvent: Queue.take(events),
      request,
      unread: Effect.map(Queue.takeAll(frames), Chunk.toReadonlyArray),
      subscribe: request("aibot_subscribe", "sub", credentials),
      closed: Queue.take(closes)
    }
    return client
  })

/** A client whose socket is open. */
export const opened = (url?: string) => Effect.tap(connect(url), (client) => client.nextEvent)

/** A client that is subscribed. */
export const subscribed = (url?: string) => Effect.tap(opened(url), (client) => client.subscribe)

export const stream = (id: string, content: string, finish = false, extra: object = {}) => ({
  msgtype: "stream",
  stream: { id, finish, content, ...extra }
})

export const markdown = (content: string) => ({ msgtype: "markdown", markdown: { content } })

export const buttonCard = (taskId: string, extra: object = {}) => ({
  card_type: "button_interaction",
  main_title: { title: "Leave" },
  task_id: taskId,
  button_list: [{ text: "Approve", key: "approve" }, { text: "Refuse", key: "refuse" }],
  ...extra
})
