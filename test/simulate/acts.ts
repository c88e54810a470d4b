/**
 * What people do in a history, as the plan says.
 */
import { Effect } from "effect"
import { Chat, Reply, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import * as Faults from "./faults.js"
import * as Files from "./files.js"
import * as Handlers from "./handlers.js"
import type * as Plan from "./plan.js"

export type Acting = (act: Plan.Act) => Effect.Effect<void, never, TestGateway.TestGateway | WecomBot.WecomBot>

const meanwhile = { wait: false } as const

export const acting =
  (cast: Handlers.Cast, behaviours: Map<string, Plan.Behaviour>, stage: Faults.Stage): Acting => (act) =>
    Effect.gen(function*() {
      const who: TestGateway.Participant = act.group
        ? (yield* TestGateway.group("team")).member(act.who)
        : yield* TestGateway.user(act.who)
      const sent = (what: string, { delivered, msgid }: TestGateway.Sent) => {
        stage.msgids.push(msgid)
        cast.books.note(act.who, what, msgid, delivered ? "" : "(to nobody)")
      }
      switch (act._tag) {
        case "Writes": {
          const name = `b${behaviours.size}`
          behaviours.set(name, act.behaviour)
          cast.books.note(act.who, "writes", name, JSON.stringify(act.behaviour))
          const content = act.group ? `@Bot ${name}` : name
          const wrote = yield* who.send({ msgtype: "text", text: { content } }, meanwhile)
          if (act.fault !== undefined) yield* Faults.arrange(stage, act.fault, String(wrote.reqId))
          return sent("wrote", wrote)
        }
        case "Enters":
          return sent("enters", yield* who.sendEvent("enter_chat", undefined, meanwhile))
        case "Presses": {
          const shown = (yield* who.screen).filter(({ card }) => card?.button_list !== undefined).at(-1)
          return shown === undefined ? undefined : sent("presses", yield* who.press(shown, "ok", meanwhile))
        }
        case "Sends": {
          const link = yield* Files.serve(cast.shelf, act.file, cast.nextToken())
          cast.books.note(act.who, "sends", JSON.stringify(act.file))
          return sent("sent", yield* who.send({ msgtype: act.file.type, [act.file.type]: link }, meanwhile))
        }
        case "Rates": {
          const shown = (yield* who.screen).filter(({ feedbackId }) => feedbackId !== undefined).at(-1)
          return shown === undefined
            ? undefined
            : sent("rates", yield* who.feedback(shown, { type: "like" }, meanwhile))
        }
        case "IsPushedTo":
          return yield* Effect.forEach(
            Array.from({ length: act.count }),
            () =>
              Handlers.say(
                cast,
                "sendMessage",
                (token) => WecomBot.sendMessage(Chat.user(act.who), Reply.markdown(`#${token}#`))
              ),
            { concurrency: "unbounded", discard: true }
          )
      }
    })
