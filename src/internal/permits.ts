/**
 * A bound on how many run side by side, first come first served. Effect's semaphore wakes everybody who waits whenever one
 * leaves, which with a thousand waiting conversations costs more than all their handlers.
 */
import * as Effect from "effect/Effect"

interface Ticket {
  wake: (() => void) | undefined
  state: "Waiting" | "Inside" | "Gone"
}

/** @internal */
export const make = (limit: number): <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> => {
  let free = limit
  let line: Array<Ticket> = []
  let head = 0

  const enter = (ticket: Ticket): Effect.Effect<void> =>
    Effect.async((resume) => {
      if (free > 0) {
        free--
        ticket.state = "Inside"
        return resume(Effect.void)
      }
      ticket.wake = () => resume(Effect.void)
      line.push(ticket)
    })

  const next = (): Ticket | undefined => {
    while (head < line.length) {
      const ticket = line[head++]!
      if (head * 2 > line.length) {
        line = line.slice(head)
        head = 0
      }
      if (ticket.state === "Waiting") return ticket
    }
    return undefined
  }

  const leave = (ticket: Ticket): void => {
    const wasInside = ticket.state === "Inside"
    ticket.state = "Gone"
    if (!wasInside) return
    const follower = next()
    if (follower === undefined) {
      free++
      return
    }
    follower.state = "Inside"
    follower.wake!()
  }

  return (work) =>
    Effect.suspend(() => {
      const ticket: Ticket = { wake: undefined, state: "Waiting" }
      // Around the waiting, too: who is let in and interrupted in the same moment leaves again.
      return Effect.ensuring(Effect.zipRight(enter(ticket), work), Effect.sync(() => leave(ticket)))
    })
}
