/** A service that subscribes anybody, and then does to the connection whatever a test says, byte by byte. */
import { Effect } from "effect"
import type { Scope } from "effect"
import type * as Net from "node:net"
import type { WebSocket } from "ws"
import { WebSocketServer } from "ws"

export interface RawConnection {
  readonly botId: string
  /** Counted from 1, for each bot. */
  readonly number: number
  readonly ws: WebSocket
  readonly socket: Net.Socket
}

export const make = (
  onSubscribed: (connection: RawConnection) => void
): Effect.Effect<{ readonly url: string; readonly connections: () => number }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<WebSocketServer>((resume) => {
      const seen = new Map<string, number>()
      const server: WebSocketServer = new WebSocketServer(
        { port: 0, host: "127.0.0.1" },
        () => resume(Effect.succeed(server))
      )
      server.on("connection", (ws, request) => {
        ws.on("error", () => {})
        ws.on("message", (data) => {
          const { body, cmd, headers } = JSON.parse(String(data))
          ws.send(JSON.stringify({ headers, errcode: 0, errmsg: "ok" }))
          if (cmd !== "aibot_subscribe") return
          const number = (seen.get(body.bot_id) ?? 0) + 1
          seen.set(body.bot_id, number)
          onSubscribed({ botId: body.bot_id, number, ws, socket: request.socket })
        })
      })
    }),
    (server) =>
      Effect.async<void>((resume) => {
        for (const client of server.clients) client.terminate()
        server.close(() => resume(Effect.void))
      })
  ).pipe(Effect.map((server) => ({
    url: `ws://127.0.0.1:${(server.address() as Net.AddressInfo).port}`,
    connections: () => server.clients.size
  })))
