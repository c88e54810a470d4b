/**
 * A connection without a bot on top, over a gateway in memory whose sockets are watched.
 */
import * as Socket from "@effect/platform/Socket"
import { Context, Effect, Exit, Layer, Queue, Random, Scope, Stream } from "effect"
import { BotConfig, Connection, Crypto, Frame, Heartbeat, Reconnect, ReplyQueue, type WecomError } from "effect-wecom"
import * as TestGateway from "effect-wecom/TestGateway"

export interface Watched {
  readonly ws: WebSocket
  /** How many listeners of a kind are registered now. */
  readonly listeners: (type: string) => number
  /** `close` and `terminate` in the order they were called. */
  readonly goodbyes: Array<string>
}

export interface Sockets {
  readonly all: ReadonlyArray<Watched>
  /** How often one was asked for. */
  attempts: number
  /** May throw instead of making one. */
  construct: () => void
  /** May replace what one does. */
  tamper: (ws: WebSocket) => void
}

export class Watch extends Context.Tag("test/Watch")<Watch, Sockets>() {}

const watch = (ws: WebSocket): Watched => {
  const listeners = new Map<string, Set<unknown>>()
  const goodbyes: Array<string> = []
  const { addEventListener, close, removeEventListener, terminate } = ws as any
  const ofType = (type: string) => listeners.get(type) ?? listeners.set(type, new Set()).get(type)!
  Object.assign(ws, {
    addEventListener: (type: string, listener: unknown, options: unknown) => {
      ofType(type).add(listener)
      addEventListener(type, listener, options)
    },
    removeEventListener: (type: string, listener: unknown) => {
      ofType(type).delete(listener)
      removeEventListener(type, listener)
    },
    close: (...args: ReadonlyArray<unknown>) => {
      goodbyes.push("close")
      close(...args)
    },
    terminate: () => {
      goodbyes.push("terminate")
      terminate()
    }
  })
  return { ws, goodbyes, listeners: (type) => ofType(type).size }
}

/** The gateway, and a `WebSocketConstructor` whose sockets can be looked at. */
export const gateway = (
  options?: TestGateway.Options
): Layer.Layer<TestGateway.TestGateway | Socket.WebSocketConstructor | Watch> =>
  Layer.effectContext(Effect.map(Socket.WebSocketConstructor, (construct) => {
    const all: Array<Watched> = []
    const sockets: Sockets = { all, attempts: 0, construct: () => {}, tamper: () => {} }
    return Context.make(Watch, sockets).pipe(
      Context.add(Socket.WebSocketConstructor, (url, protocols) => {
        sockets.attempts++
        sockets.construct()
        const ws = construct(url, protocols)
        all.push(watch(ws))
        sockets.tamper(ws)
        return ws
      })
    )
  })).pipe(Layer.provideMerge(TestGateway.layer(options)))

export type Services = Connection.Connection | ReplyQueue.ReplyQueue | BotConfig.BotConfig

/** Pings alone: looking at the wall clock every second makes minutes on the test clock long. */
export const plainHeartbeat: Layer.Layer<Heartbeat.Heartbeat, never, BotConfig.BotConfig> = Layer.effect(
  Heartbeat.Heartbeat,
  Effect.map(BotConfig.BotConfig, ({ heartbeatInterval }) => ({
    run: (ping) => Effect.forever(Effect.zipRight(Effect.sleep(heartbeatInterval), ping))
  }))
)

/** A connection and its lanes. */
export const connection = (
  options?: Partial<BotConfig.Options>,
  policies?: {
    readonly heartbeat?: Layer.Layer<Heartbeat.Heartbeat, never, BotConfig.BotConfig>
    readonly crypto?: Layer.Layer<Crypto.Crypto>
  }
): Layer.Layer<Services, never, Socket.WebSocketConstructor> =>
  ReplyQueue.layer.pipe(
    Layer.provideMerge(Connection.layer),
    Layer.provide([policies?.heartbeat ?? plainHeartbeat, Reconnect.layer, policies?.crypto ?? Crypto.layer]),
    Layer.provideMerge(BotConfig.layer({
      botId: TestGateway.defaultBotId,
      secret: TestGateway.defaultSecret,
      ...options
    })),
    Layer.orDie
  )

export interface Opened {
  readonly service: Connection.Connection.Service
  readonly queue: ReplyQueue.ReplyQueue.Service
  /** Takes the next status. */
  readonly statuses: Effect.Effect<Connection.Status>
  /** All statuses that were not taken yet. */
  readonly history: Effect.Effect<ReadonlyArray<Connection.Status>>
  readonly close: Effect.Effect<void>
}

/** Opens a connection that lives until it is closed, or as long as the test. */
export const open = (
  options?: Partial<BotConfig.Options>,
  policies?: Parameters<typeof connection>[1]
): Effect.Effect<Opened, never, Scope.Scope | Socket.WebSocketConstructor> =>
  Effect.gen(function*() {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const context = yield* Layer.buildWithScope(connection({ drainTimeout: 0, ...options }, policies), scope)
    const service = Context.get(context, Connection.Connection)
    const statuses = yield* Queue.unbounded<Connection.Status>()
    yield* Effect.forkScoped(Stream.runForEach(service.statusChanges, (status) => Queue.offer(statuses, status)))
    return {
      service,
      queue: Context.get(context, ReplyQueue.ReplyQueue),
      statuses: Queue.take(statuses),
      history: Effect.map(Queue.takeAll(statuses), (all) => [...all]),
      close: Scope.close(scope, Exit.void)
    }
  })

/** Every link failure among the statuses. */
export const reasons = (history: ReadonlyArray<Connection.Status>): ReadonlyArray<WecomError.LinkFailure> =>
  history.flatMap((status) => status._tag === "Waiting" ? [status.reason] : [])

export const request = (
  service: Connection.Connection.Service,
  cmd: string,
  reqId: string | number,
  body?: unknown,
  options?: Connection.RequestOptions
) =>
  Effect.async<Frame.Ack, Connection.RequestError>((resume) => {
    const giveUp = service.unsafeRequest(Frame.request(cmd, reqId, body), options, resume)
    return Effect.sync(giveUp)
  })

/** The service knows it, answers it with 0 and does nothing. */
export const noop = "aibot_noop"

export const withNoop = TestGateway.answerCommand(noop, () => ({}))

/** Everything by chance is the same for the same seed. */
export const seeded = (seed: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.withRandom(effect, Random.make(seed))
