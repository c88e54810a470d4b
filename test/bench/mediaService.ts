/**
 * The service of the media benchmarks: serves encrypted files over HTTP and takes uploads over `ws`, with as little work per
 * chunk as possible, so that it is never the bottleneck.
 */
import { createCipheriv, createHash } from "node:crypto"
import { createServer } from "node:http"
import { WebSocketServer } from "ws"

export interface Served {
  readonly wsUrl: string
  readonly httpUrl: string
  readonly aeskey: string
}

const key = Buffer.alloc(32, 5)
const mebibyte = 1024 * 1024

/** The same pseudo-random bytes in every process. */
const content = (length: number): Buffer => {
  const cipher = createCipheriv("aes-256-ctr", Buffer.alloc(32, 7), Buffer.alloc(16))
  return cipher.update(Buffer.alloc(length))
}

const encrypt = (bytes: Buffer): Buffer => {
  const padding = 32 - bytes.length % 32
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false)
  return Buffer.concat([cipher.update(bytes), cipher.update(Buffer.alloc(padding, padding)), cipher.final()])
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

const files = new Map<string, Buffer>()

/** `/50` is a file of 50 MiB. */
const fileOf = (path: string): Buffer => {
  let file = files.get(path)
  if (file === undefined) files.set(path, file = encrypt(content(Number(path.slice(1)) * mebibyte)))
  return file
}

const http = createServer((request, response) => {
  const file = fileOf(request.url!)
  response.writeHead(200, { "content-length": file.length, "content-type": "application/octet-stream" })
  response.end(file)
})

const reqIdOf = /"req_id":"([^"]*)"/
const indexOf = /"chunk_index":(\d+)/
let chunks: Array<string> = []

const server = new WebSocketServer({ server: http })
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const text = String(data)
    const reqId = reqIdOf.exec(text.slice(0, 300) + text.slice(-300))?.[1]
    const head = text.slice(0, 300)
    let body = "{}"
    if (head.includes("\"aibot_upload_media_init\"")) {
      chunks = []
      body = "{\"upload_id\":\"UPLOAD\"}"
    } else if (head.includes("\"aibot_upload_media_chunk\"")) {
      chunks[Number(indexOf.exec(head)?.[1] ?? indexOf.exec(text.slice(-300))?.[1])] = text
    } else if (head.includes("\"aibot_upload_media_finish\"")) {
      body = "{\"type\":\"file\",\"media_id\":\"MEDIA\",\"created_at\":1790000000}"
    }
    socket.send(`{"headers":{"req_id":"${reqId}"},"errcode":0,"errmsg":"ok","body":${body}}`)
  })
})

/** What arrived last is this many MiB of the same bytes. */
const isWhole = (mebibytes: number): boolean => {
  const bytes = chunks.map((text) => Buffer.from(JSON.parse(text).body.base64_data, "base64"))
  return sha256(Buffer.concat(bytes)) === sha256(content(mebibytes * mebibyte))
}

http.listen(0, "127.0.0.1", () => {
  const address = http.address()
  if (typeof address !== "object" || address === null) return
  const served: Served = {
    wsUrl: `ws://127.0.0.1:${address.port}`,
    httpUrl: `http://127.0.0.1:${address.port}`,
    aeskey: key.toString("base64")
  }
  process.send!(served)
})
process.on("message", (mebibytes: number) => process.send!(isWhole(mebibytes)))
process.on("disconnect", () => process.exit(0))
