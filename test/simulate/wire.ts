/**
 * The wire between a bot and the gateway in memory: it takes time, in order, both ways, and everything on it is seen. What is in
 * flight when the link dies is lost with it.
 */
import type * as Clocks from "../support/clock.js"
import type { Plan } from "./plan.js"
import type * as Rng from "./rng.js"

/** One socket as the bot holds it. */
export interface Link {
  readonly number: number
  readonly isClosed: () => boolean
  /** Whether somebody still listens to what comes. */
  readonly isHeard: () => boolean
}

export interface Watcher {
  readonly onMade: (link: Link) => void
  readonly onSent: (link: Link, text: string) => void
  readonly onReceived: (link: Link, data: unknown) => void
}

/** Changes what comes; what it returns is what the bot reads. The books see what was sent. */
export type Tamper = (data: unknown) => unknown

const kinds = ["open", "message", "error", "close"] as const
type Kind = typeof kinds[number]

const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

export const make = (
  inner: (url: string) => WebSocket,
  time: Pick<Clocks.ManualClock, "after" | "now">,
  latency: Plan["latency"],
  rng: Rng.Rng,
  watcher: Watcher,
  /** Called in the order in which the service counts its connections; what never opened is none. */
  onOpened: (link: Link) => void,
  tamper: Tamper = (data) => data
) => {
  let links = 0

  /** One direction: nothing overtakes. */
  const lane = () => {
    let lastDue = 0
    return (task: () => void) => {
      if (latency === undefined) return task()
      const now = time.now()
      lastDue = Math.max(lastDue, now + rng.int(latency.min, latency.max))
      time.after(lastDue - now, task)
    }
  }

  return (url: string): WebSocket => {
    const ws = inner(url)
    const listeners = new Map<string, Set<(event: any) => void>>(kinds.map((kind) => [kind, new Set()]))
    const up = lane()
    const down = lane()
    let readyState = CONNECTING
    let isCut = false

    const emit = (kind: Kind, event: object) => {
      for (const listener of listeners.get(kind)!) listener(event)
    }
    const link: Link = {
      number: ++links,
      isClosed: () => readyState >= CLOSING,
      isHeard: () => listeners.get("message")!.size > 0
    }

    ws.binaryType = "arraybuffer"
    ws.addEventListener("open", () => {
      onOpened(link)
      down(() => {
        if (readyState !== CONNECTING) return
        readyState = OPEN
        emit("open", {})
      })
    })
    ws.addEventListener("message", ({ data }) =>
      down(() => {
        if (readyState >= CLOSING || isCut) return
        watcher.onReceived(link, data)
        emit("message", { data: tamper(data) })
      }))
    ws.addEventListener("error", (event) => emit("error", event))
    ws.addEventListener("close", ({ code }) => {
      // A reset may throw away what was sent before it.
      isCut = code === 1006 && rng.chance(0.5)
      const finish = () => {
        if (readyState === CLOSED) return
        readyState = CLOSED
        emit("close", { code })
      }
      if (readyState >= CLOSING) finish()
      else down(finish)
    })

    const socket = {
      url,
      binaryType: "arraybuffer",
      get readyState() {
        return readyState
      },
      addEventListener: (kind: Kind, listener: (event: any) => void, options?: { readonly once?: boolean }) => {
        const registered = listeners.get(kind)!
        const once = (event: any) => {
          registered.delete(once)
          listener(event)
        }
        registered.add(options?.once === true ? once : listener)
      },
      removeEventListener: (kind: Kind, listener: (event: any) => void) => void listeners.get(kind)!.delete(listener),
      send: (text: string) => {
        if (readyState === CONNECTING) throw new Error("WebSocket is not open: readyState 0 (CONNECTING)")
        if (readyState !== OPEN) return
        watcher.onSent(link, text)
        up(() => {
          if (!isCut) ws.send(text)
        })
      },
      close: (code?: number) => {
        if (readyState >= CLOSING) return
        readyState = CLOSING
        up(() => ws.close(code))
      },
      terminate: () => {
        if (readyState === CLOSED) return
        readyState = CLOSING
        isCut = true
        ;(ws as WebSocket & { readonly terminate: () => void }).terminate()
      }
    }
    watcher.onMade(link)
    return socket as unknown as WebSocket
  }
}
