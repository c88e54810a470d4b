/**
 * What a private deployment has around it: a certificate that Node does not know, and a CONNECT proxy.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { Effect } from "effect"
import * as Http from "node:http"
import * as Net from "node:net"
import { cert, key } from "../../test/gateway/certificate.js"
import { print } from "./terminal.js"

export const privateCa = { cert, key }

/** The path of its certificate as a file. */
export const writeCa = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/ca.pem`
  yield* fs.writeFileString(path, cert)
  return path
}).pipe(Effect.provide(NodeFileSystem.layer))

const serve = (request: Http.IncomingMessage, socket: Net.Socket, head: Buffer) => {
  Effect.runFork(print("proxy", `CONNECT ${request.url}`))
  const { hostname, port } = new URL(`http://${request.url}`)
  const upstream = Net.connect(Number(port), hostname, () => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n")
    upstream.write(head)
    upstream.pipe(socket).pipe(upstream)
  })
  upstream.on("error", () => socket.destroy())
  socket.on("error", () => upstream.destroy())
}

/** The URL of a proxy that prints what it is asked for. */
export const connectProxy = Effect.acquireRelease(
  Effect.async<Http.Server>((resume) => {
    const server = Http.createServer().on("connect", serve)
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}`))
