/**
 * A `globalThis.WebSocket` that behaves like the `ws` package, connected to the engine in memory. Events are dispatched in
 * order and by microtask: never inside the constructor or `send`, and never by a timer that a test would have to advance.
 */
import type { AttachedSocket, Engine } from "./engine.js"

interface Listener {
  readonly call: (event: any) => void
  readonly given: unknown
  readonly once: boolean
}

/** The time that the `ws` package waits for a close frame in response. */
const closeTimeoutMillis = 30_000

const CONNECTING = 0
const OPEN = 1
const CLOSING = 2
const CLOSED = 3

const failure = (message: string, code?: string): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code })

/** An exception of a listener is uncaught, as with a real socket. */
const guarded = (run: () => void) => {
  try {
    run()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** @internal */
export const make = (engine: Engine, url: string): WebSocket => {
  const listeners = new Map<string, Array<Listener>>()
  const pending: Array<() => void> = []
  let isScheduled = false
  let isFrozen = false
  let attached: AttachedSocket | undefined
  let cancelCloseTimer: (() => void) | undefined

  const emit = (type: string, fields: object) => {
    const event = { type, target: socket, currentTarget: socket, ...fields }
    const handler = socket[`on${type}` as "onopen"] as ((event: object) => void) | null
    for (const { call, given, once } of listeners.get(type) ?? []) {
      if (once) socket.removeEventListener(type, given as EventListener)
      guarded(() => call(event))
    }
    // An `error` event without a listener is an uncaught exception, as with every Node emitter.
    if (type === "error" && handler === null && !listeners.get(type)?.length) {
      guarded(() => {
        throw (fields as { readonly error: Error }).error
      })
    }
    if (handler !== null) guarded(() => handler.call(socket, event))
  }

  const later = (task: () => void) => {
    pending.push(task)
    if (isScheduled) return
    isScheduled = true
    queueMicrotask(() => {
      isScheduled = false
      while (pending.length > 0) pending.shift()!()
    })
  }

  const finish = (code: number, reason: string) => {
    if (socket.readyState === CLOSED) return
    cancelCloseTimer?.()
    socket.readyState = CLOSED
    emit("close", { code, reason, wasClean: code !== 1006 })
  }

  const fail = (error: Error) => {
    socket.readyState = CLOSING
    emit("error", { error, message: error.message })
    finish(1006, "")
  }

  /** Closes without a close frame. Unread data is lost. */
  const destroy = () => {
    pending.length = 0
    socket.readyState = CLOSING
    attached?.closed(1006)
    later(() => finish(1006, ""))
  }

  const receive = (data: string | Uint8Array) => {
    if (socket.readyState === CLOSED) return
    if (typeof data === "string") return emit("message", { data })
    const copy = new Uint8Array(data)
    emit("message", {
      data: socket.binaryType === "arraybuffer"
        ? copy.buffer
        : socket.binaryType === "blob"
        ? new Blob([copy])
        : copy
    })
  }

  const abort = () => {
    socket.readyState = CLOSING
    later(() => fail(failure("WebSocket was closed before the connection was established")))
  }

  const socket = {
    CONNECTING,
    OPEN,
    CLOSING,
    CLOSED,
    url,
    protocol: "",
    extensions: "",
    bufferedAmount: 0,
    readyState: CONNECTING,
    binaryType: "nodebuffer" as string,
    onopen: null,
    onmessage: null,
    onclose: null,
    onerror: null,
    addEventListener: (type: string, listener: any, options?: boolean | AddEventListenerOptions) => {
      if (listener === null) return
      const registered = listeners.get(type) ?? []
      if (registered.some((other) => other.given === listener)) return
      const added: Listener = {
        given: listener,
        call: typeof listener === "function"
          ? (event) => listener.call(socket, event)
          : (event) => listener.handleEvent(event),
        once: typeof options === "object" && options.once === true
      }
      listeners.set(type, [...registered, added])
    },
    removeEventListener: (type: string, listener: unknown) => {
      listeners.set(type, (listeners.get(type) ?? []).filter((other) => other.given !== listener))
    },
    send: (data: string | ArrayBufferLike | ArrayBufferView) => {
      if (socket.readyState === CONNECTING) throw new Error("WebSocket is not open: readyState 0 (CONNECTING)")
      if (socket.readyState !== OPEN || isFrozen) return
      attached?.receive(typeof data === "string" ? data : new TextDecoder().decode(data as ArrayBuffer))
    },
    close: (code?: number, reason?: string) => {
      if (socket.readyState === CONNECTING) return abort()
      if (socket.readyState !== OPEN) return
      socket.readyState = CLOSING
      if (isFrozen) {
        cancelCloseTimer = engine.queue.after(closeTimeoutMillis, () => finish(1006, ""))
        return
      }
      attached?.closed(code ?? 1005)
      later(() => finish(code ?? 1005, reason ?? ""))
    },
    terminate: () => {
      if (socket.readyState === CONNECTING) return abort()
      if (socket.readyState !== CLOSED) destroy()
    }
  }

  const connect = () => {
    if (socket.readyState !== CONNECTING) return
    const gate = engine.gate
    if (gate._tag === "Never") return
    if (gate._tag === "Refuse") {
      return fail(
        gate.answer === undefined
          ? failure("connect ECONNREFUSED 127.0.0.1:443", "ECONNREFUSED")
          : failure(`Unexpected server response: ${gate.answer.status}`)
      )
    }
    socket.readyState = OPEN
    attached = engine.attach({
      send: (data) => later(() => receive(data)),
      close: (code, reason) => later(() => finish(code, reason)),
      terminate: () => later(() => finish(1006, "")),
      freeze: () => {
        isFrozen = true
      }
    })
    emit("open", {})
  }

  later(connect)
  return socket as unknown as WebSocket
}
