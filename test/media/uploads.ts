/**
 * A gateway in memory, a connection to it and uploads over that.
 */
import { Effect, Layer } from "effect"
import { BotConfig, Connection, Crypto, MediaUpload, Reconnect } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { plainHeartbeat } from "../contract/wired.js"

export const layer = (options?: TestGateway.BotOptions) =>
  MediaUpload.layer.pipe(
    Layer.provideMerge(Connection.layer),
    Layer.provide([plainHeartbeat, Reconnect.layer, Crypto.layer]),
    Layer.provide(
      Layer.orDie(
        BotConfig.layer({
          ...options,
          botId: TestGateway.defaultBotId,
          secret: TestGateway.defaultSecret,
          drainTimeout: 0
        })
      )
    ),
    Layer.provideMerge(TestGateway.layer(options))
  )

/** How often each chunk was sent. */
export const chunkCounts = Effect.map(TestGateway.received, (frames) => {
  const counts = new Map<number, number>()
  for (const { body, cmd } of frames) {
    if (cmd !== "aibot_upload_media_chunk") continue
    counts.set(body.chunk_index, (counts.get(body.chunk_index) ?? 0) + 1)
  }
  return counts
})

export const framesOf = (cmd: string) =>
  Effect.map(TestGateway.received, (frames) => frames.filter((frame) => frame.cmd === cmd))

export const init = "aibot_upload_media_init"
export const chunk = "aibot_upload_media_chunk"
export const finish = "aibot_upload_media_finish"
