import { expect, it } from "@effect/vitest"
import { Effect, Scope } from "effect"
import { type Tell, told, toldBy } from "./support.js"

const finalizer = (tell: Tell, name = "finalizer") => Effect.addFinalizer((exit) => tell(`${name} ${exit._tag}`))

it("a handler's Scope closes with how the handler ended, and before anybody is told of a failure", async () => {
  const errorReply = (_: unknown, message: { readonly msgid: string }) => {
    replies.push(message.msgid)
    return undefined
  }
  const replies: Array<string> = []
  const seen = await told(
    (msgid, tell) =>
      Effect.zipRight(
        Effect.addFinalizer((exit) => tell(`${msgid} ${exit._tag}, ${replies.length} replies`)),
        msgid === "fails" ? Effect.fail("oops") : msgid === "hangs" ? Effect.never : Effect.void
      ),
    { errorReply, handlerTimeout: "5 seconds" },
    "succeeds",
    "fails",
    "hangs"
  )
  expect(seen).toEqual(["succeeds Success, 0 replies", "fails Failure, 0 replies", "hangs Failure, 1 replies"])
  expect(replies).toEqual(["fails", "hangs"])
})

it("handlers are interruptible whoever runs the router", async () => {
  const seen = await toldBy((router) => Effect.forkDaemon(Effect.uninterruptible(router)))(
    (_, tell) => Effect.onExit(Effect.sleep("30 seconds"), (exit) => tell(exit._tag)),
    { handlerTimeout: "5 seconds" },
    "1"
  )
  expect(seen).toEqual(["Failure"])
})

it("each message of a batch that is not taken as one has a Scope of its own", async () => {
  const seen = await told(
    (msgid, tell) => Effect.zipRight(finalizer(tell, `end of ${msgid}`), tell(msgid)),
    { overlap: "debounce" },
    "1",
    "2"
  )
  expect(seen).toEqual(["1", "end of 1 Success", "2", "end of 2 Success"])
})

it("who outlives the handler and adds a finalizer to its Scope has it run at once", async () => {
  const seen = await told(
    (_, tell) =>
      Effect.flatMap(Effect.scope, (scope) =>
        Effect.forkDaemon(
          Effect.sleep("1 second").pipe(
            Effect.zipRight(Scope.extend(finalizer(tell, "late"), scope)),
            Effect.zipRight(tell("after"))
          )
        )),
    {},
    "1"
  )
  expect(seen).toEqual(["late Success", "after"])
})
