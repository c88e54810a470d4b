/**
 * Wires between a bot and a gateway, in which everything can be done to the bytes that the gateway's own controls, which know
 * frames, cannot.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as Net from "node:net"

/** How one direction treats what goes through it. Changes hold for what comes next. */
export interface Direction {
  /** Milliseconds that everything takes. */
  latency: number
  /** Up to so many more, by chance; the order stays. */
  jitter: number
  bytesPerSecond: number
  /** The sizes of the pieces that a chunk is cut into. */
  pieceSize: () => number
  /** Collects for so many milliseconds and passes all of it on at once. */
  mergeFor: number
  /** Swallows everything and looks alive. */
  isSilent: boolean
  /** Passes on so many bytes more and then resets the connection. */
  resetAfter: number | undefined
}

const clear = (): Direction => ({
  latency: 0,
  jitter: 0,
  bytesPerSecond: Infinity,
  pieceSize: () => Infinity,
  mergeFor: 0,
  isSilent: false,
  resetAfter: undefined
})

const pause = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** One direction of one connection: reads as fast as it can, and delivers as it is told to. */
const pump = (from: Net.Socket, to: Net.Socket, how: Direction, reset: () => void) => {
  const arrived: Array<{ readonly at: number; readonly bytes: Buffer }> = []
  let isRunning = false
  let hasEnded = false

  const deliver = async (bytes: Buffer) => {
    for (let from = 0; from < bytes.length && !to.destroyed;) {
      const size = Math.max(1, Math.min(how.pieceSize(), bytes.length - from, how.bytesPerSecond / 10))
      const piece = bytes.subarray(from, from + size)
      from += piece.length
      if (how.isSilent) continue
      if (how.resetAfter !== undefined && piece.length >= how.resetAfter) {
        to.write(piece.subarray(0, how.resetAfter))
        await pause(20)
        return reset()
      }
      if (how.resetAfter !== undefined) how.resetAfter -= piece.length
      to.write(piece)
      if (Number.isFinite(how.bytesPerSecond)) await pause(1_000 * piece.length / how.bytesPerSecond)
      else if (from < bytes.length) await turn()
    }
  }

  const run = async () => {
    isRunning = true
    while (arrived.length > 0 && !to.destroyed) {
      const { at, bytes } = arrived.shift()!
      const due = at + how.latency + Math.random() * how.jitter
      if (due > performance.now()) await pause(due - performance.now())
      if (how.mergeFor > 0) await pause(how.mergeFor)
      const together = how.mergeFor > 0 ? arrived.splice(0).map((chunk) => chunk.bytes) : []
      await deliver(Buffer.concat([bytes, ...together]))
    }
    isRunning = false
    if (hasEnded && !how.isSilent) to.end()
  }

  from.on("data", (bytes: Buffer) => {
    arrived.push({ at: performance.now(), bytes })
    if (!isRunning) void run()
  })
  from.on("end", () => {
    hasEnded = true
    if (!isRunning && !how.isSilent) to.end()
  })
}

export interface TcpProxy {
  readonly port: number
  readonly url: string
  /** From the bot to the gateway, and back. */
  readonly up: Direction
  readonly down: Direction
  /** How many connections there have been. */
  readonly count: () => number
  /** Undoes everything. */
  readonly heal: () => void
  /** Swallows everything both ways on the connections there are; the next ones are well. */
  readonly silence: () => void
  readonly reset: () => void
  /** Bytes to the bot that the gateway never sent. */
  readonly inject: (bytes: Uint8Array) => void
  /** Stops listening, or begins again on the same port. */
  readonly listen: (on: boolean) => Effect.Effect<void>
}

interface Wire {
  readonly bot: Net.Socket
  readonly gateway: Net.Socket
  readonly up: Direction
  readonly down: Direction
}

export const make = (target: number): Effect.Effect<TcpProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const up = clear()
    const down = clear()
    const wires = new Set<Wire>()
    let count = 0

    // Each wire inherits what is set, except its own silence.
    const inherit = (shared: Direction): Direction => {
      let isSilent = false
      return Object.create(shared, {
        isSilent: {
          get: () => isSilent || shared.isSilent,
          set: (silent: boolean) => {
            isSilent = silent
          }
        },
        resetAfter: {
          get: () => shared.resetAfter,
          set: (bytes: number | undefined) => {
            shared.resetAfter = bytes
          }
        }
      }) as Direction
    }

    const resetWire = (wire: Wire) => {
      wire.bot.resetAndDestroy()
      wire.gateway.resetAndDestroy()
    }

    const server = Net.createServer({ noDelay: true, allowHalfOpen: true }, (bot) => {
      count++
      const gateway = Net.connect({ port: target, host: "127.0.0.1", noDelay: true, allowHalfOpen: true })
      const wire: Wire = { bot, gateway, up: inherit(up), down: inherit(down) }
      wires.add(wire)
      const resetAll = () => {
        up.resetAfter = undefined
        down.resetAfter = undefined
        resetWire(wire)
      }
      pump(bot, gateway, wire.up, resetAll)
      pump(gateway, bot, wire.down, resetAll)
      bot.on("error", () => {})
      gateway.on("error", () => {})
      bot.on("close", () => {
        wires.delete(wire)
        gateway.destroy()
      })
      // News of the gateway's end does not travel over a silent wire.
      gateway.on("close", () => wire.down.isSilent ? undefined : bot.destroy())
    })

    const listen = (port: number) =>
      Effect.async<number>((resume) => {
        const tryAgain = () => setTimeout(attempt, 50)
        const attempt = () => {
          // Somebody may have been given the port meanwhile, for a connection of theirs.
          server.once("error", tryAgain)
          server.listen(port, "127.0.0.1", () => {
            server.off("error", tryAgain)
            resume(Effect.succeed((server.address() as Net.AddressInfo).port))
          })
        }
        attempt()
      })
    const port = yield* Effect.acquireRelease(listen(0), () =>
      Effect.sync(() => {
        server.close()
        for (const wire of wires) resetWire(wire)
      }))

    return {
      port,
      url: `ws://127.0.0.1:${port}`,
      up,
      down,
      count: () => count,
      heal: () => {
        Object.assign(up, clear())
        Object.assign(down, clear())
      },
      silence: () => {
        for (const wire of wires) {
          wire.up.isSilent = true
          wire.down.isSilent = true
        }
      },
      reset: () => {
        for (const wire of wires) resetWire(wire)
      },
      inject: (bytes) => {
        for (const wire of wires) wire.bot.write(bytes)
      },
      listen: (on) =>
        on === server.listening
          ? Effect.void
          : on
          ? Effect.asVoid(listen(port))
          : Effect.sync(() => void server.close())
    }
  })
