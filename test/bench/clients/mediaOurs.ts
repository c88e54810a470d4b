import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as NodeWecomBot from "effect-wecom/NodeWecomBot"
import * as WecomBot from "effect-wecom/WecomBot"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Mover, Task } from "./media.js"

type Needs = WecomBot.WecomBot | FileSystem.FileSystem

export const make = async ({ directory, direction, served }: Task): Promise<Mover> => {
  const bot = NodeWecomBot.layer({ botId: "aibBench", secret: Redacted.make("bench"), wsUrl: served.wsUrl })
  const runtime = ManagedRuntime.make(
    Layer.mergeAll(bot, NodeFileSystem.layer).pipe(Layer.provide(Logger.remove(Logger.defaultLogger)))
  )
  await runtime.runPromise(WecomBot.ready)
  const link = (mebibytes: number) => ({ url: `${served.httpUrl}/${mebibytes}`, aeskey: served.aeskey })
  const moves = {
    download: (mebibytes: number) =>
      Effect.flatMap(WecomBot.downloadFile(link(mebibytes)), (file) => Stream.runDrain(file.stream)),
    file: (mebibytes: number) =>
      Effect.flatMap(WecomBot.downloadFile(link(mebibytes)), (file) => file.writeTo(`${directory}/ours-${mebibytes}`)),
    upload: (mebibytes: number) => WecomBot.uploadMediaFile(`${directory}/upload-${mebibytes}`, { type: "file" })
  }
  return {
    move: (mebibytes) => runtime.runPromise(Effect.asVoid<unknown, unknown, Needs>(moves[direction](mebibytes)))
  }
}
