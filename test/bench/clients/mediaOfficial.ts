import { WSClient } from "@wecom/aibot-node-sdk"
import * as fs from "node:fs/promises"
import type { Mover, Task } from "./media.js"

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export const make = async ({ directory, direction, served }: Task): Promise<Mover> => {
  const client = new WSClient({
    botId: "aibBench",
    secret: "bench",
    wsUrl: served.wsUrl,
    logger: silent,
    requestTimeout: 60_000
  })
  await new Promise<void>((resolve) => {
    client.on("authenticated", () => resolve())
    client.connect()
  })
  return {
    move: async (mebibytes) => {
      if (direction === "upload") {
        const bytes = await fs.readFile(`${directory}/upload-${mebibytes}`)
        await client.uploadMedia(bytes, { type: "file", filename: "a.bin" })
        return
      }
      const { buffer } = await client.downloadFile(`${served.httpUrl}/${mebibytes}`, served.aeskey)
      if (direction === "file") await fs.writeFile(`${directory}/official-${mebibytes}`, buffer)
    }
  }
}
