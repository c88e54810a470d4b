import { describe, expect, it } from "@effect/vitest"
import { Cause, Context, Data, Deferred, Effect, type Exit, Fiber, Layer, Logger, Ref, TestClock } from "effect"
import { BotRouter, Chat, Incoming, Reply, Telemetry, TemplateCard, WecomBot } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"
import { logged, moved } from "./router/support.js"

class Broken extends Data.TaggedError("Broken")<{ readonly why: string }> {
  override get message() {
    return this.why
  }
}

class Busy extends Data.TaggedError("Busy")<{}> {}

/** Runs a router on a fresh gateway, for as long as the test lasts. */
const serve = <E, R>(router: BotRouter.BotRouter<E, R>, options?: Parameters<typeof BotRouter.run<E, R>>[1]) =>
  Effect.forkScoped(BotRouter.run(router, options))

/** A handler that tells what it was called with. */
const telling = Effect.map(Ref.make<ReadonlyArray<string>>([]), (ref) => ({
  tell: (what: string) => Ref.update(ref, (all) => [...all, what]),
  told: Ref.get(ref)
}))

/** Lets everything run that does not wait for time. */
const settled = TestClock.adjust(0)

const gateway = Effect.provide(TestGateway.layerBot())

const button = (key: string, task_id: string) =>
  TemplateCard.buttonInteraction({ main_title: { title: "?" }, button_list: [{ text: key, key }], task_id })

const notice = (title: string) =>
  TemplateCard.textNotice({ main_title: { title }, card_action: { type: 1, url: "https://example.com" } })

describe("routes", () => {
  it.scoped("every type of message and event goes to its own handler, and what nobody took to orElse", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onText((message) => tell(`text ${message.text.content}`)),
        BotRouter.onImage((message) => tell(`image ${message.image.url}`)),
        BotRouter.onMixed((message) => tell(`mixed ${message.mixed.msg_item.length}`)),
        BotRouter.onVoice((message) => tell(`voice ${message.voice.content}`)),
        BotRouter.onFile((message) => tell(`file ${message.file.url}`)),
        BotRouter.onVideo((message) => tell(`video ${message.video.url}`)),
        BotRouter.onEvent("enter_chat", (event) => tell(`enter ${event.from.userid}`)),
        BotRouter.orElse((incoming) =>
          tell(`else ${Incoming.isEvent(incoming) ? incoming.eventtype : incoming.msgtype}`)
        )
      ))
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("hi")
      yield* alice.sendImage({ url: "i" })
      yield* alice.sendMixed(["a", { url: "b" }])
      yield* alice.sendVoice("spoken")
      yield* alice.sendFile({ url: "f" })
      yield* alice.sendVideo({ url: "v" })
      yield* alice.send({ msgtype: "hologram" })
      yield* settled
      yield* alice.enter
      yield* alice.sendEvent("moved_house")
      yield* settled
      expect(yield* told).toEqual([
        "text hi",
        "image i",
        "mixed 2",
        "voice spoken",
        "file f",
        "video v",
        "else unknown",
        "enter alice",
        "else unknown"
      ])
    }).pipe(gateway))

  it.scoped("the first route that takes a message handles it, and no other", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onCommand("/help", () => tell("help")),
        BotRouter.concat(BotRouter.empty.pipe(
          BotRouter.onText(() => tell("text")),
          BotRouter.onMessage(() => tell("message"))
        )),
        BotRouter.onMessage(() => tell("never"))
      ))
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("/help")
      yield* alice.sendText("other")
      yield* alice.sendVoice("other")
      yield* settled
      expect(yield* told).toEqual(["help", "text", "message"])
    }).pipe(gateway))

  it.scoped("a command is a whole word at the beginning, and its argument what follows", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(
        BotRouter.empty.pipe(
          BotRouter.onCommand("/help", (_, argument) => tell(`help <${argument}>`)),
          BotRouter.onText((message) => tell(message.text.content))
        ),
        { botName: "Bot" }
      )
      const alice = yield* TestGateway.user("alice")
      const room = yield* TestGateway.group("room", { members: ["alice"] })
      const member = room.member("alice")
      for (const said of ["/help", "  /help  me\nplease ", "/help\u3000me", "/helpme", "say /help", "/HELP"]) {
        yield* alice.sendText(said)
      }
      // Conversations run side by side.
      yield* settled
      yield* member.sendMention("/help here")
      yield* settled
      expect(yield* told).toEqual([
        "help <>",
        "help <me\nplease>",
        "help <me>",
        "/helpme",
        "say /help",
        "/HELP",
        "help <here>"
      ])
    }).pipe(gateway))

  it.scoped("a pattern matches every message anew, even a global one", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onMatch(/order (?<id>\d+)/g, (_, match) => tell(`order ${match.groups?.id}`)),
        BotRouter.onText(() => tell("other"))
      ))
      const alice = yield* TestGateway.user("alice")
      for (const said of ["order 1", "order 2", "my order 3", "order"]) yield* alice.sendText(said)
      yield* settled
      expect(yield* told).toEqual(["order 1", "order 2", "order 3", "other"])
    }).pipe(gateway))

  it.scoped("guards tell groups from single chats, and lists say who is let in", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onText((message) => tell(`vip ${message.from.userid}`)),
        BotRouter.onEvent("enter_chat", (event) => tell(`vip enters ${event.from.userid}`)),
        BotRouter.allowUsers(["boss"]),
        BotRouter.concat(BotRouter.empty.pipe(
          BotRouter.onText((message) => tell(`lab ${message.chatid}`)),
          BotRouter.allowChats(["lab"])
        )),
        BotRouter.onText(Incoming.isGroup, (message) => tell(`group ${message.chatid}`)),
        BotRouter.onText((message) => message.text.content === "psst", () => tell("psst")),
        BotRouter.on(Incoming.isSingle, (incoming) => tell(`single ${incoming.from.userid}`))
      ))
      const alice = yield* TestGateway.user("alice")
      const boss = yield* TestGateway.user("boss")
      const room = yield* TestGateway.group("room", { members: ["alice", "boss"] })
      const lab = yield* TestGateway.group("lab", { members: ["alice"] })
      yield* boss.sendText("hi")
      yield* alice.sendText("hi")
      yield* alice.sendText("psst")
      yield* room.member("alice").sendMention("hi")
      yield* room.member("boss").sendMention("hi")
      yield* lab.member("alice").sendMention("hi")
      yield* settled
      expect((yield* told).toSorted()).toEqual(
        ["vip boss", "single alice", "psst", "group room", "vip boss", "lab lab"].toSorted()
      )
      yield* boss.enter
      yield* alice.enter
      yield* settled
      expect((yield* told).slice(6)).toEqual(["vip enters boss", "single alice"])
    }).pipe(gateway))

  it.scoped("buttons of cards and ratings find their handlers", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onText((message) =>
          Effect.flatMap(button("yes", "task-1"), (card) => WecomBot.replyTemplateCard(message, card))
        ),
        BotRouter.onVoice((message) => WecomBot.replyStream(message, "rate me", { feedback: { id: "f1" } })),
        BotRouter.onCardAction("no", () => tell("no")),
        BotRouter.onCardAction((event) => event.event.template_card_event.task_id === "task-2", () => tell("task-2")),
        BotRouter.onCardAction("yes", (event) => tell(`yes ${event.from.userid}`)),
        BotRouter.onFeedback((event) => tell(`feedback ${event.event.feedback_event.id}`))
      ))
      const alice = yield* TestGateway.user("alice")
      const card = yield* alice.say("card?")
      yield* alice.press(card, "yes")
      const rated = yield* Effect.flatMap(alice.sendVoice("rate?"), alice.awaitAnswer)
      yield* alice.feedback(rated, { type: "like" })
      yield* settled
      expect(yield* told).toEqual(["yes alice", "feedback f1"])
    }).pipe(gateway))
})

describe("middleware", () => {
  it.scoped("stands around every handler that was there, the last outermost, and knows what it is for", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      const around = (name: string) =>
        BotRouter.use((handler: Effect.Effect<unknown>, incoming) =>
          Effect.zipRight(tell(`${name} ${Incoming.isMessage(incoming) ? incoming.from.userid : ""}`), handler)
        )
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onText(() => tell("handler")),
        around("inner"),
        around("outer"),
        BotRouter.onVoice(() => tell("bare"))
      ))
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("hi")
      yield* alice.sendVoice("hi")
      yield* settled
      expect(yield* told).toEqual(["outer alice", "inner alice", "handler", "bare"])
    }).pipe(gateway))

  it.scoped("recovers failures by tag, and defects and throws by cause", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onMatch(/fail/, () => new Broken({ why: "glass" })),
        BotRouter.onMatch(/busy/, () => new Busy()),
        BotRouter.catchTag("Broken", (error) => tell(`recovered ${error.why}`)),
        BotRouter.catchTags({ Busy: () => tell("recovered Busy") }),
        BotRouter.onMatch(/die/, () => Effect.dieMessage("oh")),
        BotRouter.onMatch(/throw/, (): Effect.Effect<void> => {
          throw new Error("before there is an Effect")
        }),
        BotRouter.onVoice((): Effect.Effect<void> => {
          throw new Error("before there is an Effect")
        }),
        BotRouter.catchAllCause((cause) => tell(Cause.isDie(cause) ? "recovered a defect" : "?"))
      ))
      const alice = yield* TestGateway.user("alice")
      for (const said of ["fail", "busy", "die", "throw"]) yield* alice.sendText(said)
      yield* alice.sendVoice("throw")
      yield* settled
      expect(yield* told).toEqual(["recovered glass", "recovered Busy", ...Array(3).fill("recovered a defect")])
    }).pipe(gateway))

  it.scoped("provide gives the handlers what they need", () =>
    Effect.gen(function*() {
      class Name extends Context.Tag("Name")<Name, string>() {}
      const { tell, told } = yield* telling
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onText(() => Effect.flatMap(Name, tell)),
        BotRouter.provide(Context.make(Name, "Ada"))
      ))
      yield* Effect.flatMap(TestGateway.user("alice"), (alice) => alice.sendText("hi"))
      yield* settled
      expect(yield* told).toEqual(["Ada"])
    }).pipe(gateway))
})

describe("handlers are guests", () => {
  const failures: Record<string, Effect.Effect<never, Broken>> = {
    "fails": new Broken({ why: "glass" }),
    "dies": Effect.dieMessage("glass"),
    "throws": Effect.suspend(() => {
      throw new Error("glass")
    }),
    "interrupts itself": Effect.interrupt
  }

  for (const [how, failure] of Object.entries(failures)) {
    it.scoped(`a handler that ${how} is logged with its msgid, answered, and ends nothing else`, () =>
      logged((lines) =>
        Effect.gen(function*() {
          yield* serve(
            BotRouter.empty.pipe(
              BotRouter.onMatch(/fail/, () => failure),
              BotRouter.onText((message) => WecomBot.replyStream(message, "fine"))
            ),
            { errorReply: (_, message) => `Sorry, ${message.from.userid}.` }
          )
          const alice = yield* TestGateway.user("alice")
          const sent = yield* alice.sendText("fail")
          expect((yield* alice.awaitAnswer(sent)).text).toBe("Sorry, alice.")
          expect((yield* alice.say("again")).text).toBe("fine")
          const [line, ...more] = (yield* lines).filter(({ level }) => level !== "INFO")
          expect(line).toMatchObject({ level: "ERROR", text: "a handler failed", msgid: sent.msgid })
          if (how !== "interrupts itself") expect(line!.cause).toContain("glass")
          expect(more).toEqual([])
        })
      ).pipe(gateway))
  }

  it.scoped("so is a failing event handler, an error reply that throws, and one that is refused", () =>
    logged((lines) =>
      Effect.gen(function*() {
        yield* serve(
          BotRouter.empty.pipe(
            BotRouter.onMatch(/fail/, () => new Busy()),
            BotRouter.onEvent("enter_chat", () => new Busy()),
            BotRouter.onText((message) => WecomBot.replyStream(message, "fine"))
          ),
          {
            errorReply: (_, message) => {
              if (message.msgtype === "text" && message.text.content.includes("twice")) throw new Error("too")
              return ""
            }
          }
        )
        const alice = yield* TestGateway.user("alice")
        yield* alice.sendText("fail")
        yield* alice.sendText("fail twice")
        const entered = yield* alice.enter
        expect((yield* alice.say("again")).text).toBe("fine")
        const all = yield* lines
        expect(all.filter(({ level }) => level === "ERROR")).toHaveLength(3)
        expect(all.filter(({ text }) => text === "the error reply was not delivered")).toHaveLength(2)
        expect(all.some(({ level, msgid }) => level === "ERROR" && msgid === entered.msgid)).toBe(true)
      })
    ).pipe(gateway))

  it.scoped("one that takes too long is interrupted, said so, and makes room for the next", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const interrupted = yield* Deferred.make<void>()
        yield* serve(
          BotRouter.empty.pipe(
            BotRouter.onMatch(/slow/, () =>
              Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))),
            BotRouter.onText((message) =>
              WecomBot.replyStream(message, "fine")
            )
          ),
          {
            handlerTimeout: "30 seconds",
            errorReply: (cause) =>
              Cause.squash(cause) instanceof Cause.TimeoutException ? "That took too long." : undefined
          }
        )
        const alice = yield* TestGateway.user("alice")
        const sent = yield* alice.sendText("slow")
        const next = yield* alice.sendText("next")
        yield* TestClock.adjust("29 seconds")
        expect(yield* Deferred.isDone(interrupted)).toBe(false)
        yield* TestClock.adjust("2 seconds")
        expect(yield* Deferred.isDone(interrupted)).toBe(true)
        expect((yield* alice.awaitAnswer(sent)).text).toBe("That took too long.")
        expect((yield* alice.awaitAnswer(next)).text).toBe("fine")
        expect((yield* lines).filter(({ level }) => level === "ERROR")).toMatchObject([{ msgid: sent.msgid }])
      })
    ).pipe(gateway))
})

describe("windows", () => {
  const late = (lines: ReadonlyArray<{ readonly level: string; readonly text: string }>) =>
    lines.filter(({ text }) => text.includes("has not answered"))

  it.scoped("a welcome that comes too late is announced after 5 s, and fails as SendExpired", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const exit = yield* Deferred.make<Exit.Exit<unknown, unknown>>()
        yield* serve(BotRouter.empty.pipe(
          BotRouter.onEvent("enter_chat", (event) =>
            Effect.sleep("6 seconds").pipe(
              Effect.zipRight(Effect.exit(WecomBot.replyWelcome(event, Reply.text("hello?")))),
              Effect.flatMap((outcome) => Deferred.succeed(exit, outcome))
            ))
        ))
        const alice = yield* TestGateway.user("alice")
        const { msgid } = yield* alice.enter
        yield* TestClock.adjust("4900 millis")
        expect(late(yield* lines)).toEqual([])
        yield* TestClock.adjust("200 millis")
        expect(late(yield* lines)).toMatchObject([{ level: "WARN", msgid }])
        yield* TestClock.adjust("1 second")
        expect(yield* Effect.flatten(Deferred.await(exit)).pipe(Effect.flip)).toMatchObject({ _tag: "SendExpired" })
      })
    ).pipe(gateway))

  it.scoped("a handler that answered in time and goes on is left alone", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const goesOn = yield* Deferred.make<void>()
        yield* serve(BotRouter.empty.pipe(
          BotRouter.onEvent("enter_chat", (event) =>
            WecomBot.replyWelcome(event, Reply.text("hello")).pipe(
              Effect.zipRight(Effect.sleep("1 minute")),
              Effect.zipRight(Deferred.succeed(goesOn, undefined))
            ))
        ))
        const alice = yield* TestGateway.user("alice")
        yield* alice.enter
        yield* TestClock.adjust("1 minute")
        expect(yield* Deferred.isDone(goesOn)).toBe(true)
        expect(late(yield* lines)).toEqual([])
      })
    ).pipe(gateway))

  it.scoped("a pressed card is acknowledged at once, before anything the handler shows, and without making it wait", () =>
    logged((lines) =>
      Effect.gen(function*() {
        const began = yield* Deferred.make<void>()
        yield* serve(
          BotRouter.empty.pipe(
            BotRouter.onText((message) =>
              Effect.flatMap(button("go", "task-1"), (card) => WecomBot.replyTemplateCard(message, card))
            ),
            BotRouter.onCardAction("go", (event) =>
              Effect.gen(function*() {
                yield* Deferred.succeed(began, undefined)
                yield* WecomBot.updateTemplateCard(event, yield* notice("done"))
                yield* Effect.sleep("1 minute")
              }))
          ),
          { acknowledgeCard: () => Effect.runSync(notice("working")) }
        )
        const alice = yield* TestGateway.user("alice")
        const card = yield* alice.say("card?")
        const held = yield* TestGateway.acks.hold({ cmd: "aibot_respond_update_msg" })
        yield* alice.press(card, "go")
        yield* held.awaitCount(1)
        yield* Deferred.await(began)
        const updates = Effect.map(
          TestGateway.received,
          (frames) =>
            frames.filter((frame) => frame.cmd === "aibot_respond_update_msg").map((frame) =>
              frame.body?.template_card.main_title.title
            )
        )
        expect(yield* updates).toEqual(["working"])
        yield* held.release()
        yield* settled
        expect(yield* updates).toEqual(["working", "done"])
        yield* held.release()
        yield* TestClock.adjust("10 seconds")
        expect(late(yield* lines)).toEqual([])
      })
    ).pipe(gateway))
})

describe("once, and in time", () => {
  it("refuses options that make no sense, and names them", () => {
    const refused: ReadonlyArray<readonly [option: string, value: unknown]> = [
      ["overlap", "parallel"],
      ["overlap", null],
      ["concurrency", NaN],
      ["concurrency", 0],
      ["concurrency", 1.5],
      ["concurrency", "many"],
      ["maxWaiting", NaN],
      ["maxWaiting", -1],
      ["debounceWindow", "soon"],
      ["debounceWindow", NaN],
      ["handlerTimeout", "never"],
      ["ignoreOlderThan", {}],
      ["botName", 5],
      ["errorReply", "sorry"],
      ["acknowledgeCard", true],
      ["tracing", "yes"]
    ]
    for (const [option, value] of refused) {
      let thrown: unknown
      try {
        BotRouter.run(BotRouter.empty, { [option]: value })
      } catch (error) {
        thrown = error
      }
      expect(thrown, `${option}: ${String(value)}`).toMatchObject({ _tag: "SendInvalid", field: option })
    }
    for (const concurrency of [1, Infinity, "unbounded"] as const) BotRouter.run(BotRouter.empty, { concurrency })
  })

  it.scoped("\"unbounded\" runs as many handlers as there are messages", () =>
    Effect.gen(function*() {
      let running = 0
      yield* serve(
        BotRouter.empty.pipe(BotRouter.onText(() => {
          running++
          return Effect.never
        })),
        { concurrency: "unbounded", overlap: "concurrent" }
      )
      const alice = yield* TestGateway.user("alice")
      for (let n = 0; n < 100; n++) yield* alice.sendText("hi")
      yield* settled
      expect(running).toBe(100)
    }).pipe(Effect.provide(TestGateway.layerBot({ quotas: false, drainTimeout: 0 }))))

  it.scoped("what is passed over as too old is warned of once a minute, with the difference of the clocks", () =>
    Effect.gen(function*() {
      const warnings: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (logLevel._tag === "Warning") warnings.push(String(message))
      })
      yield* serve(BotRouter.empty, { ignoreOlderThan: "1 minute" }).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      yield* TestClock.adjust("10 minutes")
      const alice = yield* TestGateway.user("alice")
      const send = (create_time: number) => alice.send({ msgtype: "text", text: { content: "hi" }, create_time })
      yield* send(100)
      yield* send(400)
      yield* settled
      expect(warnings).toEqual([expect.stringMatching(/up to 500 s/)])
      yield* send(200)
      yield* TestClock.adjust("1 minute")
      yield* send(300)
      yield* settled
      expect(warnings.slice(1)).toEqual([expect.stringMatching(/up to 400 s/)])
    }).pipe(gateway))

  it.scoped("messages that are too old are passed over and counted, and events are not", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      yield* serve(
        BotRouter.empty.pipe(
          BotRouter.onMessage((message) => tell(message.msgid)),
          BotRouter.onEvent("enter_chat", () => tell("enter"))
        ),
        { ignoreOlderThan: "1 minute" }
      )
      yield* TestClock.adjust("10 minutes")
      const alice = yield* TestGateway.user("alice")
      const seconds = 600
      const callback = (msgid: string, create_time?: number) =>
        TestGateway.faults.pushRaw(JSON.stringify({
          cmd: "aibot_msg_callback",
          headers: { req_id: msgid },
          body: {
            msgid,
            create_time,
            aibotid: "b",
            chattype: "single",
            from: { userid: "alice" },
            msgtype: "text",
            text: { content: "" }
          }
        }))
      yield* alice.enter
      const stale = yield* moved(
        Telemetry.staleMessages,
        Effect.all([callback("old", seconds - 61), callback("new", seconds - 59), callback("undated"), settled])
      )
      expect(yield* told).toEqual(["enter", "new", "undated"])
      expect(stale).toBe(1)
    }).pipe(gateway))

  it.scoped("messages on top of too many that wait are dropped and counted", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      const go = yield* Deferred.make<void>()
      yield* serve(
        BotRouter.empty.pipe(
          BotRouter.onText((message) => Effect.zipRight(Deferred.await(go), tell(message.text.content)))
        ),
        { maxWaiting: 2 }
      )
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("runs")
      yield* settled
      const dropped = yield* moved(
        Telemetry.handlerDropped,
        Effect.all([...["waits", "waits too", "dropped", "dropped too"].map((text) => alice.sendText(text)), settled])
      )
      yield* Deferred.succeed(go, undefined)
      yield* settled
      expect(yield* told).toEqual(["runs", "waits", "waits too"])
      expect(dropped).toBe(2)
      yield* alice.sendText("room again")
      yield* settled
      expect(yield* told).toHaveLength(4)
    }).pipe(gateway))
})

describe("running", () => {
  it.scoped("run fails with what closes the bot for good, after what came before was handled", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      const running = yield* serve(BotRouter.empty.pipe(BotRouter.onText((message) => tell(message.text.content))))
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("last words")
      yield* TestGateway.faults.kick()
      expect(yield* Effect.flip(Fiber.join(running))).toMatchObject({ _tag: "Superseded" })
      yield* settled
      expect(yield* told).toEqual(["last words"])
    }).pipe(gateway))

  it.scoped("layer serves beside other layers, and WecomBot.closed tells when it is over", () =>
    Effect.gen(function*() {
      const alice = yield* TestGateway.user("alice")
      expect((yield* alice.say("hi")).text).toBe("hi")
      yield* TestGateway.faults.kick()
      expect(yield* Effect.flip(WecomBot.closed)).toMatchObject({ _tag: "Superseded" })
    }).pipe(Effect.provide(
      BotRouter.layer(BotRouter.empty.pipe(
        BotRouter.onText((message) => WecomBot.replyStream(message, message.text.content))
      )).pipe(Layer.provideMerge(TestGateway.layerBot()))
    )))

  it.scoped("interrupted, it takes no more; the handlers that run go on", () =>
    Effect.gen(function*() {
      const { tell, told } = yield* telling
      const go = yield* Deferred.make<void>()
      const running = yield* serve(BotRouter.empty.pipe(
        BotRouter.onText((message) => Effect.zipRight(Deferred.await(go), tell(message.text.content)))
      ))
      const alice = yield* TestGateway.user("alice")
      yield* alice.sendText("begun")
      yield* settled
      yield* Fiber.interrupt(running)
      yield* alice.sendText("after")
      yield* Deferred.succeed(go, undefined)
      yield* settled
      expect(yield* told).toEqual(["begun"])
    }).pipe(gateway))

  it.scoped("two conversations with the same id, a user's and a group's, are two", () =>
    Effect.gen(function*() {
      const go = yield* Deferred.make<void>()
      yield* serve(BotRouter.empty.pipe(
        BotRouter.onText(Incoming.isSingle, () => Deferred.await(go)),
        BotRouter.onText((message) => WecomBot.replyStream(message, Chat.key(Chat.fromCallback(message)!)))
      ))
      const alice = yield* TestGateway.user("same")
      const room = yield* TestGateway.group("same", { members: ["bob"] })
      yield* alice.sendText("blocks")
      const bob = room.member("bob")
      expect((yield* bob.mention("hi")).text).toBe("2:same")
    }).pipe(gateway))
})
