/**
 * The service: connections, subscriptions and their frames. Everything is synchronous, so an ack is sent before `receive`
 * returns unless a rule or an option delays it.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as ErrorCode from "../../ErrorCode.js"
import type * as Frame from "../../Frame.js"
import { Command } from "../../Frame.js"
import * as AckRules from "./ackRules.js"
import * as Commands from "./commands.js"
import * as DelayQueue from "./delayQueue.js"
import * as Frames from "./frames.js"
import type { ResolvedOptions } from "./options.js"
import * as ReceivedLog from "./receivedLog.js"
import type { BubbleState } from "./screen.js"
import * as Uploads from "./uploads.js"
import * as Watch from "./watch.js"
import * as World from "./world.js"

/**
 * The server's end of one connection, in memory or on a port.
 *
 * @internal
 */
export interface ServerSocket {
  readonly send: (data: string | Uint8Array) => void
  readonly close: (code: number, reason: string) => void
  /** Ends the connection without a close frame. */
  readonly terminate: () => void
  /** Stops reading, even close frames. */
  readonly freeze: () => void
}

/** @internal */
export interface ServerConnection {
  readonly number: number
  readonly socket: ServerSocket
  readonly openedAt: number
  state: "open" | "subscribed" | "superseded" | "forgotten" | "closed"
  bot: World.Bot | undefined
  isSubscribing: boolean
  isHalfOpen: boolean
  closedAt: number | undefined
  closeCode: number | undefined
  readonly unacked: Map<Frame.ReqId, number>
  cancelIdle: () => void
}

/**
 * What the upgrade is answered with instead of a connection.
 *
 * @since 0.1.0
 * @category connections
 */
export interface HandshakeAnswer {
  readonly status: number
  readonly headers?: { readonly [name: string]: string } | undefined
  readonly body?: string | undefined
}

/**
 * The response to connection attempts.
 *
 * @internal
 */
export type Gate =
  | { readonly _tag: "Open" }
  /** Without an answer the connection itself is refused. */
  | { readonly _tag: "Refuse"; readonly answer: HandshakeAnswer | undefined }
  | { readonly _tag: "Never" }

/** @internal */
export interface AttachedSocket {
  readonly receive: (text: string) => void
  readonly closed: (code: number) => void
}

/** @internal */
export interface Engine {
  readonly options: ResolvedOptions
  readonly queue: DelayQueue.DelayQueue
  readonly random: () => number
  readonly rules: AckRules.AckRules
  readonly handlers: Map<string, Commands.CommandHandler>
  readonly uploads: Uploads.Uploads
  readonly bots: ReadonlyMap<string, World.Bot>
  readonly connections: ReadonlyArray<ServerConnection>
  readonly received: ReceivedLog.ReceivedLog
  readonly watch: Watch.Watch
  gate: Gate
  refuseCredentials: boolean
  readonly attach: (socket: ServerSocket) => AttachedSocket
  readonly write: (connection: ServerConnection, data: string | Uint8Array) => void
  /** Closes it; 1006 means without a close frame. */
  readonly end: (connection: ServerConnection, code: number, reason?: string) => void
  readonly forget: (connection: ServerConnection) => void
  readonly supersede: (connection: ServerConnection) => void
  readonly nextId: (kind: string) => string
  /** Makes and stores a callback, which `deliver` then pushes. */
  readonly issue: (
    bot: World.Bot,
    callback: Pick<World.IssuedCallback, "cmd" | "kind" | "conversation" | "taskId"> & {
      readonly body: { readonly [field: string]: unknown }
      /** `null`: without one. Default: a new one. */
      readonly reqId?: Frame.ReqId | null | undefined
    }
  ) => World.IssuedCallback
  /** `false` when there is no connection for it. */
  readonly deliver: (bot: World.Bot, callback: World.IssuedCallback) => boolean
  readonly changed: (conversation: World.ConversationState, bubble: BubbleState) => void
  readonly onBubble: (listener: (conversation: World.ConversationState, bubble: BubbleState) => void) => () => void
}

/** What answers a callback that came without a `req_id`. */
const withoutReqId = ""

/** @internal */
export const make = (options: ResolvedOptions): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function*() {
    const queue = yield* DelayQueue.make
    const runtime = yield* Effect.runtime<never>()
    const random = () => Runtime.runSync(runtime)(Random.next)
    // Ids differ between gateways, so that one durable dedupe store can serve several tests.
    const tag = Math.floor(random() * 0x100000000).toString(16).padStart(8, "0")
    let ids = 0
    const nextId = (kind: string) => `${kind}-${tag}-${++ids}`

    const bots = new Map(options.bots.map((bot) => [bot.botId, World.makeBot(bot)]))
    const connections: Array<ServerConnection> = []
    const received = ReceivedLog.make(options.receivedLimit)
    const watch = Watch.make()
    const rules = AckRules.make({ baseDelay: options.ackDelay, after: queue.after })
    const uploads = Uploads.make()
    const handlers = Commands.make(uploads)

    const listeners = new Set<(conversation: World.ConversationState, bubble: BubbleState) => void>()
    const changed: Engine["changed"] = (conversation, bubble) => {
      bubble.snapshots.clear()
      for (const listener of listeners) listener(conversation, bubble)
      watch.notify()
    }

    const isAlive = (connection: ServerConnection) => connection.state !== "closed" && !connection.isHalfOpen

    const write: Engine["write"] = (connection, data) => {
      if (!isAlive(connection)) return
      const isBinary = options.binaryFrames && typeof data === "string"
      connection.socket.send(isBinary ? new TextEncoder().encode(data) : data)
    }

    const closed = (connection: ServerConnection, code: number) => {
      if (connection.state === "closed") return
      connection.state = "closed"
      connection.closedAt = queue.now()
      connection.closeCode = code
      connection.cancelIdle()
      if (connection.bot?.active === connection) connection.bot.active = undefined
      watch.notify()
    }

    const end: Engine["end"] = (connection, code, reason = "") => {
      if (connection.state === "closed") return
      if (code === 1006) connection.socket.terminate()
      else connection.socket.close(code, reason)
      closed(connection, code)
    }

    /** The service ends a connection. A half open one does not notice. */
    const expire = (connection: ServerConnection) => {
      if (!connection.isHalfOpen) end(connection, 1006)
    }

    const touch = (connection: ServerConnection) => {
      connection.cancelIdle()
      if (options.idleLimit === undefined) return
      connection.cancelIdle = queue.after(options.idleLimit, () => expire(connection))
    }

    const event = (bot: World.Bot, eventtype: string) =>
      Frames.push(Command.eventCallback, nextId("req"), {
        msgid: nextId("msg"),
        create_time: Math.floor(queue.now() / 1000),
        aibotid: bot.botId,
        msgtype: "event",
        event: { eventtype }
      })

    const supersede = (connection: ServerConnection) => {
      const bot = connection.bot!
      write(connection, event(bot, "disconnected_event"))
      connection.state = "superseded"
      if (bot.active === connection) bot.active = undefined
      queue.after(options.supersededCloseAfter, () => expire(connection))
      watch.notify()
    }

    const forget = (connection: ServerConnection) => {
      if (connection.state === "closed") return
      connection.state = "forgotten"
      if (connection.bot?.active === connection) connection.bot.active = undefined
    }

    const pingRepeatedly = (connection: ServerConnection, interval: number) => {
      queue.after(interval, () => {
        if (connection.state !== "subscribed") return
        write(connection, Frames.push(Command.ping, nextId("ping"), undefined))
        pingRepeatedly(connection, interval)
      })
    }

    const deliver: Engine["deliver"] = (bot, callback) => {
      const connection = bot.active
      if (connection === undefined) {
        if (options.offlineMessages === "redeliver") bot.offline.push(callback)
        return false
      }
      callback.at ??= queue.now()
      callback.connection = connection.number
      write(
        connection,
        Frames.push(
          callback.cmd,
          callback.reqId === withoutReqId ? undefined : callback.reqId,
          callback.body
        )
      )
      return !connection.isHalfOpen
    }

    const subscribed = (connection: ServerConnection, bot: World.Bot) => {
      if (connection.state !== "open") return
      const previous = bot.active
      connection.state = "subscribed"
      connection.bot = bot
      if (previous !== undefined) supersede(previous)
      bot.active = connection
      if (options.serverPing !== undefined) pingRepeatedly(connection, options.serverPing)
      for (const callback of bot.offline.splice(0)) deliver(bot, callback)
    }

    const subscribe = (connection: ServerConnection, frame: Frames.Received): Commands.CommandResult => {
      if (connection.state !== "open" || connection.isSubscribing) {
        return { errcode: ErrorCode.rateLimit, hint: "one subscribe per connection" }
      }
      const body = Frames.isRecord(frame.body) ? frame.body : {}
      const bot = typeof body.bot_id === "string" ? bots.get(body.bot_id) : undefined
      if (bot === undefined || bot.secret !== body.secret || engine.refuseCredentials) {
        return { errcode: ErrorCode.invalidCredentials, hint: "invalid bot_id or secret" }
      }
      connection.isSubscribing = true
      return { errcode: ErrorCode.ok, onAck: () => subscribed(connection, bot) }
    }

    const judge = (connection: ServerConnection, frame: Frames.Received): Commands.CommandResult => {
      if (frame.cmd === undefined) return { errcode: ErrorCode.invalidParameter, hint: "a frame without a cmd" }
      if (frame.cmd === Command.subscribe) return subscribe(connection, frame)
      if (connection.state === "superseded" && frame.cmd === Command.ping) return { errcode: ErrorCode.ok }
      if (connection.state !== "subscribed") return { errcode: ErrorCode.notSubscribed, hint: "subscribe first" }
      if (options.refuseConcurrentFrames && connection.unacked.get(frame.reqId!)! > 1) {
        return { errcode: ErrorCode.versionConflict, hint: "data version conflict" }
      }
      const handler = handlers.get(frame.cmd)
      if (handler === undefined) return { errcode: ErrorCode.invalidParameter, hint: `unknown cmd ${frame.cmd}` }
      const context = {
        options,
        bot: connection.bot!,
        now: queue.now(),
        isKnownMedia: (mediaId: string) =>
          options.unknownMedia === "accept" || uploads.isKnown(connection.bot!.botId, mediaId, queue.now()),
        nextBubbleId: () => nextId("bubble"),
        nextId,
        changed
      }
      try {
        return handler(context, frame)
      } catch (error) {
        return { errcode: ErrorCode.systemError, hint: `the handler of ${frame.cmd} threw: ${String(error)}` }
      }
    }

    const withoutOmitted = (ack: Frames.Ack): Frames.Ack => {
      if (options.omitFromAcks === "nothing" || ack.errcode !== 0) return ack
      const { errcode: _, errmsg, ...rest } = ack
      return options.omitFromAcks === "errcode" ? { ...rest, errmsg: errmsg! } : rest
    }

    const withoutName = ({ headers: _, ...ack }: Frames.Ack): unknown => ack

    const isUnnamed = ({ errcode }: Commands.CommandResult) =>
      options.unnamedRefusals && errcode === ErrorCode.invalidParameter

    const answer = (connection: ServerConnection, frame: Frames.Judged, reqId: Frame.ReqId) => {
      const plan = rules.plan(frame)
      if (plan.isLost) return
      connection.unacked.set(reqId, (connection.unacked.get(reqId) ?? 0) + 1)
      const verdict: Commands.CommandResult = plan.refusal === undefined
        ? judge(connection, frame)
        : { errcode: plan.refusal, hint: "as the test asked for" }
      frame.errcode = verdict.errcode
      let isSettled = false
      const settle = () => {
        if (isSettled) return
        isSettled = true
        const left = connection.unacked.get(reqId)! - 1
        if (left === 0) connection.unacked.delete(reqId)
        else connection.unacked.set(reqId, left)
        verdict.onAck?.()
        watch.notify()
      }
      plan.deliver(
        withoutOmitted(Frames.ack(reqId, verdict.errcode, verdict.hint ?? "", verdict.body)),
        (ack) => {
          const sent = typeof ack === "object" && isUnnamed(verdict) ? withoutName(ack as Frames.Ack) : ack
          write(connection, typeof sent === "string" ? sent : JSON.stringify(sent))
          settle()
        },
        settle
      )
    }

    const receive = (connection: ServerConnection, text: string) => {
      if (!isAlive(connection)) return
      touch(connection)
      const frame = Frames.received(connection.number, queue.now(), text)
      received.add(frame)
      watch.together(() => {
        // A frame without a `req_id` has no ack; a pong is itself an answer.
        if (frame.reqId !== undefined && frame.cmd !== "pong") answer(connection, frame, frame.reqId)
      })
    }

    const engine: Engine = {
      options,
      queue,
      random,
      rules,
      handlers,
      uploads,
      bots,
      connections,
      received,
      watch,
      gate: { _tag: "Open" },
      refuseCredentials: false,
      attach: (socket) => {
        const connection: ServerConnection = {
          number: connections.length + 1,
          socket,
          openedAt: queue.now(),
          state: "open",
          bot: undefined,
          isSubscribing: false,
          isHalfOpen: false,
          closedAt: undefined,
          closeCode: undefined,
          unacked: new Map(),
          cancelIdle: () => {}
        }
        connections.push(connection)
        touch(connection)
        watch.notify()
        return {
          receive: (text) => receive(connection, text),
          closed: (code) => closed(connection, code)
        }
      },
      write,
      end,
      forget,
      supersede,
      nextId,
      issue: (bot, { body, cmd, conversation, kind, reqId = nextId("req"), taskId }) => {
        const msgid = nextId("msg")
        const callback: World.IssuedCallback = {
          cmd,
          reqId: reqId ?? withoutReqId,
          msgid,
          kind,
          conversation,
          body: { msgid, ...body },
          at: undefined,
          connection: undefined,
          streams: new Map(),
          answers: [],
          hasNonStreamReply: false,
          hasCard: false,
          taskId
        }
        bot.callbacks.set(callback.reqId, callback)
        return callback
      },
      deliver,
      changed,
      onBubble: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
    }

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        engine.gate = { _tag: "Refuse", answer: undefined }
        for (const connection of connections) end(connection, 1006)
      })
    )
    return engine
  })
