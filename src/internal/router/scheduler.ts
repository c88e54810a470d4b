/**
 * Carries out what `overlap` decides: starts and interrupts handlers, and waits for delays.
 */
import { Fifo } from "../collections/fifo.js"
import type { Action, Conversation, Event, NonEmpty, Options } from "./overlap.js"
import * as Overlap from "./overlap.js"

/**
 * A handler that was started.
 *
 * @internal
 */
export interface Started {
  readonly interrupt: () => void
}

/**
 * What the scheduler needs from its caller.
 *
 * @internal
 */
export interface Runner<A> {
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Starts a handler, and calls back when it has ended. */
  readonly start: (items: NonEmpty<A>, onEnd: () => void) => Started
  /** Calls back after a while, with `false` if the bot closes before. */
  readonly after: (millis: number, onEnd: (hasPassed: boolean) => void) => void
  /** A newer item has taken the place of this one, which will not be handled. */
  readonly supersede: (item: A) => void
  /** An item will not be handled. */
  readonly drop: (item: A) => void
  /** By how much the number of waiting items has changed. */
  readonly onWaiting: (change: number) => void
}

/**
 * Offers an item of the conversation with this key.
 *
 * @internal
 */
export type Offer<A> = (key: string, item: A) => void

/** @internal */
export const make = <A>(options: Options, runner: Runner<A>): Offer<A> => {
  const state = Overlap.make<A>(options)
  const actions = new Fifo<Action<A>>()
  /** Under `"latest"`, the only policy that interrupts. */
  const started = new Map<Conversation<A>, Started>()
  let isActing = false

  const start = (conversation: Conversation<A>, items: NonEmpty<A>) => {
    let hasEnded = false
    const handler = runner.start(items, () => {
      hasEnded = true
      started.delete(conversation)
      advance({ _tag: "Ended", conversation, at: runner.now() })
    })
    if (options.overlap === "latest" && !hasEnded) started.set(conversation, handler)
  }

  const act = (action: Action<A>) => {
    switch (action._tag) {
      case "Start":
        return start(action.conversation, action.items)
      case "Interrupt":
        return started.get(action.conversation)?.interrupt()
      case "Delay": {
        const { conversation, millis } = action
        return runner.after(millis, (hasPassed) => {
          advance({ _tag: hasPassed ? "DelayPassed" : "DelayCut", conversation })
        })
      }
      case "Supersede":
        return action.items.forEach(runner.supersede)
      case "Drop":
        return action.items.forEach(runner.drop)
    }
  }

  const advance = (event: Event<A>) => {
    const { waiting } = state
    for (const action of Overlap.overlap(state, event)) actions.push(action)
    if (state.waiting !== waiting) runner.onWaiting(state.waiting - waiting)
    // A handler can end before its start returns. A loop, because a recursion would grow the stack with each of them.
    if (isActing) return
    isActing = true
    try {
      while (actions.size() > 0) act(actions.shift()!)
    } finally {
      isActing = false
    }
  }

  return (key, item) => advance({ _tag: "Offered", key, item, at: runner.now() })
}
