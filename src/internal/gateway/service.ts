/**
 * The service `TestGateway`, implemented over the engine.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Command } from "../../Frame.js"
import * as AckRules from "./ackRules.js"
import type * as Controls from "./controls.js"
import * as Conversations from "./conversations.js"
import type { DownloadRequest, Downloads, ServedFile } from "./downloads.js"
import type { Engine, Gate, ServerConnection } from "./engine.js"
import type { Received } from "./frames.js"
import type { Group, MediaLink, User } from "./people.js"
import type { UploadedMedia } from "./uploads.js"
import type { Bot } from "./world.js"

/**
 * The gateway as tests use it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * A user in their single chat. The same userid is the same user.
   */
  readonly user: (userid: string, options?: { readonly botId?: string | undefined }) => Effect.Effect<User>
  /**
   * A group the bot is in. The same chatid is the same group.
   */
  readonly group: (chatid: string, options?: {
    readonly members?: ReadonlyArray<string> | undefined
    readonly botId?: string | undefined
  }) => Effect.Effect<Group>
  /**
   * The client frames so far, in order: the last `receivedLimit` of them.
   */
  readonly received: Effect.Effect<ReadonlyArray<Received>>
  /**
   * Waits for a client frame that was received already or comes later: the first match, or the one after `skip` matches.
   */
  readonly awaitReceived: (
    filter: Pick<AckRules.Filter, "cmd" | "reqId" | "where">,
    options?: { readonly skip?: number | undefined }
  ) => Effect.Effect<Received>
  /**
   * All connections so far, in the order in which they were opened.
   */
  readonly connections: Effect.Effect<ReadonlyArray<Controls.Connection>>
  /**
   * Waits until the predicate accepts the connections, and returns them.
   */
  readonly awaitConnections: (
    predicate: (connections: ReadonlyArray<Controls.Connection>) => boolean
  ) => Effect.Effect<ReadonlyArray<Controls.Connection>>
  /**
   * Waits until the bot is subscribed on a connection that is not half open. Returns the number of that connection.
   */
  readonly awaitSubscribed: (options?: { readonly botId?: string | undefined }) => Effect.Effect<number>
  /**
   * Adds a command, or replaces the handler of one. The handler gets frames of subscribed connections only.
   */
  readonly answerCommand: (
    cmd: string,
    handler: (frame: Received) => { readonly errcode?: number | undefined; readonly body?: unknown }
  ) => Effect.Effect<void>
  /**
   * Serves a file under a link that a user can send: `alice.sendFile(yield* gateway.serveFile({ bytes }))`.
   */
  readonly serveFile: (file: ServedFile) => Effect.Effect<MediaLink>
  /**
   * Every request for a served file so far, in order.
   */
  readonly downloads: Effect.Effect<ReadonlyArray<DownloadRequest>>
  /**
   * Every upload that was finished so far, in order.
   */
  readonly uploads: Effect.Effect<ReadonlyArray<UploadedMedia>>
  readonly acks: Controls.Acks
  readonly faults: Controls.Faults
}

const between = (random: () => number, min: number, max: number) => () => min + random() * (max - min)

const toRule = (rule: AckRules.AckRule): Controls.Rule => ({
  hits: Effect.sync(rule.hits),
  remove: Effect.sync(rule.remove)
})

const acks = (engine: Engine): Controls.Acks => {
  const add = (filter: AckRules.Filter | undefined, action: () => AckRules.AckAction): Effect.Effect<Controls.Rule> =>
    Effect.sync(() => toRule(engine.rules.add(filter ?? {}, action())))

  return {
    delay: (delay, filter) =>
      add(filter, () => {
        const isRange = typeof delay === "object" && "min" in delay
        const min = Duration.toMillis(isRange ? delay.min : delay)
        const max = Duration.toMillis(isRange ? delay.max : delay)
        return { _tag: "Delay", millis: min === max ? () => min : between(engine.random, min, max) }
      }),
    drop: (filter) => add(filter, () => ({ _tag: "Drop" })),
    lose: (filter) => add(filter, () => ({ _tag: "Lose" })),
    refuse: (errcode, filter) => add(filter, () => ({ _tag: "Refuse", errcode })),
    duplicate: (filter, copies = 2) => add(filter, () => ({ _tag: "Duplicate", copies })),
    reorder: (filter, { order = "reverse", size = 2 } = {}) =>
      add(filter, () => {
        const pool: Array<() => void> = []
        return {
          _tag: "Pool",
          pool,
          onAdd: () => {
            if (pool.length < size) return
            const sends = pool.splice(0)
            while (sends.length > 0) {
              const at = order === "reverse" ? sends.length - 1 : Math.floor(engine.random() * sends.length)
              sends.splice(at, 1)[0]!()
            }
          }
        }
      }),
    hold: (filter) =>
      Effect.sync((): Controls.HeldAcks => {
        const pool: Array<() => void> = []
        const rule = engine.rules.add(filter ?? {}, { _tag: "Pool", pool, onAdd: engine.watch.notify })
        return {
          ...toRule(rule),
          count: Effect.sync(() => pool.length),
          awaitCount: (count) => Effect.asVoid(engine.watch.awaitSome(() => pool.length >= count ? true : undefined)),
          release: (order) =>
            Effect.sync(() => {
              if (order === undefined) return AckRules.flush(pool)
              const held = pool.splice(0)
              pool.push(...held.filter((_, at) => !order.includes(at)))
              for (const at of order) held[at]?.()
            })
        }
      }),
    rewrite: (rewrite, filter) => add(filter, () => ({ _tag: "Rewrite", rewrite })),
    clear: Effect.sync(engine.rules.clear)
  }
}

const info = (connection: ServerConnection): Controls.Connection => ({
  number: connection.number,
  state: connection.state,
  halfOpen: connection.isHalfOpen,
  botId: connection.bot?.botId,
  openedAt: connection.openedAt,
  closedAt: connection.closedAt,
  closeCode: connection.closeCode
})

/** @internal */
export const make = (
  engine: Engine,
  downloads: Downloads,
  applyGate: (gate: Gate) => Effect.Effect<void>
): Service => {
  const bot = (botId?: string): Bot => {
    const [first] = engine.bots.values()
    const found = botId === undefined ? first : engine.bots.get(botId)
    if (found === undefined) throw new Error(`the gateway has no bot "${botId}": name it in otherBots`)
    return found
  }

  const onTarget = (target: Controls.Target | undefined, act: (connection: ServerConnection) => void) =>
    Effect.map(
      engine.watch.awaitSome(() =>
        target?.connection === undefined
          ? engine.connections.filter((connection) => connection.state !== "closed").at(-1)
          : engine.connections[target.connection - 1]
      ),
      (connection) => {
        act(connection)
        engine.watch.notify()
      }
    )

  const setGate = (gate: Gate) =>
    Effect.suspend(() => {
      engine.gate = gate
      return applyGate(gate)
    })

  const rules = acks(engine)

  return {
    user: (userid, options) => Effect.sync(() => Conversations.user(engine, bot(options?.botId), userid)),
    group: (chatid, options) =>
      Effect.sync(() => Conversations.group(engine, bot(options?.botId), chatid, options?.members ?? [])),
    received: Effect.sync(engine.received.frames),
    awaitReceived: (filter, options) =>
      Effect.suspend(() => {
        const next = engine.received.cursor()
        let skip = options?.skip ?? 0
        return engine.watch.awaitSome(() => next().find((frame) => AckRules.matches(filter, frame) && skip-- === 0))
      }),
    connections: Effect.sync(() => engine.connections.map(info)),
    awaitConnections: (predicate) =>
      engine.watch.awaitSome(() => {
        const infos = engine.connections.map(info)
        return predicate(infos) ? infos : undefined
      }),
    awaitSubscribed: (options) => Effect.suspend(() => Conversations.awaitSubscribed(engine, bot(options?.botId))),
    answerCommand: (cmd, handler) =>
      Effect.sync(() => {
        engine.handlers.set(cmd, (_, frame) => {
          const { body, errcode } = handler(frame)
          return { errcode: errcode ?? 0, body }
        })
      }),
    serveFile: (file) => Effect.sync(() => downloads.serve(file)),
    downloads: Effect.sync(downloads.requests),
    uploads: Effect.sync(engine.uploads.media),
    acks: rules,
    faults: {
      cut: (target) => onTarget(target, (connection) => engine.end(connection, 1006)),
      close: (code = 1000, reason = "", target) =>
        onTarget(target, (connection) => engine.end(connection, code, reason)),
      halfOpen: (target) =>
        onTarget(target, (connection) => {
          connection.isHalfOpen = true
          connection.socket.freeze()
        }),
      kick: (botId) => Effect.map(engine.watch.awaitSome(() => bot(botId).active), engine.supersede),
      forgetSubscription: (target) => onTarget(target, engine.forget),
      pushRaw: (data, target) => onTarget(target, (connection) => engine.write(connection, data)),
      redeliver: (msgid) =>
        Effect.suspend(() => {
          for (const bot of engine.bots.values()) {
            for (const callback of bot.callbacks.values()) {
              if (callback.msgid !== msgid) continue
              return Effect.map(Conversations.awaitSubscribed(engine, bot), () => void engine.deliver(bot, callback))
            }
          }
          return Effect.dieMessage(`there was no callback with the msgid "${msgid}"`)
        }),
      mutePongs: rules.drop({ cmd: Command.ping }),
      muteSubscribe: rules.lose({ cmd: Command.subscribe }),
      refuseCredentials: (on) =>
        Effect.sync(() => {
          engine.refuseCredentials = on
        }),
      refuseConnections: (on) =>
        setGate(
          on === false
            ? { _tag: "Open" }
            : { _tag: "Refuse", answer: on === true ? undefined : on }
        ),
      neverOpen: (on) => setGate(on ? { _tag: "Never" } : { _tag: "Open" })
    }
  }
}
