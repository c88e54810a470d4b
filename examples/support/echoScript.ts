/**
 * What the user of `examples/echo.ts` does, step by step.
 */
import { Effect } from "effect"
import * as TestGateway from "effect-wecom/TestGateway"
import type { Speaker } from "./demo.js"
import { print } from "./terminal.js"

export const echoScript = (alice: Speaker) =>
  Effect.gen(function*() {
    yield* alice.does("(opens the chat)", alice.enter)
    yield* alice.says("早上好, does this thing work?")
    const heard = yield* alice.does("(voice) 明天下午三点开会", alice.sendVoice("明天下午三点开会"))
    yield* Effect.zip(print(alice.userid, "(likes that)"), alice.feedback(heard, { type: "like" }))
    const card = yield* alice.says("card")
    yield* alice.does("(presses Approve)", alice.press(card, "approve"))
    const report = yield* TestGateway.serveFile({
      bytes: new TextEncoder().encode("销售额 100\n"),
      filename: "月报.txt"
    })
    yield* alice.does("(sends the file 月报.txt)", alice.sendFile(report))
    yield* alice.answer
    yield* alice.says("再见")
  })
