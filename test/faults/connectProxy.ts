/** A proxy as companies run them: CONNECT, and perhaps only for those who say who they are. */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"

export interface ConnectProxy {
  /** `http://127.0.0.1:…`, with the credentials it asks for. */
  readonly url: string
  readonly urlWithoutCredentials: string
  /** Where it was asked to connect to, and whether it did. */
  readonly requests: ReadonlyArray<{ readonly target: string; readonly status: number }>
}

export const make = (
  credentials?: { readonly user: string; readonly password: string }
): Effect.Effect<ConnectProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const requests: Array<{ readonly target: string; readonly status: number }> = []
    const sockets = new Set<Net.Socket>()
    const expected = credentials === undefined
      ? undefined
      : `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`

    const server = Http.createServer((request, response) => {
      requests.push({ target: request.url!, status: 405 })
      response.writeHead(405).end()
    })
    server.on("connection", (socket) => sockets.add(socket))
    server.on("connect", (request, socket, head) => {
      socket.on("error", () => {})
      const target = request.url!
      if (expected !== undefined && request.headers["proxy-authorization"] !== expected) {
        requests.push({ target, status: 407 })
        socket.end(
          "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
        )
        return
      }
      requests.push({ target, status: 200 })
      // Names of the test lead to this machine.
      const upstream = Net.connect(Number(target.split(":").at(-1)), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
        upstream.write(head)
        upstream.pipe(socket).pipe(upstream)
      })
      sockets.add(upstream)
      upstream.on("error", () => socket.destroy())
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    )
    const { port } = server.address() as Net.AddressInfo
    const authority = `127.0.0.1:${port}`
    return {
      url: credentials === undefined
        ? `http://${authority}`
        : `http://${encodeURIComponent(credentials.user)}:${encodeURIComponent(credentials.password)}@${authority}`,
      urlWithoutCredentials: `http://${authority}`,
      requests
    }
  })
