/**
 * The users and groups of `people.ts`, implemented over the engine.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Frame from "../../Frame.js"
import { Command } from "../../Frame.js"
import * as CardEvent from "./cardEvent.js"
import type { Engine } from "./engine.js"
import { isRecord } from "./frames.js"
import type * as People from "./people.js"
import { snapshot } from "./screen.js"
import type { Bubble, BubbleState } from "./screen.js"
import * as World from "./world.js"

/** Waits until the bot is subscribed on a connection that carries callbacks. */
const awaitReady = (engine: Engine, bot: World.Bot): Effect.Effect<void> =>
  engine.watch.awaitSome(() => bot.active?.isHalfOpen === false ? true : undefined)

/** @internal */
export const awaitSubscribed = (engine: Engine, bot: World.Bot): Effect.Effect<number> =>
  engine.watch.awaitSome(() => bot.active?.isHalfOpen === false ? bot.active.number : undefined)

const textItem = (content: string) => ({ msgtype: "text", text: { content } })

const mixedItems = (items: ReadonlyArray<string | People.MediaLink>) =>
  items.map((item) => typeof item === "string" ? textItem(item) : { msgtype: "image", image: item })

const textOf = (message: People.UserMessage): string => {
  const payload = message[message.msgtype]
  if (!isRecord(payload)) return ""
  if (typeof payload.content === "string") return payload.content
  const items: ReadonlyArray<any> = Array.isArray(payload.msg_item) ? payload.msg_item : []
  return items.map((item) => item?.text?.content).filter((text) => typeof text === "string").join("\n")
}

const isBubble = (value: object): value is Bubble => "history" in value

const toQuote = (quoted: People.Quotable): unknown => {
  if (!isBubble(quoted)) return quoted
  if (quoted.kind === "mixed") return { msgtype: "mixed", mixed: { msg_item: quoted.media } }
  if (quoted.from === "bot" || quoted.media === undefined) return textItem(quoted.text)
  return { msgtype: quoted.kind, [quoted.kind]: quoted.media }
}

const postBubble = (
  engine: Engine,
  conversation: World.ConversationState,
  userid: string,
  message: People.UserMessage,
  reqId: Frame.ReqId
): void => {
  const payload = message[message.msgtype]
  const bubble: BubbleState = {
    id: engine.nextId("bubble"),
    kind: message.msgtype,
    from: userid,
    at: engine.queue.now(),
    text: textOf(message),
    history: [textOf(message)],
    sealed: true,
    card: undefined,
    cardsFor: new Map(),
    snapshots: new Map(),
    media: !isRecord(payload) || message.msgtype === "text" || message.msgtype === "voice"
      ? undefined
      : payload.msg_item ?? payload,
    quote: message.quote,
    reqId,
    streamId: undefined,
    feedbackId: undefined
  }
  conversation.bubbles.push(bubble)
  engine.changed(conversation, bubble)
}

/** In a group only messages that mention the bot reach it. */
const reachesBot = (bot: World.Bot, conversation: World.ConversationState, message: People.UserMessage): boolean =>
  conversation.kind === "single" ||
  ((message.msgtype === "text" || message.msgtype === "mixed") && textOf(message).includes(`@${bot.botName}`))

/** Waits for a bubble that matches as `viewer` sees it. */
const findBubble = (
  engine: Engine,
  conversation: World.ConversationState,
  viewer: string | undefined,
  predicate: (bubble: Bubble) => boolean
): Effect.Effect<Bubble> =>
  engine.watch.awaitSome(() => {
    for (const state of conversation.bubbles) {
      const bubble = snapshot(state, viewer)
      if (predicate(bubble)) return bubble
    }
    return undefined
  })

const piecesOf = (
  message: People.UserMessage,
  longest: number
): readonly [People.UserMessage, ...Array<People.UserMessage>] => {
  const text = textOf(message)
  if (message.msgtype !== "text" || text.length <= longest) return [message]
  const pieces = Array.from(
    { length: Math.ceil(text.length / longest) },
    (_, n) => text.slice(n * longest, (n + 1) * longest)
  )
  const [first, ...rest] = pieces.map((piece) => ({ ...message, ...textItem(piece) }))
  return [first!, ...rest]
}

const participant = (
  engine: Engine,
  bot: World.Bot,
  conversation: World.ConversationState,
  userid: string
): People.Participant => {
  const see = (state: BubbleState) => snapshot(state, userid)

  const act = (options: People.SendOptions | undefined, make: () => World.IssuedCallback, reaches = true) =>
    Effect.zipRight(
      options?.wait === false ? Effect.void : awaitReady(engine, bot),
      Effect.sync((): People.Sent => {
        const callback = make()
        const delivered = reaches && engine.deliver(bot, callback)
        engine.watch.notify()
        return { msgid: callback.msgid, reqId: callback.reqId, delivered }
      })
    )

  const base = (options: People.SendOptions | undefined) => ({
    aibotid: bot.botId,
    chattype: conversation.kind,
    ...(conversation.kind === "group" ? { chatid: conversation.id } : {}),
    from: options?.anonymous === true ? {} : { userid },
    response_url: `https://qyapi.weixin.qq.com/cgi-bin/aibot/response?response_code=${engine.nextId("code")}`
  })

  const time = () => ({ create_time: Math.floor(engine.queue.now() / 1000) })

  const sendOne: People.Participant["send"] = (message, options) => {
    const reaches = options?.anonymous === true || reachesBot(bot, conversation, message)
    return act(options, () => {
      const callback = engine.issue(bot, {
        cmd: Command.messageCallback,
        kind: "message",
        conversation,
        taskId: undefined,
        reqId: options?.reqId,
        body: { ...base(options), ...(engine.options.createTime ? time() : {}), ...message }
      })
      if (reaches) conversation.hasUserMessage = true
      postBubble(engine, conversation, userid, message, callback.reqId)
      return callback
    }, reaches)
  }

  /** The client splits long texts. The result is that of the last message. */
  const send: People.Participant["send"] = (message, options) => {
    const [first, ...rest] = piecesOf(message, engine.options.longestText)
    return rest.reduce((sent, piece) => Effect.zipRight(sent, sendOne(piece, options)), sendOne(first, options))
  }

  const sendEvent = (
    eventtype: string,
    payload: { readonly [field: string]: unknown } | undefined,
    options: People.SendOptions | undefined,
    taskId?: string
  ) =>
    act(options, () =>
      engine.issue(bot, {
        cmd: Command.eventCallback,
        kind: eventtype,
        conversation,
        taskId,
        reqId: options?.reqId,
        body: {
          ...base(options),
          ...time(),
          msgtype: "event",
          event: { eventtype, ...(payload === undefined ? {} : { [eventtype]: payload }) }
        }
      }))

  const cardOf = (card: Bubble | string): NonNullable<Bubble["card"]> => {
    const taskId = typeof card === "string" ? card : card.card?.task_id
    const shown = conversation.bubbles.map(see).find((bubble) =>
      bubble.card !== undefined && bubble.card.task_id === taskId
    )
    if (shown?.card === undefined) throw new Error(`${userid} sees no card with the task_id "${taskId}"`)
    return shown.card
  }

  const press: People.Participant["press"] = (card, eventKey, options) =>
    Effect.suspend(() => {
      const shown = cardOf(card)
      const payload = CardEvent.payload(shown, eventKey, options?.selected)
      return sendEvent("template_card_event", payload, options, shown.task_id)
    })

  return {
    userid,
    screen: Effect.sync(() => conversation.bubbles.map(see)),
    changes: Stream.asyncPush<Bubble>((emit) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          engine.onBubble((changed, state) => {
            if (changed === conversation) emit.single(see(state))
          })
        ),
        (stop) => Effect.sync(stop)
      ), { bufferSize: "unbounded" }),
    awaitBubble: (predicate) => findBubble(engine, conversation, userid, predicate),
    awaitAnswer: (to) =>
      engine.watch.awaitSome(() => {
        const answer = bot.callbacks.get(to.reqId)?.answers[0]
        return answer?.sealed === true ? see(answer) : undefined
      }),
    send,
    press,
    vote: (card, selected, options) =>
      Effect.suspend(() => {
        const shown = cardOf(card)
        return press(card, CardEvent.submitKey(shown), {
          ...options,
          selected: Array.isArray(selected)
            ? { [CardEvent.firstQuestion(shown)]: selected }
            : selected as People.Selected
        })
      }),
    feedback: (on, { content, reasons, type }, options) =>
      Effect.suspend(() => {
        const id = typeof on === "string" ? on : on.feedbackId
        if (id === undefined) return Effect.die(new Error("this bubble has no feedback id: the bot gave it none"))
        return sendEvent("feedback_event", {
          id,
          type: { like: 1, dislike: 2, withdraw: 3 }[type],
          ...(content === undefined ? {} : { content }),
          ...(reasons === undefined ? {} : { inaccurate_reason_list: reasons })
        }, options)
      }),
    sendEvent: (eventtype, payload, options) => sendEvent(eventtype, payload, options)
  }
}

/** @internal */
export const user = (engine: Engine, bot: World.Bot, userid: string): People.User => {
  const self = participant(engine, bot, World.single(bot, userid), userid)
  const sendText: People.User["sendText"] = (text, options) => self.send(textItem(text), options)
  return {
    ...self,
    say: (text) => Effect.flatMap(sendText(text), self.awaitAnswer),
    sendText,
    sendImage: (image, options) => self.send({ msgtype: "image", image }, options),
    sendFile: (file, options) => self.send({ msgtype: "file", file }, options),
    sendVideo: (video, options) => self.send({ msgtype: "video", video }, options),
    sendVoice: (content, options) => self.send({ msgtype: "voice", voice: { content } }, options),
    sendMixed: (items, options) => self.send({ msgtype: "mixed", mixed: { msg_item: mixedItems(items) } }, options),
    sendQuote: (quoted, text, options) => self.send({ ...textItem(text), quote: toQuote(quoted) }, options),
    enter: self.sendEvent("enter_chat")
  }
}

/** @internal */
export const group = (
  engine: Engine,
  bot: World.Bot,
  chatid: string,
  members: ReadonlyArray<string>
): People.Group => {
  const conversation = World.group(bot, chatid)
  for (const userid of members) conversation.members.add(userid)
  const mentioning = (text: string) => `@${bot.botName} ${text}`
  return {
    chatid,
    members: Effect.sync(() => [...conversation.members]),
    member: (userid) => {
      conversation.members.add(userid)
      const self = participant(engine, bot, conversation, userid)
      const sendMention: People.Member["sendMention"] = (text, options) =>
        self.send(textItem(mentioning(text)), options)
      return {
        ...self,
        mention: (text) => Effect.flatMap(sendMention(text), self.awaitAnswer),
        sendMention,
        sendMixed: (items, options) =>
          self.send({
            msgtype: "mixed",
            mixed: { msg_item: [textItem(mentioning("")), ...mixedItems(items)] }
          }, options),
        sendQuote: (quoted, text, options) =>
          self.send({ ...textItem(mentioning(text)), quote: toQuote(quoted) }, options)
      }
    },
    screen: Effect.sync(() => conversation.bubbles.map((state) => snapshot(state, undefined))),
    awaitBubble: (predicate) => findBubble(engine, conversation, undefined, predicate)
  }
}
