/**
 * The engine on a port: the upgrade by gate, and the server's end of every connection as a `ServerSocket`.
 */
import { ServeError } from "@effect/platform/HttpServerError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Net from "node:net"
import type { Duplex } from "node:stream"
import type * as Tls from "node:tls"
import { WebSocketServer } from "ws"
import type { WebSocket } from "ws"
import type { Downloads } from "./downloads.js"
import type { Engine, Gate, HandshakeAnswer } from "./engine.js"
import * as NodeFiles from "./nodeFiles.js"

/** @internal */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly tls: Tls.SecureContextOptions | undefined
  readonly downloads: Downloads
}

/** @internal */
export interface NodeServer {
  readonly port: number
  readonly applyGate: (gate: Gate) => Effect.Effect<void>
}

const serve = (engine: Engine, ws: WebSocket): void => {
  const attached = engine.attach({
    send: (data) => ws.send(data),
    close: (code, reason) => ws.close(code, reason),
    terminate: () => ws.terminate(),
    freeze: () => ws.pause()
  })
  ws.on("message", (data) => attached.receive(data.toString()))
  ws.on("close", attached.closed)
  // Every error is followed by a close.
  ws.on("error", () => {})
}

const refuse = (socket: Duplex, { body = "", headers, status }: HandshakeAnswer): void => {
  const fields = { Connection: "close", "Content-Length": String(Buffer.byteLength(body)), ...headers }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${Http.STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`)
}

/** @internal */
export const make = (
  engine: Engine,
  options: ListenOptions
): Effect.Effect<NodeServer, ServeError, Scope.Scope> =>
  Effect.gen(function*() {
    const upgrades = new WebSocketServer({ noServer: true })
    const server = options.tls === undefined ? Http.createServer() : Https.createServer({ ...options.tls })
    const sockets = new Set<Net.Socket>()

    server.on("connection", (socket: Net.Socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
    })
    server.on("request", NodeFiles.listener(options.downloads, yield* Effect.runtime<never>()))
    server.on("upgrade", (request, socket, head) => {
      const gate = engine.gate
      if (gate._tag === "Never") return
      if (gate._tag === "Refuse") return gate.answer === undefined ? socket.destroy() : refuse(socket, gate.answer)
      upgrades.handleUpgrade(request, socket, head, (ws) => serve(engine, ws))
    })

    const listen = (port: number) =>
      Effect.async<number, ServeError>((resume) => {
        const onError = (cause: Error) => resume(Effect.fail(new ServeError({ cause })))
        server.once("error", onError)
        server.listen(port, options.host, () => {
          server.off("error", onError)
          resume(Effect.succeed((server.address() as Net.AddressInfo).port))
        })
      })

    const close = Effect.async<void>((resume) => {
      // `close` calls back with an error when the gate has closed the listener before; it is closed either way.
      server.close(() => resume(Effect.void))
      for (const socket of sockets) socket.destroy()
    })

    const port = yield* Effect.acquireRelease(listen(options.port), () => close)

    return {
      port,
      applyGate: (gate) =>
        Effect.suspend(() => {
          const mustListen = gate._tag !== "Refuse" || gate.answer !== undefined
          if (mustListen === server.listening) return Effect.void
          if (mustListen) return Effect.asVoid(Effect.orDie(listen(port)))
          server.close()
          return Effect.void
        })
    }
  })
